//! Settings are checked.

use crate::common::{BACKENDS, Switches, config, constant, pool, switches};
use agent::Training as _;
use agent::{BackendKind, Place};
use allocation_counter::measure;
use nets::{Device, Recurrent, SequenceConfig};
use rl_core::{EnvFactory, Footprint, ObservationSpace, Tasks};
use rl2::{Outer, Rl2Config, Trainer};
use std::sync::Arc;

fn footprint(env: &dyn EnvFactory, config: &Rl2Config, workers: usize) -> Footprint {
    let place = Place {
        pool: pool(workers),
        device: Device::Cpu,
    };
    agent::footprint(env, &config.learner(), &place).unwrap()
}

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

/// A training as it goes, on the one worker, which counts its own allocations.
fn measured(env: &dyn EnvFactory, config: &Rl2Config) -> f64 {
    let pool = pool(1);
    let place = Place {
        pool: Arc::clone(&pool),
        device: Device::Cpu,
    };
    let work = || {
        let mut trainer = Trainer::new(env, config.clone(), 0, place).unwrap();
        trainer.update().unwrap();
        trainer.update().unwrap();
        trainer.checkpoint().unwrap();
    };
    pool.install(|| measure(work)).bytes_max as f64
}

#[test]
fn memory_is_counted_as_it_is_taken() {
    let long = Switches {
        episodes: 60,
        sees: ObservationSpace::Discrete { size: 4 },
        ends_early: false,
    };
    let env = Tasks::new(long).unwrap();
    let trunk = |lstm, hidden| match lstm {
        true => SequenceConfig::Lstm(Recurrent::plain(hidden)),
        false => SequenceConfig::Gru(Recurrent::plain(hidden)),
    };
    // Many lanes, a large tile, and many gradients of a large network.
    for (lanes, tile, trunk) in [
        (2048, 16, trunk(false, 32)),
        (256, 128, trunk(true, 64)),
        (64, 1, trunk(false, 256)),
    ] {
        let config = Rl2Config {
            lanes,
            tile,
            trunk,
            outer: Outer::Ppo {
                clip: 0.2,
                epochs: 1,
                minibatches: 2,
            },
            ..config(BackendKind::Native)
        };
        let counted = footprint(&env, &config, 1);
        let (bytes, taken) = (counted.bytes(), measured(&env, &config));
        assert!(
            (0.98 * taken..1.25 * taken).contains(&bytes),
            "{:.2} of {taken}: {counted}",
            bytes / taken
        );
    }
}

#[test]
fn what_a_training_takes_is_counted_before_it_is_made() {
    let env = switches();
    let counted = |backend, hidden, tile, lanes| {
        let config = Rl2Config {
            trunk: SequenceConfig::Gru(Recurrent::plain(hidden)),
            tile,
            lanes,
            ..config(backend)
        };
        footprint(env.as_ref(), &config, 2)
    };
    for backend in BACKENDS {
        // 3 × 65,536² recurrent weights of four bytes, several times.
        let network = counted(backend, 65_536, 16, 64);
        assert!(network.bytes() > 12.0 * 12.0 * 65_536.0_f64.powi(2));
        assert!(network.to_string().contains("rl2.trunk"), "{network}");
        // A gradient of 3 million parameters for each of 4096 / 2 tiles.
        let small = counted(BackendKind::Native, 1024, 1, 4096);
        assert!(small.bytes() > 2048.0 * 4.0 * 3e6, "{small}");
        assert!(counted(backend, 64, 1, 4096).bytes() < 1e9);
    }
}

#[cfg(not(feature = "torch"))]
#[test]
fn a_backend_that_is_not_built_in_is_refused() {
    let env = switches();
    let config = config(BackendKind::Torch);
    let place = Place {
        pool: pool(1),
        device: Device::Cpu,
    };
    let counted = agent::footprint(env.as_ref(), &config.learner(), &place).unwrap_err();
    let made = Trainer::new(env.as_ref(), config, 0, place);
    for error in [counted, made.err().unwrap()] {
        assert_eq!(
            error.to_string(),
            "rl2.backend = torch; allowed: native, since this program was built without libtorch \
             (feature torch)"
        );
    }
}
