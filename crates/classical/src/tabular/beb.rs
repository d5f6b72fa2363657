use crate::tabular::agent::{self, Room, Rule};
use crate::tabular::belief::{Belief, Prior};
use crate::tabular::sizes::Sizes;
use rl_core::{EnvSpec, Policy, PolicyFactory, Stream};

/// The Bayesian exploration bonus (Kolter and Ng 2009): acts optimally in the
/// posterior mean of the MDP with
///
/// ```text
/// β / (1 + n(s, a))
/// ```
///
/// added to every mean reward, planned anew when an episode begins; n counts
/// how often the action was tried in the state. `beta = 0` is `mdp-greedy`; with
/// a prior of weight 1 it is one whose prior mean is higher by β.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beb {
    /// β, at least 0.
    pub(crate) beta: f64,
    /// What it believes when a trial begins.
    pub(crate) prior: Prior,
}

impl Rule for Beb {
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
        for (reward, visits) in room.guess.reward.iter_mut().zip(belief.visits()) {
            *reward += self.beta / (1.0 + visits);
        }
        room.values.solve(&room.guess, plan);
    }
}

impl PolicyFactory for Beb {
    fn name(&self) -> String {
        let Prior { mean, weight } = self.prior;
        format!("beb({}, {mean}, {weight})", self.beta)
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        agent::make(self, &self.name(), spec, lanes)
    }

    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        agent::bytes(spec, lanes)
    }
}

/// As [`Beb`] with a bonus that fades: `β √left / (1 + n)`, where `left` episodes of the
/// longest trial are to come, this one with them: steps that are left over the horizon. What is found out pays only then: the best
/// constant bonus grows about as the root of the number of episodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FadingBeb {
    /// β, at least 0.
    pub(crate) beta: f64,
    /// What it believes when a trial begins.
    pub(crate) prior: Prior,
}

/// That, in trials of a length.
#[derive(Clone, Copy, Debug)]
struct Fading {
    of: FadingBeb,
    /// Steps of an episode, and of a trial.
    horizon: f64,
    steps: f64,
}

impl Rule for Fading {
    type Extra = ();

    fn prior(&self) -> Prior {
        self.of.prior
    }

    fn extra(&self, _sizes: Sizes) {}

    fn plan(
        &self,
        belief: &Belief,
        (room, extra): (&mut Room, &mut ()),
        rng: &mut Stream,
        plan: &mut [f64],
    ) {
        let left = ((self.steps - belief.steps() as f64) / self.horizon).max(0.0);
        let now = Beb {
            beta: self.of.beta * left.sqrt(),
            prior: self.of.prior,
        };
        now.plan(belief, (room, extra), rng, plan);
    }
}

impl PolicyFactory for FadingBeb {
    fn name(&self) -> String {
        let Prior { mean, weight } = self.prior;
        format!("beb-fading({}, {mean}, {weight})", self.beta)
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        let rule = Fading {
            of: *self,
            horizon: spec.horizon as f64,
            steps: spec.trial_steps() as f64,
        };
        agent::make(&rule, &self.name(), spec, lanes)
    }

    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        agent::bytes(spec, lanes)
    }
}
