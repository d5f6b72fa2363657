//! Where functions tell nothing, nothing is learned.

use crate::functions::{Functions, Oddity};
use crate::{made, pool, trainings};
use learned_optimizer::{Start, Trainer, TrainingConfig};

#[test]
fn flat_functions_move_no_rule() {
    for config in trainings() {
        // Where steps lead from a start that is learned by itself is noise of the rule.
        assert!(config.training != TrainingConfig::Reptile || config.start == Start::Learned);
        let moves = |oddity| {
            let functions = Functions {
                steps: config.steps,
                oddity,
                ..Functions::default()
            };
            let env = made(&functions);
            let mut trainer = Trainer::new(env.as_ref(), config.clone(), 0, pool(2)).unwrap();
            let before = trainer.values().to_vec();
            for _ in 0..5 {
                trainer.update().unwrap();
            }
            trainer.values() != before
        };
        assert!(!moves(Oddity::Flat), "{config:?}");
        assert!(moves(Oddity::None), "{config:?}");
    }
}
