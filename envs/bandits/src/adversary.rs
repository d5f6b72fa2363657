//! What an oblivious adversary has chosen for a trial.

use crate::adversarial_bandit::NAME;
use crate::board::{Board, MOST_PULLS};
use rl_core::rand::{RngExt as _, SeedableRng as _};
use rl_core::{Discrete, Environment, Episode, Picture, Step, Stream};

/// Pulls in a row with the same best arm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The first pull after it.
    pub(crate) end: u32,
    pub(crate) best: u32,
}

/// One task: all that the adversary has chosen, the pulls' own numbers as a
/// seed.
#[derive(Clone, Debug, Default)]
pub struct Adversary {
    pub(crate) arms: u32,
    pub(crate) segments: Vec<Segment>,
    pub(crate) gap: f32,
    pub(crate) seed: u64,
}

/// What time it is in an [`Adversary`]'s game.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    pull: u32,
    segment: u32,
}

impl Adversary {
    /// What every arm but the best pays at a pull, from 0.
    #[inline]
    fn floor(&self, pull: u32) -> f32 {
        let seed = self.seed.wrapping_add(u64::from(pull));
        (1.0 - self.gap) * Stream::seed_from_u64(seed).random::<f32>()
    }

    pub(crate) fn pulls(&self) -> u32 {
        self.segments.last().map_or(0, |segment| segment.end)
    }

    /// The sum of what every arm but the best pays.
    pub(crate) fn floors(&self) -> f64 {
        (0..self.pulls())
            .map(|pull| f64::from(self.floor(pull)))
            .sum()
    }

    /// How many pulls each arm is the best one for. `[arms]`
    fn reigns(&self) -> Vec<u32> {
        let mut reigns = vec![0; self.arms as usize];
        let mut start = 0;
        for segment in &self.segments {
            reigns[segment.best as usize] += segment.end - start;
            start = segment.end;
        }
        reigns
    }

    /// The return of the best arm that is pulled throughout a trial: what
    /// regret is measured from in the theory of adversarial bandits.
    pub fn best_fixed_arm(&self) -> f64 {
        let longest = self.reigns().into_iter().max().unwrap_or(0);
        self.floors() + f64::from(self.gap) * f64::from(longest)
    }
}

impl Environment for Adversary {
    type State = Clock;
    type Action = Discrete;

    fn reset(&self, state: &mut Clock, _rng: &mut Stream) {
        *state = Clock::default();
    }

    #[inline]
    fn step(&self, state: &mut Clock, action: &u32, _rng: &mut Stream) -> Step {
        let segment = self.segments[state.segment as usize];
        let more = if *action == segment.best {
            self.gap
        } else {
            0.0
        };
        let reward = self.floor(state.pull) + more;
        state.pull += 1;
        let last = self.segments.len() as u32 - 1;
        state.segment += u32::from(state.pull == segment.end && state.segment < last);
        Step::proceed(reward.min(1.0))
    }

    fn observe(&self, _state: &Clock, _observation: &mut [f32]) {}

    fn draw(&self, episode: Option<&Episode>) -> Option<Picture> {
        let pulls = self.pulls().max(1) as f32;
        let bars = self.reigns().into_iter().map(|reign| reign as f32 / pulls);
        let best = |pull| self.segments.partition_point(|segment| segment.end <= pull);
        let board = Board {
            title: NAME,
            bars: bars.collect(),
            meaning: "the share of the trial in which the arm is the best one",
            best: (0..self.pulls().min(MOST_PULLS as u32))
                .map(|pull| self.segments[best(pull)].best)
                .collect(),
            rewards: [0.0, 1.0],
        };
        Some(board.draw(episode))
    }
}
