//! What a batch of trials teaches.

use rl_core::{Credit, Gae, GaeInput, Link, Moments, Trajectory, gae};
use rollout::Batch;

/// What a tile's samples are learned towards.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// Advantages. `[steps][lanes]`
    pub advantages: Vec<f32>,
    /// GaeInput that the value is moved to. `[steps][lanes]`
    pub returns: Vec<f32>,
    /// 1 for the steps of the lane's trial, 0 for what follows it.
    /// `[steps][lanes]`
    pub mask: Vec<f32>,
    links: Vec<Link>,
    rewards: Vec<f32>,
    zeros: Vec<f32>,
}

impl Targets {
    /// Computes the targets of a tile in place, from rewards times
    /// `reward_scale`. Credit flows across the episodes of a trial and ends
    /// with it.
    pub fn fill(&mut self, trajectory: &Trajectory, decay: Gae, reward_scale: f32) {
        let lanes = trajectory.lanes();
        let size = trajectory.steps() * lanes;
        self.advantages.resize(size, 0.0);
        self.zeros.resize(size, 0.0);
        self.links.clear();
        let ends = trajectory.outcomes().iter().zip(trajectory.trial_ends());
        self.links
            .extend(ends.map(|(outcome, end)| Link::of(Credit::Trial, *outcome, *end)));
        self.mask.clear();
        for t in 0..trajectory.steps() {
            let lives = trajectory.lengths().iter().map(|length| t < *length);
            self.mask
                .extend(lives.map(|lives| f32::from(u8::from(lives))));
        }
        self.rewards.clear();
        let scaled = trajectory.rewards().iter().map(|r| r * reward_scale);
        self.rewards.extend(scaled);
        let returns = GaeInput {
            lanes,
            rewards: &self.rewards,
            values: trajectory.values(),
            // A batch holds whole trials, so that no credit leaves it.
            next_values: &self.zeros[..lanes],
            links: &self.links,
            bootstrap: &self.zeros,
        };
        gae(decay, returns, &mut self.advantages);
        self.returns.clear();
        let both = self.advantages.iter().zip(trajectory.values());
        self.returns
            .extend(both.map(|(advantage, value)| advantage + value));
    }
}

/// A batch of trials with its targets, tile by tile.
pub struct Samples {
    /// What happened.
    pub batch: Batch,
    /// What it teaches, in the order of the batch's tiles.
    pub targets: Vec<Targets>,
}

impl std::fmt::Debug for Samples {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Samples of {} tiles", self.targets.len())
    }
}

impl Samples {
    /// Mean return of the batch's trials, and steps that belong to them.
    pub fn summary(&self) -> (f64, u64) {
        let mut returns = Moments::default();
        let mut steps = 0;
        for tile in self.batch.tiles() {
            let trajectory = tile.trajectory();
            let lanes = trajectory.lanes();
            for (lane, &length) in trajectory.lengths().iter().enumerate() {
                let rewards = trajectory.rewards()[lane..].iter().step_by(lanes);
                returns.push(rewards.take(length).map(|r| f64::from(*r)).sum());
                steps += length as u64;
            }
        }
        (returns.mean(), steps)
    }

    /// Samples, mean and standard deviation of the advantages of some tiles,
    /// folded in the order given.
    pub fn advantage_moments(&self, tiles: &[usize]) -> (f64, f64, f64) {
        let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for &tile in tiles {
            let targets = &self.targets[tile];
            for (advantage, mask) in targets.advantages.iter().zip(&targets.mask) {
                let (advantage, mask) = (f64::from(*advantage), f64::from(*mask));
                count += mask;
                sum += mask * advantage;
                squares += mask * advantage * advantage;
            }
        }
        let mean = sum / count;
        (count, mean, (squares / count - mean * mean).max(0.0).sqrt())
    }
}

#[cfg(test)]
#[path = "samples_tests.rs"]
mod tests;
