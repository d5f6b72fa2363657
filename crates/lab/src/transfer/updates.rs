//! Learning by updates of a training in one task.

use super::{Arrival, Course, NewTask, Rules, Target};
use crate::failure::Failure;
use agent::{ActMode, Algorithm, LearnError, Place, Setup, Training};
use rl_core::{PolicyFactory, Tree};
use std::collections::VecDeque;
use std::sync::Arc;
use toml::Value;

/// A training to be done in a new task.
#[derive(Clone, Copy)]
pub struct Learns<'a> {
    /// By which algorithm.
    pub algorithm: &'a Algorithm,
    /// Its settings.
    pub settings: &'a Value,
    /// What it begins with; from nothing, if there is none.
    pub from: Option<&'a Tree>,
    /// How the agent acts where it is measured aside.
    pub actions: ActMode,
    /// Where it works.
    pub place: &'a Place,
}

/// Trains in a task until the running mean of what a unit earns reaches the target, and
/// trials aside confirm it.
///
/// # Errors
/// If the training cannot begin so, it or the environment fails, or the work is called
/// off.
pub fn by_updates(
    learns: &Learns<'_>,
    task: &NewTask,
    (rules, target): (&Rules, &Target),
) -> Result<Arrival, Failure> {
    let env = task.alone();
    let refuse = |why: String| Failure::config(format!("unit: allowed: {why}"));
    let units = rules.unit.of_trial(&env).map_err(refuse)? as f64;
    let nobody = |key: &str| {
        let allowed = "nothing that names a learner, since nobody teaches a new task";
        let refused = LearnError::config(format!("{}.{key}", learns.algorithm.name), key, allowed);
        Err::<Arc<dyn PolicyFactory>, _>(refused)
    };
    let setup = Setup {
        env: &env,
        settings: learns.settings,
        seed: task.learner_seed(),
        place: learns.place.clone(),
        learner: &nobody,
    };
    let mut training = (learns.algorithm.start)(setup)?;
    if let Some(tree) = learns.from {
        training.begin_from(tree)?;
    }
    let mut running = Running::new(rules.window);
    let mut asides = Asides {
        learns,
        task,
        rules,
        number: 0,
    };
    let mut last = None;
    while training.updates_done() < training.updates() {
        let before = training.env_steps();
        let update = training.update()?;
        let lived = training.env_steps();
        running.push(update.mean_return / units, lived - before);
        if running
            .mean()
            .is_some_and(|mean| target.is_reached_by(mean))
        {
            let earned = asides.earned(training.as_ref())?;
            if target.is_reached_by(earned) {
                let lived = lived as f64;
                return Ok(Arrival {
                    steps: (lived <= rules.budget as f64).then_some(lived),
                    lived,
                    earned,
                });
            }
            last = Some((training.updates_done(), earned));
        }
        if lived >= rules.budget {
            break;
        }
    }
    let earned = match last {
        Some((update, earned)) if update == training.updates_done() => earned,
        _ => asides.earned(training.as_ref())?,
    };
    Ok(Arrival {
        steps: None,
        lived: training.env_steps() as f64,
        earned,
    })
}

/// Measures an agent aside.
struct Asides<'a> {
    learns: &'a Learns<'a>,
    task: &'a NewTask,
    rules: &'a Rules,
    /// Measurements so far, each of trials of its own.
    number: u64,
}

impl Asides<'_> {
    /// What a unit earns.
    fn earned(&mut self, training: &dyn Training) -> Result<f64, Failure> {
        self.number += 1;
        let policy = training.policy(self.learns.actions);
        let trials = (self.rules.trials, self.number);
        let pool = &self.learns.place.pool;
        let batch = self.task.live(pool, &policy, trials)?;
        Ok(Course::of(&batch, self.rules.unit).mean())
    }
}

/// The mean over the last updates that together took as many steps as the window has.
struct Running {
    window: u64,
    /// What a unit earned in an update, and its steps.
    updates: VecDeque<(f64, u64)>,
    steps: u64,
}

impl Running {
    fn new(window: u64) -> Self {
        Self {
            window,
            updates: VecDeque::new(),
            steps: 0,
        }
    }

    fn push(&mut self, earned: f64, steps: u64) {
        self.updates.push_back((earned, steps));
        self.steps += steps;
        while let Some((_, first)) = self.updates.front().copied()
            && self.steps - first >= self.window
        {
            self.updates.pop_front();
            self.steps -= first;
        }
    }

    /// The mean; `None` before there are as many steps.
    fn mean(&self) -> Option<f64> {
        let sum: f64 = self.updates.iter().map(|(earned, _)| earned).sum();
        (self.steps >= self.window).then(|| sum / self.updates.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_mean_goes_back_as_far_as_its_window_and_no_further() {
        let mut running = Running::new(10);
        running.push(1.0, 4);
        running.push(2.0, 4);
        assert_eq!(running.mean(), None);
        running.push(3.0, 4);
        assert_eq!(running.mean(), Some(2.0));
        running.push(4.0, 4);
        assert_eq!(running.mean(), Some(3.0));
        running.push(9.0, 40);
        assert_eq!(running.mean(), Some(9.0));
    }
}
