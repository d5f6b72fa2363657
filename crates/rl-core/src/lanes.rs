//! From one author's environment to a batch of lanes.

use crate::analysis::Analysis;
use crate::author::{AtWork, Call, guarded, rethrow};
use crate::env::{ActionKind, Environment, Outcome, TaskDistribution};
use crate::exact::{Exact, ExactValues, OF_A_SUBSET};
use crate::fault::SpecError;
use crate::known_tasks::KnownTasks;
use crate::objective::{Objective, Objectives};
use crate::picture::{Episode, Picture};
use crate::policy::PolicyFactory;
use crate::spec::{ActionSpace, EnvSpec, Trial};
use crate::split::Subset;
use crate::statistics::StatisticsFactory;
use crate::streams::{Purpose, Stream, StreamKey};
use crate::vec_env::{Actions, EnvFactory, Place, Positions, StepRows, VecEnv};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A task distribution as an [`EnvFactory`].
pub struct Tasks<D> {
    distribution: Arc<D>,
    spec: Arc<EnvSpec>,
    /// Which of the tasks there are; all of them, if none.
    subset: Option<Subset>,
}

impl<D: TaskDistribution> Tasks<D> {
    /// Wraps a distribution.
    ///
    /// # Errors
    /// If its specification makes no sense, or its action space is not of the
    /// kind that its tasks take.
    pub fn new(distribution: D) -> Result<Self, SpecError> {
        let spec = distribution.spec();
        spec.validate()?;
        if !<<D::Task as Environment>::Action as ActionKind>::fits(&spec.action) {
            return Err(SpecError::new(
                &spec.name,
                "action",
                format!("{:?}", spec.action),
                "Discrete for `type Action = Discrete`, Box for `type Action = Continuous`",
            ));
        }
        Ok(Self {
            distribution: Arc::new(distribution),
            spec: Arc::new(spec),
            subset: None,
        })
    }

    fn call<R>(&self, method: &'static str, call: impl FnOnce(&D) -> R) -> R {
        guarded(&self.spec.name, method, || call(&self.distribution))
    }
}

impl<D: TaskDistribution> EnvFactory for Tasks<D> {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn make(&self, lanes: usize) -> Box<dyn VecEnv> {
        Box::new(Lanes::new(self, lanes))
    }

    fn tasks(&self) -> Option<u64> {
        match &self.subset {
            None => self.distribution.tasks(),
            Some(subset) => Some(subset.count()),
        }
    }

    fn description_of(&self, number: u64) -> Vec<f32> {
        if self
            .distribution
            .tasks()
            .is_none_or(|tasks| number >= tasks)
        {
            return Vec::new();
        }
        self.call("describe", |distribution| {
            let mut task = D::Task::default();
            distribution.select(&mut task, number);
            let mut description = vec![0.0; distribution.description_size()];
            distribution.describe(&task, &mut description);
            description
        })
    }

    fn subset(&self, subset: Subset) -> Result<Arc<dyn EnvFactory>, String> {
        let (name, split) = (&self.spec.name, subset.split.tasks());
        match self.tasks() {
            Some(tasks) if tasks == split && self.subset.is_none() => Ok(Arc::new(Self {
                distribution: Arc::clone(&self.distribution),
                spec: Arc::clone(&self.spec),
                subset: Some(subset),
            })),
            Some(tasks) => Err(format!(
                "the split is of {split} tasks, and this '{name}' has {tasks}"
            )),
            None => Err(format!("the tasks of '{name}' cannot be counted")),
        }
    }

    fn lane_bytes(&self) -> f64 {
        size_of::<Lane<D::Task>>() as f64 + self.distribution.task_bytes()
    }

    fn known_task_bytes(&self) -> f64 {
        self.distribution.known_task_bytes()
    }

    fn solution_bytes(&self) -> f64 {
        self.distribution.solution_bytes()
    }

    fn exact_values(&self) -> ExactValues {
        match &self.subset {
            None => self.call("exact_values", D::exact_values),
            Some(_) => ExactValues::of_a_subset(),
        }
    }

    fn further_values(&self) -> Vec<(&'static str, Exact)> {
        match &self.subset {
            None => self.call("further_values", D::further_values),
            Some(_) => Vec::new(),
        }
    }

