use crate::bandit::arms::{self, Rule, Turn, best_by};
use rl_core::{EnvSpec, Policy, PolicyFactory, Stream};

/// UCB-V of Audibert, Munos and Szepesvári 2009, whose bound knows how much an
/// arm's rewards vary: before pull t (from 1) it pulls the arm of the highest
///
/// ```text
/// X̄ + √(2 V E / s) + 3 c E / s,    E = ζ ln t
/// ```
///
/// where X̄ and V are the mean and the variance of the arm's s rewards, to
/// which one of 0 and one of 1 are added as if seen before: the uniform prior,
/// as in [`crate::bandit::ucb1::Ucb1`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct UcbV {
    /// ζ, the weight of exploration; more than 1 in the proofs.
    pub(crate) zeta: f64,
    /// c, the weight of the term that does not depend on the variance.
    pub(crate) c: f64,
}

/// What an arm gave, the prior's two rewards included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sums {
    pulls: f64,
    gain: f64,
    squares: f64,
}

impl Rule for UcbV {
    type Arm = Sums;

    fn arm(&self) -> Sums {
        Sums {
            pulls: 2.0,
            gain: 1.0,
            squares: 1.0,
        }
    }

    fn observe(&self, arms: &mut [Sums], pulled: usize, reward: f64, _rng: &mut Stream) {
        let arm = &mut arms[pulled];
        arm.pulls += 1.0;
        arm.gain += reward;
        arm.squares += reward * reward;
    }

    fn choose(&self, arms: &mut [Sums], turn: Turn<'_>) -> usize {
        let exploration = self.zeta * (turn.number as f64).ln();
        best_by(arms, turn.scores, |arm| {
            let mean = arm.gain / arm.pulls;
            let variance = (arm.squares / arm.pulls - mean * mean).max(0.0);
            let share = exploration / arm.pulls;
            mean + (2.0 * variance * share).sqrt() + 3.0 * self.c * share
        })
    }

    fn follows_scores(&self) -> bool {
        true
    }
}

impl PolicyFactory for UcbV {
    fn name(&self) -> String {
        format!("ucb-v({}, {})", self.zeta, self.c)
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        arms::make(*self, &self.name(), spec, lanes)
    }
}
