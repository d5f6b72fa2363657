//! The same bits every time, and nothing half done.

use crate::common::{BACKENDS, config, trainer};
use crate::sabotage::{Sabotage, sabotaged};
use agent::Training as _;
use agent::{BackendKind, LearnError};
use rl2::Rl2Config;

#[test]
fn any_number_of_workers_gives_the_same_bits() {
    for backend in BACKENDS {
        let run = |workers| {
            let mut trainer = trainer(config(backend), 4, workers);
            let metrics: Vec<_> = (0..4).map(|_| trainer.update().unwrap()).collect();
            let bits: Vec<u32> = trainer
                .learner()
                .parameters()
                .iter()
                .map(|v| v.to_bits())
                .collect();
            (metrics, bits)
        };
        let one = run(1);
        for workers in [2, 3, 8] {
            assert_eq!(one, run(workers), "{backend:?}, {workers} workers");
        }
    }
}

#[test]
fn a_restored_training_goes_on_with_the_same_bits() {
    for backend in BACKENDS {
        let mut whole = trainer(config(backend), 5, 2);
        for _ in 0..3 {
            whole.update().unwrap();
        }
        let mut resumed = trainer(config(backend), 5, 2);
        resumed.restore(&whole.checkpoint().unwrap()).unwrap();
        for _ in 0..2 {
            assert_eq!(whole.update().unwrap(), resumed.update().unwrap());
        }
        assert_eq!(whole.checkpoint().unwrap(), resumed.checkpoint().unwrap());
    }
}

#[test]
fn another_networks_checkpoint_is_refused() {
    for backend in BACKENDS {
        let wide = Rl2Config {
            trunk: nets::SequenceConfig::Gru(nets::Recurrent::plain(17)),
            ..config(backend)
        };
        let other = trainer(wide, 0, 1).checkpoint().unwrap();
        let mut trainer = trainer(config(backend), 0, 1);
        let before = trainer.checkpoint().unwrap();
        let error = trainer.restore(&other).unwrap_err().to_string();
        assert!(error.contains("trunk.weight_ih"), "{error}");
        assert_eq!(trainer.checkpoint().unwrap(), before);
    }
}

#[test]
fn parameters_that_are_not_finite_are_found_at_the_first_step() {
    for backend in BACKENDS {
        let mut trainer = trainer(config(backend), 0, 2);
        let mut checkpoint = trainer.checkpoint().unwrap();
        checkpoint.floats_mut("params/value.bias").unwrap()[0] = f32::NAN;
        trainer.restore(&checkpoint).unwrap();
        let before = trainer.learner().parameters().clone();
        let error = trainer.update().unwrap_err();
        assert!(matches!(error, LearnError::Rollout(_)));
        let text = error.to_string();
        assert!(text.contains("policy 'rl2' gave value NaN"), "{text}");
        let same = trainer.learner().parameters().iter().zip(before.iter());
        assert!(same.into_iter().all(|(a, b)| a.to_bits() == b.to_bits()));
    }
}

#[test]
fn an_update_that_fails_half_way_is_undone() {
    let mut trainer = sabotaged(config(BackendKind::Native), Sabotage::ThirdIsNan);
    let before = trainer.checkpoint().unwrap();
    let error = trainer.update().unwrap_err();
    assert!(matches!(error, LearnError::Update { update: 1, .. }));
    assert!(error.to_string().contains("update 1: "), "{error}");
    assert_eq!(trainer.checkpoint().unwrap(), before);
    trainer.update().unwrap();
    assert_ne!(trainer.checkpoint().unwrap(), before);
}
