//! What a training and an evaluation take of memory, found before it is taken.

use crate::config::{
    Baseline, Exploration, InnerRule, KlPenalty, LearnedRates, MamlConfig, MetaObjective, Order,
    Outer, Surrogate,
};
use crate::encoding::Encoding;
use crate::fault::{fault, unbuildable};
use crate::linear::LinearBaseline;
use crate::meta::{activation, gates, mask, network};
use crate::task::Common;
use agent::LearnError;
use kernels::gates::Gates;
use kernels::mlp::{Head, Mlp};
use rl_core::{EnvFactory, Footprint};
use rollout::{Batch, Pool};

/// Bytes of a number of any kind.
const FLOAT: f64 = 4.0;

/// Vectors as long as the meta-parameters that there are whatever the tasks: the
/// parameters and two moments, once more as an update changes them, in double
/// precision while they are averaged and searched along, and while a checkpoint
/// is written.
const VECTORS: f64 = 20.0;

/// What a training takes at its peak, with the evaluations of its adaptation, on
/// so many workers.
///
/// # Errors
/// If a setting is out of range or does not fit the environment.
pub fn footprint(
    env: &dyn EnvFactory,
    config: &MamlConfig,
    workers: usize,
) -> Result<Footprint, LearnError> {
    config.validate()?;
    let account = Account::new(env, config)?;
    let (tasks, steps) = (config.tasks, config.inner.steps);
    let in_flight = workers.min(tasks);
    let lanes = tasks as f64 * config.trajectories as f64;
    let meta = FLOAT * account.meta();
    Ok(
        Batch::footprint(env, lanes as usize, env.spec().trial_steps())
            .and(account.tasks(tasks, config.trajectories, steps))
            .with(
                format!("derivatives of {tasks} tasks"),
                tasks as f64 * (account.derivatives() + account.value() + meta),
                "maml.tasks, maml.inner.steps, maml.policy.hidden and maml.baseline.hidden",
            )
            .with(
                format!("{VECTORS} copies of the meta-parameters"),
                (VECTORS + 3.0 * in_flight as f64) * meta + VECTORS * account.value(),
                "maml.policy.hidden, maml.baseline.hidden and maml.inner.learned",
            )
            .with(
                "policies at work",
                in_flight as f64 * account.acting(config.trajectories),
                "maml.policy.hidden, maml.trajectories and --workers",
            )
            .and(evaluation_footprint(env, config, workers)?),
    )
}

/// Refuses what ranks could not tell each other: their tasks' gradients, of which every
/// other rank is told its part.
///
/// # Errors
/// As [`footprint`], and if a message would be too long.
pub(crate) fn expect_messages(
    env: &dyn EnvFactory,
    config: &MamlConfig,
    pool: &Pool,
) -> Result<(), LearnError> {
    let meta = Account::new(env, config)?.meta() as usize;
    let bytes = FLOAT * pool.most(config.tasks) as f64 * pool.most(meta) as f64;
    let lower = "maml.policy.hidden or maml.tasks";
    pool.expect_message("gradients of tasks", bytes, lower)
        .map_err(LearnError::Settings)
}

/// What an evaluation of the adaptation takes on so many workers: each has one
/// task at a time.
///
/// # Errors
/// As [`footprint`].
fn evaluation_footprint(
    env: &dyn EnvFactory,
    config: &MamlConfig,
    workers: usize,
) -> Result<Footprint, LearnError> {
    let account = Account::new(env, config)?;
    let (steps, trajectories) = (config.evaluation.steps, config.evaluation.trajectories);
    let lanes = workers as f64 * trajectories as f64;
    let rows = Batch::footprint(env, lanes as usize, env.spec().trial_steps()).bytes();
    let tasks = account.tasks(workers, trajectories, steps).bytes();
    // The rates of all steps, and the policies of one task that is looked at.
    let shared = 2.0 * (steps + 1) as f64 * FLOAT * account.network.parameters() as f64;
    let acting = workers as f64 * account.acting(trajectories);
    Ok(Footprint::new().with(
        format!("evaluations of {workers} tasks at once"),
        rows + tasks + shared + acting,
        "maml.evaluation.trajectories, maml.evaluation.steps, maml.policy.hidden, the \
         environment's size and steps per trial, and --workers",
    ))
}

impl Common {
    /// Whether many products with the Hessians of a task's inner losses, two in
    /// each iteration of conjugate gradient, are worth a preparation: see
    /// [`kernels::mlp::Mlp::prepare_score`].
    pub(crate) fn preparing_pays(&self, iterations: usize) -> bool {
        self.rule.prepares() && preparing_pays(self.network.inputs(), iterations)
    }
}

