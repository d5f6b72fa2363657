//! Algorithms by name, and what the runner needs of one: a line here for each.

use crate::config::Actions;
use crate::failure::Failure;
use crate::read::read;
use nets::NamedArray;
use nets::tch::Device;
use record::{Array, Checkpoint};
use rl_core::{EnvFactory, PolicyFactory};
use rl2::{ActMode, Rl2Config, Snapshot, Trainer};
use rollout::Pool;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use std::sync::Arc;
use toml::Value;

/// What a training starts from.
pub(crate) struct Setup<'a> {
    /// The environment.
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

    /// The agent as it is now.
    fn policy(&self, actions: Actions) -> Arc<dyn PolicyFactory>;

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

type Start = fn(Setup<'_>) -> Result<Box<dyn Training>, Failure>;

/// An algorithm that can be asked for by name.
pub struct AlgorithmEntry {
    name: &'static str,
    summary: &'static str,
    start: Start,
}

impl AlgorithmEntry {
    /// RL², settings in `[rl2]`.
    pub(crate) fn rl2() -> Self {
        Self {
            name: "rl2",
            summary: "RL²: a recurrent actor-critic whose memory lives one trial (PPO or A2C)",
            start: |setup| {
                let config = rl2_config(setup.settings)?;
                let (env, seed) = (setup.env, setup.seed);
                let updates = config.updates;
                let trainer = Trainer::new(env, config, seed, setup.pool, setup.device)
                    .map_err(Failure::config)?;
                Ok(Box::new(Rl2 { trainer, updates }))
            },
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

    /// A training at its start.
    ///
    /// # Errors
    /// If a setting is out of range or does not fit the environment.
    pub(crate) fn start(&self, setup: Setup<'_>) -> Result<Box<dyn Training>, Failure> {
        (self.start)(setup)
    }
}

/// The settings of `[rl2]`, typed and checked.
pub(crate) fn rl2_config(settings: &Value) -> Result<Rl2Config, Failure> {
    let config: Rl2Config = read("rl2", settings).map_err(Failure::config)?;
    config.validate()?;
    Ok(config)
}

struct Rl2 {
    trainer: Trainer,
    updates: u64,
}

/// What a checkpoint holds beside its arrays.
#[derive(Serialize, Deserialize)]
struct State {
    env_steps: u64,
}

impl Training for Rl2 {
    fn updates(&self) -> u64 {
        self.updates
    }

    fn updates_done(&self) -> u64 {
        self.trainer.updates_done()
    }

    fn env_steps(&self) -> u64 {
        self.trainer.env_steps()
    }

    fn update(&mut self) -> Result<Update, Failure> {
        let metrics = self.trainer.update()?;
        Ok(Update {
            mean_return: metrics.mean_return,
            row: to_raw_value(&metrics).map_err(Failure::internal)?,
        })
    }

    fn policy(&self, actions: Actions) -> Arc<dyn PolicyFactory> {
        self.trainer.policy(match actions {
            Actions::Sample => ActMode::Sample,
            Actions::Greedy => ActMode::Greedy,
        })
    }

    fn checkpoint(&self) -> Result<Checkpoint, Failure> {
        let snapshot = self.trainer.snapshot()?;
        let state = State {
            env_steps: snapshot.env_steps,
        };
        Ok(Checkpoint {
            params: to_record(snapshot.params),
            optimizer: to_record(snapshot.optimizer),
            state: serde_json::to_value(state).map_err(Failure::internal)?,
        })
    }

    fn restore(&mut self, update: u64, checkpoint: &Checkpoint) -> Result<(), Failure> {
        let state: State = serde_json::from_value(checkpoint.state.clone())
            .map_err(|error| Failure::config(format!("the checkpoint's state: {error}")))?;
        let snapshot = Snapshot {
            update,
            env_steps: state.env_steps,
            params: to_nets(&checkpoint.params),
            optimizer: to_nets(&checkpoint.optimizer),
        };
        self.trainer.restore(&snapshot).map_err(Failure::config)
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
