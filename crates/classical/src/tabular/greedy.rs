use crate::tabular::agent::{self, Room, Rule};
use crate::tabular::belief::{Belief, Prior};
use crate::tabular::sizes::Sizes;
use rl_core::{EnvSpec, Policy, PolicyFactory, Stream};

/// Acts optimally in the posterior mean of the MDP, planned anew when an
/// episode begins, but for a random action with probability ε at every step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MdpGreedy {
    /// ε; `None` for one that never explores.
    pub(crate) epsilon: Option<f64>,
    /// What it believes when a trial begins.
    pub(crate) prior: Prior,
}

impl Rule for MdpGreedy {
    type Extra = ();

    fn prior(&self) -> Prior {
        self.prior
    }

    fn extra(&self, _sizes: Sizes) {}

    fn plan(
        &self,
        belief: &Belief,
        (room, ()): (&mut Room, &mut ()),
        _rng: &mut Stream,
        plan: &mut [f64],
    ) {
        belief.mean(&mut room.guess);
        room.values.solve(&room.guess, plan);
    }

    fn epsilon(&self) -> f64 {
        self.epsilon.unwrap_or(0.0)
    }
}

impl PolicyFactory for MdpGreedy {
    fn name(&self) -> String {
        let Prior { mean, weight } = self.prior;
        match self.epsilon {
            None => format!("mdp-greedy({mean}, {weight})"),
            Some(epsilon) => format!("mdp-epsilon-greedy({epsilon}, {mean}, {weight})"),
        }
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        agent::make(self, &self.name(), spec, lanes)
    }

    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        agent::bytes(spec, lanes)
    }
}
