//! What can be made of a trial's rows, for agents that need not remember them.

use crate::policy::Row;
use crate::spec::{EnvSpec, ObservationSpace, Trial};
use crate::streams::{Domain, Purpose, Stream, StreamKey};
use rand::RngExt as _;

/// Numbers that sum a trial up, kept for a fixed number of lanes: what
/// [`Telling`](crate::Telling) shows.
///
/// As a [`Policy`](crate::Policy), it must treat lanes alike and apart.
pub trait Statistics: Send + Sync {
    /// Starts over in lanes `first_lane..` of a batch, for statistics that draw.
    fn begin(&mut self, _key: &StreamKey, _first_lane: u64) {}

    /// Takes in a row, the first of a trial or the one after the row before, and
    /// writes what is known then. `[lanes][size]`
    fn tell(&mut self, row: &Row<'_>, told: &mut [f32]);
}

/// Makes [`Statistics`] of one kind for one environment.
pub trait StatisticsFactory: Send + Sync {
    /// Numbers of a lane.
    fn size(&self) -> usize;

    /// Of how many arms they are, where they are two numbers of each, arm by arm, and
    /// nothing else: its posterior mean, and its posterior's standard deviation beside
    /// the prior's, which is above 0.
    fn arms(&self) -> Option<usize> {
        None
    }

    /// The two numbers of an arm that paid in `successes` of its `pulls`, where every arm
    /// pays 0 or 1 with a probability of its own, drawn uniformly and apart from the
    /// others'; `None` elsewhere.
    fn coin(&self, _pulls: usize, _successes: usize) -> Option<[f32; 2]> {
        None
    }

    /// For so many lanes.
    fn make(&self, lanes: usize) -> Box<dyn Statistics>;

    /// Bytes of the heap that those of a lane hold.
    fn lane_bytes(&self) -> f64;
}

/// How much time is left, as two numbers from 1 to 0: of the trial's most steps, and
/// of the episode's. Known in every environment.
#[derive(Clone, Debug)]
pub struct TimeLeft {
    horizon: usize,
    trial: Trial,
}

impl TimeLeft {
    /// For an environment.
    pub fn new(spec: &EnvSpec) -> Self {
        let (horizon, trial) = (spec.horizon, spec.trial);
        Self { horizon, trial }
    }
}

impl StatisticsFactory for TimeLeft {
    fn size(&self) -> usize {
        2
    }

    fn make(&self, lanes: usize) -> Box<dyn Statistics> {
        Box::new(Clocks {
            time: self.clone(),
            clocks: vec![Clock::default(); lanes],
        })
    }

    fn lane_bytes(&self) -> f64 {
        size_of::<Clock>() as f64
    }
}

/// Where a lane is in its trial.
#[derive(Clone, Copy, Debug, Default)]
struct Clock {
    episode: usize,
    /// Of the episode.
    step: usize,
    /// Of the trial.
    lived: usize,
}

struct Clocks {
    time: TimeLeft,
    clocks: Vec<Clock>, // [lanes]
}

impl Statistics for Clocks {
    fn tell(&mut self, row: &Row<'_>, told: &mut [f32]) {
        let horizon = self.time.horizon;
        for (lane, clock) in self.clocks.iter_mut().enumerate() {
            let ended = row.previous_outcome[lane] != crate::Outcome::Continue;
            *clock = match (row.start[lane], ended) {
                (true, _) => Clock::default(),
                (false, true) => Clock {
                    episode: clock.episode + 1,
                    step: 0,
                    lived: clock.lived + 1,
                },
                (false, false) => Clock {
                    episode: clock.episode,
                    step: clock.step + 1,
                    lived: clock.lived + 1,
                },
            };
            let in_episode = horizon.saturating_sub(clock.step);
            // Episodes that ended early leave no time to those after them.
            let (left, all) = match self.time.trial {
                Trial::Steps(steps) => (steps.saturating_sub(clock.lived), steps),
                Trial::Episodes(episodes) => {
                    let later = episodes.saturating_sub(clock.episode + 1);
                    (later * horizon + in_episode, episodes * horizon)
                }
            };
            let own = &mut told[2 * lane..2 * lane + 2];
            own[0] = left as f32 / all as f32;
            own[1] = in_episode.min(left) as f32 / horizon as f32;
        }
    }
}

/// What an episode that was cut off ended with, shown where the next one begins, whose
/// observation is of its own start; zeros everywhere else, after an episode that terminated
/// too. A symbol is one-hot.
#[derive(Clone, Debug)]
pub struct LastSeen {
    observation: ObservationSpace,
}

impl LastSeen {
    /// For an environment.
    pub fn new(spec: &EnvSpec) -> Self {
        let observation = spec.observation.clone();
        Self { observation }
    }
}

impl StatisticsFactory for LastSeen {
    fn size(&self) -> usize {
        match self.observation {
            ObservationSpace::Vector { size } | ObservationSpace::Discrete { size } => size,
        }
    }

    fn make(&self, _lanes: usize) -> Box<dyn Statistics> {
        Box::new(self.clone())
    }

    fn lane_bytes(&self) -> f64 {
        0.0
    }
}

impl Statistics for LastSeen {
    fn tell(&mut self, row: &Row<'_>, told: &mut [f32]) {
        told.fill(0.0);
        let size = self.size();
        let Some(arrived) = row.final_observation.filter(|_| size > 0) else {
            return;
        };
        for (lane, told) in told.chunks_exact_mut(size).enumerate() {
            if row.start[lane] || row.previous_outcome[lane] != crate::Outcome::Truncated {
                continue;
            }
            match self.observation {
                ObservationSpace::Vector { .. } => {
                    told.copy_from_slice(&arrived[lane * size..(lane + 1) * size]);
                }
                ObservationSpace::Discrete { .. } => told[arrived[lane] as usize] = 1.0,
            }
        }
    }
}

/// One number, 0 to below 1, that is drawn with every episode and held throughout it:
/// what an agent makes its own draws of, so that trials that are lived again in learning
/// have the same ones. It is a multiple of 2⁻²⁴, which tells nothing of the task.
#[derive(Clone, Copy, Debug, Default)]
pub struct Noise;

impl StatisticsFactory for Noise {
    fn size(&self) -> usize {
        1
    }

    fn make(&self, lanes: usize) -> Box<dyn Statistics> {
        let key = StreamKey::new(0, Domain::Training, 0);
        Box::new(Draws {
            streams: vec![key.lane(Purpose::Noise, 0); lanes],
            held: vec![0.0; lanes],
        })
    }

    fn lane_bytes(&self) -> f64 {
        (size_of::<Stream>() + size_of::<f32>()) as f64
    }
}

struct Draws {
    streams: Vec<Stream>, // [lanes]
    held: Vec<f32>,       // [lanes]
}

impl Statistics for Draws {
    fn begin(&mut self, key: &StreamKey, first_lane: u64) {
        for (lane, stream) in (first_lane..).zip(&mut self.streams) {
            *stream = key.lane(Purpose::Noise, lane);
        }
    }

    fn tell(&mut self, row: &Row<'_>, told: &mut [f32]) {
        let lanes = self.streams.iter_mut().zip(&mut self.held);
        for ((lane, (stream, held)), told) in lanes.enumerate().zip(told) {
            if row.start[lane] || row.previous_outcome[lane] != crate::Outcome::Continue {
                *held = stream.random();
            }
            *told = *held;
        }
    }
}

#[cfg(test)]
#[path = "statistics_tests.rs"]
mod tests;
