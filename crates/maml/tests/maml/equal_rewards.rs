//! Where every return is the same, whatever is done, nothing moves.

use crate::common::{adam, config, pool, promp, trpo};
use maml::{Baseline, Exploration, MamlConfig, Outer, Trainer};
use nets::Activation;
use rl_core::{
    ActionSpace, Continuous, EnvFactory, EnvSpec, Environment, ObservationSpace, Step, Stream,
    TaskDistribution, Tasks, Trial,
};
use std::sync::Arc;

/// A point that is paid the same at every step, wherever it goes.
#[derive(Clone)]
struct Paid(f32);

#[derive(Default)]
struct Pay(f32);

impl Environment for Pay {
    type State = f32;
    type Action = Continuous;

    fn reset(&self, state: &mut f32, _: &mut Stream) {
        *state = 0.0;
    }

    fn step(&self, state: &mut f32, action: &[f32], _: &mut Stream) -> Step {
        *state += action[0];
        Step::proceed(self.0)
    }

    fn observe(&self, state: &f32, observation: &mut [f32]) {
        observation[0] = *state;
    }
}

impl TaskDistribution for Paid {
    type Task = Pay;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "paid".into(),
            observation: ObservationSpace::Vector { size: 1 },
            action: ActionSpace::Box {
                low: vec![-0.1],
                high: vec![0.1],
            },
            horizon: 30,
            trial: Trial::Episodes(2),
        }
    }

    fn sample(&self, task: &mut Pay, _: &mut Stream) {
        task.0 = self.0;
    }
}

/// Whether three updates leave every parameter as it is, to the bit.
fn stays(config: &MamlConfig, reward: f32) -> bool {
    let env: Arc<dyn EnvFactory> = Arc::new(Tasks::new(Paid(reward)).unwrap());
    let mut trainer = Trainer::new(env.as_ref(), config.clone(), 1, pool(1)).unwrap();
    let before = trainer.parameters().to_vec();
    for _ in 0..3 {
        let metrics = trainer.update().unwrap();
        assert_eq!(metrics.gradient_norm, 0.0);
    }
    **trainer.parameters() == before
}

#[test]
fn equal_returns_move_no_policy() {
    let linear = Baseline::Linear { ridge: 1e-5 };
    let value = Baseline::Value {
        hidden: vec![8],
        activation: Activation::Tanh,
        optimizer: adam(),
        learning_rate: 0.01,
        max_gradient_norm: f64::INFINITY,
        epochs: 2,
    };
    for outer in [Outer::Vpg, trpo(), promp()] {
        for (baseline, bootstrap, normalize) in [
            (Baseline::None, false, true),
            (linear.clone(), false, true),
            (linear.clone(), true, true),
            // TRPO goes as far for small advantages as for large ones.
            (linear.clone(), false, false),
            (linear.clone(), true, false),
            (Baseline::None, false, false),
            (value.clone(), false, true),
            (value.clone(), false, false),
        ] {
            let mut config = config(outer);
            (config.tasks, config.trajectories) = (3, 2);
            config.baseline = baseline;
            config.bootstrap = bootstrap;
            config.normalize_advantages = normalize;
            if !matches!(outer, Outer::Ppo { .. }) {
                config.exploration = Exploration::EMaml { coefficient: 1.0 };
            }
            for reward in [0.0, 0.1, -3.7, 1e-12] {
                let what = format!("{outer:?}, {:?}, {normalize}", config.baseline);
                assert!(stays(&config, reward), "{what}, reward {reward}");
            }
        }
    }
}
