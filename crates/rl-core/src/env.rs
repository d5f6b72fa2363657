//! What an author of an environment writes.

use crate::analysis::Analysis;
use crate::exact::{Exact, ExactValues};
use crate::known_tasks::KnownTasks;
use crate::objective::Objective;
use crate::picture::{Episode, Picture};
use crate::policy::PolicyFactory;
use crate::spec::{ActionSpace, EnvSpec};
use crate::statistics::StatisticsFactory;
use crate::streams::Stream;
use crate::vec_env::Actions;
use std::sync::Arc;

/// Action type of environments with finitely many actions: the action's index.
pub type Discrete = u32;

/// Action type of environments with a box of actions: one number per
/// coordinate, already clipped to the box.
pub type Continuous = [f32];

/// The two kinds of actions, [`Discrete`] and [`Continuous`].
pub trait ActionKind {
    /// Whether actions of this kind belong to the space.
    fn fits(space: &ActionSpace) -> bool;

    /// The action of one lane.
    ///
    /// # Panics
    /// If the row holds the other kind of actions.
    fn of<'a>(actions: &Actions<'a>, lane: usize) -> &'a Self;
}

impl ActionKind for u32 {
    fn fits(space: &ActionSpace) -> bool {
        matches!(space, ActionSpace::Discrete { .. })
    }

    #[inline]
    fn of<'a>(actions: &Actions<'a>, lane: usize) -> &'a Self {
        match actions {
            Actions::Discrete(row) => &row[lane],
            Actions::Box { .. } => panic!("continuous actions given to a discrete environment"),
        }
    }
}

impl ActionKind for [f32] {
    fn fits(space: &ActionSpace) -> bool {
        matches!(space, ActionSpace::Box { .. })
    }

    #[inline]
    fn of<'a>(actions: &Actions<'a>, lane: usize) -> &'a Self {
        match actions {
            Actions::Box { width, row } => &row[lane * width..(lane + 1) * width],
            Actions::Discrete(_) => panic!("discrete actions given to a continuous environment"),
        }
    }
}

/// What one step of a task gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The reward.
    pub reward: f32,
    /// Whether the MDP itself ended, as opposed to the time limit.
    pub terminated: bool,
}

impl Step {
    /// The episode goes on.
    #[inline]
    pub fn proceed(reward: f32) -> Self {
        Self {
            reward,
            terminated: false,
        }
    }

    /// The MDP ended: nothing follows, and nothing is bootstrapped.
    #[inline]
    pub fn terminal(reward: f32) -> Self {
        Self {
            reward,
            terminated: true,
        }
    }
}

/// How a step left its episode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// The episode goes on.
    #[default]
    Continue = 0,
    /// The MDP itself ended.
    Terminated = 1,
    /// The time limit cut the episode off.
    Truncated = 2,
}

/// One task: the immutable dynamics of one MDP. All that changes while an
/// agent acts is in the state.
///
/// The time limit, auto-reset, trials and batches are the library's business.
/// Nothing here should allocate, apart from the first call on a default state.
pub trait Environment: Send + Sync + 'static {
    /// What changes from step to step.
    type State: Default + Send + Sync + 'static;
    /// [`Discrete`] or [`Continuous`].
    type Action: ActionKind + ?Sized;

    /// Starts an episode.
    fn reset(&self, state: &mut Self::State, rng: &mut Stream);

    /// Advances by one action. Discrete actions are below the space's size,
    /// continuous ones within its box.
    fn step(&self, state: &mut Self::State, action: &Self::Action, rng: &mut Stream) -> Step;

    /// Writes what the agent sees, also where the last step ended the episode; the slice
    /// has the observation space's width and must be written completely.
    fn observe(&self, state: &Self::State, observation: &mut [f32]);

    /// Where the state is in the task's [`Picture`], in its units.
    fn position(&self, _state: &Self::State) -> [f32; 2] {
        [0.0; 2]
    }

    /// A drawing of the task, and of an episode in it if one is given.
    fn draw(&self, _episode: Option<&Episode>) -> Option<Picture> {
        None
    }
}