    fn bayes_optimal_policy(&self) -> Result<Box<dyn PolicyFactory>, String> {
        match &self.subset {
            None => self.call("bayes_optimal_policy", D::bayes_optimal_policy),
            Some(_) => Err(OF_A_SUBSET.into()),
        }
    }

    fn learners(&self) -> Vec<Box<dyn PolicyFactory>> {
        self.call("learners", D::learners)
    }

    fn statistics(&self) -> Option<Arc<dyn StatisticsFactory>> {
        self.call("statistics", D::statistics)
    }

    fn objectives(&self) -> Option<Arc<dyn Objectives>> {
        let drawn = Drawn {
            distribution: Arc::clone(&self.distribution),
            spec: Arc::clone(&self.spec),
            subset: self.subset.clone(),
        };
        let any = StreamKey::new(0, crate::streams::Domain::Training, 0);
        drawn
            .objective(&any, 0)
            .is_some()
            .then(|| Arc::new(drawn) as _)
    }

    fn known_tasks(&self) -> Result<Arc<dyn KnownTasks>, String> {
        match &self.subset {
            None => self.call("known_tasks", D::known_tasks),
            Some(_) => Err("what is known is of all tasks, and these are some of them".into()),
        }
    }

    fn analyses(&self) -> Vec<Analysis> {
        self.call("analyses", D::analyses)
    }
}

/// Tasks as functions.
struct Drawn<D> {
    distribution: Arc<D>,
    spec: Arc<EnvSpec>,
    subset: Option<Subset>,
}

impl<D: TaskDistribution> Drawn<D> {
    fn objective(&self, key: &StreamKey, lane: u64) -> Option<Box<dyn Objective>> {
        let mut task = D::Task::default();
        let mut stream = key.lane(Purpose::Task, lane);
        let (distribution, subset) = (self.distribution.as_ref(), self.subset.as_ref());
        guarded(&self.spec.name, "objective", || {
            draw(distribution, subset, (&mut task, &mut stream));
            distribution.objective(&task)
        })
    }
}

impl<D: TaskDistribution> Objectives for Drawn<D> {
    fn draw(&self, key: &StreamKey, lane: u64) -> Box<dyn Objective> {
        let drawn = self.objective(key, lane);
        drawn.expect("a distribution of functions gives one for every task")
    }
}

/// One lane's task, state, clock and streams, side by side in memory.
struct Lane<T: Environment> {
    dynamics: Stream,
    state: T::State,
    task: T,
    /// Steps of the episode.
    step: u32,
    /// Steps of the trial.
    lived: u32,
    episode: u32,
    trial: u64,
    tasks: Stream,
    /// Where the last episode ended, for drawings.
    ended: [f32; 2],
}

/// A batch of lanes of one task distribution. Owns the time limit, auto-reset
/// and trials, so that no author has to.
pub struct Lanes<D: TaskDistribution> {
    distribution: Arc<D>,
    spec: Arc<EnvSpec>,
    subset: Option<Subset>,
    lanes: Vec<Lane<D::Task>>,
    first_lane: u64,
    at_work: Arc<AtWork>,
    /// One continuous action, clipped to the box; empty for discrete actions.
    clipped: Vec<f32>,
}

impl<D: TaskDistribution> Lanes<D> {
    /// A batch of `lanes` lanes; call [`VecEnv::begin`] first.
    pub fn new(tasks: &Tasks<D>, lanes: usize) -> Self {
        let idle = StreamKey::new(0, crate::streams::Domain::Training, 0).lane(Purpose::Task, 0);
        let lane = || Lane {
            dynamics: idle.clone(),
            state: Default::default(),
            task: Default::default(),
            step: 0,
            lived: 0,
            episode: 0,
            trial: 0,
            tasks: idle.clone(),
            ended: [0.0; 2],
        };
        let clipped = match &tasks.spec.action {
            ActionSpace::Discrete { .. } => Vec::new(),
            ActionSpace::Box { low, .. } => vec![0.0; low.len()],
        };
        Self {
            distribution: Arc::clone(&tasks.distribution),
            spec: Arc::clone(&tasks.spec),
            subset: tasks.subset.clone(),
            lanes: std::iter::repeat_with(lane).take(lanes).collect(),
            first_lane: 0,
            at_work: Arc::default(),
            clipped,
        }
    }

