use crate::bandit::arms::{self, Rule, Tally, Turn};
use crate::bandit::greedy::Greedy;
use rl_core::rand::RngExt as _;
use rl_core::{EnvSpec, Policy, PolicyFactory, Stream};

/// Pulls an arm at random (any, uniformly) with probability ε, else as
/// [`Greedy`] does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EpsilonGreedy {
    /// ε.
    pub(crate) epsilon: f64,
}

impl Rule for EpsilonGreedy {
    type Arm = Tally;

    fn arm(&self) -> Tally {
        Greedy.arm()
    }

    fn observe(&self, arms: &mut [Tally], pulled: usize, reward: f64, rng: &mut Stream) {
        Greedy.observe(arms, pulled, reward, rng);
    }

    fn choose(&self, arms: &mut [Tally], turn: Turn<'_>) -> usize {
        if turn.rng.random::<f64>() < self.epsilon {
            return turn.rng.random_range(0..arms.len());
        }
        Greedy.choose(arms, turn)
    }
}

impl PolicyFactory for EpsilonGreedy {
    fn name(&self) -> String {
        format!("epsilon-greedy({})", self.epsilon)
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        arms::make(*self, &self.name(), spec, lanes)
    }
}
