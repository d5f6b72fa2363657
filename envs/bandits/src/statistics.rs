//! What a trial with independent arms comes to: how often each was pulled, and what it
//! gave.

use rl_core::{Actions, Row, Statistics, StatisticsFactory};

/// Of each arm two numbers: its posterior mean, from −1 to 1 where rewards are from
/// `low` to `high`, with a prior that counts for `weight` rewards in their middle; and
/// √(weight / (weight + pulls)), which is 1 before the first pull and the posterior's
/// standard deviation beside the prior's where rewards are Gaussian.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArmStatistics {
    pub(crate) arms: usize,
    pub(crate) low: f32,
    pub(crate) high: f32,
    pub(crate) weight: f32,
    /// Whether arms are [coins](StatisticsFactory::coin) that tell nothing of each other.
    pub(crate) coins: bool,
}

impl ArmStatistics {
    /// Of coins, whose posterior under the uniform prior is Beta(1 + successes,
    /// 1 + failures).
    pub(crate) fn of_coins(arms: usize) -> Self {
        Self {
            arms,
            low: 0.0,
            high: 1.0,
            weight: 2.0,
            coins: true,
        }
    }

    /// What is told of an arm, given its pulls and what they gave, −1 to 1 each.
    fn told(&self, pulls: f32, gain: f32) -> [f32; 2] {
        let count = self.weight + pulls;
        // Without noise the prior counts for nothing after the first pull.
        match pulls {
            0.0 => [0.0, 1.0],
            _ => [gain / count, (self.weight / count).sqrt()],
        }
    }
}

impl StatisticsFactory for ArmStatistics {
    fn size(&self) -> usize {
        2 * self.arms
    }

    fn arms(&self) -> Option<usize> {
        Some(self.arms)
    }

    fn coin(&self, pulls: usize, successes: usize) -> Option<[f32; 2]> {
        let gain = 2.0 * successes as f32 - pulls as f32;
        self.coins.then(|| self.told(pulls as f32, gain))
    }

    fn make(&self, lanes: usize) -> Box<dyn Statistics> {
        Box::new(Tallies {
            of: *self,
            pulls: vec![0.0; lanes * self.arms],
            gains: vec![0.0; lanes * self.arms],
        })
    }

    fn lane_bytes(&self) -> f64 {
        8.0 * self.arms as f64
    }
}

struct Tallies {
    of: ArmStatistics,
    pulls: Vec<f32>, // [lanes][arms]
    gains: Vec<f32>, // [lanes][arms], of rewards from -1 to 1
}

impl Statistics for Tallies {
    fn tell(&mut self, row: &Row<'_>, told: &mut [f32]) {
        let ArmStatistics {
            arms, low, high, ..
        } = self.of;
        let (middle, half) = (0.5 * (low + high), 0.5 * (high - low));
        for (lane, told) in told.chunks_exact_mut(2 * arms).enumerate() {
            let own = lane * arms..(lane + 1) * arms;
            let (pulls, gains) = (&mut self.pulls[own.clone()], &mut self.gains[own]);
            if row.start[lane] {
                pulls.fill(0.0);
                gains.fill(0.0);
            } else if let Actions::Discrete(actions) = row.previous_action {
                let arm = actions[lane] as usize;
                pulls[arm] += 1.0;
                gains[arm] += (row.previous_reward[lane] - middle) / half;
            }
            let arms = told.chunks_exact_mut(2).zip(pulls.iter().zip(gains.iter()));
            for (told, (pulls, gain)) in arms {
                told.copy_from_slice(&self.of.told(*pulls, *gain));
            }
        }
    }
}

/// The arms of the highest mean, all alike: what an agent pulls that knows them.
pub(crate) fn best_arms(means: &[f32], probabilities: &mut [f32]) -> bool {
    let best = means.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let count = means.iter().filter(|mean| **mean == best).count();
    for (probability, mean) in probabilities.iter_mut().zip(means) {
        *probability = f32::from(u8::from(*mean == best)) / count as f32;
    }
    true
}
