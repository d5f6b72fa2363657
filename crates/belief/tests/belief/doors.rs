//! Three doors, one of which pays whenever it is opened, and a training for them.

use agent::{Input, Place, PolicyStart, Ppo};
use belief::{
    Belief, BeliefConfig, Decodes, Prior, Queries, Reads, Repeats, Rewards, Sampling, Target,
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

/// One episode of so many steps, of which no two look alike. One of two actions pays, or
/// every one.
pub(crate) struct Corridor {
    pub(crate) horizon: usize,
    /// What every step pays; `None` where the task's own action alone does.
    pub(crate) pays: Option<f32>,
}

#[derive(Default)]
pub(crate) struct Side {
    own: u32,
    pays: Option<f32>,
}

impl Environment for Side {
    type State = u32;
    type Action = Discrete;

    fn reset(&self, state: &mut u32, _: &mut Stream) {
        *state = 0;
    }

    fn step(&self, state: &mut u32, action: &u32, _: &mut Stream) -> Step {
        *state += 1;
        let own = f32::from(u8::from(*action == self.own));
        Step::proceed(self.pays.unwrap_or(own))
    }

    fn observe(&self, state: &u32, observation: &mut [f32]) {
        let step = *state as f32;
        observation.copy_from_slice(&[0.01 * step, 1.0 / (1.0 + step)]);
    }
}

impl TaskDistribution for Corridor {
    type Task = Side;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "corridor".into(),
            observation: ObservationSpace::Vector { size: 2 },
            action: ActionSpace::Discrete { size: 2 },
            horizon: self.horizon,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, task: &mut Side, rng: &mut Stream) {
        self.select(task, rng.random_range(0..2));
    }

    fn tasks(&self) -> Option<u64> {
        Some(2)
    }

    fn select(&self, task: &mut Side, number: u64) {
        (task.own, task.pays) = (number as u32, self.pays);
    }

    fn description_size(&self) -> usize {
        1
    }

    fn describe(&self, task: &Side, description: &mut [f32]) {
        description[0] = task.own as f32;
    }
}

/// The doors in the dark: nothing is observed.
pub(crate) struct Dark;

#[derive(Default)]
pub(crate) struct Unseen(Pays);

impl Environment for Unseen {
    type State = u32;
    type Action = Discrete;

    fn reset(&self, state: &mut u32, rng: &mut Stream) {
        self.0.reset(state, rng);
    }

    fn step(&self, state: &mut u32, action: &u32, rng: &mut Stream) -> Step {
        self.0.step(state, action, rng)
    }

    fn observe(&self, _: &u32, _: &mut [f32]) {}
}

impl TaskDistribution for Dark {
    type Task = Unseen;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "dark".into(),
            observation: ObservationSpace::Vector { size: 0 },
            ..Doors.spec()
        }
    }

    fn sample(&self, task: &mut Unseen, rng: &mut Stream) {
        Doors.sample(&mut task.0, rng);
    }

    fn tasks(&self) -> Option<u64> {
        Doors.tasks()
    }

    fn select(&self, task: &mut Unseen, number: u64) {
        Doors.select(&mut task.0, number);
    }

    fn description_size(&self) -> usize {
        Doors.description_size()
    }

    fn describe(&self, task: &Unseen, description: &mut [f32]) {
        Doors.describe(&task.0, description);
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
        multi_head: false,
        transitions: Transitions::None,
        decoder: vec![16],
        buffer: 150,
        kept: 1000,
        steps: 2,
        batch: 48,
        learning_rate: constant(0.01),
        max_gradient_norm: 5.0,
        optimizer: adam(),
        averaging: 0.0,
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

/// The policy reads what the belief is decoded into.
pub(crate) fn predicting(of: Queries) -> BeliefConfig {
    BeliefConfig {
        reads: Reads::Predictions,
        ..config(Belief::Variational(Box::new(Variational {
            multi_head: true,
            queries: vec![of],
            ..variational()
        })))
    }
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
    trainer_in(doors(), config, (seed, workers))
}

pub(crate) fn trainer_in(
    env: Arc<dyn EnvFactory>,
    config: &BeliefConfig,
    (seed, workers): (u64, usize),
) -> Trainer {
    let env = agent::telling(env, &config.inputs).unwrap();
    Trainer::new(env.as_ref(), config.clone(), seed, place(workers)).unwrap()
}
