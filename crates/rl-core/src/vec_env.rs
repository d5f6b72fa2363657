//! What the engine sees: a batch of lanes behind one object-safe trait.

use crate::analysis::Analysis;
use crate::author::AtWork;
use crate::env::Outcome;
use crate::exact::{Exact, ExactValues};
use crate::known_tasks::KnownTasks;
use crate::objective::Objectives;
use crate::picture::{Episode, Picture};
use crate::policy::{PolicyFactory, Row};
use crate::spec::{ActionSpace, EnvSpec};
use crate::split::Subset;
use crate::statistics::StatisticsFactory;
use crate::streams::StreamKey;
use std::sync::Arc;

/// A row of actions, one per lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Actions<'a> {
    /// Indices. `[lanes]`
    Discrete(&'a [u32]),
    /// Vectors. `[lanes][width]`
    Box {
        /// Numbers per lane.
        width: usize,
        /// The numbers.
        row: &'a [f32],
    },
}

impl Actions<'_> {
    /// How many lanes there are.
    pub fn lanes(&self) -> usize {
        match self {
            Self::Discrete(row) => row.len(),
            Self::Box { width, row } => row.len() / width,
        }
    }

    /// Numbers per lane.
    pub fn width(&self) -> usize {
        match self {
            Self::Discrete(_) => 1,
            Self::Box { width, .. } => *width,
        }
    }
}

/// A row of actions to be written, one per lane.
#[derive(Debug)]
pub enum ActionsMut<'a> {
    /// Indices. `[lanes]`
    Discrete(&'a mut [u32]),
    /// Vectors; the environment gets them clipped to its box. `[lanes][width]`
    Box {
        /// Numbers per lane.
        width: usize,
        /// The numbers.
        row: &'a mut [f32],
    },
}

impl<'a> ActionsMut<'a> {
    /// The indices to be written, `None` in a continuous action space.
    pub fn discrete(self) -> Option<&'a mut [u32]> {
        match self {
            Self::Discrete(row) => Some(row),
            Self::Box { .. } => None,
        }
    }
}

/// Where a batch step writes. All rows belong to the caller.
#[derive(Debug)]
pub struct StepRows<'a> {
    /// What the agent sees next: after an episode's end, the first observation
    /// of the next episode. `[lanes][width]`
    pub observation: &'a mut [f32],
    /// `[lanes]`
    pub reward: &'a mut [f32],
    /// `[lanes]`
    pub outcome: &'a mut [Outcome],
    /// Whether the next row is the first of a new trial, on a new task. `[lanes]`
    pub start: &'a mut [bool],
    /// Written only where an episode ended: its last observation, of which only a
    /// truncated one is bootstrapped from. `[lanes][width]`
    pub final_observation: &'a mut [f32],
}

/// Where in a batch the environment was last at work; used to report errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Index in the whole batch (in evaluation: of the task).
    pub lane: u64,
    /// Trials the lane has finished since [`VecEnv::begin`].
    pub trial: u64,
    /// Episode within the trial.
    pub episode: usize,
    /// Step within the episode.
    pub step: usize,
}

/// Where a lane is and was in its task's [`Picture`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Positions {
    /// Where it is now.
    pub now: [f32; 2],
    /// Where its last episode ended, before the reset.
    pub ended: [f32; 2],
}

/// A batch of lanes that step together.
///
/// An episode's end resets the lane in the same step; a trial's end draws its
/// next task in the same step. An episode is truncated after `horizon` steps
/// and never before.
pub trait VecEnv: Send + Sync {
    /// Names, spaces and time limits.
    fn spec(&self) -> &EnvSpec;

    /// How many lanes there are.
    fn lanes(&self) -> usize;

    /// Starts over: derives the streams of lanes `first_lane..`, draws a task
    /// into each and writes the first observations, `[lanes][width]`.
    fn begin(&mut self, key: &StreamKey, first_lane: u64, observation: &mut [f32]);

    /// Advances all lanes by one action each.
    ///
    /// # Panics
    /// If a row has the wrong length or the actions are of the wrong kind.
    fn step(&mut self, actions: Actions<'_>, rows: StepRows<'_>);

    /// Numbers of a lane that [`Self::tell`] writes.
    fn told(&self) -> usize {
        0
    }

