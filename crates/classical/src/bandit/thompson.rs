use crate::bandit::arms::{self, Rule, Turn, best_by};
use crate::bandit::belief::Belief;
use rl_core::{EnvSpec, Policy, PolicyFactory, Stream};

/// Thompson sampling (Thompson 1933): draws each arm's mean from its posterior
/// and pulls the arm of the highest draw.
#[derive(Clone, Debug)]
pub(crate) struct Thompson<B> {
    /// What it is called.
    pub(crate) name: String,
    /// What is believed of an arm when a trial begins.
    pub(crate) prior: B,
}

impl<B: Belief> Rule for Thompson<B> {
    type Arm = B;

    fn arm(&self) -> B {
        self.prior
    }

    fn observe(&self, arms: &mut [B], pulled: usize, reward: f64, rng: &mut Stream) {
        arms[pulled].learn(reward, rng);
    }

    fn choose(&self, arms: &mut [B], turn: Turn<'_>) -> usize {
        best_by(arms, turn.scores, |arm| arm.sample(turn.rng))
    }
}

impl<B: Belief> PolicyFactory for Thompson<B> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        arms::make(self.clone(), &self.name, spec, lanes)
    }
}
