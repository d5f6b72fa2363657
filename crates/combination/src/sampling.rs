//! One policy for an episode.

use crate::combined::{Combining, Turn};
use crate::informed::Posterior;
use classical::simplex::draw;
use rl_core::Outcome;

/// Follows the policy of a task that is drawn by the posterior when an episode begins,
/// and once a single task is possible, the policy of that, unless what was drawn is held.
pub(crate) struct Sampling {
    pub(crate) posterior: Posterior,
    pub(crate) held: bool,
    pub(crate) drawn: Vec<usize>, // [lanes]
}

impl Combining for Sampling {
    fn probabilities(&mut self, turn: Turn<'_>, probabilities: &mut [f64]) {
        let (lane, row) = (turn.lane, turn.row);
        self.posterior.learn(lane, row);
        let posterior = &self.posterior.probabilities;
        let drawn = &mut self.drawn[lane];
        if row.start[lane] || row.previous_outcome[lane] != Outcome::Continue {
            *drawn = draw(posterior, &mut *turn.rng);
        }
        if !self.held {
            *drawn = certain(posterior).unwrap_or(*drawn);
        }
        let advice = turn.advice().nth(*drawn).into_iter().flatten();
        for (probability, advice) in probabilities.iter_mut().zip(advice) {
            *probability = f64::from(*advice);
        }
    }
}

/// The task that is the only possible one.
pub(crate) fn certain(posterior: &[f64]) -> Option<usize> {
    let mut possible = (0..posterior.len()).filter(|task| posterior[*task] > 0.0);
    possible.next().filter(|_| possible.next().is_none())
}
