//! How well an agent adapts to tasks that it was not trained on.

use crate::meta::Meta;
use crate::task::{Common, Site, Task, diverged, not_lived};
use crate::trainer::Trainer;
use crate::validate::rates;
use crate::value::ValueModel;
use agent::{ActMode, LearnError, Watch};
use rl_core::{Bounds, EnvFactory, Moments, PolicyFactory, StreamKey};
use rollout::{Held, PAIRED_TASKS, RolloutError};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    /// How the agent acts in the trials that are measured. Gradient steps are
    /// taken on sampled actions only: where the measured ones are greedy, the
    /// trials to learn from are lived beside them.
    pub actions: ActMode,
}

impl Adapted {
    fn check(&self) -> Result<(), LearnError> {
        let sizes = [
            ("evaluation.tasks", self.held.tasks),
            ("evaluation.trajectories", self.trajectories),
        ];
        let check = || {
            for (key, size) in sizes {
                Bounds::at_least(1).check(key, size)?;
            }
            rates("evaluation", self.steps, &self.rates)
        };
        Ok(check().map_err(|fault| fault.below("maml"))?)
    }
}

/// Returns in the course of the adaptation. A task's return is the mean over
/// its trials.
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptationCurve {
    /// Over the tasks, after each number of gradient steps. `[steps + 1]`
    pub returns: Vec<Moments>,
    /// Task by task, of the first [`PAIRED_TASKS`]: agents that met the same tasks
    /// can be compared in pairs.
    /// `[steps + 1][tasks]`
    pub task_returns: Vec<Vec<f64>>,
}

/// Tasks whose results are held at once.
const WAVE: usize = 64;

/// What the adaptation to one task went through.
struct Course {
    returns: Vec<f64>,     // [steps + 1]
    params: Vec<Vec<f32>>, // [steps + 1][parameters], where they are kept
}

/// Of which tasks there are courses, and how they go.
struct Courses<'a> {
    tasks: &'a [usize],
    /// Whether their parameters are kept.
    keep: bool,
    watch: &'a Watch<'a>,
}

/// Why an adaptation failed after how many steps; the task is known to the
/// caller.
enum Failure {
    Rollout(usize, RolloutError),
    Diverged(usize, (usize, f32)),
}

impl Trainer {
    /// Adapts to every task on its own, as the agent is now, and returns what it
    /// earned before, between and after the gradient steps. Fresh trials are
    /// lived for each.
    ///
    /// # Errors
    /// If there is nothing to do, it would not fit into memory, the environment
    /// fails, or an adaptation leaves the finite numbers.
    pub fn adapt_and_evaluate(
        &self,
        env: &Arc<dyn EnvFactory>,
        evaluation: &Adapted,
    ) -> Result<AdaptationCurve, LearnError> {
        self.adapt_and_evaluate_watched(env, evaluation, &|_| ControlFlow::Continue(()))
    }

    /// As [`Self::adapt_and_evaluate`]; `watch` is told, on the workers, how many
    /// more tasks are done, whenever some are, and may call off the rest.
    ///
    /// # Errors
    /// As [`Self::adapt_and_evaluate`], and [`RolloutError::CalledOff`].
    pub fn adapt_and_evaluate_watched(
        &self,
        env: &Arc<dyn EnvFactory>,
        evaluation: &Adapted,
        watch: &Watch<'_>,
    ) -> Result<AdaptationCurve, LearnError> {
        evaluation.check()?;
        let mut tasks = 0..evaluation.held.tasks;
        let mut curve = AdaptationCurve {
            returns: vec![Moments::default(); evaluation.steps + 1],
            task_returns: vec![Vec::new(); evaluation.steps + 1],
        };
        loop {
            let wave: Vec<usize> = tasks.by_ref().take(WAVE).collect();
            if wave.is_empty() {
                return Ok(curve);
            }
            let courses = Courses {
                tasks: &wave,
                keep: false,
                watch,
            };
            for course in self.courses(env, evaluation, &courses)? {
                for (step, mean) in course.returns.iter().enumerate() {
                    curve.returns[step].push(*mean);
                    let returns = &mut curve.task_returns[step];
                    if returns.len() < PAIRED_TASKS {
                        returns.push(*mean);
                    }
                }
            }
        }
    }

