use crate::bandit::arms::{self, Rule, Tally, Turn, best_by};
use rl_core::{EnvSpec, Policy, PolicyFactory, Stream};

/// Pulls the arm of the highest posterior mean; see the crate's conventions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Greedy;

impl Rule for Greedy {
    type Arm = Tally;

    fn arm(&self) -> Tally {
        Tally::default()
    }

    fn observe(&self, arms: &mut [Tally], pulled: usize, reward: f64, _rng: &mut Stream) {
        arms[pulled].observe(reward);
    }

    fn choose(&self, arms: &mut [Tally], turn: Turn<'_>) -> usize {
        best_by(arms, turn.scores, Tally::mean)
    }

    fn follows_scores(&self) -> bool {
        true
    }
}

impl PolicyFactory for Greedy {
    fn name(&self) -> String {
        "greedy".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        arms::make(*self, &self.name(), spec, lanes)
    }
}
