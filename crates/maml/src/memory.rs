//! What an update or an evaluation takes of memory, before it is taken.
//!
//! These are estimates from above. Nothing here has to be exact: it has to
//! refuse what would end in the system's killing of the process.

use crate::config::{Baseline, Exploration, KlPenalty, LearnedRates, MamlConfig, Outer};
use crate::error::MamlError;
use crate::task::Common;
use kernels::mlp::Mlp;
use rl_core::EnvSpec;
use rollout::RolloutError;

/// The most memory that an update or an evaluation may take.
const MAX_BYTES: f64 = (16_u64 << 30) as f64;

/// A number of any kind.
const FLOAT: f64 = 4.0;

/// Vectors of a policy's parameters that every inner step keeps to act and to
/// learn: the parameters, their gradient, the copy that the activations belong
/// to, the weights in panels and the gradient in panels.
const LEVEL: f64 = 5.0;

/// What derivatives through an inner step keep besides: a direction in panels,
/// and a tangent's direction, weights and panels.
const DERIVATIVES: f64 = 4.0;

/// What a task keeps once: a policy to act with and its weights in panels, and a
/// scaled direction, a product and a tangent of the work.
const WORK: f64 = 7.0;

/// Refuses a network of which not even one task could adapt.
pub(crate) fn check_network(network: &Mlp) -> Result<(), MamlError> {
    let vectors = 2.0 * LEVEL + WORK;
    let bytes = FLOAT * vectors * network.parameters() as f64;
    fits(
        "the adaptation of one policy",
        bytes,
        "lower maml.policy.hidden",
    )
}

impl Common {
    /// Refuses an update that would not fit into memory.
    pub(crate) fn check_memory(
        &self,
        spec: &EnvSpec,
        config: &MamlConfig,
    ) -> Result<(), MamlError> {
        let size = (config.trajectories, config.inner.steps);
        let task = self.samples(spec, size) + self.derivatives(config);
        let fix = "lower maml.tasks, maml.trajectories, maml.inner.steps, the hidden layers or \
                   the environment's horizon";
        let learned = FLOAT * 20.0 * self.meta(config);
        fits("an update", task * config.tasks as f64 + learned, fix)
    }

    /// Likewise an evaluation that adapts to so many tasks at once, by so many
    /// trajectories and gradient steps.
    pub(crate) fn check_evaluation_memory(
        &self,
        spec: &EnvSpec,
        tasks: usize,
        size: (usize, usize),
    ) -> Result<(), MamlError> {
        let levels = (size.1 + 1) as f64;
        let parameters = padded_parameters(self.network.inputs(), &self.hidden, self.outputs());
        let task = self.samples(spec, size) + FLOAT * parameters * (LEVEL * levels + WORK);
        // The rates of all tasks, and the policies of one that is looked at.
        let shared = FLOAT * parameters * 2.0 * levels;
        let fix = "lower maml.evaluation.trajectories, maml.evaluation.steps, maml.policy.hidden, \
                   the environment's horizon or --workers";
        fits("an evaluation", task * tasks as f64 + shared, fix)
    }

    /// Whether many products with the Hessians of a task's inner losses, two in
    /// each iteration of conjugate gradient, are worth a preparation: see
    /// [`kernels::mlp::Mlp::prepare_score`].
    pub(crate) fn preparing_pays(&self, iterations: usize) -> bool {
        let (cost, saved) = (self.network.inputs() + 3, 2 * 3 * iterations);
        self.rule.prepares() && cost < saved
    }

    /// What a task's samples take: of every rollout the network's activations are
    /// kept, and as much again for derivatives.
    fn samples(&self, spec: &EnvSpec, (trajectories, steps): (usize, usize)) -> f64 {
        let units: usize = self.hidden.iter().sum();
        let width = self.encoding.size() + units + 4 * self.outputs() + 16;
        let samples = trajectories as f64 * spec.trial_steps() as f64;
        FLOAT * width as f64 * (steps + 2) as f64 * samples
    }

    /// What a task's policies and derivatives take in an update.
    fn derivatives(&self, config: &MamlConfig) -> f64 {
        let (inputs, steps) = (self.network.inputs(), config.inner.steps as f64);
        let parameters = padded_parameters(inputs, &self.hidden, self.outputs());
        let mut vectors = (LEVEL + DERIVATIVES) * (steps + 1.0) + WORK;
        // The gradient of the parameters and the rates, before it is flat.
        vectors += steps + 1.0;
        let penalty = match config.outer {
            Outer::Ppo { penalty, .. } => penalty,
            Outer::Vpg | Outer::Trpo(_) | Outer::Reptile => KlPenalty::None,
        };
        if config.exploration != Exploration::None || penalty != KlPenalty::None {
            vectors += steps;
        }
        let prepared = match config.outer {
            Outer::Trpo(region) if self.preparing_pays(region.iterations) => {
                steps * self.prepared()
            }
            _ => 0.0,
        };
        let value = match &config.baseline {
            Baseline::Value { hidden, .. } => 4.0 * padded_parameters(inputs + 1, hidden, 1),
            Baseline::None | Baseline::Linear { .. } => 0.0,
        };
        FLOAT * (vectors * parameters + self.meta(config) + prepared + value)
    }

    /// Numbers that a preparation holds for one step.
    fn prepared(&self) -> f64 {
        let Some(first) = self.hidden.first() else {
            return 0.0;
        };
        let second = self.hidden.get(1).copied().unwrap_or(self.outputs());
        (self.network.inputs() + 1) as f64 * padded(*first) * padded(second)
    }

    /// Meta-parameters.
    fn meta(&self, config: &MamlConfig) -> f64 {
        let parameters = self.network.parameters() as f64;
        match config.inner.learned {
            LearnedRates::None | LearnedRates::PerStep => parameters,
            LearnedRates::PerParameter => parameters * (config.inner.steps + 1) as f64,
        }
    }

    fn outputs(&self) -> usize {
        self.network.outputs()
    }
}

/// Parameters of a network whose rows are padded for vector instructions.
fn padded_parameters(inputs: usize, hidden: &[usize], outputs: usize) -> f64 {
    let mut width = inputs;
    let mut parameters = 0.0;
    for units in hidden.iter().chain([&outputs]) {
        parameters += (padded(width) + 1.0) * padded(*units);
        width = *units;
    }
    parameters
}

fn padded(units: usize) -> f64 {
    units.next_multiple_of(16) as f64
}

fn fits(what: &'static str, bytes: f64, fix: &'static str) -> Result<(), MamlError> {
    match bytes <= MAX_BYTES {
        true => Ok(()),
        false => Err(RolloutError::Memory { what, bytes, fix }.into()),
    }
}
