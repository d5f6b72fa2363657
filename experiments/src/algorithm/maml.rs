//! MAML and its family as the runner sees them.

use super::{Adaptation, Setup, Training, Update, Watch, to_nets, to_record};
use crate::config::Actions;
use crate::failure::Failure;
use crate::read::read;
use ::maml::{ActMode, Adapted, MamlConfig, Snapshot, Trainer};
use nets::tch::Device;
use record::{Array, Checkpoint};
use rl_core::{EnvFactory, Footprint, Moments, PolicyFactory};
use rollout::Held;
use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;
use std::sync::Arc;
use toml::Value;

/// What names of arrays of the value network begin with in a checkpoint, where
/// they lie beside those of the policy.
const VALUE: &str = "value-network.";

/// A training at its start.
pub(super) fn start(setup: Setup<'_>) -> Result<Box<dyn Training>, Failure> {
    let config = config(setup.settings)?;
    if setup.device != Device::Cpu {
        return Err(Failure::usage(
            "--device: maml runs on the CPU alone; leave the option out",
        ));
    }
    let trainer =
        Trainer::new(setup.env, config, setup.seed, setup.pool).map_err(Failure::config)?;
    Ok(Box::new(Maml(trainer)))
}

/// What a training takes of memory.
pub(super) fn footprint(setup: &Setup<'_>) -> Result<Footprint, Failure> {
    let config = config(setup.settings)?;
    ::maml::footprint(setup.env, &config, setup.pool.workers()).map_err(Failure::config)
}

/// The settings of `[maml]`, typed and checked.
pub(crate) fn config(settings: &Value) -> Result<MamlConfig, Failure> {
    let config: MamlConfig = read("maml", settings).map_err(Failure::config)?;
    config.validate().map_err(Failure::config)?;
    Ok(config)
}

struct Maml(Trainer);

/// What a checkpoint holds beside its arrays.
#[derive(Serialize, Deserialize)]
struct State {
    env_steps: u64,
    penalty: f64,
}

impl Maml {
    /// The adaptation that the configuration asks for, on some tasks.
    fn adapted(&self, held: Held, actions: Actions) -> Adapted {
        let evaluation = &self.0.config().evaluation;
        Adapted {
            held,
            steps: evaluation.steps,
            rates: evaluation.rates.clone(),
            trajectories: evaluation.trajectories,
            actions: mode(actions),
        }
    }
}

fn mode(actions: Actions) -> ActMode {
    match actions {
        Actions::Sample => ActMode::Sample,
        Actions::Greedy => ActMode::Greedy,
    }
}

impl Training for Maml {
    fn updates(&self) -> u64 {
        self.0.config().updates
    }

    fn updates_done(&self) -> u64 {
        self.0.updates_done()
    }

    fn env_steps(&self) -> u64 {
        self.0.env_steps()
    }

    fn update(&mut self) -> Result<Update, Failure> {
        let metrics = self.0.update()?;
        Ok(Update {
            mean_return: metrics.mean_return,
            row: to_raw_value(&metrics).map_err(Failure::internal)?,
        })
    }

    fn policy(&self, actions: Actions) -> Arc<dyn PolicyFactory> {
        self.0.policy(mode(actions))
    }

    fn adaptation(
        &self,
        env: &Arc<dyn EnvFactory>,
        (held, actions): (Held, Actions),
        watch: &Watch,
    ) -> Result<Option<Adaptation>, Failure> {
        let adapted = self.adapted(held, actions);
        let watch = Arc::clone(watch);
        let watched = self
            .0
            .adapt_and_evaluate_watched(env, &adapted, move |more| watch(more));
        let curve = watched?;
        Ok(Some(Adaptation {
            tasks: held.tasks,
            trajectories: adapted.trajectories,
            mean_return: curve.returns.iter().map(Moments::mean).collect(),
            standard_error: curve.returns.iter().map(Moments::standard_error).collect(),
        }))
    }

    fn policies(
        &self,
        env: &Arc<dyn EnvFactory>,
        (held, task): (Held, usize),
        actions: Actions,
    ) -> Result<Vec<Arc<dyn PolicyFactory>>, Failure> {
        let adapted = self.adapted(held, actions);
        Ok(self.0.adapted_policies(env, &adapted, task)?)
    }

    fn checkpoint(&self) -> Result<Checkpoint, Failure> {
        let snapshot = self.0.snapshot()?;
        let state = State {
            env_steps: snapshot.env_steps,
            penalty: snapshot.penalty,
        };
        let marked = |arrays| to_record(arrays).into_iter().map(mark);
        let both = |own, values| to_record(own).into_iter().chain(marked(values)).collect();
        Ok(Checkpoint {
            params: both(snapshot.params, snapshot.value_params),
            optimizer: both(snapshot.optimizer, snapshot.value_optimizer),
            state: serde_json::to_value(state).map_err(Failure::internal)?,
        })
    }

    fn restore(&mut self, update: u64, checkpoint: &Checkpoint) -> Result<(), Failure> {
        let state: State = serde_json::from_value(checkpoint.state.clone())
            .map_err(|error| Failure::config(format!("the checkpoint's state: {error}")))?;
        let [params, value_params] = apart(&checkpoint.params);
        let [optimizer, value_optimizer] = apart(&checkpoint.optimizer);
        let snapshot = Snapshot {
            update,
            env_steps: state.env_steps,
            params: to_nets(&params),
            optimizer: to_nets(&optimizer),
            penalty: state.penalty,
            value_params: to_nets(&value_params),
            value_optimizer: to_nets(&value_optimizer),
        };
        self.0.restore(&snapshot).map_err(Failure::config)
    }
}

/// Marks an array as one of the value network.
fn mark(array: Array) -> Array {
    let name = format!("{VALUE}{}", array.name);
    Array { name, ..array }
}

/// The policy's arrays, and those of the value network without their mark.
fn apart(arrays: &[Array]) -> [Vec<Array>; 2] {
    let (mut own, mut values) = (Vec::new(), Vec::new());
    for array in arrays {
        match array.name.strip_prefix(VALUE) {
            Some(name) => values.push(Array {
                name: name.to_owned(),
                ..array.clone()
            }),
            None => own.push(array.clone()),
        }
    }
    [own, values]
}
