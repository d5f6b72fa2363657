use crate::tabular::agent::{self, Room, Rule};
use crate::tabular::belief::{Belief, Prior};
use crate::tabular::sizes::Sizes;
use rl_core::{EnvSpec, Policy, PolicyFactory, Stream};

/// Posterior sampling (Strens 2000; Osband, Russo and Van Roy 2013): draws one
/// MDP from the posterior when an episode begins and acts optimally in it
/// until the episode ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Psrl {
    /// What it believes when a trial begins.
    pub(crate) prior: Prior,
}

impl Rule for Psrl {
    type Extra = ();

    fn prior(&self) -> Prior {
        self.prior
    }

    fn extra(&self, _sizes: Sizes) {}

    fn plan(
        &self,
        belief: &Belief,
        (room, ()): (&mut Room, &mut ()),
        rng: &mut Stream,
        plan: &mut [f64],
    ) {
        belief.sample(&mut room.guess, rng);
        room.values.solve(&room.guess, plan);
    }
}

impl PolicyFactory for Psrl {
    fn name(&self) -> String {
        let Prior { mean, weight } = self.prior;
        format!("psrl({mean}, {weight})")
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        agent::make(self, &self.name(), spec, lanes)
    }

    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        agent::bytes(spec, lanes)
    }
}

/// Optimistic posterior sampling: draws several MDPs when an episode begins,
/// solves each, and takes the action of the highest q_t(s, a) that any of them
/// gives to that step, state and action (Fonteneau, Korda and Munos 2013 in the
/// form that Osband's TabulaRL gave it, with which Duan et al. 2016 compare).
/// One sample makes it [`Psrl`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptimisticPsrl {
    /// How many MDPs are drawn; at least 1.
    pub(crate) samples: u32,
    /// What it believes when a trial begins.
    pub(crate) prior: Prior,
}

impl Rule for OptimisticPsrl {
    /// The values in one of the samples. `[horizon][actions][states]`
    type Extra = Vec<f64>;

    fn prior(&self) -> Prior {
        self.prior
    }

    fn extra(&self, sizes: Sizes) -> Vec<f64> {
        vec![0.0; sizes.horizon * sizes.pairs()]
    }

    fn plan(
        &self,
        belief: &Belief,
        (room, values): (&mut Room, &mut Vec<f64>),
        rng: &mut Stream,
        plan: &mut [f64],
    ) {
        plan.fill(f64::NEG_INFINITY);
        for _ in 0..self.samples {
            belief.sample(&mut room.guess, rng);
            room.values.solve(&room.guess, values);
            for (highest, value) in plan.iter_mut().zip(values.iter()) {
                *highest = if value > highest { *value } else { *highest };
            }
        }
    }
}

impl PolicyFactory for OptimisticPsrl {
    fn name(&self) -> String {
        let Prior { mean, weight } = self.prior;
        format!("opsrl({}, {mean}, {weight})", self.samples)
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        agent::make(self, &self.name(), spec, lanes)
    }

    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        agent::bytes(spec, lanes)
    }
}
