//! How much is enough.

use super::{Course, NewTask, Rules};
use crate::failure::Failure;
use rl_core::Random;
use rollout::Pool;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is to be earned in a unit of a task.
///
/// It lies a share of the way from `floor` to what an agent earns that knows the task.
/// The floor is 0, so that a share of .9 is nine tenths of that optimum; where random
/// acting loses (−0.1 for every step off the goal, the distance to it), the floor is what
/// that earns, since a share of a negative optimum would be no bound at all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// What a unit earns for an agent that knows the task, exactly.
    pub known: f64,
    /// What a unit earns by random actions, a mean over trials.
    pub random: f64,
    /// What is to be earned.
    pub value: f64,
}

impl Target {
    /// The target of a task.
    pub fn new(known: f64, random: f64, share: f64) -> Self {
        let floor = random.min(0.0);
        Self {
            known,
            random,
            value: floor + share * (known - floor),
        }
    }

    /// Measures what random actions earn in a task, and asks it what knowing it does.
    ///
    /// # Errors
    /// If the environment does not say that, its trials are not whole units, or it fails.
    pub fn measure(
        pool: &Pool,
        task: &NewTask,
        rules: &Rules,
        share: f64,
    ) -> Result<Self, Failure> {
        let env = task.alone();
        let refuse = |why: String| Failure::config(format!("unit: allowed: {why}"));
        let units = rules.unit.of_trial(&env).map_err(refuse)?;
        let batch = task.live(pool, &(Arc::new(Random) as _), (rules.trials, RANDOM))?;
        let known = batch.tiles()[0].known_task_optimum()[0].ok_or_else(|| {
            let name = &rl_core::EnvFactory::spec(&env).name;
            Failure::config(format!(
                "environment '{name}' does not say what knowing a task is worth, at this size"
            ))
        })?;
        let random = Course::of(&batch, rules.unit).mean();
        Ok(Self::new(known / units as f64, random, share))
    }

    /// Whether that is enough.
    pub fn is_reached_by(&self, earned: f64) -> bool {
        // NaN is not.
        earned >= self.value
    }
}

/// The round of the trials of random actions.
const RANDOM: u64 = 0;
