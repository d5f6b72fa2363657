//! Tasks that are functions of some parameters: what an agent that moves the parameters
//! sees of one, and what a learner that differentiates can ask of it.

use crate::spec::{ActionSpace, EnvSpec, ObservationSpace};
use crate::streams::StreamKey;

/// What an agent sees of a function at the parameters where it is: the function's value
/// there, its gradient, and the parameters. Its action is the parameters to go to.
///
/// In a row these are `[1 + 2 parameters]` numbers, in this order. In the first row of an
/// episode value and gradient are 0: there the agent says where to begin, and an agent
/// that stays begins where the task proposes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sight<'a> {
    /// The value.
    pub value: f32,
    /// `[parameters]`
    pub gradient: &'a [f32],
    /// `[parameters]`
    pub parameters: &'a [f32],
}

impl<'a> Sight<'a> {
    /// Numbers of a row.
    pub const fn width(parameters: usize) -> usize {
        1 + 2 * parameters
    }

    /// A lane's row, read.
    ///
    /// # Panics
    /// If it is none.
    pub fn of(observation: &'a [f32]) -> Self {
        let (value, rest) = observation.split_first().expect("a row of a function");
        let (gradient, parameters) = rest.split_at(rest.len() / 2);
        Self {
            value: *value,
            gradient,
            parameters,
        }
    }

    /// Parameters of the functions of an environment, if that is what its rows show.
    ///
    /// # Errors
    /// Why it is not.
    pub fn parameters(spec: &EnvSpec, who: &str) -> Result<usize, String> {
        if let (ObservationSpace::Vector { size }, ActionSpace::Box { low, .. }) =
            (&spec.observation, &spec.action)
            && *size == Self::width(low.len())
        {
            return Ok(low.len());
        }
        Err(format!(
            "{who} moves the parameters of functions, whose value and gradient it sees, and \
             '{}' shows none; take an environment of functions to be minimized (`list envs`)",
            spec.name
        ))
    }
}

/// A function of parameters, all that is random in it drawn: one task of an environment
/// whose rows show a [`Sight`].
pub trait Objective<F = f32>: Send {
    /// How many parameters there are.
    fn parameters(&self) -> usize;

    /// Where the task proposes to begin. `[parameters]`
    fn start(&self) -> &[F];

    /// How far from 0 a parameter may be: others are put there.
    fn limit(&self) -> F;

    /// The value that is shown at a place after so many gradients, the first of them 0,
    /// and its gradient, which is overwritten. `[parameters]`
    fn shown(&mut self, step: usize, at: &[F], gradient: &mut [F]) -> F;

    /// The product of the Hessian of what is [`shown`](Self::shown) with a direction,
    /// which is added to `product`. `[parameters]`
    fn curvature(&mut self, step: usize, at: &[F], along: &[F], product: &mut [F]);

    /// The loss that counts at a place, such as that of data that are not shown, and its
    /// gradient, which is overwritten. `[parameters]`
    fn counted(&mut self, at: &[F], gradient: &mut [F]) -> F;

    /// What the environment's rewards add up to where an agent ends at a place: minus the
    /// loss that counts, or whatever else is paid for.
    fn worth(&mut self, at: &[F]) -> f64;
}

/// The tasks of an environment as functions.
pub trait Objectives: Send + Sync {
    /// The task that a lane of a batch meets first
    /// ([`VecEnv::begin`](crate::VecEnv::begin)).
    fn draw(&self, key: &StreamKey, lane: u64) -> Box<dyn Objective>;
}
