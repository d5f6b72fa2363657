//! Algorithms by name, and what the runner needs of one: an adapter, a
//! constructor of [`AlgorithmEntry`] and a line of the registry for each.

mod maml;
mod rl2;

use crate::config::Actions;
use crate::failure::Failure;
use nets::NamedArray;
use nets::tch::Device;
use record::{Array, Checkpoint};
use rl_core::{EnvFactory, Footprint, PolicyFactory};
use rollout::{Held, Pool};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::ops::ControlFlow;
use std::sync::Arc;
use toml::Value;

pub(crate) use maml::config as maml_config;
pub(crate) use rl2::config as rl2_config;

/// What a training starts from.
pub(crate) struct Setup<'a> {
    /// The environment, with the tasks to train on.
    pub(crate) env: &'a dyn EnvFactory,
    /// The table of the algorithm's settings.
    pub(crate) settings: &'a Value,
    /// The run's seed.
    pub(crate) seed: u64,
    /// Who does the work.
    pub(crate) pool: Arc<Pool>,
    /// Where networks live.
    pub(crate) device: Device,
}

/// What one update did.
pub(crate) struct Update {
    /// Mean return of the trials it learned from.
    pub(crate) mean_return: f64,
    /// Its row in `metrics.jsonl`.
    pub(crate) row: Box<RawValue>,
}

/// Who hears, on the workers, how many more fresh tasks are done, and may
/// call off the rest.
pub(crate) type Watch = Arc<dyn Fn(usize) -> ControlFlow<()> + Send + Sync>;

/// A training in progress, as the runner sees it.
pub(crate) trait Training {
    /// How many updates there will be.
    fn updates(&self) -> u64;

    /// How many there have been.
    fn updates_done(&self) -> u64;

    /// Environment steps so far.
    fn env_steps(&self) -> u64;

    /// Does the next update.
    ///
    /// # Errors
    /// If the environment or the arithmetic fails.
    fn update(&mut self) -> Result<Update, Failure>;

    /// The agent as it is now; one that adapts, before any adaptation.
    fn policy(&self, actions: Actions) -> Arc<dyn PolicyFactory>;

    /// How the agent does on tasks that it adapts to by gradient steps; `None`
    /// if its policy is all there is.
    ///
    /// # Errors
    /// If the environment or the arithmetic fails, or it was called off.
    fn adaptation(
        &self,
        _env: &Arc<dyn EnvFactory>,
        (_held, _actions): (Held, Actions),
        _watch: &Watch,
    ) -> Result<Option<Adaptation>, Failure> {
        Ok(None)
    }

    /// The policies in the course of the adaptation to one task of `held`; just
    /// the agent's, if it does not adapt.
    ///
    /// # Errors
    /// As [`Self::adaptation`].
    fn policies(
        &self,
        _env: &Arc<dyn EnvFactory>,
        (_held, _task): (Held, usize),
        actions: Actions,
    ) -> Result<Vec<Arc<dyn PolicyFactory>>, Failure> {
        Ok(vec![self.policy(actions)])
    }

    /// All that is needed to go on from here.
    ///
    /// # Errors
    /// If the parameters cannot be read out.
    fn checkpoint(&self) -> Result<Checkpoint, Failure>;

    /// Goes back to a checkpoint.
    ///
    /// # Errors
    /// If it is of another network.
    fn restore(&mut self, update: u64, checkpoint: &Checkpoint) -> Result<(), Failure>;
}

/// What gradient steps on fresh tasks led to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Adaptation {
    /// How many tasks.
    pub(crate) tasks: usize,
    /// Trials of each task per gradient step, and after the last one.
    pub(crate) trajectories: usize,
    /// Mean return of a trial after 0, 1, 2, … gradient steps.
    #[serde(deserialize_with = "record::nulls_as_nan")]
    pub(crate) mean_return: Vec<f64>,
    /// Standard errors, over tasks.
    #[serde(deserialize_with = "record::nulls_as_nan")]
    pub(crate) standard_error: Vec<f64>,
}

type Start = fn(Setup<'_>) -> Result<Box<dyn Training>, Failure>;
type Count = fn(&Setup<'_>) -> Result<Footprint, Failure>;

/// An algorithm that can be asked for by name.
pub struct AlgorithmEntry {
    name: &'static str,
    summary: &'static str,
    start: Start,
    footprint: Count,
}

impl AlgorithmEntry {
    /// RL², settings in `[rl2]`.
    pub(crate) fn rl2() -> Self {
        Self {
            name: "rl2",
            summary: "RL²: a recurrent actor-critic whose memory lives one trial (PPO or A2C)",
            start: rl2::start,
            footprint: rl2::footprint,
        }
    }

    /// MAML and its family, settings in `[maml]`.
    pub(crate) fn maml() -> Self {
        Self {
            name: "maml",
            summary: "MAML: a policy that a few steps of policy gradient adapt to a task \
                      (second and first order, Reptile, ANIL, Meta-SGD, E-MAML, DiCE, ProMP)",
            start: maml::start,
            footprint: maml::footprint,
        }
    }

    /// What it is called, also the key of its settings.
    pub fn name(&self) -> &str {
        self.name
    }

    /// What it is, in one line.
    pub fn summary(&self) -> &str {
        self.summary
    }

    /// What a training takes of memory.
    ///
    /// # Errors
    /// If a setting is out of range or does not fit the environment.
    pub(crate) fn footprint(&self, setup: &Setup<'_>) -> Result<Footprint, Failure> {
        (self.footprint)(setup)
    }

    /// A training at its start.
    ///
    /// # Errors
    /// If a setting is out of range or does not fit the environment.
    pub(crate) fn start(&self, setup: Setup<'_>) -> Result<Box<dyn Training>, Failure> {
        (self.start)(setup)
    }
}

fn to_record(arrays: Vec<NamedArray>) -> Vec<Array> {
    let convert = |NamedArray { name, shape, data }| Array { name, shape, data };
    arrays.into_iter().map(convert).collect()
}

fn to_nets(arrays: &[Array]) -> Vec<NamedArray> {
    let convert = |Array { name, shape, data }| NamedArray { name, shape, data };
    arrays.iter().cloned().map(convert).collect()
}
