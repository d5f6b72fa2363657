use crate::bandit::arms::{self, Rule, Tally, Turn, best_by, within_unit};
use rl_core::{EnvSpec, Policy, PolicyFactory, Stream};

/// KL-UCB of Garivier and Cappé 2011: before pull t (from 1) it pulls the arm
/// of the highest q for which
///
/// ```text
/// (2 + m) kl((1 + Σ r) / (2 + m), q)  ≤  scale · (ln t + c ln ln t)
/// ```
///
/// where m counts the arm's pulls and kl(p, q) is the divergence between coins
/// that succeed with probabilities p and q. The uniform prior is counted as
/// one success and one failure, as in [`crate::bandit::ucb1::Ucb1`], and the
/// scale is ours: 1 is the published rate, less suits short lives. What is not
/// positive on the right counts as 0, which leaves the estimate itself.
/// Rewards count as if within \[0, 1\].
#[derive(Clone, Copy, Debug)]
pub(crate) struct KlUcb {
    /// c, the weight of the second term; 3 in the proofs, 0 in practice.
    pub(crate) c: f64,
    /// What the rate is scaled by.
    pub(crate) scale: f64,
}

impl Rule for KlUcb {
    type Arm = Tally;

    fn arm(&self) -> Tally {
        Tally::default()
    }

    fn observe(&self, arms: &mut [Tally], pulled: usize, reward: f64, _rng: &mut Stream) {
        arms[pulled].observe(within_unit(reward));
    }

    fn choose(&self, arms: &mut [Tally], turn: Turn<'_>) -> usize {
        let log = (turn.number as f64).ln();
        let second = if log > 0.0 { self.c * log.ln() } else { 0.0 };
        let rate = self.scale * (log + second).max(0.0);
        best_by(arms, turn.scores, |arm| {
            upper_bound(arm.mean(), rate / (2.0 + arm.pulls))
        })
    }

    fn follows_scores(&self) -> bool {
        true
    }
}

/// The highest q with kl(mean, q) ≤ `divergence`, for a mean between 0 and 1,
/// to 1e-12 or the nearest number below 1.
///
/// Newton's method from the right of the root: above the mean the divergence
/// grows and is convex in q, so that every iterate stays right of the root. It
/// starts from the nearer of two numbers that are known to be there, since
/// kl(p, q) is at least 2 (q − p)² (Pinsker) and at least
/// (1 − p) ln(1 / (1 − q)) less the entropy of p.
fn upper_bound(mean: f64, divergence: f64) -> f64 {
    if divergence <= 0.0 {
        return mean;
    }
    let failure = 1.0 - mean;
    let entropy = -mean * mean.ln() - failure * failure.ln();
    let near_one = 1.0 - (-(divergence + entropy) / failure).exp();
    let pinsker = mean + (0.5 * divergence).sqrt();
    let mut q = near_one.min(pinsker);
    for _ in 0..MAX_STEPS {
        if q >= 1.0 {
            return 1.0;
        }
        let kl = mean * (mean / q).ln() + failure * (failure / (1.0 - q)).ln();
        let step = (kl - divergence) * q * (1.0 - q) / (q - mean);
        q -= step;
        if step.abs() < 1e-12 {
            break;
        }
    }
    q
}

/// More than enough: convergence is quadratic from a start near the root.
const MAX_STEPS: usize = 50;

impl PolicyFactory for KlUcb {
    fn name(&self) -> String {
        format!("kl-ucb({}, {})", self.c, self.scale)
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        arms::make(*self, &self.name(), spec, lanes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against bisection, over all magnitudes of means and divergences.
    #[test]
    fn the_bound_solves_its_equation() {
        for mean in [1e-4, 0.01, 0.3, 0.5, 0.9, 0.999] {
            for divergence in [1e-9, 1e-4, 0.02, 0.3, 1.0, 3.0] {
                let kl = |q: f64| {
                    mean * f64::ln(mean / q) + (1.0 - mean) * f64::ln((1.0 - mean) / (1.0 - q))
                };
                let (mut low, mut high) = (mean, 1.0);
                for _ in 0..200 {
                    let middle = 0.5 * (low + high);
                    match kl(middle) <= divergence {
                        true => low = middle,
                        false => high = middle,
                    }
                }
                let found = upper_bound(mean, divergence);
                assert!(
                    (found - low).abs() < 1e-9,
                    "{mean}, {divergence}: {found}, not {low}"
                );
            }
        }
    }

    /// kl(1/2, q) = −½ ln(4 q (1 − q)), so a divergence of −½ ln(3/4) is
    /// reached at q = 3/4.
    #[test]
    fn the_bound_by_hand() {
        let divergence = -0.5 * f64::ln(0.75);
        assert!((upper_bound(0.5, divergence) - 0.75).abs() < 1e-12);
        assert_eq!(upper_bound(0.3, 0.0), 0.3);
    }
}
