//! What most policies think the best.

use crate::combined::{Combining, Turn};

/// Takes the action that most policies give the highest probability. A policy that gives
/// it to several has a share of a vote for each; of actions with equal votes the one of
/// the highest mean probability is taken, and of such the first.
pub(crate) struct Majority {
    pub(crate) votes: Vec<f64>, // [actions]
    pub(crate) sums: Vec<f64>,  // [actions], of probabilities
}

impl Combining for Majority {
    fn probabilities(&mut self, turn: Turn<'_>, probabilities: &mut [f64]) {
        self.votes.fill(0.0);
        self.sums.fill(0.0);
        for advice in turn.advice() {
            let best = advice.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let count = advice.iter().filter(|one| **one == best).count() as f64;
            let both = self.votes.iter_mut().zip(&mut self.sums);
            for ((votes, sum), one) in both.zip(advice) {
                *votes += if *one == best { 1.0 / count } else { 0.0 };
                *sum += f64::from(*one);
            }
        }
        let mut chosen = 0;
        let score = |action: usize| (self.votes[action], self.sums[action]);
        for action in 1..probabilities.len() {
            if score(action) > score(chosen) {
                chosen = action;
            }
        }
        probabilities.fill(0.0);
        probabilities[chosen] = 1.0;
    }
}
