//! Bayesian online learners: conjugate posteriors that take in one observation
//! at a time, in constant time and memory. What is not finite teaches them
//! nothing.
//!
//! Formulas are those of Murphy 2007, "Conjugate Bayesian analysis of the
//! Gaussian distribution", and, for Beta and Dirichlet, of Gelman et al. 2013,
//! "Bayesian Data Analysis", chapters 2 and 3.

use rl_core::rand::RngExt as _;
use rl_core::rand_distr::{Beta, Distribution as _, Gamma, StandardNormal};
use rl_core::{Bounds, SettingError, Stream};
use statrs::function::beta::inv_beta_reg;
use statrs::function::erf::erfc_inv;
use std::f64::consts::SQRT_2;

/// What is believed of an unknown mean.
pub trait Posterior {
    /// The expectation of the unknown mean.
    fn mean(&self) -> f64;

    /// Draws the unknown mean.
    fn sample(&self, rng: &mut Stream) -> f64;

    /// What the unknown mean is below with a probability, 0 to 1; both ends
    /// give the ends of what is possible.
    fn quantile(&self, probability: f64) -> f64;
}

/// The probability of success of a coin: Beta(a, b), where observations are
/// successes and failures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BetaBernoulli {
    successes: f64,
    failures: f64,
}

impl BetaBernoulli {
    /// Beta(1, 1), by which all probabilities are alike.
    pub const UNIFORM: Self = Self {
        successes: 1.0,
        failures: 1.0,
    };

    /// The prior Beta(a, b): as if `a` successes and `b` failures had been
    /// seen, where none at all is Beta(0, 0).
    ///
    /// # Errors
    /// If one is not positive.
    pub fn new(a: f64, b: f64) -> Result<Self, SettingError> {
        Ok(Self {
            successes: within(Bounds::POSITIVE, "BetaBernoulli.a", a)?,
            failures: within(Bounds::POSITIVE, "BetaBernoulli.b", b)?,
        })
    }

    /// Takes in one observation.
    pub fn observe(&mut self, success: bool) {
        match success {
            true => self.successes += 1.0,
            false => self.failures += 1.0,
        }
    }

    /// Both parameters, a and b.
    pub fn parameters(&self) -> (f64, f64) {
        (self.successes, self.failures)
    }
}

impl Posterior for BetaBernoulli {
    fn mean(&self) -> f64 {
        self.successes / (self.successes + self.failures)
    }

    fn sample(&self, rng: &mut Stream) -> f64 {
        let beta = Beta::new(self.successes, self.failures);
        beta.expect("both parameters are positive").sample(rng)
    }

    fn quantile(&self, probability: f64) -> f64 {
        match probability {
            p if p <= 0.0 => 0.0,
            p if p >= 1.0 => 1.0,
            p => inv_beta_reg(self.successes, self.failures, p),
        }
    }
}

/// The mean of Gaussian observations of known variance: itself Gaussian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normal {
    mean: f64,
    precision: f64,
}

impl Normal {
    /// The prior of a mean and a precision, which is one over the variance.
    ///
    /// # Errors
    /// If the mean is not finite or the precision not positive.
    pub fn new(mean: f64, precision: f64) -> Result<Self, SettingError> {
        Ok(Self {
            mean: within(Bounds::FINITE, "Normal.mean", mean)?,
            precision: within(Bounds::POSITIVE, "Normal.precision", precision)?,
        })
    }

    /// Takes in one observation, which is Gaussian about the unknown mean with
    /// one over `noise_precision` as its variance.
    pub fn observe(&mut self, x: f64, noise_precision: f64) {
        if x.is_finite() && noise_precision.is_finite() && noise_precision > 0.0 {
            self.precision += noise_precision;
            self.mean += (x - self.mean) * (noise_precision / self.precision);
        }
    }

    /// The expectation of the unknown mean.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// One over the variance of the unknown mean.
    pub fn precision(&self) -> f64 {
        self.precision
    }

    /// Draws the unknown mean.
    pub fn sample(&self, rng: &mut Stream) -> f64 {
        let standard: f64 = rng.sample(StandardNormal);
        self.mean + standard / self.precision.sqrt()
    }
}

impl Posterior for Normal {
    fn mean(&self) -> f64 {
        self.mean
    }

    fn sample(&self, rng: &mut Stream) -> f64 {
        Normal::sample(self, rng)
    }

    fn quantile(&self, probability: f64) -> f64 {
        self.mean + standard_normal_quantile(probability) / self.precision.sqrt()
    }
}

/// The mean of Gaussian observations of unknown variance: the precision of an
/// observation is Gamma(α, rate β), and given a precision τ the mean is
/// Gaussian with precision κτ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormalGamma {
    mean: f64,
    kappa: f64,
    alpha: f64,
    beta: f64,
}

