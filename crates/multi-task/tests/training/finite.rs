//! What is not finite is found before it is learned.

use crate::common::{Numbers, SHARINGS, config, constant, trainer};
use agent::LearnError;
use multi_task::{MultiTaskConfig, Sharing, Trainer};
use nets::OptimizerConfig;

#[test]
fn a_loss_that_overflows_stops_the_update_and_is_named() {
    // Forty powers of ten are beyond single precision.
    let rich = Numbers {
        pays: Some(1e10),
        ..Numbers::default()
    };
    for sharing in SHARINGS {
        let scaled = MultiTaskConfig {
            reward_scale: 1e30,
            normalize_advantages: false,
            ..config(sharing)
        };
        let mut trainer = trainer(&rich, scaled);
        let before = trainer.checkpoint().unwrap();
        let error = trainer.update().unwrap_err();
        let text = error.to_string();
        assert!(
            matches!(error, LearnError::Loss { update: 1, .. }),
            "{text}"
        );
        assert!(text.contains("multi-task.reward_scale"), "{text}");
        assert_eq!(trainer.checkpoint().unwrap(), before, "{sharing:?}");
    }
}

/// Steps that were taken before one that cannot be are taken back with it.
#[test]
fn nothing_of_a_failed_update_is_kept() {
    for sharing in SHARINGS {
        let far = MultiTaskConfig {
            optimizer: OptimizerConfig::Sgd { momentum: 0.0 },
            learning_rate: constant(1e30),
            max_gradient_norm: 1e6,
            ..config(sharing)
        };
        let mut trainer = trainer(&Numbers::default(), far);
        let before = trainer.checkpoint().unwrap();
        let text = trainer.update().unwrap_err().to_string();
        assert!(text.starts_with("update 1: "), "{text}");
        assert_eq!(trainer.checkpoint().unwrap(), before, "{sharing:?}");
    }
}

#[test]
fn no_checkpoint_is_made_of_what_is_not_finite() {
    let mut trainer = trainer(&Numbers::default(), config(Sharing::Blind {}));
    let good = trainer.checkpoint().unwrap();
    let refusal = |trainer: &Trainer| trainer.checkpoint().unwrap_err().to_string();
    let first = |part: &str| {
        let names = good.iter().map(|(name, _)| name.to_owned());
        names
            .into_iter()
            .find(|name| name.starts_with(part))
            .unwrap()
    };
    for (part, number) in [
        ("params/", f32::INFINITY),
        ("optimizer/first_moment/", f32::NAN),
    ] {
        let name = first(part);
        let mut bad = good.clone();
        bad.floats_mut(&name).unwrap()[0] = number;
        trainer.restore(&bad).unwrap();
        let said = format!("'{name}' is {number} at index 0");
        assert!(refusal(&trainer).contains(&said), "{}", refusal(&trainer));
    }
    trainer.restore(&good).unwrap();
    assert_eq!(trainer.checkpoint().unwrap(), good);
}
