//! The action of the highest mean value.

use crate::combined::{Combining, Turn};
use crate::informed::Posterior;
use crate::mixture::add;

/// Takes the action whose value, weighted by the posterior over tasks, is the highest.
pub(crate) struct Qmdp {
    pub(crate) posterior: Posterior,
    pub(crate) values: Vec<f64>, // [actions]
}

impl Combining for Qmdp {
    fn probabilities(&mut self, turn: Turn<'_>, probabilities: &mut [f64]) {
        let known = self.posterior.learn(turn.lane, turn.row);
        let Posterior {
            informed,
            probabilities: posterior,
        } = &self.posterior;
        probabilities.fill(0.0);
        for (task, weight) in posterior.iter().enumerate().filter(|(_, w)| **w > 0.0) {
            informed.tasks.action_values(known, task, &mut self.values);
            add(*weight, self.values.iter().copied(), probabilities);
        }
        choose(probabilities);
    }
}

/// Spreads the probability evenly over the actions of the highest mean value, which the
/// numbers are at first. `[actions]`
pub(crate) fn choose(means: &mut [f64]) {
    let best = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = best - SAME * best.abs().max(1.0);
    let count = means.iter().filter(|mean| **mean >= least).count();
    for mean in means {
        *mean = if *mean >= least {
            1.0 / count as f64
        } else {
            0.0
        };
    }
}

/// Values that differ by less, relative to their size, differ by rounding alone.
const SAME: f64 = 1e-9;
