//! Posteriors as what is remembered of an arm.

use crate::bandit::arms::succeeds;
use crate::posterior::{BetaBernoulli, Normal, NormalGamma, Posterior};
use rl_core::Stream;

/// What is believed of an arm's mean reward, given the rewards it gave.
pub(crate) trait Belief: Posterior + Copy + Send + Sync + 'static {
    /// Takes in one reward.
    fn learn(&mut self, reward: f64, rng: &mut Stream);
}

impl Belief for BetaBernoulli {
    /// See [`succeeds`] for rewards other than 0 and 1.
    fn learn(&mut self, reward: f64, rng: &mut Stream) {
        self.observe(succeeds(reward, rng));
    }
}

impl Belief for NormalGamma {
    fn learn(&mut self, reward: f64, _rng: &mut Stream) {
        self.observe(reward);
    }
}

/// Gaussian rewards of known variance about an unknown mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownNoise {
    /// What is believed of the mean.
    pub(crate) mean: Normal,
    /// One over the rewards' variance.
    pub(crate) noise_precision: f64,
}

impl Posterior for KnownNoise {
    fn mean(&self) -> f64 {
        self.mean.mean()
    }

    fn sample(&self, rng: &mut Stream) -> f64 {
        self.mean.sample(rng)
    }

    fn quantile(&self, probability: f64) -> f64 {
        self.mean.quantile(probability)
    }
}

impl Belief for KnownNoise {
    fn learn(&mut self, reward: f64, _rng: &mut Stream) {
        self.mean.observe(reward, self.noise_precision);
    }
}
