use crate::bandit::arms::{self, Rule, Turn, best_by};
use crate::bandit::belief::Belief;
use rl_core::{EnvSpec, Policy, PolicyFactory, Stream};

/// Bayes-UCB of Kaufmann, Cappé and Garivier 2012: before pull t (from 1) of n
/// it pulls the arm whose mean's posterior has the highest quantile of
/// 1 − 1 / (t (ln n)^c).
#[derive(Clone, Debug)]
pub(crate) struct BayesUcb<B> {
    /// What it is called.
    pub(crate) name: String,
    /// What is believed of an arm when a trial begins.
    pub(crate) prior: B,
    /// c; 5 in the proofs, 0 in practice.
    pub(crate) c: f64,
}

/// The same for a trial of known length.
#[derive(Clone, Debug)]
struct BayesUcbRule<B> {
    prior: B,
    /// (ln n)^c
    factor: f64,
}

impl<B: Belief> Rule for BayesUcbRule<B> {
    type Arm = B;

    fn arm(&self) -> B {
        self.prior
    }

    fn observe(&self, arms: &mut [B], pulled: usize, reward: f64, rng: &mut Stream) {
        arms[pulled].learn(reward, rng);
    }

    fn choose(&self, arms: &mut [B], turn: Turn<'_>) -> usize {
        let above = 1.0 / (turn.number as f64 * self.factor);
        best_by(arms, turn.scores, |arm| arm.quantile(1.0 - above))
    }

    fn follows_scores(&self) -> bool {
        true
    }
}

impl<B: Belief> PolicyFactory for BayesUcb<B> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        // A trial of fewer than three pulls has a logarithm below 1, of which
        // no power could widen the bound.
        let log = (spec.trial_steps() as f64).ln().max(1.0);
        let rule = BayesUcbRule {
            prior: self.prior,
            factor: log.powf(self.c),
        };
        arms::make(rule, &self.name, spec, lanes)
    }
}
