//! The exact solution of bandits with an informative arm.
//!
//! Until the target is known, an optimal agent either guesses, pulling an arm
//! that was not pulled before, or asks the informative arm, after which it
//! knows. (Pulling an arm that is known to be another one pays no more than a
//! guess and tells nothing.) If it ever asks, it asks at once: with n ≥ 3 arms
//! left and t pulls to come, let h be the mean of what the answer pays now and
//! h' ≤ h + 1/20 what it is after a guess. To ask now gives h + 5 (t−1), to ask
//! after one guess 5t/n + (1 − 1/n) (1 + h' + 5 (t−2)), which is less by
//!
//! ```text
//! 4 + h − h' − (9 − h')/n > 0
//! ```
//!
//! and with two arms left, a guess tells as much as an answer. So there are two
//! plans, to ask with the first pull or never to ask. With n arms that can be
//! the target, pulls t = 0, 1, … pay on average
//!
//! ```text
//! asking: (n + 1)/20, 5, 5, …
//! guessing: (t + 1)/n · 5 + (n − t − 1)/n · 1 until t = n − 2, then 5, 5, …
//! ```
//!
//! After any history the same two plans are left, with the n arms of it that can still
//! be the target, so that what an arm is worth is its pay and the better plan of what it
//! leaves.

use crate::informative_arm::{OTHER, TARGET, hint};
use crate::policy::Rule;

/// What to do until the target is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Arms that can be the target; the informative one comes after them.
    candidates: u32,
    /// Whether the informative arm is asked, or arms 0, 1, … are tried.
    asks: bool,
}

impl Plan {
    /// The plan of the higher expected return.
    pub(crate) fn best(candidates: u32, pulls: usize) -> Self {
        let [ask, guess] = [true, false].map(|asks| Self { candidates, asks });
        // Both pay the same as soon as all arms could have been tried.
        let first = pulls.min(candidates as usize);
        match ask.value(first) >= guess.value(first) {
            true => ask,
            false => guess,
        }
    }

    /// The expected reward of a pull, from 0.
    fn reward(&self, pull: usize) -> f64 {
        let n = f64::from(self.candidates);
        match (self.asks, pull) {
            (true, 0) => (hint(0) + hint(self.candidates - 1)) / 2.0,
            (true, _) => TARGET,
            (false, _) if pull + 2 > self.candidates as usize => TARGET,
            (false, _) => {
                let found = (pull + 1) as f64 / n;
                found * TARGET + (1.0 - found) * OTHER
            }
        }
    }

    /// The expected return of the first pulls.
    fn value(&self, pulls: usize) -> f64 {
        (0..pulls).map(|pull| self.reward(pull)).sum()
    }

    /// The expected reward of every pull. `[pulls]`
    pub(crate) fn rewards(&self, pulls: usize) -> Vec<f64> {
        (0..pulls).map(|pull| self.reward(pull)).collect()
    }
}

/// What a trial has shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Search {
    pulls: u32,
    target: Option<u32>,
    /// Arms that were pulled and are not the target, as bits.
    others: u64,
}

/// An agent that follows the better plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Searcher {
    pub(crate) plan: Plan,
    /// Of a trial.
    pub(crate) pulls: u32,
}

impl Searcher {
    /// The value of so many pulls if the target is one of the arms `left`, as bits.
    fn value(&self, left: u64, pulls: u32) -> f64 {
        if pulls == 0 {
            return 0.0;
        }
        let candidates = left.count_ones();
        let asks = false;
        let guess = Plan { candidates, asks };
        // All later pulls know the target.
        let first = pulls.min(candidates);
        let guessing = guess.value(first as usize) + TARGET * f64::from(pulls - first);
        guessing.max(self.hint(left) + TARGET * f64::from(pulls - 1))
    }

    /// What the informative arm pays on average if the target is one of these.
    fn hint(&self, left: u64) -> f64 {
        let arms = (0..self.plan.candidates).filter(|arm| left >> arm & 1 == 1);
        arms.map(hint).sum::<f64>() / f64::from(left.count_ones())
    }
}

impl Rule for Searcher {
    type Memory = Search;

    fn learn(&self, search: &mut Search, arm: u32, reward: f32) {
        search.pulls += 1;
        if arm == self.plan.candidates {
            search.target = Some((10.0 * reward).round() as u32 - 1);
        } else if f64::from(reward) == TARGET {
            search.target = Some(arm);
        } else {
            search.others |= 1 << arm;
        }
    }

    fn choose(&self, search: &Search) -> u32 {
        match search.target {
            Some(target) => target,
            None if self.plan.asks => self.plan.candidates,
            None => search.pulls.min(self.plan.candidates - 1),
        }
    }

    fn evaluate(&self, search: &Search, values: &mut [f64]) {
        let candidates = self.plan.candidates;
        let left = match search.target {
            Some(target) => 1 << target,
            None => ((1 << candidates) - 1) & !search.others,
        };
        let rest = self.pulls.saturating_sub(search.pulls + 1);
        let known = TARGET * f64::from(rest);
        let found = 1.0 / f64::from(left.count_ones());
        for (arm, value) in (0..candidates).zip(&mut *values) {
            let others = left & !(1 << arm);
            *value = match others {
                0 => TARGET + known,
                _ if others == left => OTHER + self.value(left, rest),
                _ => found * (TARGET + known) + (1.0 - found) * (OTHER + self.value(others, rest)),
            };
        }
        values[candidates as usize] = self.hint(left) + known;
    }
}

#[cfg(test)]
#[path = "informative_oracle_tests.rs"]
mod tests;
