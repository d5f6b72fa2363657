//! What a training takes is what is counted before it is made.

use crate::doors::{Corridor, config, drawing, place, predicting, supervised, variational};
use agent::{LearnError, Ppo, Setup};
use allocation_counter::measure;
use belief::{ALGORITHM, Belief, BeliefConfig, Queries, Target, Trainer, Variational};
use nets::{Recurrent, SequenceConfig};
use rl_core::{EnvFactory, Footprint, Tasks};
use std::sync::Arc;

fn footprint(env: &dyn EnvFactory, config: &BeliefConfig) -> Footprint {
    let settings = toml::Value::try_from(config).unwrap();
    let setup = Setup {
        env,
        settings: &settings,
        seed: 0,
        place: place(1),
        learner: &|key| Err(LearnError::Bug(format!("no learner is asked for: {key}"))),
    };
    (ALGORITHM.footprint)(&setup).unwrap()
}

/// A training as it goes and is gone on with, on the one worker, which counts its own
/// allocations.
fn measured(env: &dyn EnvFactory, config: &BeliefConfig) -> f64 {
    let place = place(1);
    let pool = Arc::clone(&place.pool);
    let made = || Trainer::new(env, config.clone(), 0, place.clone()).unwrap();
    let work = || {
        let mut trainer = made();
        trainer.update().unwrap();
        trainer.update().unwrap();
        let checkpoint = trainer.checkpoint().unwrap();
        drop(trainer);
        made().restore(&checkpoint).unwrap();
    };
    pool.install(|| measure(work)).bytes_max as f64
}

fn sized((lanes, tile, hidden): (usize, usize, usize), config: BeliefConfig) -> BeliefConfig {
    BeliefConfig {
        lanes,
        tile,
        trunk: SequenceConfig::Gru(Recurrent::plain(hidden)),
        outer: Ppo {
            epochs: 1,
            minibatches: 1,
            ..config.outer
        },
        ..config
    }
}

#[test]
fn memory_is_counted_as_it_is_taken() {
    let corridor = Corridor {
        horizon: 120,
        pays: None,
    };
    let env: Arc<dyn EnvFactory> = Arc::new(Tasks::new(corridor).unwrap());
    let decodes = |prefixes, buffer| {
        config(Belief::Variational(Box::new(Variational {
            prefixes,
            buffer,
            ..variational()
        })))
    };
    // Large tiles that a task is learned on, by draws too, beliefs that are decoded, and trials
    // of the past.
    for (size, config) in [
        ((256, 128, 32), config(supervised(Target::Task))),
        ((256, 128, 32), drawing(supervised(Target::Task))),
        ((64, 16, 16), decodes(12, 64)),
        ((1024, 4, 16), decodes(1, 2048)),
        ((256, 128, 16), predicting(Queries::Action)),
    ] {
        let config = sized(size, config);
        let env = agent::telling(Arc::clone(&env), &config.inputs).unwrap();
        let counted = footprint(env.as_ref(), &config);
        let (bytes, taken) = (counted.bytes(), measured(env.as_ref(), &config));
        assert!(
            (0.98 * taken..1.4 * taken).contains(&bytes),
            "{size:?}: {:.2} of {taken}: {counted}",
            bytes / taken
        );
    }
}
