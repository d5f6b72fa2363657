//! What each lane knows of its task.

use rl_core::{Actions, Information, KnownTasks, Row};
use std::sync::Arc;

/// The information states of lanes.
pub(crate) struct Informed {
    pub(crate) tasks: Arc<dyn KnownTasks>,
    lanes: Vec<Information>,
}

impl Informed {
    pub(crate) fn new(tasks: Arc<dyn KnownTasks>, lanes: usize) -> Self {
        let lanes = vec![tasks.begin(); lanes];
        Self { tasks, lanes }
    }

    /// Takes in a lane's row, once, and says what is known then.
    pub(crate) fn learn(&mut self, lane: usize, row: &Row<'_>) -> Information {
        let known = &mut self.lanes[lane];
        if row.start[lane] {
            *known = self.tasks.begin();
        } else if let Actions::Discrete(actions) = row.previous_action {
            let reward = row.previous_reward[lane];
            *known = self.tasks.after(*known, actions[lane], reward);
        }
        *known
    }
}

/// The posterior of lanes.
pub(crate) struct Posterior {
    pub(crate) informed: Informed,
    /// How probable each task is in the lane that learned last. `[tasks]`
    pub(crate) probabilities: Vec<f64>,
}

impl Posterior {
    pub(crate) fn new(tasks: Arc<dyn KnownTasks>, lanes: usize) -> Self {
        let probabilities = vec![0.0; tasks.count()];
        let informed = Informed::new(tasks, lanes);
        Self {
            informed,
            probabilities,
        }
    }

    /// Takes in a lane's row, once, and says what is known then.
    pub(crate) fn learn(&mut self, lane: usize, row: &Row<'_>) -> Information {
        let known = self.informed.learn(lane, row);
        let tasks = &self.informed.tasks;
        tasks.posterior(known.evidence, &mut self.probabilities);
        known
    }
}
