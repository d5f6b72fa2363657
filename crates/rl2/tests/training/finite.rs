//! What is not finite is found before it is learned.

use crate::common::{BACKENDS, config, constant, trainer};
use agent::Training as _;
use agent::{BackendKind, LearnError};
use nets::OptimizerConfig;
use rl2::Rl2Config;

#[test]
fn a_loss_that_overflows_stops_the_update_and_is_named() {
    for backend in BACKENDS {
        let rich = Rl2Config {
            reward_scale: 1e30,
            ..config(backend)
        };
        let mut trainer = trainer(rich, 0, 2);
        let before = trainer.checkpoint().unwrap();
        let error = trainer.update().unwrap_err();
        let text = error.to_string();
        let found = matches!(
            error,
            LearnError::Loss {
                update: 1,
                what: "the value loss",
                ..
            }
        );
        assert!(found, "{backend:?}: {text}");
        assert!(
            text.starts_with("update 1: the value loss is inf"),
            "{text}"
        );
        assert!(text.contains("lower rl2.reward_scale"), "{text}");
        assert_eq!(trainer.checkpoint().unwrap(), before, "{backend:?}");
    }
}

#[test]
fn a_step_beyond_the_finite_numbers_is_not_taken() {
    for backend in BACKENDS {
        let far = Rl2Config {
            optimizer: OptimizerConfig::Sgd { momentum: 0.0 },
            learning_rate: constant(3e38),
            max_gradient_norm: 1e30,
            reward_scale: 1e10,
            ..config(backend)
        };
        let mut trainer = trainer(far, 0, 2);
        let before = trainer.checkpoint().unwrap();
        let error = trainer.update().unwrap_err();
        assert!(
            matches!(error, LearnError::Update { update: 1, .. }),
            "{error}"
        );
        let text = error.to_string();
        assert!(text.contains("update 1: the step would make '"), "{text}");
        assert_eq!(trainer.checkpoint().unwrap(), before, "{backend:?}");
    }
}

#[test]
fn no_checkpoint_is_made_of_what_is_not_finite() {
    let mut trainer = trainer(config(BackendKind::Native), 0, 1);
    let good = trainer.checkpoint().unwrap();
    let refusal = |trainer: &rl2::Trainer| trainer.checkpoint().unwrap_err().to_string();
    let mut bad = good.clone();
    bad.floats_mut("params/value.bias").unwrap()[0] = f32::INFINITY;
    trainer.restore(&bad).unwrap();
    assert!(refusal(&trainer).contains("'params/value.bias' is inf at index 0"));
    let mut bad = good.clone();
    bad.floats_mut("optimizer/first_moment/policy.bias")
        .unwrap()[1] = f32::NAN;
    trainer.restore(&bad).unwrap();
    assert!(refusal(&trainer).contains("is NaN at index 1"));
    trainer.restore(&good).unwrap();
    assert_eq!(trainer.checkpoint().unwrap(), good);
}
