//! The policies as something that acts.

use crate::networks::{Networks, Role};
use crate::tasks::TaskSet;
use agent::{ActMode, expect_trained_on};
use kernels::mlp::Cache;
use rl_core::rand::RngExt as _;
use rl_core::{
    ActRow, ActionSpace, ActionsMut, EnvSpec, ObservationSpace, Policy, PolicyFactory, Row, Stream,
};
use std::sync::Arc;

/// Who acts in a task that is not in the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Actor {
    /// The network of a task; of the first one, where there is one for all.
    Task(usize),
    /// The policy that all tasks share.
    Shared,
    /// Nobody knows the task: actions are drawn uniformly.
    Chance,
}

/// Policies of all tasks at some parameters.
pub(crate) struct Policies {
    pub(crate) networks: Arc<Networks>,
    pub(crate) tasks: Arc<TaskSet>,
    /// Numbers of an observation that the networks see.
    pub(crate) inputs: usize,
    /// Of the policies and values of the tasks, and of the shared policy last if there is one.
    assembled: Arc<Vec<[Vec<f32>; 2]>>,
    observation: ObservationSpace,
    action: ActionSpace,
    mode: ActMode,
}

impl Policies {
    /// Policies of these parameters in environments of these spaces.
    pub(crate) fn new(
        (networks, tasks): (&Arc<Networks>, &Arc<TaskSet>),
        (values, spec): (&[f32], &EnvSpec),
        (inputs, mode): (usize, ActMode),
    ) -> Self {
        let count = if networks.is_one() { 1 } else { tasks.count() };
        let of = |policy, value| {
            move |task| {
                [
                    networks.assemble(values, policy, task),
                    networks.assemble(values, value, task),
                ]
            }
        };
        let mut assembled: Vec<[Vec<f32>; 2]> =
            (0..count).map(of(Role::Policy, Role::Value)).collect();
        if networks.is_distilled() {
            // It has no value of its own; nobody learns from where it acts.
            assembled.push(of(Role::Shared, Role::Value)(0));
        }
        Self {
            networks: Arc::clone(networks),
            tasks: Arc::clone(tasks),
            inputs,
            assembled: Arc::new(assembled),
            observation: spec.observation.clone(),
            action: spec.action.clone(),
            mode,
        }
    }
}

impl PolicyFactory for Policies {
    fn name(&self) -> String {
        crate::config::NAME.to_owned()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        expect_trained_on(&self.observation, &self.action, spec)?;
        Ok(Box::new(Acting {
            networks: Arc::clone(&self.networks),
            tasks: Arc::clone(&self.tasks),
            assembled: Arc::clone(&self.assembled),
            inputs: self.inputs,
            mode: self.mode,
            actors: vec![Actor::Chance; lanes],
            rows: Vec::with_capacity(lanes * self.inputs),
            lanes: Vec::with_capacity(lanes),
            caches: [Cache::new(), Cache::new()],
        }))
    }

    fn bytes(&self, _spec: &EnvSpec, lanes: usize) -> f64 {
        let numbers: usize = self.assembled.iter().flatten().map(Vec::len).sum();
        let row = 4.0 * self.inputs as f64 + size_of::<Actor>() as f64;
        let caches = [Role::Policy, Role::Value].map(|role| {
            let network = self.networks.mlp(role);
            network.cache_bytes(lanes)
        });
        4.0 * numbers as f64 + lanes as f64 * row + caches.iter().sum::<f64>()
    }
}

struct Acting {
    networks: Arc<Networks>,
    tasks: Arc<TaskSet>,
    assembled: Arc<Vec<[Vec<f32>; 2]>>,
    inputs: usize,
    mode: ActMode,
    actors: Vec<Actor>, // [lanes]
    /// What the lanes of one actor see, and which those are.
    rows: Vec<f32>,
    lanes: Vec<usize>,
    /// Of policies and of values: one of both would be made anew at every step.
    caches: [Cache<f32>; 2],
}

impl Policy for Acting {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let width = row.observation.len() / row.lanes;
        for (lane, start) in row.start.iter().enumerate() {
            if *start {
                let shown = &row.observation[lane * width..(lane + 1) * width];
                self.actors[lane] = self.actor(self.tasks.of(shown));
            }
        }
        let ActionsMut::Discrete(actions) = out.action else {
            return; // Refused where the training began.
        };
        let size = self.networks.mlp(Role::Policy).outputs();
        for lane in 0..row.lanes {
            if self.actors[lane] == Actor::Chance {
                actions[lane] = streams[lane].random_range(0..size as u32);
                (out.log_prob[lane], out.value[lane]) = (-(size as f32).ln(), 0.0);
            }
        }
        for index in 0..self.assembled.len() {
            self.gather(index, row, width);
            if self.lanes.is_empty() {
                continue;
            }
            let [policy, value] = &self.assembled[index];
            let (samples, [acts, values]) = (self.lanes.len(), &mut self.caches);
            let network = self.networks.mlp(Role::Policy);
            network.forward(policy, &self.rows, samples, acts);
            for (sample, &lane) in self.lanes.iter().enumerate() {
                let own = sample * size..(sample + 1) * size;
                let probabilities = &acts.probabilities()[own.clone()];
                let action = self.mode.choose(probabilities, &mut streams[lane]);
                actions[lane] = action;
                out.log_prob[lane] = acts.log_probabilities()[own][action as usize];
            }
            let network = self.networks.mlp(Role::Value);
            network.forward(value, &self.rows, samples, values);
            for (value, &lane) in values.outputs().iter().zip(&self.lanes) {
                out.value[lane] = *value;
            }
        }
    }
}

impl Acting {
    fn actor(&self, task: Option<usize>) -> Actor {
        match task {
            _ if self.networks.is_one() => Actor::Task(0),
            Some(task) => Actor::Task(task),
            None if self.networks.is_distilled() => Actor::Shared,
            None => Actor::Chance,
        }
    }

    /// Gathers the lanes in which the networks of an index act, and what they see.
    fn gather(&mut self, index: usize, row: &Row<'_>, width: usize) {
        let shared = self.networks.is_distilled() && index + 1 == self.assembled.len();
        let wanted = match shared {
            true => Actor::Shared,
            false => Actor::Task(index),
        };
        self.rows.clear();
        self.lanes.clear();
        for lane in 0..row.lanes {
            if self.actors[lane] == wanted {
                let first = lane * width;
                let seen = &row.observation[first..first + self.inputs];
                self.rows.extend_from_slice(seen);
                self.lanes.push(lane);
            }
        }
    }
}