    /// Adapts to one task of an evaluation and returns the policies after each
    /// number of gradient steps, the first of them not adapted. `[steps + 1]`
    ///
    /// # Errors
    /// As [`Self::adapt_and_evaluate`].
    pub fn adapted_policies(
        &self,
        env: &Arc<dyn EnvFactory>,
        evaluation: &Adapted,
        task: usize,
    ) -> Result<Vec<Arc<dyn PolicyFactory>>, LearnError> {
        let courses = Courses {
            tasks: &[task],
            keep: true,
            watch: &|_| ControlFlow::Continue(()),
        };
        let courses = self.courses(env, evaluation, &courses)?;
        let mode = evaluation.actions;
        let params = courses.into_iter().flat_map(|course| course.params);
        Ok(params.map(|params| self.policy_of(params, mode)).collect())
    }

    fn courses(
        &self,
        env: &Arc<dyn EnvFactory>,
        evaluation: &Adapted,
        &Courses { tasks, keep, watch }: &Courses<'_>,
    ) -> Result<Vec<Course>, LearnError> {
        evaluation.check()?;
        self.common.encoding.fits(env.spec()).map_err(|why| {
            LearnError::Rollout(RolloutError::Unfit {
                policy: "maml".to_owned(),
                env: env.spec().name.clone(),
                why,
            })
        })?;
        let common = &self.common;
        let (rates, steps) = (&evaluation.rates, evaluation.steps);
        let meta = common.shape.read_with(&self.learned.values, rates, steps);
        let key = StreamKey {
            lanes_per_task: evaluation.trajectories as u64,
            ..StreamKey::new(evaluation.held.seed, evaluation.held.domain, 0)
        };
        let value = self.learned.value.as_ref().map(|value| &value.model);
        let (trajectories, actions) = (evaluation.trajectories, evaluation.actions);
        let called_off = AtomicBool::new(false);
        let courses = self.batch.pool.map(tasks, |_, &index| {
            if called_off.load(Ordering::Relaxed) {
                return Err(Failure::Rollout(0, RolloutError::CalledOff));
            }
            // Made and dropped by its worker, so that there are never more tasks in
            // memory than workers.
            let task = Task::new(env.as_ref(), common, (index, trajectories), steps);
            let policy = (&meta, value);
            let course = course(task, common, policy, (actions, key), keep);
            if watch(1).is_break() {
                called_off.store(true, Ordering::Relaxed);
            }
            course
        })?;
        let site = |task, step| Site {
            update: None,
            task,
            step,
        };
        let failed = |(task, failure): (usize, Failure)| match failure {
            Failure::Rollout(step, error) => not_lived(common, &site(task, step), error),
            Failure::Diverged(step, bad) => diverged(common, &site(task, step), bad),
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
    (meta, value): (&Meta<f32>, Option<&ValueModel>),
    (actions, mut key): (ActMode, StreamKey),
    keep: bool,
) -> Result<Course, Failure> {
    let mut course = Course {
        returns: Vec::new(),
        params: Vec::new(),
    };
    task.learner.begin(&common.rule, &meta.theta);
    for step in 0..=meta.rates.len() {
        key.rollout = step as u64;
        let (learns, greedy) = (step < meta.rates.len(), actions == ActMode::Greedy);
        let failed = |error| Failure::Rollout(step, error);
        if greedy {
            let earned = task.mean_return(common, ActMode::Greedy, &key);
            course.returns.push(earned.map_err(failed)?);
        }
        if learns || !greedy {
            task.collect(common, value, &key).map_err(failed)?;
        }
        if !greedy {
            course.returns.push(task.rollouts[step].mean_return);
        }
        if keep {
            course.params.push(task.learner.params().to_vec());
        }
        if learns {
            let stepped = task.step(common, meta);
            stepped.map_err(|bad| Failure::Diverged(step, bad))?;
        }
    }
    Ok(course)
}
