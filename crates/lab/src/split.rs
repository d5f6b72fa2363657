//! Tasks that are kept from a training, so that an evaluation can tell what
//! was learned of the tasks from what was learned for any task.

use record::schema::{Generalization, OnPart};
use rl_core::{EnvFactory, Moments, Part, SettingError, Split, Subset};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use toml::{Table, Value};

/// `[evaluation.split]`: which tasks are never trained on.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitSettings {
    /// How many; 0 to train on all tasks.
    unseen: u64,
    /// Which. It is not the run's seed, so that runs of several seeds have the
    /// same ones.
    seed: u64,
}

impl SplitSettings {
    /// Fills in what is not set: no split.
    pub fn complete(evaluation: &mut Table) {
        let split = evaluation.entry("split").or_insert(Table::new().into());
        if let Value::Table(split) = split {
            for key in ["unseen", "seed"] {
                split.entry(key).or_insert(Value::Integer(0));
            }
        }
    }

    /// Whether all tasks that another split keeps back are kept back by this one, too.
    pub(crate) fn keeps(self, other: Self) -> bool {
        other.unseen == 0 || (self.seed == other.seed && self.unseen >= other.unseen)
    }

    /// The two parts of an environment's tasks, if it is split.
    ///
    /// # Errors
    /// If its tasks cannot be counted, or one part would be empty: names the
    /// key, its value and what is allowed.
    pub fn parts(self, env: &dyn EnvFactory) -> Result<Option<Parts>, String> {
        if self.unseen == 0 {
            return Ok(None);
        }
        let refuse = |why: String| {
            let unseen = self.unseen;
            let allowed = format!("0 for no split, or {why}");
            SettingError::refused("evaluation.split.unseen", unseen, allowed).to_string()
        };
        let Some(tasks) = env.tasks() else {
            let name = &env.spec().name;
            return Err(refuse(format!(
                "an environment whose tasks can be counted; those of '{name}' cannot, and each \
                 that is drawn is new"
            )));
        };
        let split = Arc::new(Split::new(tasks, self.unseen, self.seed).map_err(refuse)?);
        let part = |part| {
            let split = Arc::clone(&split);
            env.subset(Subset { split, part })
        };
        Ok(Some(Parts {
            trained: part(Part::Trained)?,
            unseen: part(Part::Unseen)?,
        }))
    }
}

/// An environment with the tasks of either part alone.
pub struct Parts {
    /// Tasks to train on.
    pub trained: Arc<dyn EnvFactory>,
    /// Tasks that are kept from the training.
    unseen: Arc<dyn EnvFactory>,
}

impl Parts {
    /// What `returns` measures in each part.
    pub fn measure<E>(
        &self,
        mut returns: impl FnMut(&Arc<dyn EnvFactory>) -> Result<Return, E>,
    ) -> Result<Generalization, E> {
        let mut part = |env: &Arc<dyn EnvFactory>| {
            let Return {
                tasks,
                mean_return,
                standard_error,
            } = returns(env)?;
            Ok(OnPart {
                distinct: env.tasks().unwrap_or_default(),
                tasks,
                mean_return,
                standard_error,
            })
        };
        Ok(Generalization {
            trained: part(&self.trained)?,
            unseen: part(&self.unseen)?,
        })
    }
}

/// A mean return.
#[derive(Clone, Copy)]
pub struct Return {
    /// How many tasks it is over.
    pub tasks: usize,
    /// The mean.
    pub mean_return: f64,
    /// Its standard error, over tasks.
    pub standard_error: f64,
}

impl From<&Moments> for Return {
    fn from(returns: &Moments) -> Self {
        Self {
            tasks: returns.count() as usize,
            mean_return: returns.mean(),
            standard_error: returns.standard_error(),
        }
    }
}
