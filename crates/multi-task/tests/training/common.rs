//! Tasks of two actions that are told apart by a number, and trainings in them.

use agent::Ppo;
use multi_task::{MultiTaskConfig, NetworkConfig, Sharing, Trainer};
use nets::{Activation, OptimizerConfig, Schedule, Shape};
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Discrete, EnvFactory, EnvSpec, Environment, Gae, ObservationSpace, Step, Stream,
    TaskDistribution, Tasks, Trial,
};
use rollout::Pool;
use std::sync::{Arc, Mutex};

/// So many tasks, each of which notes down what it was drawn with.
#[derive(Clone)]
pub(crate) struct Numbers {
    pub(crate) tasks: u64,
    pub(crate) horizon: usize,
    /// What every step pays; `None` where one of the actions alone does.
    pub(crate) pays: Option<f32>,
    /// Numbers of 64 bits.
    pub(crate) drawn: Arc<Mutex<Vec<u64>>>,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            tasks: 3,
            horizon: 3,
            pays: None,
            drawn: Arc::default(),
        }
    }
}

impl Numbers {
    pub(crate) fn env(&self) -> Arc<dyn EnvFactory> {
        Arc::new(Tasks::new(self.clone()).unwrap())
    }

    /// What was drawn since the last call.
    pub(crate) fn take(&self) -> Vec<u64> {
        std::mem::take(&mut self.drawn.lock().unwrap())
    }
}

#[derive(Default)]
pub(crate) struct Number {
    number: u64,
    pays: Option<f32>,
}

impl Environment for Number {
    type State = u32;
    type Action = Discrete;

    fn reset(&self, state: &mut u32, _: &mut Stream) {
        *state = 0;
    }

    fn step(&self, state: &mut u32, action: &u32, _: &mut Stream) -> Step {
        *state = (*state + action + 1) % 4;
        let good = u64::from(*action) == self.number % 2;
        Step::proceed(self.pays.unwrap_or(f32::from(u8::from(good))))
    }

    fn observe(&self, state: &u32, observation: &mut [f32]) {
        observation[0] = *state as f32;
        observation[1] = self.number as f32;
    }
}

impl TaskDistribution for Numbers {
    type Task = Number;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "numbers".into(),
            observation: ObservationSpace::Vector { size: 2 },
            action: ActionSpace::Discrete { size: 2 },
            horizon: self.horizon,
            trial: Trial::Episodes(2),
        }
    }

    fn sample(&self, task: &mut Number, rng: &mut Stream) {
        let drawn = rng.random();
        self.drawn.lock().unwrap().push(drawn);
        self.select(task, drawn % self.tasks);
    }

    fn tasks(&self) -> Option<u64> {
        Some(self.tasks)
    }

    fn select(&self, task: &mut Number, number: u64) {
        task.number = number;
        task.pays = self.pays;
    }

    fn description_size(&self) -> usize {
        1
    }

    fn describe(&self, task: &Number, description: &mut [f32]) {
        description[0] = task.number as f32;
    }
}

pub(crate) const SHARINGS: [Sharing; 6] = [
    Sharing::Blind {},
    Sharing::Input {},
    Sharing::Film {},
    Sharing::Heads {},
    Sharing::Separate {},
    // Nothing but what is paid moves a policy.
    Sharing::Distral { pull: 0.0 },
];

pub(crate) fn constant(value: f64) -> Schedule {
    Schedule {
        from: value,
        to: value,
        shape: Shape::Linear,
    }
}

pub(crate) fn config(sharing: Sharing) -> MultiTaskConfig {
    MultiTaskConfig {
        updates: 40,
        lanes: 64,
        tile: 16,
        sharing,
        network: NetworkConfig {
            hidden: vec![8],
            activation: Activation::Tanh,
            gain: 0.01,
        },
        cosine_interval: 2,
        reward_scale: 0.5,
        normalize_advantages: true,
        value_coefficient: 0.5,
        max_gradient_norm: 1.0,
        entropy_coefficient: constant(0.0),
        learning_rate: constant(0.01),
        gae: Gae {
            gamma: 0.99,
            lambda: 0.9,
        },
        outer: Ppo {
            clip: 0.2,
            epochs: 2,
            minibatches: 2,
        },
        optimizer: OptimizerConfig::Adam {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-5,
            weight_decay: 0.0,
        },
    }
}

pub(crate) fn pool(workers: usize) -> Arc<Pool> {
    Arc::new(Pool::new(workers, || ()).unwrap())
}

pub(crate) fn trainer(numbers: &Numbers, config: MultiTaskConfig) -> Trainer {
    Trainer::new(numbers.env().as_ref(), config, 0, pool(2)).unwrap()
}
