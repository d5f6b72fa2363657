//! What is not finite is found before it is learned.

use crate::common::{adam, arms, config, pool, promp, trainer};
use agent::LearnError;
use maml::{Baseline, Trainer};
use nets::Activation;
use rl_core::{
    ActionSpace, Discrete, EnvSpec, Environment, ObservationSpace, Step, Stream, TaskDistribution,
    Tasks, Trial,
};

/// Pays so much that a squared error of the value network overflows.
#[derive(Clone)]
struct Rich;

#[derive(Default)]
struct Riches;

impl Environment for Riches {
    type State = ();
    type Action = Discrete;

    fn reset(&self, _: &mut (), _: &mut Stream) {}

    fn step(&self, _: &mut (), action: &u32, _: &mut Stream) -> Step {
        Step::proceed(1e25 * *action as f32)
    }

    fn observe(&self, _: &(), _: &mut [f32]) {}
}

impl TaskDistribution for Rich {
    type Task = Riches;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "rich".into(),
            observation: ObservationSpace::Vector { size: 0 },
            action: ActionSpace::Discrete { size: 2 },
            horizon: 3,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, _: &mut Riches, _: &mut Stream) {}
}

#[test]
fn a_value_network_that_overflows_stops_the_update() {
    let mut valued = config(promp());
    valued.baseline = Baseline::Value {
        hidden: vec![4],
        activation: Activation::Tanh,
        optimizer: adam(),
        learning_rate: 1e-3,
        max_gradient_norm: f64::INFINITY,
        epochs: 2,
    };
    let env = Tasks::new(Rich).unwrap();
    let mut trainer = Trainer::new(&env, valued, 0, pool(2)).unwrap();
    let before = trainer.checkpoint().unwrap();
    let error = trainer.update().unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(
            error,
            LearnError::Update {
                update: 1,
                part: Some("the value network"),
                ..
            }
        ),
        "{text}"
    );
    assert!(text.contains("would make second_moment of '"), "{text}");
    assert_eq!(trainer.checkpoint().unwrap(), before);
}

#[test]
fn no_checkpoint_is_made_of_what_is_not_finite() {
    let mut trainer = trainer(&arms(), config(promp()), 1);
    let mut bad = trainer.checkpoint().unwrap();
    bad.floats_mut("params/layer0.weight").unwrap()[2] = f32::NAN;
    trainer.restore(&bad).unwrap();
    let refused = trainer.checkpoint().unwrap_err().to_string();
    assert!(refused.contains("is NaN at index 2"), "{refused}");
}
