//! A bandit small enough to learn within a second, and a training for it.

use agent::{BackendKind, Input, Objective, Place, PolicyStart, Surrogate};
use nets::{OptimizerConfig, Recurrent, SequenceConfig};
use nets::{Schedule, Shape};
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Discrete, EnvFactory, EnvSpec, Environment, Gae, ObservationSpace, Step, Stream,
    TaskDistribution, Tasks, Trial,
};
use rl2::{Outer, Rl2Config, Trainer};
use rollout::Pool;
use std::sync::Arc;

/// All that are built in.
#[cfg(feature = "torch")]
pub(crate) const BACKENDS: [BackendKind; 2] = [BackendKind::Native, BackendKind::Torch];
#[cfg(not(feature = "torch"))]
pub(crate) const BACKENDS: [BackendKind; 1] = [BackendKind::Native];

pub(crate) fn objective() -> Objective {
    Objective {
        surrogate: Surrogate::Clipped(0.2),
        value_coefficient: 0.5,
        entropy_coefficient: 0.01,
        teacher_coefficient: 0.0,
    }
}

/// Two arms, of which one pays always and the other never, in `episodes`
/// episodes of 3 pulls.
#[derive(Clone)]
pub(crate) struct Switches {
    pub(crate) episodes: usize,
    /// What the agent sees of the pull's index in its episode.
    pub(crate) sees: ObservationSpace,
    /// Whether the second pull of an episode may end it.
    pub(crate) ends_early: bool,
}

#[derive(Default)]
pub(crate) struct Switch {
    good: u32,
    ends_early: bool,
}

impl Environment for Switch {
    type State = usize;
    type Action = Discrete;

    fn reset(&self, state: &mut usize, _: &mut Stream) {
        *state = 0;
    }

    fn step(&self, state: &mut usize, action: &u32, _: &mut Stream) -> Step {
        *state += 1;
        let reward = f32::from(u8::from(*action == self.good));
        if self.ends_early && *state == 2 && *action == 0 {
            return Step::terminal(reward);
        }
        Step::proceed(reward)
    }

    fn observe(&self, state: &usize, observation: &mut [f32]) {
        observation.fill(*state as f32);
    }
}

impl TaskDistribution for Switches {
    type Task = Switch;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "switch".into(),
            observation: self.sees.clone(),
            action: ActionSpace::Discrete { size: 2 },
            horizon: 3,
            trial: Trial::Episodes(self.episodes),
        }
    }

    fn sample(&self, task: &mut Switch, rng: &mut Stream) {
        task.good = rng.random_range(0..2);
        task.ends_early = self.ends_early;
    }
}

pub(crate) fn switches() -> Arc<dyn EnvFactory> {
    seen_as(ObservationSpace::Discrete { size: 4 }, false)
}

pub(crate) fn seen_as(sees: ObservationSpace, ends_early: bool) -> Arc<dyn EnvFactory> {
    let tasks = Switches {
        episodes: 2,
        sees,
        ends_early,
    };
    Arc::new(Tasks::new(tasks).unwrap())
}

pub(crate) fn pool(workers: usize) -> Arc<Pool> {
    Arc::new(Pool::new(workers, nets::single_threaded).unwrap())
}

pub(crate) fn constant(value: f64) -> Schedule {
    Schedule {
        from: value,
        to: value,
        shape: Shape::Linear,
    }
}

pub(crate) fn config(backend: BackendKind) -> Rl2Config {
    Rl2Config {
        updates: 40,
        lanes: 64,
        tile: 16,
        backend,
        inputs: Input::USUAL.to_vec(),
        reward_scale: 0.5,
        normalize_advantages: true,
        value_coefficient: 0.5,
        max_gradient_norm: 1.0,
        entropy_coefficient: constant(0.003),
        learning_rate: constant(0.01),
        gae: Gae {
            gamma: 0.99,
            lambda: 0.9,
        },
        outer: Outer::Ppo {
            clip: 0.2,
            epochs: 3,
            minibatches: 2,
        },
        optimizer: OptimizerConfig::Adam {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-5,
            weight_decay: 0.0,
        },
        trunk: SequenceConfig::Gru(Recurrent::plain(16)),
        policy: PolicyStart {
            gain: 0.01,
            std: 0.5,
        },
    }
}

pub(crate) fn trainer(config: Rl2Config, seed: u64, workers: usize) -> Trainer {
    trainer_in(&switches(), config, seed, workers)
}

pub(crate) fn trainer_in(
    env: &Arc<dyn EnvFactory>,
    config: Rl2Config,
    seed: u64,
    workers: usize,
) -> Trainer {
    let device = nets::Device::Cpu;
    Trainer::new(
        env.as_ref(),
        config,
        seed,
        Place {
            pool: pool(workers),
            device,
        },
    )
    .unwrap()
}
