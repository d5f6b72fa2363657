//! Bringing advantages to mean 0 and standard deviation 1, where they tell
//! anything.
//!
//! Dividing by a deviation makes whatever is there as large as a signal. Where
//! rewards tell nothing, what is there is rounding and the errors of the value
//! function, and a policy must not move by them. So advantages become exactly 0
//! where
//!
//! - the rewards of trials that are compared are the same step by step, as far
//!   as the numbers that advantages are computed from can tell them apart: then
//!   no return depended on anything that was done, and with a baseline for each
//!   step the policy gradient would be exactly 0; or
//! - the advantages themselves are all the same, as far as they can be told
//!   apart.
//!
//! What this cannot see: rewards that differ, but not by what was done, such as
//! pure noise, or tasks that pay different amounts whatever is done. The policy
//! gradient of those is 0 in expectation only.

/// Half an ε of f32 for each operation in a step of [`gae`](crate::gae), on
/// numbers of magnitude 1, 2, 3, 1 and 1 times the largest one: γ v', r + γ v',
/// that − V, γ λ A', and their sum. Errors of later steps come down by γ λ and
/// are as often up as down, so that they are not counted.
const ROUNDING: f64 = 4.0 * f32::EPSILON as f64;

/// How far the rewards of several trials (or episodes, where credit ends with
/// them) differ at the same step. What follows the end of a trial counts as 0; what would
/// have followed where one was cut off is not known.
///
/// One trial alone has nothing to be compared with but itself: its steps are.
#[derive(Clone, Debug, Default)]
pub struct RewardSpread {
    trials: usize,
    low: Vec<f32>,  // [steps of the longest trial]
    high: Vec<f32>, // [steps of the longest trial]
    /// Steps of the shortest trial that ended.
    shortest: Option<usize>,
}

impl RewardSpread {
    /// Forgets all trials; keeps the memory.
    pub fn clear(&mut self) {
        self.trials = 0;
        self.low.clear();
        self.high.clear();
        self.shortest = None;
    }

    /// Adds the rewards of a trial, step by step.
    pub fn push(&mut self, rewards: impl Iterator<Item = f32>) {
        let steps = self.include_all(rewards);
        self.end_after(steps);
    }

    /// The same of a trial that was cut off.
    pub fn push_cut_off(&mut self, rewards: impl Iterator<Item = f32>) {
        self.include_all(rewards);
    }

    /// Adds the trials of another.
    pub fn merge(&mut self, other: &Self) {
        for (step, (low, high)) in other.low.iter().zip(&other.high).enumerate() {
            self.include(step, *low, *high);
        }
        self.trials += other.trials;
        if let Some(end) = other.shortest {
            self.end_after(end);
        }
    }

    /// How many steps there were.
    fn include_all(&mut self, rewards: impl Iterator<Item = f32>) -> usize {
        let mut steps = 0;
        for reward in rewards {
            self.include(steps, reward, reward);
            steps += 1;
        }
        self.trials += 1;
        steps
    }

    fn include(&mut self, step: usize, low: f32, high: f32) {
        if step == self.low.len() {
            self.low.push(low);
            self.high.push(high);
            return;
        }
        self.low[step] = self.low[step].min(low);
        self.high[step] = self.high[step].max(high);
    }

    fn end_after(&mut self, steps: usize) {
        let shortest = self.shortest.map_or(steps, |least| least.min(steps));
        self.shortest = Some(shortest);
    }

    /// The largest difference between two rewards of the same step.
    pub fn largest_difference(&self) -> f64 {
        if self.trials == 1 {
            let low = self.low.iter().copied().fold(f32::INFINITY, f32::min);
            let high = self.high.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            return (f64::from(high) - f64::from(low)).max(0.0);
        }
        let both = self.low.iter().zip(&self.high).enumerate();
        both.map(|(step, (low, high))| {
            let (low, high) = match self.shortest.is_some_and(|end| end <= step) {
                true => (low.min(0.0), high.max(0.0)),
                false => (*low, *high),
            };
            f64::from(high) - f64::from(low)
        })
        .fold(0.0, f64::max)
    }
}

/// What is known of the advantages that are to be standardized.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdvantageMoments {
    /// How many there are.
    pub count: f64,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, the population's.
    pub deviation: f64,
    /// The largest magnitude among them and the rewards and values that they
    /// were computed from.
    pub largest: f64,
}

/// Advantages are used as (advantage − `shift`) × `scale`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standardization {
    /// What is subtracted.
    pub shift: f64,
    /// What the rest is multiplied by; 0 where advantages tell nothing. As an
    /// f32 it is finite.
    pub scale: f64,
}

impl Standardization {
    /// Leaves advantages as they are.
    pub const NONE: Self = Self {
        shift: 0.0,
        scale: 1.0,
    };

    /// Mean 0 and standard deviation 1, or all 0 where the rewards or the
    /// advantages are the same to within rounding (see the module).
    pub fn new(advantages: &AdvantageMoments, rewards: &RewardSpread) -> Self {
        // Below the smallest normal number an f32 has few digits, or none.
        let rounding = (ROUNDING * advantages.largest).max(f64::from(f32::MIN_POSITIVE));
        let told_apart = rewards.largest_difference() > rounding && advantages.deviation > rounding;
        // What is not finite is not hidden: the loss shall show it.
        let finite = advantages.largest.is_finite() && advantages.deviation.is_finite();
        Self {
            shift: advantages.mean,
            scale: match told_apart || !finite {
                true => 1.0 / advantages.deviation,
                false => 0.0,
            },
        }
    }
}

#[cfg(test)]
#[path = "standardize_tests.rs"]
mod tests;
