//! Three doors, one of which pays whenever it is opened, and a training for them.

use agent::{Input, Place, PolicyStart};
use belief::{
    Belief, BeliefConfig, Decodes, Ppo, Prior, Queries, Reads, Repeats, Rewards, Sampling, Target,
    Trainer, Transitions, Variational,
};
use nets::{OptimizerConfig, Recurrent, Schedule, SequenceConfig, Shape};
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Discrete, EnvFactory, EnvSpec, Environment, Gae, Information, KnownTasks,
    ObservationSpace, Step, Stream, TaskDistribution, Tasks, Trial,
};
use rollout::Pool;
use std::sync::Arc;

pub(crate) const DOORS: usize = 3;

/// Two episodes of three steps. What is observed is the door that was opened last, and
/// at first a wall.
pub(crate) struct Doors;

#[derive(Default)]
pub(crate) struct Pays(u32);

impl Environment for Pays {
    type State = u32;
    type Action = Discrete;

    fn reset(&self, state: &mut u32, _: &mut Stream) {
        *state = DOORS as u32;
    }

    fn step(&self, state: &mut u32, action: &u32, _: &mut Stream) -> Step {
        *state = *action;
        Step::proceed(if *action == self.0 { 1.0 } else { -0.1 })
    }

    fn observe(&self, state: &u32, observation: &mut [f32]) {
        observation[0] = *state as f32;
    }
}

impl TaskDistribution for Doors {
    type Task = Pays;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "doors".into(),
            observation: ObservationSpace::Discrete { size: DOORS + 1 },
            action: ActionSpace::Discrete { size: DOORS },
            horizon: 3,
            trial: Trial::Episodes(2),
        }
    }

    fn sample(&self, task: &mut Pays, rng: &mut Stream) {
        task.0 = rng.random_range(0..DOORS as u32);
    }

    fn tasks(&self) -> Option<u64> {
        Some(DOORS as u64)
    }

    fn select(&self, task: &mut Pays, number: u64) {
        task.0 = number as u32;
    }

    fn description_size(&self) -> usize {
        2
    }

    fn describe(&self, task: &Pays, description: &mut [f32]) {
        description.copy_from_slice(&[task.0 as f32, 1.0 - task.0 as f32]);
    }
}

/// Which doors are still possible are the bits of the evidence.
pub(crate) struct KnownDoors;

impl KnownTasks for KnownDoors {
    fn count(&self) -> usize {
        DOORS
    }

    fn states(&self) -> usize {
        DOORS + 1
    }

    fn pays_at(&self, task: usize) -> Option<u32> {
        Some(task as u32)
    }

    fn begin(&self) -> Information {
        Information {
            evidence: (1 << DOORS) - 1,
            ..Information::default()
        }
    }

    fn after(&self, before: Information, action: u32, reward: f32) -> Information {
        Information {
            step: before.step + 1,
            state: action,
            evidence: match reward > 0.0 {
                true => 1 << action,
                false => before.evidence & !(1 << action),
            },
        }
    }

    fn posterior(&self, evidence: u64, probabilities: &mut [f64]) {
        for (task, p) in probabilities.iter_mut().enumerate() {
            *p = f64::from((evidence >> task & 1) as u32) / f64::from(evidence.count_ones());
        }
    }

    fn rewards(&self, _: Information, _: u32, _: &mut dyn FnMut(f64, f64)) {}

    fn act(&self, _: Information, _: usize, _: &mut [f64]) {}

    fn action_values(&self, _: Information, _: usize, _: &mut [f64]) {}
}

pub(crate) fn doors() -> Arc<dyn EnvFactory> {
    Arc::new(Tasks::new(Doors).unwrap())
}

pub(crate) fn constant(value: f64) -> Schedule {
    Schedule {
        from: value,
        to: value,
        shape: Shape::Linear,
    }
}

fn adam() -> OptimizerConfig {
    OptimizerConfig::Adam {
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-5,
        weight_decay: 0.0,
    }
}

pub(crate) fn variational() -> Variational {
    Variational {
        latent: 2,
        deterministic: false,
        prior: Prior::Chained,
        divergence_coefficient: 0.05,
        decodes: Decodes::All,
        prefixes: 3,
        repeats: Repeats::All,
        rewards: Rewards::Bernoulli { above: 0.0 },
        queries: vec![Queries::NextObservation],
        transitions: Transitions::None,
        decoder: vec![16],
        buffer: 150,
        kept: 1000,
        steps: 2,
        batch: 48,
        learning_rate: constant(0.01),
        max_gradient_norm: 5.0,
        optimizer: adam(),
    }
}

pub(crate) fn supervised(target: Target) -> Belief {
    Belief::Supervised {
        target,
        coefficient: 0.5,
    }
}

pub(crate) fn config(belief: Belief) -> BeliefConfig {
    let decodes = matches!(belief, Belief::Variational(_));
    BeliefConfig {
        updates: 40,
        lanes: 64,
        tile: 16,
        inputs: Input::USUAL.to_vec(),
        reward_scale: 0.5,
        normalize_advantages: true,
        value_coefficient: 0.5,
        max_gradient_norm: 0.5,
        entropy_coefficient: constant(0.01),
        learning_rate: constant(0.01),
        gae: Gae {
            gamma: 0.95,
            lambda: 0.95,
        },
        outer: Ppo {
            clip: 0.2,
            epochs: 2,
            minibatches: 2,
        },
        optimizer: adam(),
        trunk: SequenceConfig::Gru(Recurrent::plain(16)),
        belief,
        reads: if decodes {
            Reads::Belief
        } else {
            Reads::Memory
        },
        detached: decodes,
        sample: Sampling::None,
        hidden: vec![16],
        policy: PolicyStart {
            gain: 0.01,
            std: 1.0,
        },
    }
}

pub(crate) fn decoding() -> BeliefConfig {
    config(Belief::Variational(Box::new(variational())))
}

/// A goal of the belief is drawn once an episode.
pub(crate) fn drawing(belief: Belief) -> BeliefConfig {
    let mut inputs = Input::USUAL.to_vec();
    inputs.push(Input::Noise);
    BeliefConfig {
        inputs,
        reads: Reads::Belief,
        detached: true,
        sample: Sampling::Episode,
        ..config(belief)
    }
}

pub(crate) fn place(workers: usize) -> Place {
    Place {
        pool: Arc::new(Pool::new(workers, nets::single_threaded).unwrap()),
        device: nets::Device::Cpu,
    }
}

pub(crate) fn trainer(config: &BeliefConfig, seed: u64, workers: usize) -> Trainer {
    let env = agent::telling(doors(), &config.inputs).unwrap();
    Trainer::new(env.as_ref(), config.clone(), seed, place(workers)).unwrap()
}
