//! How well an agent adapts to tasks that it was not trained on.

use crate::error::MamlError;
use crate::meta::Meta;
use crate::policy::ActMode;
use crate::task::{Common, Task, diverged};
use crate::trainer::Trainer;
use crate::validate::rates;
use crate::value::ValueModel;
use rl_core::{EnvFactory, Moments, PolicyFactory, StreamKey};
use rollout::{Held, RolloutError};
use std::sync::Arc;

/// An evaluation of the adaptation.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapted {
    /// On which tasks. `held.tasks` is their number.
    pub held: Held,
    /// Gradient steps.
    pub steps: usize,
    /// Step size of each; the last one holds for all that follow it. Learned
    /// rates are used in their place.
    pub rates: Vec<f64>,
    /// Trials of each task per gradient step, and after the last one.
    pub trajectories: usize,
}

impl Adapted {
    fn check(&self) -> Result<(), MamlError> {
        let sizes = [
            ("evaluation.tasks", self.held.tasks),
            ("evaluation.trajectories", self.trajectories),
        ];
        match sizes.into_iter().find(|(_, size)| *size == 0) {
            Some((key, _)) => Err(MamlError::config(key, 0, "at least 1")),
            None => rates("evaluation", self.steps, &self.rates),
        }
    }
}

/// Returns in the course of the adaptation. A task's return is the mean over
/// its trials.
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptationCurve {
    /// Over the tasks, after each number of gradient steps. `[steps + 1]`
    pub returns: Vec<Moments>,
    /// Task by task: agents that met the same tasks can be compared in pairs.
    /// `[steps + 1][tasks]`
    pub task_returns: Vec<Vec<f64>>,
}

/// Tasks that are adapted to at once, which bounds the memory they take.
const WAVE: usize = 64;

/// What the adaptation to one task went through.
struct Course {
    returns: Vec<f64>,     // [steps + 1]
    params: Vec<Vec<f32>>, // [steps + 1][parameters]
}

/// Why an adaptation failed; the task is known to the caller.
enum Failure {
    Rollout(RolloutError),
    Diverged(usize, (usize, f32)),
}

impl Trainer {
    /// Adapts to every task on its own, as the agent is now, and returns what it
    /// earned before, between and after the gradient steps. Fresh trials are
    /// lived for each.
    ///
    /// # Errors
    /// If there is nothing to do, the environment fails, or an adaptation leaves
    /// the finite numbers.
    pub fn adapt_and_evaluate(
        &self,
        env: &dyn EnvFactory,
        evaluation: &Adapted,
    ) -> Result<AdaptationCurve, MamlError> {
        evaluation.check()?;
        let tasks: Vec<usize> = (0..evaluation.held.tasks).collect();
        let mut curve = AdaptationCurve {
            returns: vec![Moments::default(); evaluation.steps + 1],
            task_returns: vec![Vec::new(); evaluation.steps + 1],
        };
        for wave in tasks.chunks(WAVE) {
            for course in self.courses(env, evaluation, wave)? {
                for (step, mean) in course.returns.iter().enumerate() {
                    curve.returns[step].push(*mean);
                    curve.task_returns[step].push(*mean);
                }
            }
        }
        Ok(curve)
    }

    /// Adapts to one task of an evaluation and returns the policies after each
    /// number of gradient steps, the first of them not adapted. `[steps + 1]`
    ///
    /// # Errors
    /// As [`Self::adapt_and_evaluate`].
    pub fn adapted_policies(
        &self,
        env: &dyn EnvFactory,
        evaluation: &Adapted,
        (task, mode): (usize, ActMode),
    ) -> Result<Vec<Arc<dyn PolicyFactory>>, MamlError> {
        let courses = self.courses(env, evaluation, &[task])?;
        let params = courses.into_iter().flat_map(|course| course.params);
        Ok(params.map(|params| self.policy_of(params, mode)).collect())
    }

    fn courses(
        &self,
        env: &dyn EnvFactory,
        evaluation: &Adapted,
        tasks: &[usize],
    ) -> Result<Vec<Course>, MamlError> {
        evaluation.check()?;
        self.common.encoding.fits(env.spec()).map_err(|why| {
            MamlError::Rollout(RolloutError::Unfit {
                policy: "maml".to_owned(),
                env: env.spec().name.clone(),
                why,
            })
        })?;
        let common = Arc::clone(&self.common);
        let (rates, steps) = (&evaluation.rates, evaluation.steps);
        let meta = common.shape.read_with(&self.learned.values, rates, steps);
        let key = StreamKey {
            lanes_per_task: evaluation.trajectories as u64,
            ..StreamKey::new(evaluation.held.seed, evaluation.held.domain, 0)
        };
        let value = self.learned.value.as_ref();
        let value = value.map(|value| Arc::clone(&value.model));
        let room = |index: &usize| {
            let place = (*index, evaluation.trajectories);
            Task::new(env, &common, place, steps)
        };
        let items: Vec<Task> = tasks.iter().map(room).collect();
        let shared = Arc::clone(&common);
        let courses = self.pool.map(items, move |_, task| {
            course(task, &shared, &meta, value.as_deref(), key)
        })?;
        let failed = |(task, failure): (usize, Failure)| match failure {
            Failure::Rollout(error) => MamlError::Rollout(error),
            Failure::Diverged(step, bad) => diverged(&common, (None, task, step), bad),
        };
        let numbered = tasks.iter().zip(courses);
        numbered
            .map(|(task, course)| course.map_err(|failure| failed((*task, failure))))
            .collect()
    }
}

/// The whole adaptation to one task.
fn course(
    mut task: Task,
    common: &Common,
    meta: &Meta<f32>,
    value: Option<&ValueModel>,
    mut key: StreamKey,
) -> Result<Course, Failure> {
    let mut course = Course {
        returns: Vec::new(),
        params: Vec::new(),
    };
    task.learner.begin(&meta.theta);
    for step in 0..=meta.rates.len() {
        key.rollout = step as u64;
        task.collect(common, value, &key)
            .map_err(Failure::Rollout)?;
        course.returns.push(task.rollouts[step].mean_return);
        course.params.push(task.learner.params().to_vec());
        if step < meta.rates.len() {
            let stepped = task.step(common, meta);
            stepped.map_err(|bad| Failure::Diverged(step, bad))?;
        }
    }
    Ok(course)
}