fn preparing_pays(inputs: usize, iterations: usize) -> bool {
    let (cost, saved) = (inputs + 3, 2 * 3 * iterations);
    cost < saved
}

/// What nobody would wait for in one update: 5 minutes, in seconds.
const TIME_LIMIT: f64 = 300.0;

/// Refuses linear baselines whose fits would take an update longer than anybody
/// waits.
///
/// # Errors
/// How long they would take, and what takes less.
pub(crate) fn expect_quick_fits(
    encoding: &Encoding,
    config: &MamlConfig,
    workers: usize,
) -> Result<(), LearnError> {
    let Baseline::Linear { .. } = config.baseline else {
        return Ok(());
    };
    let fits = config.tasks as f64 * (config.inner.steps + 1) as f64;
    let fit = LinearBaseline::seconds(encoding, !config.bootstrap);
    let seconds = fits * fit / workers.min(config.tasks) as f64;
    match seconds <= TIME_LIMIT {
        true => Ok(()),
        false => Err(fault(
            "baseline.kind",
            "linear",
            format!(
                "value or none; an update would fit {fits} linear baselines to observations of \
                 {} numbers, which takes about {:.0} minutes",
                encoding.size(),
                seconds / 60.0
            ),
        )),
    }
}

/// Counts what a task holds.
struct Account<'a> {
    config: &'a MamlConfig,
    network: Mlp,
    /// That of the baseline, if it is one.
    value: Option<Mlp>,
    encoding: Encoding,
    /// Steps of a trial, and of an episode.
    steps: usize,
    horizon: usize,
}

impl<'a> Account<'a> {
    fn new(env: &dyn EnvFactory, config: &'a MamlConfig) -> Result<Self, LearnError> {
        let encoding = Encoding::new(env.spec());
        let network = network(encoding.size(), encoding.action(), config)?;
        let value = match &config.baseline {
            Baseline::None | Baseline::Linear { .. } => None,
            Baseline::Value {
                hidden,
                activation: kind,
                ..
            } => {
                let inputs = encoding.size() + 1;
                let value = Mlp::new(inputs, hidden, 1, activation(*kind), Head::None);
                Some(value.map_err(unbuildable)?)
            }
        };
        Ok(Self {
            config,
            network,
            value,
            encoding,
            steps: env.spec().trial_steps(),
            horizon: env.spec().horizon,
        })
    }

    /// Samples, adapted policies with their activations, and baselines.
    fn tasks(&self, tasks: usize, trajectories: usize, steps: usize) -> Footprint {
        let levels = (steps + 1) as f64;
        let samples = trajectories.saturating_mul(self.steps);
        let parameters = FLOAT * self.network.parameters() as f64;
        let gathered = levels * samples as f64 * self.sample_bytes();
        let level = 2.0 * parameters
            + self.network.cache_bytes(samples)
            + self.network.gradient_bytes()
            + 2.0 * FLOAT * samples as f64
            + self.gate_memory();
        let tasks_each = tasks as f64;
        let all = Footprint::new()
            .with(
                format!("samples of {tasks} tasks"),
                tasks_each * gathered,
                "maml.tasks, maml.trajectories, maml.inner.steps and the environment's \
                 observations and steps per trial",
            )
            .with(
                format!("policies of {tasks} tasks and their activations"),
                tasks_each * (levels * level + 3.0 * parameters + self.gate_work()),
                "maml.tasks, maml.trajectories, maml.inner.steps, maml.policy.hidden and the \
                 environment's observations and steps per trial",
            );
        match self.config.baseline {
            Baseline::None => all,
            Baseline::Linear { .. } => all.with(
                format!("linear baselines of {tasks} tasks"),
                tasks_each * LinearBaseline::bytes(&self.encoding, !self.config.bootstrap),
                "maml.tasks and the square of the environment's observations; \
                 maml.baseline.kind = \"value\" or \"none\" takes less",
            ),
            Baseline::Value { .. } => all.with(
                format!("value estimates of {tasks} tasks"),
                tasks_each * self.estimates(samples),
                "maml.tasks, maml.trajectories and maml.baseline.hidden",
            ),
        }
    }

