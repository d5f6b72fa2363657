//! What a training takes is what is counted before it is made.

use crate::{LSTM, config, env, gradient, perturbed, pool};
use agent::{LearnError, Place, Setup};
use allocation_counter::measure;
use learned_optimizer::{ALGORITHM, Config, RuleConfig, Start, Trainer};
use nets::Device;
use rl_core::{EnvFactory, Footprint};
use std::sync::Arc;

fn footprint(env: &dyn EnvFactory, config: &Config) -> Footprint {
    let settings = toml::Value::try_from(config).unwrap();
    let setup = Setup {
        env,
        settings: &settings,
        seed: 0,
        place: Place {
            pool: pool(1),
            device: Device::Cpu,
        },
        learner: &|key| Err(LearnError::Bug(format!("no learner is asked for: {key}"))),
    };
    (ALGORITHM.footprint)(&setup).unwrap()
}

/// A training as it goes, on the one worker, which counts its own allocations.
fn measured(env: &dyn EnvFactory, config: &Config) -> f64 {
    let pool = pool(1);
    let place = Arc::clone(&pool);
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
    let large = RuleConfig::Lstm {
        hidden: 64,
        layers: 2,
        preprocess: 5.0,
        scale: 0.1,
    };
    // A long recording, many gradients of a large rule, and many functions.
    let recorded = config(LSTM, Start::Given, gradient(240, false));
    let groups = config(large, Start::Given, gradient(2, true));
    let functions = config(LSTM, Start::Learned, perturbed("pes", 4));
    for (steps, problems, config) in [
        (240, 21, recorded),
        (12, 1344, groups),
        (12, 4096, functions),
    ] {
        let config = Config {
            steps,
            problems,
            ..config
        };
        let env = env(steps);
        let counted = footprint(env.as_ref(), &config);
        let (bytes, taken) = (counted.bytes(), measured(env.as_ref(), &config));
        assert!(
            (0.98 * taken..1.25 * taken).contains(&bytes),
            "{problems} functions: {:.2} of {taken}: {counted}",
            bytes / taken
        );
    }
}
