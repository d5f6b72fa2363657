//! What is not finite is found before it is learned.

use crate::functions::{Functions, Oddity};
use crate::{made, pool, schedule, trainings};
use agent::LearnError;
use learned_optimizer::{Config, Trainer};
use nets::OptimizerConfig;

/// What the first update is refused with; nothing is changed by it.
fn refusal(config: &Config, oddity: Oddity) -> LearnError {
    let functions = Functions {
        steps: config.steps,
        oddity,
        ..Functions::default()
    };
    let env = made(&functions);
    let mut trainer = Trainer::new(env.as_ref(), config.clone(), 0, pool(2)).unwrap();
    let before = trainer.checkpoint().unwrap();
    let error = trainer.update().unwrap_err();
    assert!(error.to_string().starts_with("update 1: "), "{error}");
    assert_eq!(
        trainer.checkpoint().unwrap(),
        before,
        "{config:?}, {oddity:?}"
    );
    assert_eq!((trainer.updates_done(), trainer.env_steps()), (0, 0));
    error
}

#[test]
fn a_function_that_is_not_finite_changes_nothing() {
    for config in trainings() {
        // At once, and after windows that were learned from.
        for after in [0, 8] {
            refusal(&config, Oddity::Wild { after });
        }
        let error = refusal(&config, Oddity::Worthless);
        let said = "update 1: what the ends of unrolls are worth is NaN";
        assert!(error.to_string().starts_with(said), "{error}");
        assert!(
            matches!(error, LearnError::Loss { update: 1, .. }),
            "{error}"
        );
    }
}

#[test]
fn a_step_beyond_the_finite_numbers_is_not_taken() {
    for config in trainings() {
        let far = Config {
            optimizer: OptimizerConfig::Sgd { momentum: 0.0 },
            learning_rate: schedule(1e100),
            max_gradient_norm: 1e30,
            ..config
        };
        refusal(&far, Oddity::None);
    }
}

#[test]
fn no_checkpoint_is_made_of_what_is_not_finite() {
    for config in trainings() {
        let functions = Functions {
            steps: config.steps,
            ..Functions::default()
        };
        let env = made(&functions);
        let mut trainer = Trainer::new(env.as_ref(), config.clone(), 0, pool(1)).unwrap();
        let good = trainer.checkpoint().unwrap();
        let first = |part: &str| {
            let mut names = good.iter().map(|(name, _)| name.to_owned());
            names.find(|name| name.starts_with(part)).unwrap()
        };
        for (part, number) in [
            ("params/", f32::INFINITY),
            ("optimizer/first_moment/", f32::NAN),
        ] {
            let name = first(part);
            let mut bad = good.clone();
            bad.floats_mut(&name).unwrap()[0] = number;
            trainer.restore(&bad).unwrap();
            let refusal = trainer.checkpoint().unwrap_err().to_string();
            let said = format!("'{name}' is {number} at index 0");
            assert!(refusal.contains(&said), "{refusal}");
        }
        trainer.restore(&good).unwrap();
        assert_eq!(trainer.checkpoint().unwrap(), good);
    }
}