/// What tasks are drawn from.
pub trait TaskDistribution: Send + Sync + 'static {
    /// A task of this distribution.
    type Task: Environment + Default;

    /// Name, spaces and time limits, the same for all tasks.
    fn spec(&self) -> EnvSpec;

    /// Draws a task in place, reusing the memory of the one before.
    fn sample(&self, task: &mut Self::Task, rng: &mut Stream);

    /// How many tasks there are, all equally likely, where they can be counted:
    /// [`Self::select`] makes each of them. `None` where there are infinitely
    /// many, or they are drawn in a way that leads to some more often.
    fn tasks(&self) -> Option<u64> {
        None
    }

    /// Makes the task of a number below [`Self::tasks`] in place, reusing the
    /// memory of the one before. Other numbers are other tasks.
    fn select(&self, _task: &mut Self::Task, _number: u64) {}

    /// Bytes of the heap that a task and its state hold; 0 where their fields
    /// are all there is of them. It is counted for every lane before anything
    /// runs, so that what would not fit into memory is refused in words.
    fn task_bytes(&self) -> f64 {
        0.0
    }

    /// Bytes of the heap that [`Self::exact_values`] and
    /// [`Self::bayes_optimal_policy`] take at their peak, counted likewise.
    fn solution_bytes(&self) -> f64 {
        0.0
    }

    /// How many numbers describe a task; 0 where tasks have no description.
    fn description_size(&self) -> usize {
        0
    }

    /// Writes all that an agent would have to know of a task to act optimally
    /// in it, `[description_size]`: what [`Revealed`](crate::Revealed) shows.
    fn describe(&self, _task: &Self::Task, _description: &mut [f32]) {}

    /// The expected return of a whole trial of an agent that knows the task,
    /// where it has a closed form.
    fn known_task_optimum(&self, _task: &Self::Task) -> Option<f64> {
        None
    }

    /// Writes with what probability an agent that knows the task takes each action in a
    /// state, with so many steps of the episode left: alike among the best ones.
    /// `[actions]`; `false` if that is not known.
    fn known_task_action(
        &self,
        _task: &Self::Task,
        _at: (&<Self::Task as Environment>::State, usize),
        _probabilities: &mut [f32],
    ) -> bool {
        false
    }

    /// Bytes of the heap that a task holds beside [`Self::task_bytes`] once its
    /// [`Self::known_task_action`] was asked for, counted likewise.
    fn known_task_bytes(&self) -> f64 {
        0.0
    }

    /// Exact reference values of the distribution. They may take time.
    fn exact_values(&self) -> ExactValues {
        ExactValues::default()
    }

    /// Exact values beside those, by name: what else is known of agents in these tasks.
    /// Where memory is what counts, [`MEMORYLESS_OPTIMUM`](crate::MEMORYLESS_OPTIMUM)
    /// is among them.
    fn further_values(&self) -> Vec<(&'static str, Exact)> {
        Vec::new()
    }

    /// The policy of the highest expected return over trials, where it can be
    /// computed. With one that says what actions are worth
    /// ([`Policy::advantages`](crate::Policy::advantages)), trained agents are compared
    /// step by step.
    ///
    /// # Errors
    /// Why it cannot.
    fn bayes_optimal_policy(&self) -> Result<Box<dyn PolicyFactory>, String> {
        Err("no exact solution is known for this environment".into())
    }

    /// Hand-made learners that only make sense in this environment, apart
    /// from the exact solution.
    fn learners(&self) -> Vec<Box<dyn PolicyFactory>> {
        Vec::new()
    }

    /// The sufficient statistics of a trial: what a family knows how to make of the
    /// rows, so that an agent need not remember them.
    fn statistics(&self) -> Option<Arc<dyn StatisticsFactory>> {
        None
    }

    /// What is known of its tasks, where they are finitely many and all is.
    ///
    /// # Errors
    /// Why it is not, as a clause.
    fn known_tasks(&self) -> Result<Arc<dyn KnownTasks>, String> {
        Err("this environment does not say what is known of each of its tasks".into())
    }

    /// A task as a function whose derivatives can be had, where rows show a
    /// [`Sight`](crate::Sight) of one: of all tasks or of none.
    fn objective(&self, _task: &Self::Task) -> Option<Box<dyn Objective>> {
        None
    }

    /// What can be drawn of agents' behaviour over many trials.
    fn analyses(&self) -> Vec<Analysis> {
        Vec::new()
    }
}