impl NormalGamma {
    /// The prior of a mean, of how many observations that mean is worth
    /// (`kappa`), and of the precision's shape and rate.
    ///
    /// # Errors
    /// If the mean is not finite or one of the others not positive.
    pub fn new(mean: f64, kappa: f64, alpha: f64, beta: f64) -> Result<Self, SettingError> {
        Ok(Self {
            mean: within(Bounds::FINITE, "NormalGamma.mean", mean)?,
            kappa: within(Bounds::POSITIVE, "NormalGamma.kappa", kappa)?,
            alpha: within(Bounds::POSITIVE, "NormalGamma.alpha", alpha)?,
            beta: within(Bounds::POSITIVE, "NormalGamma.beta", beta)?,
        })
    }

    /// Takes in one observation.
    pub fn observe(&mut self, x: f64) {
        if x.is_finite() {
            let surprise = x - self.mean;
            self.beta += 0.5 * surprise * surprise * (self.kappa / (self.kappa + 1.0));
            self.alpha += 0.5;
            self.kappa += 1.0;
            self.mean += surprise / self.kappa;
        }
    }

    /// The mean, κ, α and β.
    pub fn parameters(&self) -> (f64, f64, f64, f64) {
        (self.mean, self.kappa, self.alpha, self.beta)
    }
}

impl Posterior for NormalGamma {
    fn mean(&self) -> f64 {
        self.mean
    }

    fn sample(&self, rng: &mut Stream) -> f64 {
        let gamma = Gamma::new(self.alpha, 1.0).expect("alpha is positive");
        let precision = self.kappa * gamma.sample(rng) / self.beta;
        let standard: f64 = rng.sample(StandardNormal);
        self.mean + standard / precision.sqrt()
    }

    fn quantile(&self, probability: f64) -> f64 {
        let variance = self.beta / (self.alpha * self.kappa);
        self.mean + student_quantile(2.0 * self.alpha, probability) * variance.sqrt()
    }
}

/// The probabilities of finitely many outcomes: Dirichlet, where observations
/// are outcomes.
#[derive(Clone, Debug, PartialEq)]
pub struct Dirichlet {
    counts: Vec<f64>, // [outcomes]
}

impl Dirichlet {
    /// The prior by which each of `outcomes` was as if seen `count` times.
    ///
    /// # Errors
    /// If there is no outcome, or the count is not positive.
    pub fn flat(outcomes: usize, count: f64) -> Result<Self, SettingError> {
        Bounds::at_least(1).check("Dirichlet.outcomes", outcomes)?;
        let count = within(Bounds::POSITIVE, "Dirichlet.count", count)?;
        Ok(Self {
            counts: vec![count; outcomes],
        })
    }

    /// Takes in one observation. An outcome that there is not is left out.
    pub fn observe(&mut self, outcome: usize) {
        if let Some(count) = self.counts.get_mut(outcome) {
            *count += 1.0;
        }
    }

    /// How often each outcome was seen, the prior's count included.
    /// `[outcomes]`
    pub fn counts(&self) -> &[f64] {
        &self.counts
    }

    /// Writes the expected probabilities. `[outcomes]`
    pub fn mean(&self, probabilities: &mut [f64]) {
        let total: f64 = self.counts.iter().sum();
        for (probability, count) in probabilities.iter_mut().zip(&self.counts) {
            *probability = count / total;
        }
    }

    /// Draws the unknown probabilities. `[outcomes]`
    pub fn sample(&self, rng: &mut Stream, probabilities: &mut [f64]) {
        for (probability, count) in probabilities.iter_mut().zip(&self.counts) {
            let gamma = Gamma::new(*count, 1.0).expect("counts are positive");
            *probability = gamma.sample(rng);
        }
        let total: f64 = probabilities.iter().sum();
        if total > 0.0 {
            probabilities.iter_mut().for_each(|p| *p /= total);
        } else {
            // Counts so small that every draw underflowed: nearly all
            // probability is with one outcome, chosen as the counts are.
            probabilities.fill(0.0);
            probabilities[self.outcome(rng)] = 1.0;
        }
    }

    /// Draws an outcome as the counts are.
    fn outcome(&self, rng: &mut Stream) -> usize {
        let mut left = rng.random::<f64>() * self.counts.iter().sum::<f64>();
        let last = self.counts.len() - 1;
        let below = |count: &f64| {
            left -= count;
            left < 0.0
        };
        self.counts.iter().position(below).unwrap_or(last)
    }
}

fn within(bounds: Bounds<f64>, parameter: &str, value: f64) -> Result<f64, SettingError> {
    bounds.check(parameter, value).map(|()| value)
}

fn standard_normal_quantile(probability: f64) -> f64 {
    -SQRT_2 * erfc_inv(2.0 * probability.clamp(0.0, 1.0))
}

/// Quantile of Student's distribution: with t² = ν(1/x − 1), x is
/// Beta(ν/2, 1/2), both tails together.
fn student_quantile(freedom: f64, probability: f64) -> f64 {
    let tail = probability.min(1.0 - probability).clamp(0.0, 0.5);
    let x = match tail {
        0.0 => 0.0,
        0.5 => 1.0,
        tail => inv_beta_reg(0.5 * freedom, 0.5, 2.0 * tail),
    };
    let distance = (freedom * (1.0 / x - 1.0)).sqrt();
    if probability < 0.5 {
        -distance
    } else {
        distance
    }
}

#[cfg(test)]
#[path = "posterior_tests.rs"]
mod tests;
