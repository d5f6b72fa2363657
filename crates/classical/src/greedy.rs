use crate::arms::{self, Arms, Rule, best};
use rl_core::{EnvSpec, Policy, PolicyFactory, Stream};

/// Pulls the arm of the highest posterior mean; see the crate's conventions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Greedy;

impl Rule for Greedy {
    fn choose(&self, arms: Arms<'_>, scores: &mut [f64], _rng: &mut Stream) -> usize {
        arms.means(scores);
        best(scores)
    }
}

impl PolicyFactory for Greedy {
    fn name(&self) -> String {
        "greedy".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        arms::make(self, &self.name(), spec, lanes)
    }
}
