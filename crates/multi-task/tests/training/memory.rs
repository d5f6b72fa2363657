//! What a training takes is what is counted before it is made.

use crate::common::{Numbers, config, pool};
use agent::{LearnError, Place, Ppo, Setup};
use allocation_counter::measure;
use multi_task::{ALGORITHM, MultiTaskConfig, NetworkConfig, Sharing, TaskSet, Trainer};
use nets::Device;
use rl_core::{EnvFactory, Footprint};
use std::sync::Arc;

fn footprint(env: &dyn EnvFactory, config: &MultiTaskConfig, workers: usize) -> Footprint {
    let settings = toml::Value::try_from(config).unwrap();
    let setup = Setup {
        env,
        settings: &settings,
        seed: 0,
        place: Place {
            pool: pool(workers),
            device: Device::Cpu,
        },
        learner: &|key| Err(LearnError::Bug(format!("no learner is asked for: {key}"))),
    };
    (ALGORITHM.footprint)(&setup).unwrap()
}

/// A training as it goes, on the one worker, which counts its own allocations.
fn measured(env: &dyn EnvFactory, config: &MultiTaskConfig) -> f64 {
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

fn sized((lanes, tile, hidden): (usize, usize, &[usize]), sharing: Sharing) -> MultiTaskConfig {
    let config = config(sharing);
    MultiTaskConfig {
        lanes,
        tile,
        network: NetworkConfig {
            hidden: hidden.to_vec(),
            ..config.network.clone()
        },
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
    // A single task, which all lanes of a tile are of.
    let one = Numbers {
        tasks: 1,
        horizon: 60,
        ..Numbers::default()
    };
    let env = one.env();
    // Many lanes, a large tile, and many gradients of a large network.
    for (size, sharing) in [
        ((2048, 16, &[16, 16][..]), Sharing::Blind {}),
        ((256, 128, &[256, 256]), Sharing::Blind {}),
        ((256, 128, &[256, 256]), Sharing::Distral { pull: 0.1 }),
        ((64, 1, &[256, 256]), Sharing::Heads {}),
    ] {
        let config = sized(size, sharing);
        let counted = footprint(env.as_ref(), &config, 1);
        let (bytes, taken) = (counted.bytes(), measured(env.as_ref(), &config));
        assert!(
            (0.98 * taken..1.25 * taken).contains(&bytes),
            "{size:?}, {sharing:?}: {:.2} of {taken}: {counted}",
            bytes / taken
        );
    }
}

/// To count memory takes next to none: what tells tasks apart is found in a few lanes.
#[test]
fn tasks_are_found_in_a_few_lanes() {
    let env = Numbers::default().env();
    let mut found = None;
    let taken = measure(|| found = Some(TaskSet::find(env.as_ref()).unwrap().count()));
    assert_eq!(found, Some(3));
    let lanes = 100.0 * (env.lane_bytes() + 4.0 * env.spec().observation.width() as f64);
    assert!((taken.bytes_max as f64) < lanes, "{taken:?}, {lanes}");
}

/// What a worker holds at once is of one task, and of all lanes where there is but one.
#[test]
fn activations_are_counted_of_every_worker() {
    let activations = |tasks, workers| {
        let numbers = Numbers {
            tasks,
            horizon: 60,
            ..Numbers::default()
        };
        let config = sized((4096, 1024, &[64]), Sharing::Blind {});
        let counted = footprint(numbers.env().as_ref(), &config, workers);
        let of = |need: &&rl_core::Need| need.what.contains("activations");
        counted.parts().iter().find(of).unwrap().bytes
    };
    let one = activations(1, 1);
    // Of each row of 1024 lanes and 120 steps, the hidden units of a policy and a value.
    assert!(one > 4.0 * 1024.0 * 120.0 * 2.0 * 64.0, "{one}");
    assert_eq!(activations(1, 2), 2.0 * one);
    // No more workers have work than there are tiles.
    assert_eq!(activations(1, 8), 4.0 * one);
    let tenth = activations(10, 1);
    assert!((0.1 * one..0.25 * one).contains(&tenth), "{tenth} of {one}");
}
