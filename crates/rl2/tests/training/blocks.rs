//! Stacks of blocks, with every memory: that they learn, and not with the gradient
//! flipped, that both backends compute the same, and that the same bits come of any
//! number of workers and after a restart.

use crate::common::{BACKENDS, config, constant, trainer};
use crate::gradients::check_gradient;
use crate::learning::{OPTIMUM, RANDOM, learn};
use crate::sabotage::{Sabotage, sabotaged};
use agent::{BackendKind, Training as _};
use nets::{FastWeights, Feed, Join, Positions, Scanned, SequenceConfig, Transformer};
use rl2::Rl2Config;

fn scanned(feed: Feed, join: Join) -> Scanned {
    Scanned {
        hidden: 16,
        layers: 2,
        units: 32,
        feed,
        join,
        input_gain: 2.0,
        memory: 8.0,
    }
}

fn attending(feed: Feed, join: Join, positions: Positions) -> SequenceConfig {
    SequenceConfig::Transformer(Transformer {
        hidden: 32,
        layers: 2,
        heads: 2,
        positions,
        units: 32,
        feed,
        join,
        input_gain: 2.0,
    })
}

fn fast(feed: Feed, join: Join) -> SequenceConfig {
    SequenceConfig::FastWeight(FastWeights {
        hidden: 16,
        layers: 1,
        heads: 1,
        units: 32,
        feed,
        join,
        input_gain: 2.0,
    })
}

/// Every memory, once with sums and once with gates.
fn trunks() -> [SequenceConfig; 9] {
    let plain = scanned(Feed::Plain, Join::Sum);
    let gated = scanned(Feed::Gated, Join::Gru);
    [
        SequenceConfig::MinGru(plain),
        SequenceConfig::MinGru(gated),
        SequenceConfig::Lru(plain),
        SequenceConfig::Lru(gated),
        fast(Feed::Plain, Join::Sum),
        fast(Feed::Gated, Join::Gru),
        attending(Feed::Plain, Join::Sum, Positions::None),
        attending(Feed::Plain, Join::Sum, Positions::Rotary),
        attending(Feed::Gated, Join::Gru, Positions::Learned),
    ]
}

/// Every memory, and layers that have none.
fn with_none() -> Vec<SequenceConfig> {
    let layers = |activation| SequenceConfig::Mlp {
        hidden: vec![16, 8],
        activation,
    };
    let both = [nets::Activation::Tanh, nets::Activation::Relu];
    trunks().into_iter().chain(both.map(layers)).collect()
}

fn on(trunk: &SequenceConfig, backend: BackendKind) -> Rl2Config {
    Rl2Config {
        trunk: trunk.clone(),
        learning_rate: constant(0.003),
        ..config(backend)
    }
}

#[test]
fn every_memory_learns_and_not_with_the_gradient_flipped() {
    for trunk in &trunks() {
        let learned = learn(trainer(on(trunk, BackendKind::Native), 1, 2), 60);
        assert!(
            learned > RANDOM + 0.75 * (OPTIMUM - RANDOM),
            "{trunk:?}: {learned}"
        );
    }
    for trunk in &trunks() {
        let flipped = sabotaged(on(trunk, BackendKind::Native), Sabotage::Flip);
        let flipped = learn(flipped, 20);
        assert!(flipped < RANDOM + 0.2, "{trunk:?}, flipped: {flipped}");
    }
}

#[test]
fn the_gradient_of_every_memory_is_that_of_the_objective() {
    for backend in BACKENDS {
        for trunk in &with_none() {
            let mut trainer = trainer(on(trunk, backend), 3, 2);
            check_gradient(&mut trainer, &format!("{backend:?} {trunk:?}"));
        }
    }
}

#[cfg(feature = "torch")]
#[test]
fn both_backends_compute_the_same_on_every_memory() {
    use crate::common::{pool, seen_as};
    use agent::{ActorCritic, Backend, NativeBackend, TorchBackend};
    use rl_core::ObservationSpace;
    use std::sync::Arc;
    let spaces = [
        ObservationSpace::Vector { size: 0 },
        ObservationSpace::Vector { size: 3 },
        ObservationSpace::Discrete { size: 4 },
    ];
    for (trunk, sees) in with_none().iter().zip(spaces.iter().cycle()) {
        // Lanes end their trials at times of their own.
        let env = seen_as(sees.clone(), true);
        let config = on(trunk, BackendKind::Native);
        let network = config.learner().network;
        let model = Arc::new(ActorCritic::new(env.as_ref(), network).unwrap());
        let native = NativeBackend::new(&model, network).unwrap();
        let torch = TorchBackend::new(Arc::clone(&model), nets::Device::Cpu).unwrap();
        let both: Box<dyn Backend> = Box::new(crate::twins::Both(native, torch));
        let parts = (model, both);
        let mut trainer =
            rl2::Trainer::with_backend(env.as_ref(), config, 6, pool(2), parts).unwrap();
        trainer.update().unwrap();
        trainer.collect().unwrap();
        crate::memory::check_lived_again(&trainer);
    }
}

#[cfg(feature = "torch")]
#[test]
fn acting_with_every_memory_is_living_its_trials_again() {
    use crate::common::seen_as;
    use rl_core::ObservationSpace;
    for trunk in &with_none() {
        for backend in BACKENDS {
            let env = seen_as(ObservationSpace::Discrete { size: 4 }, true);
            let mut trainer = crate::common::trainer_in(&env, on(trunk, backend), 2, 2);
            trainer.update().unwrap();
            trainer.collect().unwrap();
            crate::memory::check_lived_again(&trainer);
        }
    }
}

/// Attention has a position for every step that it was trained on, where those are
/// learned.
#[test]
fn attention_acts_in_no_longer_trials_than_it_was_trained_on() {
    for backend in BACKENDS {
        let acts = |trunk: &SequenceConfig, more: usize| {
            let mut spec = crate::common::switches().spec().clone();
            spec.horizon += more;
            let policy = trainer(on(trunk, backend), 0, 1);
            let policy = policy.learner().policy(agent::ActMode::Sample);
            policy.make(&spec, 1).map(drop)
        };
        let [gated, .., turning, attending] = trunks();
        assert_eq!(acts(&gated, 1), Ok(()));
        assert_eq!(acts(&turning, 1), Ok(()));
        assert_eq!(acts(&attending, 0), Ok(()));
        let error = acts(&attending, 1).unwrap_err();
        assert!(error.contains("it has positions for the"), "{error}");
    }
}

#[test]
fn every_memory_gives_the_same_bits_for_any_workers_and_after_a_restart() {
    for trunk in &with_none() {
        let with = |workers| trainer(on(trunk, BackendKind::Native), 4, workers);
        let (mut one, mut three, mut resumed) = (with(1), with(3), with(2));
        one.update().unwrap();
        three.update().unwrap();
        resumed.restore(&one.checkpoint().unwrap()).unwrap();
        for other in [&mut three, &mut resumed] {
            other.update().unwrap();
        }
        one.update().unwrap();
        let expected = one.checkpoint().unwrap();
        assert_eq!(three.checkpoint().unwrap(), expected, "{trunk:?}");
        assert_eq!(resumed.checkpoint().unwrap(), expected, "{trunk:?}");
    }
}
