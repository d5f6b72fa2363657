//! Environments whose rows say more than what is observed.

use crate::analysis::Analysis;
use crate::author::AtWork;
use crate::exact::{Exact, ExactValues};
use crate::known_tasks::KnownTasks;
use crate::picture::{Episode, Picture};
use crate::policy::PolicyFactory;
use crate::policy::Row;
use crate::spec::EnvSpec;
use crate::split::Subset;
use crate::statistics::{Statistics, StatisticsFactory};
use crate::streams::StreamKey;
use crate::vec_env::{Actions, EnvFactory, Place, Positions, StepRows, VecEnv};
use std::sync::Arc;

/// An environment with statistics of the trial in every row ([`Row::told`]): the same
/// tasks, observations and spaces, so that whoever does not read them acts as before.
pub struct Telling {
    env: Arc<dyn EnvFactory>,
    parts: Parts,
}

type Parts = Arc<[Arc<dyn StatisticsFactory>]>;

impl Telling {
    /// The environment with these statistics, one after the other.
    pub fn new(env: Arc<dyn EnvFactory>, parts: Vec<Arc<dyn StatisticsFactory>>) -> Self {
        let parts = parts.into();
        Self { env, parts }
    }
}

impl EnvFactory for Telling {
    fn spec(&self) -> &EnvSpec {
        self.env.spec()
    }

    fn make(&self, lanes: usize) -> Box<dyn VecEnv> {
        Box::new(TellingLanes {
            env: self.env.make(lanes),
            parts: self.parts.iter().map(|part| part.make(lanes)).collect(),
            sizes: self.parts.iter().map(|part| part.size()).collect(),
            part: vec![0.0; lanes * self.parts.iter().map(|part| part.size()).max().unwrap_or(0)],
            told: self.told(),
        })
    }

    fn told(&self) -> usize {
        self.parts.iter().map(|part| part.size()).sum()
    }

    fn statistics(&self) -> Option<Arc<dyn StatisticsFactory>> {
        self.env.statistics()
    }

    fn tasks(&self) -> Option<u64> {
        self.env.tasks()
    }

    fn description_of(&self, number: u64) -> Vec<f32> {
        self.env.description_of(number)
    }

    fn subset(&self, subset: Subset) -> Result<Arc<dyn EnvFactory>, String> {
        Ok(Arc::new(Self {
            env: self.env.subset(subset)?,
            parts: Arc::clone(&self.parts),
        }))
    }

    fn lane_bytes(&self) -> f64 {
        let told: f64 = self.parts.iter().map(|part| part.lane_bytes()).sum();
        self.env.lane_bytes() + told + 4.0 * self.told() as f64
    }

    fn known_task_bytes(&self) -> f64 {
        self.env.known_task_bytes()
    }

    fn solution_bytes(&self) -> f64 {
        self.env.solution_bytes()
    }

    fn exact_values(&self) -> ExactValues {
        self.env.exact_values()
    }

    fn further_values(&self) -> Vec<(&'static str, Exact)> {
        self.env.further_values()
    }

    fn bayes_optimal_policy(&self) -> Result<Box<dyn PolicyFactory>, String> {
        self.env.bayes_optimal_policy()
    }

    fn learners(&self) -> Vec<Box<dyn PolicyFactory>> {
        self.env.learners()
    }

    fn known_tasks(&self) -> Result<Arc<dyn KnownTasks>, String> {
        self.env.known_tasks()
    }

    fn analyses(&self) -> Vec<Analysis> {
        self.env.analyses()
    }
}

struct TellingLanes {
    env: Box<dyn VecEnv>,
    parts: Vec<Box<dyn Statistics>>,
    sizes: Vec<usize>, // [parts]
    part: Vec<f32>,    // [lanes][size of a part], room for the largest
    told: usize,
}

impl VecEnv for TellingLanes {
    fn spec(&self) -> &EnvSpec {
        self.env.spec()
    }

    fn lanes(&self) -> usize {
        self.env.lanes()
    }

    fn begin(&mut self, key: &StreamKey, first_lane: u64, observation: &mut [f32]) {
        self.env.begin(key, first_lane, observation);
        for part in &mut self.parts {
            part.begin(key, first_lane);
        }
    }

    fn step(&mut self, actions: Actions<'_>, rows: StepRows<'_>) {
        self.env.step(actions, rows);
    }

    fn told(&self) -> usize {
        self.told
    }

    fn tell(&mut self, row: &Row<'_>, told: &mut [f32]) {
        let width = self.told();
        let mut first = 0;
        for (part, &size) in self.parts.iter_mut().zip(&self.sizes) {
            let own = &mut self.part[..row.lanes * size];
            part.tell(row, own);
            for (to, from) in told.chunks_exact_mut(width).zip(own.chunks_exact(size)) {
                to[first..first + size].copy_from_slice(from);
            }
            first += size;
        }
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