    /// Calls an author's method of one lane.
    fn call<R>(&self, lane: usize, call: Call, method: impl FnOnce() -> R) -> R {
        self.at_work.set(lane, call);
        guarded(&self.spec.name, call.name(), method)
    }

    /// Lets a panic of the author's code go on with the method that it was in.
    fn rethrow(&self, payload: Box<dyn Any + Send>) -> ! {
        let (_, call) = self.at_work.last();
        rethrow(&self.spec.name, call.name(), payload)
    }

    fn begin_lanes(&mut self, key: &StreamKey, observation: &mut [f32]) {
        let width = self.spec.observation.width();
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            let number = self.first_lane + index as u64;
            lane.tasks = key.lane(Purpose::Task, number);
            lane.dynamics = key.lane(Purpose::Dynamics, number);
            (lane.step, lane.lived, lane.episode, lane.trial) = (0, 0, 0, 0);
            self.at_work.set(index, Call::Sample);
            let drawn = (&mut lane.task, &mut lane.tasks);
            draw(self.distribution.as_ref(), self.subset.as_ref(), drawn);
            self.at_work.set(index, Call::Reset);
            lane.task.reset(&mut lane.state, &mut lane.dynamics);
            let row = &mut observation[index * width..(index + 1) * width];
            self.at_work.set(index, Call::Observe);
            lane.task.observe(&lane.state, row);
        }
    }

    fn step_lanes(&mut self, actions: Actions<'_>, rows: StepRows<'_>) {
        let width = self.spec.observation.width();
        let horizon = self.spec.horizon as u32;
        // A trial ends with one of its episodes, or cuts its last one off.
        let (episodes, budget) = match self.spec.trial {
            Trial::Episodes(episodes) => (episodes as u32, u32::MAX),
            Trial::Steps(steps) => (u32::MAX, steps as u32),
        };
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            self.at_work.set(index, Call::Step);
            let step = match actions {
                Actions::Discrete(_) => {
                    let action = ActionKind::of(&actions, index);
                    lane.task.step(&mut lane.state, action, &mut lane.dynamics)
                }
                Actions::Box { width, row } => {
                    let wanted = &row[index * width..(index + 1) * width];
                    clip(&self.spec.action, wanted, &mut self.clipped);
                    let clipped = Actions::Box {
                        width,
                        row: &self.clipped,
                    };
                    let action = ActionKind::of(&clipped, 0);
                    lane.task.step(&mut lane.state, action, &mut lane.dynamics)
                }
            };
            lane.step += 1;
            lane.lived += 1;
            let spent = lane.lived == budget;
            let outcome = match (step.terminated, lane.step == horizon || spent) {
                (true, _) => Outcome::Terminated,
                (false, true) => Outcome::Truncated,
                (false, false) => Outcome::Continue,
            };
            let own = index * width..(index + 1) * width;
            let mut start = false;
            if outcome != Outcome::Continue {
                self.at_work.set(index, Call::Observe);
                let last = &mut rows.final_observation[own.clone()];
                lane.task.observe(&lane.state, last);
                self.at_work.set(index, Call::Position);
                lane.ended = lane.task.position(&lane.state);
                lane.step = 0;
                lane.episode += 1;
                start = lane.episode == episodes || spent;
                if start {
                    (lane.episode, lane.lived) = (0, 0);
                    lane.trial += 1;
                    self.at_work.set(index, Call::Sample);
                    let drawn = (&mut lane.task, &mut lane.tasks);
                    draw(self.distribution.as_ref(), self.subset.as_ref(), drawn);
                }
                self.at_work.set(index, Call::Reset);
                lane.task.reset(&mut lane.state, &mut lane.dynamics);
            }
            self.at_work.set(index, Call::Observe);
            lane.task.observe(&lane.state, &mut rows.observation[own]);
            rows.reward[index] = step.reward;
            rows.outcome[index] = outcome;
            rows.start[index] = start;
        }
    }
}

impl<D: TaskDistribution> VecEnv for Lanes<D> {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn lanes(&self) -> usize {
        self.lanes.len()
    }

