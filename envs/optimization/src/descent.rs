//! A function as an environment, and as an objective.

use crate::float::Float;
use rl_core::{
    ActionSpace, Continuous, EnvSpec, Environment, Objective, ObservationSpace, Sight, Step,
    Stream, Trial,
};

/// A function of parameters, all that is random in it drawn.
pub trait Function<F: Float>: Clone + Default + Send + Sync + 'static {
    /// Room for intermediate results.
    type Scratch: Default + Send + Sync + 'static;

    /// Where to begin. `[parameters]`
    fn start(&self) -> &[F];

    /// How far from 0 a parameter may be.
    fn limit(&self) -> F;

    /// As [`Objective::shown`].
    fn shown(&self, room: &mut Self::Scratch, at: (usize, &[F]), gradient: &mut [F]) -> F;

    /// As [`Objective::curvature`].
    fn curvature(
        &self,
        room: &mut Self::Scratch,
        at: (usize, &[F]),
        along: &[F],
        product: &mut [F],
    );

    /// As [`Objective::counted`], without a gradient if none is asked for.
    fn counted(&self, room: &mut Self::Scratch, at: &[F], gradient: Option<&mut [F]>) -> F;

    /// How good a place is, which is what rewards add up to: minus the loss that counts,
    /// unless the function says otherwise.
    fn worth(&self, room: &mut Self::Scratch, at: &[F]) -> F {
        -self.counted(room, at, None)
    }
}

/// A loss above this counts as this: who has gone so far has failed.
const WORST: f32 = 1e6;

/// What is paid for a place of some worth.
fn paid(worth: f32) -> f32 {
    // Where numbers overflow, the loss is the worst.
    let worth = if worth.is_nan() { -WORST } else { worth };
    worth.clamp(-WORST, WORST)
}

/// One task: a function.
#[derive(Clone, Debug, Default)]
pub struct Descent<T>(pub T);

/// Where an agent is.
#[derive(Debug, Default)]
pub struct Walk<S> {
    parameters: Vec<f32>,
    gradient: Vec<f32>,
    value: f32,
    /// Rows so far.
    rows: usize,
    /// What the rewards so far add up to.
    worth: f32,
    scratch: S,
}

impl<T: Function<f32>> Environment for Descent<T> {
    type State = Walk<T::Scratch>;
    type Action = Continuous;

    fn reset(&self, state: &mut Self::State, _rng: &mut Stream) {
        state.parameters.clear();
        state.parameters.extend_from_slice(self.0.start());
        state.gradient.clear();
        state.gradient.resize(self.0.start().len(), 0.0);
        (state.value, state.rows, state.worth) = (0.0, 0, 0.0);
    }

    fn step(&self, state: &mut Self::State, action: &[f32], _rng: &mut Stream) -> Step {
        state.parameters.copy_from_slice(action);
        let worth = paid(self.0.worth(&mut state.scratch, &state.parameters));
        let reward = worth - state.worth;
        state.worth = worth;
        let at = (state.rows, &state.parameters[..]);
        state.value = self.0.shown(&mut state.scratch, at, &mut state.gradient);
        state.rows += 1;
        Step::proceed(reward)
    }

    fn observe(&self, state: &Self::State, observation: &mut [f32]) {
        let (value, rest) = observation.split_at_mut(1);
        let (gradient, parameters) = rest.split_at_mut(state.parameters.len());
        value[0] = state.value;
        gradient.copy_from_slice(&state.gradient);
        parameters.copy_from_slice(&state.parameters);
    }
}

/// A function with its room, for who differentiates.
pub struct Differentiated<T: Function<F>, F: Float> {
    function: T,
    scratch: T::Scratch,
}

impl<T: Function<F>, F: Float> Differentiated<T, F> {
    /// A function as an objective.
    pub fn new(function: T) -> Self {
        Self {
            function,
            scratch: T::Scratch::default(),
        }
    }
}

impl<T: Function<F>, F: Float> Objective<F> for Differentiated<T, F> {
    fn parameters(&self) -> usize {
        self.function.start().len()
    }

    fn start(&self) -> &[F] {
        self.function.start()
    }

    fn limit(&self) -> F {
        self.function.limit()
    }

    fn shown(&mut self, step: usize, at: &[F], gradient: &mut [F]) -> F {
        let at = (step, at);
        self.function.shown(&mut self.scratch, at, gradient)
    }

    fn curvature(&mut self, step: usize, at: &[F], along: &[F], product: &mut [F]) {
        let at = (step, at);
        let room = &mut self.scratch;
        self.function.curvature(room, at, along, product);
    }

    fn counted(&mut self, at: &[F], gradient: &mut [F]) -> F {
        let room = &mut self.scratch;
        self.function.counted(room, at, Some(gradient))
    }

    fn worth(&mut self, at: &[F]) -> f64 {
        let worth = self.function.worth(&mut self.scratch, at);
        f64::from(paid(worth.wide() as f32))
    }
}

/// An environment of functions of so many parameters, that is left after so many
/// gradients.
pub(crate) fn spec(name: &str, parameters: usize, limit: f32, steps: usize) -> EnvSpec {
    EnvSpec {
        name: name.into(),
        observation: ObservationSpace::Vector {
            size: Sight::width(parameters),
        },
        action: ActionSpace::Box {
            low: vec![-limit; parameters],
            high: vec![limit; parameters],
        },
        horizon: steps + 1,
        trial: Trial::Episodes(1),
    }
}