    /// Writes what [`Telling`](crate::Telling) adds to a row, the first one or the one
    /// after the row before. `[lanes][told]`
    fn tell(&mut self, _row: &Row<'_>, _told: &mut [f32]) {}

    /// [`TaskDistribution::known_task_optimum`](crate::TaskDistribution::known_task_optimum)
    /// of the lane's present task.
    fn known_task_optimum(&self, lane: usize) -> Option<f64>;

    /// [`TaskDistribution::known_task_action`](crate::TaskDistribution::known_task_action)
    /// where each lane is, `[lanes][actions]`; `false` if that is not known.
    fn known_task_actions(&self, probabilities: &mut [f32]) -> bool;

    /// [`TaskDistribution::describe`](crate::TaskDistribution::describe) of the lane's
    /// present task. `[description_size]`
    fn description(&self, lane: usize) -> Vec<f32>;

    /// Where the environment was last at work.
    fn place(&self) -> Place;

    /// The call that is made last, for a thread that watches: the same
    /// throughout the life of the batch.
    fn at_work(&self) -> &Arc<AtWork>;

    /// [`Environment::position`](crate::Environment::position) of a lane: now,
    /// and where its last episode ended.
    fn positions(&self, lane: usize) -> Positions;

    /// [`Environment::draw`](crate::Environment::draw) of a lane's present
    /// task.
    fn draw(&self, lane: usize, episode: Option<&Episode>) -> Option<Picture>;
}

/// The most tasks of which [`EnvFactory::descriptions`] are made.
pub const MOST_DESCRIBED: u64 = 4096;

/// Makes batches of one task distribution; what the registry hands out.
pub trait EnvFactory: Send + Sync {
    /// Names, spaces and time limits.
    fn spec(&self) -> &EnvSpec;

    /// A batch of lanes; call [`VecEnv::begin`] first.
    fn make(&self, lanes: usize) -> Box<dyn VecEnv>;

    /// Numbers that each row tells of a lane beside what is observed; see
    /// [`Telling`](crate::Telling).
    fn told(&self) -> usize {
        0
    }

    /// See [`TaskDistribution::statistics`](crate::TaskDistribution::statistics).
    fn statistics(&self) -> Option<Arc<dyn StatisticsFactory>> {
        None
    }

    /// See [`TaskDistribution::known_tasks`](crate::TaskDistribution::known_tasks).
    ///
    /// # Errors
    /// Why there are none.
    fn known_tasks(&self) -> Result<Arc<dyn KnownTasks>, String>;

    /// See [`TaskDistribution::tasks`](crate::TaskDistribution::tasks).
    fn tasks(&self) -> Option<u64>;

    /// Its tasks as functions whose derivatives can be had, if that is what they are; see
    /// [`TaskDistribution::objective`](crate::TaskDistribution::objective).
    fn objectives(&self) -> Option<Arc<dyn Objectives>> {
        None
    }

    /// [`TaskDistribution::describe`](crate::TaskDistribution::describe) of the task of a
    /// number below [`Self::tasks`]; nothing where tasks are not counted or not described.
    /// `[description_size]`
    fn description_of(&self, _number: u64) -> Vec<f32> {
        Vec::new()
    }

    /// [`Self::description_of`] each task of the distribution, those that are kept from a
    /// training too; none where they cannot be counted, have no description, or are more
    /// than [`MOST_DESCRIBED`].
    fn descriptions(&self) -> Vec<Vec<f32>> {
        let described = (0..).map(|number| self.description_of(number));
        let described = described.take_while(|description| !description.is_empty());
        let described: Vec<Vec<f32>> = described.take(MOST_DESCRIBED as usize + 1).collect();
        if described.len() as u64 <= MOST_DESCRIBED {
            return described;
        }
        Vec::new()
    }

    /// The same environment with the tasks of a subset alone, which are drawn
    /// uniformly. It has no exact values of its own.
    ///
    /// # Errors
    /// If its tasks cannot be counted, or are not as many as were split.
    fn subset(&self, subset: Subset) -> Result<Arc<dyn EnvFactory>, String>;

    /// Bytes that a lane takes, with its task.
    fn lane_bytes(&self) -> f64;

    /// See [`TaskDistribution::known_task_bytes`](crate::TaskDistribution::known_task_bytes).
    fn known_task_bytes(&self) -> f64;

    /// See [`TaskDistribution::solution_bytes`](crate::TaskDistribution::solution_bytes).
    fn solution_bytes(&self) -> f64;

    /// See [`TaskDistribution::exact_values`](crate::TaskDistribution::exact_values).
    fn exact_values(&self) -> ExactValues;

    /// See [`TaskDistribution::further_values`](crate::TaskDistribution::further_values).
    fn further_values(&self) -> Vec<(&'static str, Exact)>;

    /// See [`TaskDistribution::bayes_optimal_policy`](crate::TaskDistribution::bayes_optimal_policy).
    ///
    /// # Errors
    /// Why there is none.
    fn bayes_optimal_policy(&self) -> Result<Box<dyn PolicyFactory>, String>;

    /// See [`TaskDistribution::learners`](crate::TaskDistribution::learners).
    fn learners(&self) -> Vec<Box<dyn PolicyFactory>>;

    /// See [`TaskDistribution::analyses`](crate::TaskDistribution::analyses).
    fn analyses(&self) -> Vec<Analysis>;
}

impl EnvSpec {
    /// Whether actions are indices.
    pub fn is_discrete(&self) -> bool {
        matches!(self.action, ActionSpace::Discrete { .. })
    }
}