    /// Bytes of a sample, as it is gathered, credited and kept.
    fn sample_bytes(&self) -> f64 {
        let action = self.encoding.action().width();
        // Observation, action, log-probability and advantage.
        let sample = self.encoding.size() + action + 2;
        // Its step and place; its target, estimate, advantage and what bootstraps
        // it; a link; its share of its episode's bounds and final observation.
        let last = match self.config.bootstrap {
            true => FLOAT * self.encoding.size() as f64,
            false => 0.0,
        };
        let credit = 16.0 + 4.0 * FLOAT + 1.0 + (16.0 + last) / self.horizon as f64;
        // The outputs of the policy that it came from, and a scratch number.
        let anchor = FLOAT * (self.network.outputs() + 1) as f64;
        FLOAT * sample as f64 + credit + anchor
    }

    /// What a value network takes of a rollout's samples.
    fn estimates(&self, samples: usize) -> f64 {
        let Some(value) = &self.value else {
            return 0.0;
        };
        let inputs = FLOAT * samples as f64 * (value.inputs() + 1) as f64;
        inputs + value.cache_bytes(samples) + value.gradient_bytes()
    }

    /// What a task keeps for derivatives through its adaptation.
    fn derivatives(&self) -> f64 {
        let config = self.config;
        let steps = config.inner.steps as f64;
        let samples = config.trajectories.saturating_mul(self.steps);
        let parameters = FLOAT * self.network.parameters() as f64;
        // The gradient of the parameters and the rates, before it is flat.
        let mut bytes = (steps + 1.0) * (parameters + self.network.product_bytes());
        let penalty = match config.outer {
            Outer::Ppo { penalty, .. } => penalty,
            Outer::Vpg | Outer::Trpo(_) | Outer::Reptile => KlPenalty::None,
        };
        let earlier = config.objective == MetaObjective::EveryStep;
        if config.exploration != Exploration::None || penalty != KlPenalty::None || earlier {
            bytes += steps * parameters;
        }
        if earlier {
            bytes += FLOAT * samples as f64;
        }
        // Distributions that a divergence is taken from.
        bytes += (steps + 1.0) * 2.0 * FLOAT * samples as f64 * self.network.outputs() as f64;
        if config.inner.surrogate == Surrogate::Dice {
            bytes += self.network.tangent_bytes(samples) + 2.0 * FLOAT * samples as f64;
        }
        if let Outer::Trpo(region) = config.outer
            && config.order == Order::Second
            && config.inner.surrogate != Surrogate::Dice
            && preparing_pays(self.network.inputs(), region.iterations)
        {
            bytes += steps * self.network.prepared_bytes(samples);
        }
        bytes
    }

    /// Parameters that have gates, and the LSTM that makes these.
    fn gated(&self) -> Option<(Gates, usize)> {
        let InnerRule::Gated(gated) = &self.config.inner.rule else {
            return None;
        };
        let adapting = mask(&self.network, self.config.inner.adapt);
        let count = adapting.into_iter().filter(|adapts| *adapts).count();
        Some((gates(gated), count))
    }

    /// What the LSTM remembers of a step.
    fn gate_memory(&self) -> f64 {
        let bytes = |(gates, count): (Gates, usize)| gates.memory_bytes(count);
        self.gated().map_or(0.0, bytes)
    }

    /// The LSTM at work: its buffers, derivatives of what it remembers, and what it is
    /// told with derivatives.
    fn gate_work(&self) -> f64 {
        let bytes = |(gates, count): (Gates, usize)| {
            let told = (4.0 * FLOAT + 8.0) * count as f64;
            gates.work_bytes() + gates.memory_bytes(count) + told
        };
        self.gated().map_or(0.0, bytes)
    }

    /// A policy that acts in so many lanes.
    fn acting(&self, lanes: usize) -> f64 {
        let inputs = lanes as f64 * self.encoding.size() as f64;
        let parameters = self.network.parameters() as f64;
        FLOAT * (inputs + parameters) + self.network.cache_bytes(lanes)
    }

    /// Bytes of the value network's parameters.
    fn value(&self) -> f64 {
        let parameters = self.value.as_ref().map_or(0, Mlp::parameters);
        FLOAT * parameters as f64
    }

    /// Meta-parameters.
    fn meta(&self) -> f64 {
        let parameters = self.network.parameters() as f64;
        let numbers = match self.config.inner.learned {
            LearnedRates::None | LearnedRates::PerStep => parameters,
            LearnedRates::PerParameter => parameters * (self.config.inner.steps + 1) as f64,
        };
        numbers
            + self
                .gated()
                .map_or(0.0, |(gates, _)| gates.parameters() as f64)
    }
}
