//! Settings that change over a training.

use crate::doors::{config, decoding, drawing, supervised, trainer};
use belief::{Belief, BeliefConfig, Target, Trainer};
use nets::{Schedule, Shape};

fn falling(from: f64) -> Schedule {
    Schedule {
        from,
        to: 0.0,
        shape: Shape::Linear,
    }
}

/// From the first of four updates to the last one, whose rate of 0 moves neither the policy
/// nor a belief, however it learns.
#[test]
fn rates_and_bonuses_fall_as_they_are_scheduled() {
    for kind in [
        config(supervised(Target::Task)),
        drawing(supervised(Target::Task)),
        decoding(),
    ] {
        let mut config = BeliefConfig {
            updates: 4,
            learning_rate: falling(0.03),
            entropy_coefficient: falling(0.3),
            ..kind
        };
        let mut parts = vec!["params"];
        if let Belief::Variational(of) = &mut config.belief {
            of.learning_rate = falling(0.06);
            parts.push("belief/params");
        }
        let mut trainer = trainer(&config, 3, 1);
        let params = |trainer: &Trainer| {
            let all = trainer.checkpoint().unwrap();
            parts
                .iter()
                .map(|part| all.branch(part))
                .collect::<Vec<_>>()
        };
        for share in [1.0, 2.0 / 3.0, 1.0 / 3.0, 0.0] {
            let before = params(&trainer);
            let metrics = trainer.update().unwrap();
            assert!((metrics.learning_rate - 0.03 * share).abs() < 1e-12);
            assert!((metrics.entropy_coefficient - 0.3 * share).abs() < 1e-12);
            for (before, after) in before.iter().zip(params(&trainer)) {
                assert_eq!(*before == after, share == 0.0, "{config:?}, {metrics:?}");
            }
        }
    }
}