    fn begin(&mut self, key: &StreamKey, first_lane: u64, observation: &mut [f32]) {
        let width = self.spec.observation.width();
        assert_eq!(observation.len(), self.lanes.len() * width);
        self.first_lane = first_lane;
        catch_unwind(AssertUnwindSafe(|| self.begin_lanes(key, observation)))
            .unwrap_or_else(|payload| self.rethrow(payload));
    }

    fn step(&mut self, actions: Actions<'_>, rows: StepRows<'_>) {
        let lanes = self.lanes.len();
        let width = self.spec.observation.width();
        assert_eq!(rows.observation.len(), lanes * width);
        assert_eq!(rows.final_observation.len(), lanes * width);
        assert_eq!(rows.reward.len(), lanes);
        assert_eq!(rows.outcome.len(), lanes);
        assert_eq!(rows.start.len(), lanes);
        assert_eq!(actions.lanes(), lanes);
        assert_eq!(actions.width(), self.spec.action.width());
        // Before the author's code is called, which is not at fault for it.
        let discrete = matches!(self.spec.action, ActionSpace::Discrete { .. });
        assert!(
            !(discrete && matches!(actions, Actions::Box { .. })),
            "continuous actions given to a discrete environment"
        );
        catch_unwind(AssertUnwindSafe(|| self.step_lanes(actions, rows)))
            .unwrap_or_else(|payload| self.rethrow(payload));
    }

    fn known_task_optimum(&self, lane: usize) -> Option<f64> {
        let task = &self.lanes[lane].task;
        self.call(lane, Call::KnownTaskOptimum, || {
            self.distribution.known_task_optimum(task)
        })
    }

    fn known_task_actions(&self, probabilities: &mut [f32]) -> bool {
        let size = probabilities.len() / self.lanes.len();
        let rows = self.lanes.iter().zip(probabilities.chunks_exact_mut(size));
        let mut rows = rows.enumerate();
        rows.all(|(index, (lane, row))| {
            let at = (&lane.state, self.spec.horizon - lane.step as usize);
            self.call(index, Call::KnownTaskAction, || {
                self.distribution.known_task_action(&lane.task, at, row)
            })
        })
    }

    fn description(&self, lane: usize) -> Vec<f32> {
        let task = &self.lanes[lane].task;
        self.call(lane, Call::Describe, || {
            let mut description = vec![0.0; self.distribution.description_size()];
            self.distribution.describe(task, &mut description);
            description
        })
    }

    fn positions(&self, lane: usize) -> Positions {
        let Lane {
            task, state, ended, ..
        } = &self.lanes[lane];
        Positions {
            now: self.call(lane, Call::Position, || task.position(state)),
            ended: *ended,
        }
    }

    fn draw(&self, lane: usize, episode: Option<&Episode>) -> Option<Picture> {
        let task = &self.lanes[lane].task;
        self.call(lane, Call::Draw, || task.draw(episode))
    }

    fn place(&self) -> Place {
        let (index, _) = self.at_work.last();
        let lane = &self.lanes[index];
        Place {
            lane: self.first_lane + index as u64,
            trial: lane.trial,
            episode: lane.episode as usize,
            step: lane.step as usize,
        }
    }

    fn at_work(&self) -> &Arc<AtWork> {
        &self.at_work
    }
}

/// Draws the next task of a stream, one of a subset if there is one.
fn draw<D: TaskDistribution>(
    distribution: &D,
    subset: Option<&Subset>,
    (task, stream): (&mut D::Task, &mut Stream),
) {
    match subset {
        None => distribution.sample(task, stream),
        Some(subset) => distribution.select(task, subset.draw(stream)),
    }
}

/// Clips an action to the box; NaN goes to the low bound.
fn clip(space: &ActionSpace, wanted: &[f32], clipped: &mut [f32]) {
    let ActionSpace::Box { low, high } = space else {
        panic!("continuous actions given to a discrete environment");
    };
    for (((c, w), l), h) in clipped.iter_mut().zip(wanted).zip(low).zip(high) {
        *c = w.max(*l).min(*h);
    }
}

#[cfg(test)]
#[path = "lanes_tests.rs"]
mod tests;
