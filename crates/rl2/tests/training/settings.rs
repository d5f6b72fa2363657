//! Settings are checked.

use crate::common::{BACKENDS, config, constant, pool, switches};
use nets::tch::Device;
use nets::{Recurrent, SequenceConfig};
use rl2::{BackendKind, Outer, Rl2Config, Trainer};

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

#[test]
fn a_network_that_would_not_fit_into_memory_is_refused_before_it_is_made() {
    let env = switches();
    let training = |backend, hidden, tile, lanes| {
        let config = Rl2Config {
            trunk: SequenceConfig::Gru(Recurrent::plain(hidden)),
            tile,
            lanes,
            ..config(backend)
        };
        Trainer::new(env.as_ref(), config, 0, pool(2), Device::Cpu)
            .err()
            .map(|error| error.to_string())
    };
    for backend in BACKENDS {
        let error = training(backend, 65_536, 16, 64).unwrap();
        assert!(
            error.starts_with("an update of this network needs"),
            "{error}"
        );
        assert!(
            error.contains("allowed: 16 GiB; use a smaller rl2.trunk"),
            "{error}"
        );
        // 3 million parameters fit, but not a gradient of each of 4096 tiles.
        let error = training(backend, 1024, 1, 4096).unwrap();
        assert!(error.contains("larger tiles (rl2.tile)"), "{error}");
        assert_eq!(training(backend, 64, 1, 4096), None);
    }
}
