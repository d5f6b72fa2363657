//! An environment in which every lane lives in the same task.

use crate::analysis::Analysis;
use crate::author::AtWork;
use crate::exact::{Exact, ExactValues, OF_A_SUBSET};
use crate::known_tasks::KnownTasks;
use crate::picture::{Episode, Picture};
use crate::policy::{PolicyFactory, Row};
use crate::spec::EnvSpec;
use crate::split::Subset;
use crate::statistics::StatisticsFactory;
use crate::streams::{Domain, StreamKey};
use crate::vec_env::{Actions, EnvFactory, Place, Positions, StepRows, VecEnv};
use std::sync::Arc;

/// One task of an environment, the same in every lane and under every key: who trains
/// here learns that task alone.
///
/// The task is the one of that number in an evaluation under the seed and domain
/// ([`StreamKey`]); what happens in it is drawn anew for every key and lane. Only the
/// first trial of a lane is lived in it, which is all that a batch lives.
pub struct OneTask {
    env: Arc<dyn EnvFactory>,
    key: StreamKey,
    number: u64,
}

/// More lanes than a batch has, so that all of them share a task.
const LANES: u64 = 1 << 32;

impl OneTask {
    /// The task of a number, under a seed.
    pub fn new(env: Arc<dyn EnvFactory>, (seed, domain): (u64, Domain), number: u64) -> Self {
        let key = StreamKey {
            lanes_per_task: LANES,
            ..StreamKey::new(seed, domain, 0)
        };
        Self { env, key, number }
    }
}

impl EnvFactory for OneTask {
    fn spec(&self) -> &EnvSpec {
        self.env.spec()
    }

    fn make(&self, lanes: usize) -> Box<dyn VecEnv> {
        Box::new(OneTaskLanes {
            env: self.env.make(lanes),
            key: self.key,
            first: self.number * LANES,
        })
    }

    fn told(&self) -> usize {
        self.env.told()
    }

    fn statistics(&self) -> Option<Arc<dyn StatisticsFactory>> {
        self.env.statistics()
    }

    fn tasks(&self) -> Option<u64> {
        Some(1)
    }

    fn subset(&self, _: Subset) -> Result<Arc<dyn EnvFactory>, String> {
        Err("there is one task, which cannot be split".to_owned())
    }

    fn lane_bytes(&self) -> f64 {
        self.env.lane_bytes()
    }

    fn known_task_bytes(&self) -> f64 {
        self.env.known_task_bytes()
    }

    fn solution_bytes(&self) -> f64 {
        self.env.solution_bytes()
    }

    fn exact_values(&self) -> ExactValues {
        ExactValues::of_a_subset()
    }

    fn further_values(&self) -> Vec<(&'static str, Exact)> {
        Vec::new()
    }

    fn bayes_optimal_policy(&self) -> Result<Box<dyn PolicyFactory>, String> {
        Err(OF_A_SUBSET.into())
    }

    fn learners(&self) -> Vec<Box<dyn PolicyFactory>> {
        self.env.learners()
    }

    fn known_tasks(&self) -> Result<Arc<dyn KnownTasks>, String> {
        Err("what is known is of all tasks, and this is one of them".to_owned())
    }

    fn analyses(&self) -> Vec<Analysis> {
        Vec::new()
    }
}

struct OneTaskLanes {
    env: Box<dyn VecEnv>,
    key: StreamKey,
    /// The number of the first lane, which is in the task.
    first: u64,
}

impl OneTaskLanes {
    /// Streams of the task, whose rollouts are told apart by the caller's key.
    fn in_the_task(&self, key: &StreamKey) -> StreamKey {
        StreamKey {
            rollout: ((key.domain as u64) << 56) ^ (key.round << 8) ^ key.rollout,
            ..self.key
        }
    }
}

impl VecEnv for OneTaskLanes {
    fn spec(&self) -> &EnvSpec {
        self.env.spec()
    }

    fn lanes(&self) -> usize {
        self.env.lanes()
    }

    fn begin(&mut self, key: &StreamKey, first_lane: u64, observation: &mut [f32]) {
        let key = self.in_the_task(key);
        self.env.begin(&key, self.first + first_lane, observation);
    }

    fn step(&mut self, actions: Actions<'_>, rows: StepRows<'_>) {
        self.env.step(actions, rows);
    }

    fn told(&self) -> usize {
        self.env.told()
    }

    fn tell(&mut self, row: &Row<'_>, told: &mut [f32]) {
        self.env.tell(row, told);
    }

    fn known_task_optimum(&self, lane: usize) -> Option<f64> {
        self.env.known_task_optimum(lane)
    }

    fn known_task_actions(&self, probabilities: &mut [f32]) -> bool {
        self.env.known_task_actions(probabilities)
    }

    fn description(&self, lane: usize) -> Vec<f32> {
        self.env.description(lane)
    }

    fn place(&self) -> Place {
        self.env.place()
    }

    fn at_work(&self) -> &Arc<AtWork> {
        self.env.at_work()
    }

    fn positions(&self, lane: usize) -> Positions {
        self.env.positions(lane)
    }

    fn draw(&self, lane: usize, episode: Option<&Episode>) -> Option<Picture> {
        self.env.draw(lane, episode)
    }
}

#[cfg(test)]
#[path = "one_task_tests.rs"]
mod tests;
