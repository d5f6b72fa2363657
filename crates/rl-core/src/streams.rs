//! Random streams: one per seed, domain, purpose, round and lane.
//!
//! Every stream is derived from its coordinates by a pseudo-random function
//! (one ChaCha8 block keyed with the coordinates), never by drawing from
//! another stream. Two policies under one seed therefore meet the same tasks,
//! the number of workers cannot matter, and a run can be taken up at any
//! update without a saved generator state.

use rand::SeedableRng;
use rand::rand_core::Rng as _;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// A value-stable random stream (xoshiro256++, 32 bytes of state,
/// serializable). The same seed gives the same numbers on every platform and
/// in every release.
pub type Stream = rand_xoshiro::Xoshiro256PlusPlus;

/// What a batch of tasks is used for. Streams of different domains are
/// independent: tasks of a continuous distribution are never drawn again, and
/// those of a small set are, whatever the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u64)]
pub enum Domain {
    /// Tasks that an agent is trained on.
    Training = 1,
    /// Tasks that results are reported on.
    HeldOut = 2,
    /// Tasks that the settings of a learner are chosen on.
    Tuning = 3,
}

/// What the numbers of a stream are used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u64)]
pub enum Purpose {
    /// Which tasks a lane meets.
    Task = 1,
    /// A task's own randomness: initial states, transitions, rewards.
    Dynamics = 2,
    /// A policy's choice of actions.
    Action = 3,
    /// The order in which samples are learned from.
    Shuffle = 4,
    /// Initial values of parameters.
    Init = 5,
    /// Which tasks of a finite set are kept from a training.
    Split = 6,
    /// What an agent is given to make its own draws of, with every episode.
    Noise = 7,
    /// Which trials of the past are learned from again, and what is drawn there.
    Replay = 8,
    /// What is drawn again from what was measured, for an interval.
    Resample = 9,
}

/// The coordinates shared by all streams of one batch; see [`StreamKey::lane`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamKey {
    /// The run's seed.
    pub seed: u64,
    /// What the batch is used for.
    pub domain: Domain,
    /// Which tasks: the index of the update in training, 0 in evaluation.
    pub round: u64,
    /// Which rollout in the same tasks: another one has fresh dynamics and
    /// actions, as before and after an adaptation.
    pub rollout: u64,
    /// How many lanes in a row share a task; 1 where each has its own.
    pub lanes_per_task: u64,
}

impl StreamKey {
    /// The first rollout in a round of tasks, one task per lane.
    pub const fn new(seed: u64, domain: Domain, round: u64) -> Self {
        Self {
            seed,
            domain,
            round,
            rollout: 0,
            lanes_per_task: 1,
        }
    }

    /// The stream of one lane (or one task, in evaluation) for one purpose.
    pub fn lane(&self, purpose: Purpose, lane: u64) -> Stream {
        let mut key = [0_u8; 32];
        let (number, rollout) = match purpose {
            Purpose::Task => (lane / self.lanes_per_task.max(1), 0),
            Purpose::Shuffle
            | Purpose::Init
            | Purpose::Split
            | Purpose::Replay
            | Purpose::Resample => (lane, 0),
            Purpose::Dynamics | Purpose::Action | Purpose::Noise => (lane, self.rollout),
        };
        let use_of = (self.domain as u64) << 32 | purpose as u64;
        let words = [self.seed, use_of, self.round, rollout];
        for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        let mut function = ChaCha8Rng::from_seed(key);
        function.set_stream(number);
        let mut seed = [0_u8; 32];
        function.fill_bytes(&mut seed);
        Stream::from_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt as _;
    use std::collections::HashSet;

    const KEY: StreamKey = StreamKey::new(7, Domain::Training, 3);

    #[test]
    fn the_numbers_are_pinned() {
        // A change of these values breaks every published seed.
        let mut stream = KEY.lane(Purpose::Task, 5);
        let drawn: [u64; 3] = std::array::from_fn(|_| stream.random());
        assert_eq!(drawn, PINNED);
    }

    const PINNED: [u64; 3] = [
        754655134635996532,
        12313167570227969256,
        4585583282441113760,
    ];

    #[test]
    fn every_coordinate_matters() {
        let mut first = HashSet::new();
        for seed in 0..3 {
            for domain in [Domain::Training, Domain::HeldOut, Domain::Tuning] {
                for round in 0..3 {
                    let key = StreamKey::new(seed, domain, round);
                    for purpose in [Purpose::Task, Purpose::Dynamics, Purpose::Action] {
                        for lane in 0..3 {
                            first.insert(key.lane(purpose, lane).random::<u64>());
                        }
                    }
                }
            }
        }
        assert_eq!(first.len(), 3_usize.pow(5));
    }

    #[test]
    fn another_rollout_has_the_same_tasks_and_fresh_noise() {
        let first = StreamKey {
            lanes_per_task: 4,
            ..KEY
        };
        let second = StreamKey {
            rollout: 1,
            ..first
        };
        let draw = |key: &StreamKey, purpose, lane| key.lane(purpose, lane).random::<u64>();
        for lane in 0..8 {
            let task = draw(&first, Purpose::Task, lane);
            assert_eq!(task, draw(&KEY, Purpose::Task, lane / 4));
            assert_eq!(task, draw(&second, Purpose::Task, lane));
            for purpose in [Purpose::Dynamics, Purpose::Action] {
                let noise = draw(&first, purpose, lane);
                assert_eq!(noise, draw(&KEY, purpose, lane));
                assert_ne!(noise, draw(&second, purpose, lane));
            }
        }
    }

    #[test]
    fn a_saved_stream_goes_on_where_it_stopped() {
        let mut stream = KEY.lane(Purpose::Dynamics, 0);
        stream.random::<u64>();
        let saved = serde_json::to_string(&stream).unwrap();
        let mut restored: Stream = serde_json::from_str(&saved).unwrap();
        assert_eq!(restored.random::<u64>(), stream.random::<u64>());
    }
}
