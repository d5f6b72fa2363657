//! Trials in a new task, and what they earn unit by unit.

use crate::failure::Failure;
use rl_core::{
    Domain, EnvFactory, Moments, OneTask, Outcome, PolicyFactory, StreamKey, Trajectory, Trial,
};
use rollout::{Batch, BatchSize, Pool};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Lanes that are lived together; of no effect on the results.
const TILE: usize = 32;

/// What earnings are measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// An episode.
    Episode,
    /// So many steps, which must be alike to whoever knows the task, as the pulls of a
    /// bandit are.
    Steps(usize),
}

impl Unit {
    /// Units of a trial.
    ///
    /// # Errors
    /// If trials are not whole units: what is allowed, as a clause.
    pub fn of_trial(self, env: &dyn EnvFactory) -> Result<usize, String> {
        let spec = env.spec();
        match (self, spec.trial) {
            (Self::Episode, Trial::Episodes(episodes)) => Ok(episodes),
            (Self::Episode, Trial::Steps(_)) => {
                Err("a number of steps, where trials are a budget of steps".to_owned())
            }
            (Self::Steps(steps), _) => {
                let whole = spec.trial_steps();
                let divides = steps > 0 && whole.is_multiple_of(steps);
                let allowed = || format!("a divisor of the {whole} steps of a trial");
                divides.then(|| whole / steps).ok_or_else(allowed)
            }
        }
    }
}

/// A fresh task, the one of its number in an evaluation under the seed.
#[derive(Clone)]
pub struct NewTask {
    env: Arc<dyn EnvFactory>,
    seed: u64,
    number: u64,
}

impl NewTask {
    /// The task of a number.
    pub fn new(env: &Arc<dyn EnvFactory>, seed: u64, number: u64) -> Self {
        let env = Arc::clone(env);
        Self { env, seed, number }
    }

    /// Its number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The seed that it is drawn under.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The environment with this task in every lane.
    pub fn alone(&self) -> OneTask {
        let held = (self.seed, Domain::HeldOut);
        OneTask::new(Arc::clone(&self.env), held, self.number)
    }

    /// A seed of its own for whoever learns it.
    pub fn learner_seed(&self) -> u64 {
        (self.seed.wrapping_add(1) << 32) | self.number
    }

    /// Lives trials by a policy; `round` tells them from others in this task.
    pub(super) fn live(
        &self,
        pool: &Pool,
        policy: &Arc<dyn PolicyFactory>,
        (trials, round): (usize, u64),
    ) -> Result<Batch, Failure> {
        let env = self.alone();
        let size = BatchSize {
            lanes: trials,
            tile: TILE,
            steps: env.spec().trial_steps(),
        };
        let mut batch = Batch::new(&env, size)?;
        let key = StreamKey::new(self.learner_seed(), Domain::HeldOut, round);
        batch.collect(pool, policy, key)?;
        Ok(batch)
    }
}

/// What trials earn in each of their units, and after how many steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// Of a unit, over the trials. `[units]`
    pub earned: Vec<Moments>,
    /// Steps of a trial until the end of the unit, over the trials. `[units]`
    pub steps: Vec<Moments>,
}

impl Course {
    /// Of the first trials of a batch, in such units.
    pub(super) fn of(batch: &Batch, unit: Unit) -> Self {
        let mut course = Self {
            earned: Vec::new(),
            steps: Vec::new(),
        };
        for tile in batch.tiles() {
            let trajectory = tile.trajectory();
            for lane in 0..trajectory.lanes() {
                course.add(trajectory, lane, unit);
            }
        }
        course
    }

    fn add(&mut self, trajectory: &Trajectory, lane: usize, unit: Unit) {
        let lanes = trajectory.lanes();
        let (mut index, mut earned) = (0, 0.0);
        for t in 0..trajectory.lengths()[lane] {
            let at = t * lanes + lane;
            earned += f64::from(trajectory.rewards()[at]);
            let ends = match unit {
                Unit::Episode => trajectory.outcomes()[at] != Outcome::Continue,
                Unit::Steps(steps) => (t + 1).is_multiple_of(steps),
            };
            if ends {
                if index == self.earned.len() {
                    self.earned.push(Moments::default());
                    self.steps.push(Moments::default());
                }
                self.earned[index].push(earned);
                self.steps[index].push((t + 1) as f64);
                (index, earned) = (index + 1, 0.0);
            }
        }
    }

    /// What a unit earns on the mean over all of them.
    pub fn mean(&self) -> f64 {
        let mut all = Moments::default();
        self.earned.iter().for_each(|unit| all.merge(unit));
        all.mean()
    }

    /// Steps of a trial on the mean.
    pub fn trial_steps(&self) -> f64 {
        self.steps.last().map_or(0.0, Moments::mean)
    }
}
