//! RL² as the runner sees it.

use super::{Setup, Training, Update, to_nets, to_record};
use crate::config::Actions;
use crate::failure::Failure;
use crate::read::read;
use ::rl2::{Rl2Config, Trainer};
use agent::{ActMode, Place, Snapshot};
use record::Checkpoint;
use rl_core::{Footprint, PolicyFactory};
use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;
use std::sync::Arc;
use toml::Value;

/// A training at its start.
pub(super) fn start(setup: Setup<'_>) -> Result<Box<dyn Training>, Failure> {
    let config = config(setup.settings)?;
    let (env, seed) = (setup.env, setup.seed);
    let updates = config.updates;
    let place = Place {
        pool: setup.pool,
        device: setup.device,
    };
    let trainer = Trainer::new(env, config, seed, place).map_err(Failure::config)?;
    Ok(Box::new(Rl2 { trainer, updates }))
}

/// What a training takes of memory.
pub(super) fn footprint(setup: &Setup<'_>) -> Result<Footprint, Failure> {
    let place = (setup.pool.workers(), setup.device);
    ::rl2::footprint(setup.env, &config(setup.settings)?, place).map_err(Failure::config)
}

/// The settings of `[rl2]`, typed and checked.
pub(crate) fn config(settings: &Value) -> Result<Rl2Config, Failure> {
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
        self.trainer.learner().updates_done()
    }

    fn env_steps(&self) -> u64 {
        self.trainer.learner().env_steps()
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
