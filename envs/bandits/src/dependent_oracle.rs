//! The exact solution of two dependent arms.
//!
//! A pull speaks for the arm if it paid and for the other arm if it did not.
//! It speaks for the first arm with that arm's probability p, whichever arm is
//! pulled, so that nothing is gained by exploring and the arm that is more
//! probably the better one is optimal: the one that most pulls spoke for. Let
//! r_n be what the next pull pays on average after n of them.
//!
//! Under p ~ U\[0, 1\] the number s of pulls for the first arm is uniform on
//! 0..=n, and p has the mean (s+1)/(n+2). With N = n + 1,
//!
//! ```text
//! r_n = 1/N Σ_s max(s+1, n+1−s) / (n+2) = (3N+2)/(4N+4) for even N,
//!                                         (3N−1)/(4N)   for odd N
//! ```
//!
//! If p is q or 1 − q, let c_n be the probability that the majority, or one
//! arm by the toss of a coin, is right. A pull can change what is best only
//! where all before it were tied, 2k of them, which has the probability
//! C(2k, k) (q (1−q))^k and makes the coin's ½ a q:
//!
//! ```text
//! c_0 = ½,  c_{2k+1} = c_{2k} + C(2k, k) (q (1−q))^k (q − ½),  c_{2k+2} = c_{2k+1}
//! r_n = c_n q + (1 − c_n) (1 − q)
//! ```

use crate::dependent_bandit::Variant;
use crate::dependent_tasks::led;
use crate::policy::Rule;

/// The Bayes-optimal expected reward of every pull. `[pulls]`
pub(crate) fn rewards(variant: Variant, pulls: usize) -> Vec<f64> {
    match variant.better() {
        None => (1..=pulls).map(uniform).collect(),
        Some(better) => two_points(better, pulls),
    }
}

/// Of pull `number`, from 1, under U\[0, 1\].
fn uniform(number: usize) -> f64 {
    let n = number as f64;
    match number.is_multiple_of(2) {
        true => (3.0 * n + 2.0) / (4.0 * n + 4.0),
        false => (3.0 * n - 1.0) / (4.0 * n),
    }
}

fn two_points(better: f64, pulls: usize) -> Vec<f64> {
    let worse = 1.0 - better;
    let (mut right, mut tied) = (0.5, 1.0);
    let after = |done: usize| {
        let reward = right * better + (1.0 - right) * worse;
        if done.is_multiple_of(2) {
            let k = (done / 2) as f64;
            right += tied * (better - 0.5);
            // C(2k+2, k+1) = C(2k, k) (4k + 2) / (k + 1)
            tied *= (4.0 * k + 2.0) / (k + 1.0) * better * worse;
        }
        reward
    };
    (0..pulls).map(after).collect()
}

/// Pulls the arm that more pulls spoke for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Majority {
    pub(crate) variant: Variant,
}

/// What the pulls of a trial spoke for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Votes {
    /// Pulls that spoke for the first arm, less those for the second.
    lead: i32,
    pulls: i32,
}

impl Majority {
    /// The expected probability of the first arm.
    fn first(&self, votes: &Votes) -> f64 {
        let (lead, pulls) = (f64::from(votes.lead), f64::from(votes.pulls));
        match self.variant.better() {
            // (s+1)/(n+2) with s = (n + lead) / 2.
            None => 0.5 + lead / (2.0 * (pulls + 2.0)),
            Some(better) => {
                let worse = 1.0 - better;
                let right = 1.0 / (1.0 + (worse / better).powi(votes.lead));
                right * better + (1.0 - right) * worse
            }
        }
    }
}

impl Rule for Majority {
    type Memory = Votes;

    fn learn(&self, votes: &mut Votes, arm: u32, reward: f32) {
        votes.lead = led(i64::from(votes.lead), arm, reward) as i32;
        votes.pulls += 1;
    }

    fn choose(&self, votes: &Votes) -> u32 {
        u32::from(votes.lead < 0)
    }

    /// What is learned does not depend on the arm: its next reward alone does.
    fn evaluate(&self, votes: &Votes, values: &mut [f64]) {
        let first = self.first(votes);
        values.copy_from_slice(&[first, 1.0 - first]);
    }
}

#[cfg(test)]
#[path = "dependent_oracle_tests.rs"]
mod tests;
