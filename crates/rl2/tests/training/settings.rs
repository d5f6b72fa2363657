//! Settings are checked.

use crate::common::{config, constant};
use rl2::{BackendKind, Outer, Rl2Config};

#[test]
fn settings_out_of_range_are_named() {
    let base = config(BackendKind::Torch);
    let ppo = |clip, epochs, minibatches| Outer::Ppo {
        clip,
        epochs,
        minibatches,
    };
    let cases = [
        (
            Rl2Config {
                updates: 0,
                ..base.clone()
            },
            "rl2.updates = 0",
        ),
        (
            Rl2Config {
                lanes: 0,
                ..base.clone()
            },
            "rl2.lanes = 0",
        ),
        (
            Rl2Config {
                tile: 48,
                ..base.clone()
            },
            "rl2.tile = 48",
        ),
        (
            Rl2Config {
                outer: ppo(0.0, 1, 1),
                ..base.clone()
            },
            "rl2.outer.clip = 0",
        ),
        (
            Rl2Config {
                outer: ppo(0.2, 0, 1),
                ..base.clone()
            },
            "rl2.outer.epochs = 0",
        ),
        (
            Rl2Config {
                outer: ppo(0.2, 1, 3),
                ..base.clone()
            },
            "rl2.outer.minibatches = 3",
        ),
        (
            Rl2Config {
                value_coefficient: f64::NAN,
                ..base.clone()
            },
            "rl2.value_coefficient",
        ),
        (
            Rl2Config {
                reward_scale: -1.0,
                ..base.clone()
            },
            "rl2.reward_scale = -1",
        ),
        (
            Rl2Config {
                max_gradient_norm: 0.0,
                ..base.clone()
            },
            "rl2.max_gradient_norm = 0",
        ),
        (
            Rl2Config {
                learning_rate: constant(-1.0),
                ..base.clone()
            },
            "rl2.learning_rate.from",
        ),
    ];
    for (config, expected) in cases {
        let error = config.validate().unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
        assert!(error.contains("allowed: "), "{error}");
    }
}
