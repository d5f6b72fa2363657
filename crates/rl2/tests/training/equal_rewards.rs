//! Where rewards tell nothing, nothing moves the policy.

use crate::common::{BACKENDS, config, constant, trainer_in};
use agent::BackendKind;
use agent::Training as _;
use rl_core::{
    ActionSpace, Data, Discrete, EnvFactory, EnvSpec, Environment, ObservationSpace, Step, Stream,
    TaskDistribution, Tasks, Trial,
};
use rl2::{Rl2Config, Trainer};
use std::sync::Arc;

/// Pays the same whatever is done.
#[derive(Clone)]
struct Same(f32);

#[derive(Default)]
struct Paying(f32);

impl Environment for Paying {
    type State = u32;
    type Action = Discrete;

    fn reset(&self, state: &mut u32, _: &mut Stream) {
        *state = 0;
    }

    fn step(&self, state: &mut u32, action: &u32, _: &mut Stream) -> Step {
        *state = (*state + action + 1) % 4;
        Step::proceed(self.0)
    }

    fn observe(&self, state: &u32, observation: &mut [f32]) {
        observation.fill(*state as f32);
    }
}

impl TaskDistribution for Same {
    type Task = Paying;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "same".into(),
            observation: ObservationSpace::Discrete { size: 4 },
            action: ActionSpace::Discrete { size: 3 },
            horizon: 3,
            trial: Trial::Episodes(2),
        }
    }

    fn sample(&self, task: &mut Paying, _: &mut Stream) {
        task.0 = self.0;
    }
}

/// The policy head after a training on equal rewards, and before it.
fn heads(backend: BackendKind, reward: f32, normalize: bool) -> [Vec<Data>; 2] {
    let env: Arc<dyn EnvFactory> = Arc::new(Tasks::new(Same(reward)).unwrap());
    let plain = Rl2Config {
        entropy_coefficient: constant(0.0),
        normalize_advantages: normalize,
        ..config(backend)
    };
    let mut trainer = trainer_in(&env, plain, 0, 2);
    let head = |trainer: &Trainer| {
        let params = trainer.checkpoint().unwrap().branch("params");
        let policy = params
            .iter()
            .filter(|(name, _)| name.starts_with("policy."));
        policy
            .map(|(_, array)| array.data.clone())
            .collect::<Vec<_>>()
    };
    let before = head(&trainer);
    for _ in 0..10 {
        trainer.update().unwrap();
    }
    [before, head(&trainer)]
}

#[test]
fn equal_rewards_do_not_move_the_policy() {
    for backend in BACKENDS {
        for reward in [0.0, 1.0, -0.1, 1e-20] {
            let [before, after] = heads(backend, reward, true);
            assert_eq!(before, after, "{backend:?}, reward {reward}");
        }
        // Errors of the value function, not made larger, are those of any
        // actor-critic.
        let [before, after] = heads(backend, 1.0, false);
        assert_ne!(before, after, "{backend:?}");
    }
}

/// Advantages get deviation 1 whatever unit rewards have.
#[test]
fn the_unit_of_rewards_does_not_matter() {
    let scaled = |reward_scale| {
        let config = Rl2Config {
            reward_scale,
            ..config(BackendKind::Native)
        };
        let mut trainer = trainer_in(&crate::common::switches(), config, 0, 1);
        // A value function that says nothing.
        let mut checkpoint = trainer.checkpoint().unwrap();
        for name in ["params/value.weight", "params/value.bias"] {
            checkpoint.floats_mut(name).unwrap().fill(0.0);
        }
        trainer.restore(&checkpoint).unwrap();
        trainer.collect().unwrap();
        trainer.advantages();
        let minibatch = trainer.minibatch(&[0, 1, 2, 3]);
        trainer.learner().samples().targets[0]
            .advantages
            .iter()
            .map(|a| f64::from((a - minibatch.shift) * minibatch.scale))
            .collect::<Vec<f64>>()
    };
    let reference = scaled(1.0);
    assert!(reference.iter().any(|a| a.abs() > 0.5));
    for unit in [1e-30, 1e-12, 1e-8, 1e8] {
        for (a, b) in scaled(unit).iter().zip(&reference) {
            assert!((a - b).abs() < 1e-5, "{unit}: {a} and {b}");
        }
    }
}
