//! The gradient is that of the objective, over what was lived.

use crate::common::{BACKENDS, config, objective, seen_as, trainer, trainer_in};
use agent::{BackendKind, Gradient};
use rl_core::ObservationSpace;
use rl2::{Outer, Rl2Config, Trainer};
use std::sync::Arc;

fn gradient_of(trainer: &Trainer, values: &Arc<Vec<f32>>) -> Gradient {
    let minibatch = trainer.minibatch(&[0, 1, 2, 3]);
    trainer
        .learner()
        .gradient(values, &minibatch, objective())
        .unwrap()
}

#[test]
fn the_first_minibatch_is_on_policy() {
    for backend in BACKENDS {
        let mut trainer = trainer(config(backend), 2, 2);
        trainer.collect().unwrap();
        trainer.advantages();
        let gradient = gradient_of(&trainer, trainer.learner().parameters());
        assert!(
            gradient.losses.approx_kl.abs() < 1e-10,
            "{}",
            gradient.losses.approx_kl
        );
        assert_eq!(gradient.losses.clip_fraction, 0.0);
        // The mean of normalized advantages at ratio 1 is 0.
        assert!(gradient.losses.policy.abs() < 1e-5);
    }
}

#[test]
fn the_gradient_is_that_of_the_objective() {
    for backend in BACKENDS {
        check_gradient(&mut trainer(config(backend), 3, 2), &format!("{backend:?}"));
    }
}

/// Compares the gradient after an update with differences of the objective.
pub(crate) fn check_gradient(trainer: &mut Trainer, what: &str) {
    trainer.update().unwrap();
    trainer.collect().unwrap();
    trainer.advantages();
    let objective = objective();
    let at = |values: Vec<f32>| {
        let g = gradient_of(trainer, &Arc::new(values));
        g.losses.policy + objective.value_coefficient * g.losses.value
            - objective.entropy_coefficient * g.losses.entropy
    };
    let values = trainer.learner().parameters();
    let gradient = gradient_of(trainer, values).values;
    // Along the gradient itself and along a direction that mixes all signs.
    let norm = gradient.iter().map(|g| g * g).sum::<f32>().sqrt();
    let along: Vec<f32> = gradient.iter().map(|g| g / norm).collect();
    let mixed = (0..gradient.len()).map(|i| ((i * 7919 % 13) as f32 - 6.0) * 0.01);
    for direction in [along, mixed.collect()] {
        let moved = |h: f32| {
            let both = values.iter().zip(&direction);
            at(both.map(|(v, d)| v + h * d).collect())
        };
        let step = 0.01;
        let numeric = (moved(step) - moved(-step)) / f64::from(2.0 * step);
        let both = gradient.iter().zip(&direction);
        let exact: f64 = both.map(|(g, d)| f64::from(g * d)).sum();
        let error = (numeric - exact).abs() / exact.abs().max(1e-3);
        assert!(error < 0.02, "{what}: {numeric} and {exact}");
    }
}

#[test]
fn what_follows_a_trial_teaches_nothing() {
    for backend in BACKENDS {
        let env = seen_as(ObservationSpace::Discrete { size: 4 }, true);
        let mut trainer = trainer_in(&env, config(backend), 9, 2);
        trainer.collect().unwrap();
        trainer.advantages();
        let minibatch = trainer.minibatch(&[0, 1, 2, 3]);
        let tiles = trainer.learner().samples().batch.tiles();
        let lived: usize = tiles.iter().flat_map(|t| t.trajectory().lengths()).sum();
        assert!(lived < 64 * 6, "some trials end early");
        assert_eq!(minibatch.weight, 1.0 / lived as f32);
        // Mean loss at ratio 1 of advantages that are normalized over what was
        // lived alone: 0. What follows would shift it.
        let values = trainer.learner().parameters();
        let losses = trainer
            .learner()
            .gradient(values, &minibatch, objective())
            .unwrap()
            .losses;
        assert!(losses.policy.abs() < 1e-5, "{backend:?}: {}", losses.policy);
    }
}

/// Where tiles are over after different numbers of steps, the backends agree, however
/// many of them are learned from together.
#[test]
fn tiles_of_different_lengths_are_learned_from_together() {
    let env = seen_as(ObservationSpace::Discrete { size: 4 }, true);
    let gradient = |backend: BackendKind| {
        let config = Rl2Config {
            lanes: 8,
            tile: 1,
            outer: Outer::A2c,
            ..config(backend)
        };
        let mut trainer = trainer_in(&env, config, 9, 2);
        trainer.collect().unwrap();
        trainer.advantages();
        let tiles = trainer.learner().samples().batch.tiles();
        let steps: Vec<usize> = tiles.iter().map(|t| t.trajectory().steps()).collect();
        assert!(steps.iter().any(|n| *n != steps[0]), "{steps:?}");
        let minibatch = trainer.minibatch(&[0, 1, 2, 3, 4, 5, 6, 7]);
        let learner = trainer.learner();
        let of = |values| learner.gradient(values, &minibatch, objective()).unwrap();
        of(learner.parameters())
    };
    let all: Vec<_> = BACKENDS.into_iter().map(gradient).collect();
    for other in &all[1..] {
        let away = all[0].losses.value - other.losses.value;
        assert!(away.abs() < 1e-6, "{away}");
        for (one, other) in all[0].values.iter().zip(&other.values) {
            assert!((one - other).abs() < 1e-5, "{one} and {other}");
        }
    }
}
