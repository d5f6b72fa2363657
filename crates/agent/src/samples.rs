//! What a batch of trials teaches.

use crate::backend::Minibatch;
use rl_core::{
    AdvantageMoments, Credit, Gae, GaeInput, Link, Moments, RewardSpread, Standardization,
    Trajectory, gae,
};
use rollout::Batch;
use std::ops::Range;

/// What a tile's samples are learned towards.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// Advantages. `[steps][lanes]`
    pub advantages: Vec<f32>,
    /// Return that the value is moved to. `[steps][lanes]`
    pub returns: Vec<f32>,
    /// 1 for the steps of the lane's trial, 0 for what follows it.
    /// `[steps][lanes]`
    pub mask: Vec<f32>,
    /// How far the scaled rewards of the tile's trials (or episodes, where credit ends with
    /// them) differ at the same step.
    pub spread: RewardSpread,
    /// Largest magnitude among what advantages were computed from, and them.
    pub largest: f32,
    links: Vec<Link>,
    rewards: Vec<f32>,
    zeros: Vec<f32>,
}

impl Targets {
    /// Bytes of a step of a lane: five numbers, and how it is linked.
    pub const BYTES: f64 = 4.0 * 5.0 + size_of::<Link>() as f64;

    /// Computes the targets of a tile in place, from rewards times
    /// `reward_scale`. Credit flows across the episodes of a trial and ends
    /// with it.
    pub fn fill(&mut self, trajectory: &Trajectory, decay: Gae, reward_scale: f32) {
        self.fill_up_to(Credit::Trial, trajectory, (decay, reward_scale), &[]);
    }

    /// The same where credit ends with the episode. An episode that the time limit cut
    /// off is bootstrapped from `bootstrap`, the value of its final observation at its
    /// last step. `[steps][lanes]`
    pub fn fill_episodes(
        &mut self,
        trajectory: &Trajectory,
        (decay, reward_scale): (Gae, f32),
        bootstrap: &[f32],
    ) {
        self.fill_up_to(
            Credit::Episode,
            trajectory,
            (decay, reward_scale),
            bootstrap,
        );
    }

    fn fill_up_to(
        &mut self,
        credit: Credit,
        trajectory: &Trajectory,
        (decay, reward_scale): (Gae, f32),
        bootstrap: &[f32],
    ) {
        let lanes = trajectory.lanes();
        let size = trajectory.steps() * lanes;
        self.advantages.resize(size, 0.0);
        self.zeros.resize(size, 0.0);
        self.links.clear();
        let ends = trajectory.outcomes().iter().zip(trajectory.trial_ends());
        self.links
            .extend(ends.map(|(outcome, end)| Link::of(credit, *outcome, *end)));
        self.mask.clear();
        self.mask.reserve(size);
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
            bootstrap: match credit {
                Credit::Trial => &self.zeros,
                Credit::Episode => bootstrap,
            },
        };
        gae(decay, returns, &mut self.advantages);
        self.returns.clear();
        let both = self.advantages.iter().zip(trajectory.values());
        self.returns
            .extend(both.map(|(advantage, value)| advantage + value));
        self.measure(trajectory);
    }

    /// What tells whether the advantages are more than rounding. What bootstraps an episode
    /// was learned from rewards, and where these are the same its differences are errors.
    fn measure(&mut self, trajectory: &Trajectory) {
        let lanes = trajectory.lanes();
        self.spread.clear();
        for (lane, &length) in trajectory.lengths().iter().enumerate() {
            let all = &self.rewards[..];
            let rewards = |steps: Range<usize>| steps.map(move |t| all[t * lanes + lane]);
            let mut begin = 0;
            for t in 0..length {
                let own = begin..t + 1;
                match self.links[t * lanes + lane] {
                    Link::Flow if t + 1 < length => continue,
                    Link::Flow | Link::End => self.spread.push(rewards(own)),
                    Link::Bootstrap => self.spread.push_cut_off(rewards(own)),
                }
                begin = t + 1;
            }
        }
        self.largest = 0.0;
        let rows = [&self.rewards, trajectory.values(), &self.advantages];
        for row in rows {
            let magnitudes = row.iter().zip(&self.mask).map(|(x, mask)| (x * mask).abs());
            self.largest = magnitudes.fold(self.largest, f32::max);
        }
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

    /// The samples of some tiles, their advantages as they are or, if they are to be
    /// normalized, brought to mean 0 and standard deviation 1 where they tell anything
    /// ([`Standardization`]).
    pub fn minibatch(&self, tiles: &[usize], normalized: bool) -> Minibatch {
        let standard = match normalized {
            false => Standardization::NONE,
            true => {
                let moments = self.advantage_moments(tiles);
                Standardization::new(&moments, &self.reward_spread(tiles))
            }
        };
        Minibatch {
            tiles: tiles.to_vec(),
            weight: (1.0 / self.count(tiles)) as f32,
            shift: standard.shift as f32,
            scale: standard.scale as f32,
        }
    }

    /// Samples of some tiles that are not masked.
    pub fn count(&self, tiles: &[usize]) -> f64 {
        let masks = tiles.iter().flat_map(|&tile| &self.targets[tile].mask);
        masks.map(|mask| f64::from(*mask)).sum()
    }

    /// The moments of the advantages of some tiles, folded in the order given.
    pub fn advantage_moments(&self, tiles: &[usize]) -> AdvantageMoments {
        let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
        let mut largest = 0.0_f32;
        for &tile in tiles {
            let targets = &self.targets[tile];
            largest = largest.max(targets.largest);
            for (advantage, mask) in targets.advantages.iter().zip(&targets.mask) {
                let (advantage, mask) = (f64::from(*advantage), f64::from(*mask));
                count += mask;
                sum += mask * advantage;
                squares += mask * advantage * advantage;
            }
        }
        let mean = sum / count;
        AdvantageMoments {
            count,
            mean,
            deviation: (squares / count - mean * mean).max(0.0).sqrt(),
            largest: f64::from(largest),
        }
    }

    /// How far the scaled rewards of all trials of some tiles differ at the same
    /// step.
    pub fn reward_spread(&self, tiles: &[usize]) -> RewardSpread {
        let mut spread = RewardSpread::default();
        for &tile in tiles {
            spread.merge(&self.targets[tile].spread);
        }
        spread
    }
}

#[cfg(test)]
#[path = "samples_tests.rs"]
mod tests;
