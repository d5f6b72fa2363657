//! Task distributions whose agents are told their task.

use crate::analysis::Analysis;
use crate::env::{Environment, Step, TaskDistribution};
use crate::exact::ExactValues;
use crate::known_tasks::KnownTasks;
use crate::picture::{Episode, Picture};
use crate::policy::PolicyFactory;
use crate::spec::{EnvSpec, ObservationSpace};
use crate::streams::Stream;
use std::sync::Arc;

/// A task distribution whose observations end with a description of the task
/// ([`TaskDistribution::describe`]): what an agent that knows its task, an
/// oracle, learns or plans on. Tasks and dynamics are those of the
/// distribution itself under the same streams.
///
/// # Observations
/// The distribution's own, a symbol as a one-hot vector; then the description.
#[derive(Clone, Debug)]
pub struct Revealed<D> {
    distribution: D,
    /// How many symbols its observations can be; 0 for a vector. (To ask for
    /// the specification takes memory, and tasks are drawn all the time.)
    symbols: usize,
}

impl<D> Revealed<D> {
    /// Makes the observations of a distribution end with its tasks'
    /// descriptions.
    ///
    /// # Errors
    /// If its tasks have none.
    pub fn new(distribution: D) -> Result<Self, String>
    where
        D: TaskDistribution,
    {
        match distribution.description_size() {
            0 => Err(format!(
                "environment '{}' has no description of its tasks to show",
                distribution.spec().name
            )),
            _ => Ok(Self {
                symbols: match distribution.spec().observation {
                    ObservationSpace::Discrete { size } => size,
                    ObservationSpace::Vector { .. } => 0,
                },
                distribution,
            }),
        }
    }
}

impl<D: TaskDistribution> Revealed<D> {
    /// Writes down what a task is, to be shown.
    fn reveal(&self, task: &mut RevealedTask<D::Task>) {
        task.symbols = self.symbols;
        task.description
            .resize(self.distribution.description_size(), 0.0);
        self.distribution
            .describe(&task.task, &mut task.description);
    }
}

/// A task that shows what it is.
#[derive(Clone, Debug, Default)]
pub struct RevealedTask<T> {
    task: T,
    description: Vec<f32>,
    /// How many symbols the task's own observation can be; 0 for a vector.
    symbols: usize,
}

impl<D: TaskDistribution> TaskDistribution for Revealed<D> {
    type Task = RevealedTask<D::Task>;

    fn spec(&self) -> EnvSpec {
        let mut spec = self.distribution.spec();
        let (ObservationSpace::Vector { size } | ObservationSpace::Discrete { size }) =
            spec.observation;
        let size = size.saturating_add(self.distribution.description_size());
        spec.observation = ObservationSpace::Vector { size };
        spec
    }

    fn sample(&self, task: &mut Self::Task, rng: &mut Stream) {
        self.distribution.sample(&mut task.task, rng);
        self.reveal(task);
    }

    fn tasks(&self) -> Option<u64> {
        self.distribution.tasks()
    }

    fn select(&self, task: &mut Self::Task, number: u64) {
        self.distribution.select(&mut task.task, number);
        self.reveal(task);
    }

    fn task_bytes(&self) -> f64 {
        self.distribution.task_bytes() + 4.0 * self.distribution.description_size() as f64
    }

    fn known_task_bytes(&self) -> f64 {
        self.distribution.known_task_bytes()
    }

    fn solution_bytes(&self) -> f64 {
        self.distribution.solution_bytes()
    }

    fn description_size(&self) -> usize {
        self.distribution.description_size()
    }

    fn describe(&self, task: &Self::Task, description: &mut [f32]) {
        description.copy_from_slice(&task.description);
    }

    fn known_task_optimum(&self, task: &Self::Task) -> Option<f64> {
        self.distribution.known_task_optimum(&task.task)
    }

    fn known_task_action(
        &self,
        task: &Self::Task,
        at: (&<Self::Task as Environment>::State, usize),
        probabilities: &mut [f32],
    ) -> bool {
        self.distribution
            .known_task_action(&task.task, at, probabilities)
    }

    /// The best agent here knows its task, so that both optima are one.
    fn exact_values(&self) -> ExactValues {
        let hidden = self.distribution.exact_values();
        ExactValues {
            bayes_optimal: hidden.known_task_optimum.clone(),
            bayes_optimal_rewards: None,
            ..hidden
        }
    }

    fn bayes_optimal_policy(&self) -> Result<Box<dyn PolicyFactory>, String> {
        Err("the task is shown here: what the best agent earns is the known-task optimum".into())
    }

    fn known_tasks(&self) -> Result<Arc<dyn KnownTasks>, String> {
        Err("the task is shown here, and there is nothing to infer: set task=hidden".into())
    }

    fn analyses(&self) -> Vec<Analysis> {
        self.distribution.analyses()
    }

    fn learners(&self) -> Vec<Box<dyn PolicyFactory>> {
        self.distribution.learners()
    }
}

impl<T: Environment> Environment for RevealedTask<T> {
    type State = T::State;
    type Action = T::Action;

    #[inline]
    fn reset(&self, state: &mut Self::State, rng: &mut Stream) {
        self.task.reset(state, rng);
    }

    #[inline]
    fn step(&self, state: &mut Self::State, action: &Self::Action, rng: &mut Stream) -> Step {
        self.task.step(state, action, rng)
    }

    #[inline]
    fn observe(&self, state: &Self::State, observation: &mut [f32]) {
        let own = observation.len() - self.description.len();
        let (own, description) = observation.split_at_mut(own);
        description.copy_from_slice(&self.description);
        if self.symbols == 0 {
            return self.task.observe(state, own);
        }
        let mut symbol = [0.0];
        self.task.observe(state, &mut symbol);
        own.fill(0.0);
        own[symbol[0] as usize] = 1.0;
    }

    fn position(&self, state: &Self::State) -> [f32; 2] {
        self.task.position(state)
    }

    fn draw(&self, episode: Option<&Episode>) -> Option<Picture> {
        self.task.draw(episode)
    }
}

#[cfg(test)]
#[path = "revealed_tests.rs"]
mod tests;
