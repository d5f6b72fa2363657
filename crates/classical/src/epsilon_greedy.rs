use crate::arms::{self, Arms, Rule};
use crate::greedy::Greedy;
use rl_core::rand::RngExt as _;
use rl_core::{EnvSpec, Policy, PolicyFactory, Stream};

/// Pulls an arm at random (any, uniformly) with probability ε, else as
/// [`Greedy`] does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EpsilonGreedy {
    /// ε, 0 to 1.
    pub(crate) epsilon: f64,
}

impl Rule for EpsilonGreedy {
    fn choose(&self, arms: Arms<'_>, scores: &mut [f64], rng: &mut Stream) -> usize {
        if rng.random::<f64>() < self.epsilon {
            return rng.random_range(0..scores.len());
        }
        Greedy.choose(arms, scores, rng)
    }
}

impl PolicyFactory for EpsilonGreedy {
    fn name(&self) -> String {
        format!("epsilon-greedy({})", self.epsilon)
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        arms::make(self, &self.name(), spec, lanes)
    }
}
