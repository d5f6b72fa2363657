//! The mean of policies.

use crate::combined::{Combining, Turn};
use crate::informed::Posterior;

/// Acts as the mean of the policies, weighted by the posterior over their tasks.
pub(crate) struct Mixture {
    pub(crate) posterior: Posterior,
}

impl Combining for Mixture {
    fn probabilities(&mut self, turn: Turn<'_>, probabilities: &mut [f64]) {
        self.posterior.learn(turn.lane, turn.row);
        probabilities.fill(0.0);
        for (weight, advice) in self.posterior.probabilities.iter().zip(turn.advice()) {
            add(
                *weight,
                advice.iter().map(|one| f64::from(*one)),
                probabilities,
            );
        }
    }
}

/// Adds what is weighted to a sum.
pub(crate) fn add(weight: f64, numbers: impl Iterator<Item = f64>, sum: &mut [f64]) {
    for (sum, number) in sum.iter_mut().zip(numbers) {
        *sum += weight * number;
    }
}
