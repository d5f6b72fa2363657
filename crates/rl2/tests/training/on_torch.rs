//! Trunks that libtorch alone computes: that they learn, and not with the gradient
//! flipped, that they act as they live their trials again, that the same bits come of any
//! number of workers and after a restart, and that the kernels refuse them.

use crate::common::{config, constant, pool, seen_as, switches, trainer, trainer_in};
use crate::gradients::check_gradient;
use crate::learning::{OPTIMUM, RANDOM, learn};
use crate::sabotage::{Sabotage, sabotaged};
use agent::{BackendKind, Place, Training as _};
use nets::{Around, EpisodicConfig, MannConfig, Recurrent, SequenceConfig, SnailConfig};
use rl_core::ObservationSpace;
use rl2::Rl2Config;

/// Whose contexts are the whole observation, and begin where episodes do.
fn episodic() -> SequenceConfig {
    SequenceConfig::Episodic(EpisodicConfig {
        hidden: 16,
        slots: 4,
        cue: 4,
        mark: None,
        recall: true,
        input_gain: 2.0,
        memory: 8.0,
    })
}

fn trunks() -> [SequenceConfig; 5] {
    let around = |around| Recurrent {
        around,
        ..Recurrent::plain(16)
    };
    [
        SequenceConfig::Snail(SnailConfig {
            filters: 16,
            rounds: 1,
            keys: 16,
        }),
        SequenceConfig::Mann(MannConfig {
            hidden: 16,
            slots: 8,
            width: 8,
            heads: 2,
            decay: 0.95,
            sharpness: true,
            interpolation: true,
            input_gain: 2.0,
        }),
        episodic(),
        SequenceConfig::Gru(around(Around {
            encoder: 16,
            layers: 2,
            maximum: true,
            skip: true,
            ..Around::default()
        })),
        SequenceConfig::Lstm(around(Around {
            hypernetwork: 16,
            ..Around::default()
        })),
    ]
}

fn on(trunk: &SequenceConfig) -> Rl2Config {
    Rl2Config {
        trunk: trunk.clone(),
        learning_rate: constant(0.006),
        ..config(BackendKind::Torch)
    }
}

#[test]
fn they_learn_and_not_with_the_gradient_flipped() {
    for trunk in &trunks() {
        let learned = learn(trainer(on(trunk), 1, 2), 40);
        assert!(
            learned > RANDOM + 0.75 * (OPTIMUM - RANDOM),
            "{trunk:?}: {learned}"
        );
        let flipped = learn(sabotaged(on(trunk), Sabotage::Flip), 10);
        assert!(flipped < RANDOM + 0.2, "{trunk:?}, flipped: {flipped}");
    }
}

#[test]
fn their_gradient_is_that_of_the_objective() {
    // What is recalled is a constant to the gradient, and the addresses of an almost empty
    // memory turn too sharply for differences in f32: `nets` has both in f64.
    let smooth = |trunk: &&SequenceConfig| {
        !matches!(trunk, SequenceConfig::Episodic(_) | SequenceConfig::Mann(_))
    };
    for trunk in trunks().iter().filter(smooth) {
        check_gradient(&mut trainer(on(trunk), 3, 2), &format!("{trunk:?}"));
    }
}

#[test]
fn acting_with_them_is_living_their_trials_again() {
    for trunk in &trunks() {
        // Lanes end their trials at times of their own.
        let env = seen_as(ObservationSpace::Discrete { size: 4 }, true);
        let mut trainer = trainer_in(&env, on(trunk), 2, 2);
        trainer.update().unwrap();
        trainer.collect().unwrap();
        crate::memory::check_lived_again(&trainer);
    }
}

#[test]
fn they_give_the_same_bits_for_any_workers_and_after_a_restart() {
    for trunk in &trunks() {
        let with = |workers| trainer(on(trunk), 4, workers);
        let (mut one, mut three, mut resumed) = (with(1), with(3), with(2));
        one.update().unwrap();
        three.update().unwrap();
        resumed.restore(&one.checkpoint().unwrap()).unwrap();
        for other in [&mut one, &mut three, &mut resumed] {
            other.update().unwrap();
        }
        let expected = one.checkpoint().unwrap();
        assert_eq!(three.checkpoint().unwrap(), expected, "{trunk:?}");
        assert_eq!(resumed.checkpoint().unwrap(), expected, "{trunk:?}");
    }
}

#[test]
fn what_they_cannot_be_is_refused() {
    let refused = |config: Rl2Config| {
        let place = Place {
            pool: pool(1),
            device: nets::Device::Cpu,
        };
        let built = rl2::Trainer::new(switches().as_ref(), config, 0, place);
        built.err().expect("refused").to_string()
    };
    for trunk in &trunks() {
        let natively = Rl2Config {
            backend: BackendKind::Native,
            ..on(trunk)
        };
        let error = refused(natively);
        assert!(error.contains("rl2.backend = native"), "{error}");
    }
    let with = |change: fn(&mut EpisodicConfig)| {
        let SequenceConfig::Episodic(mut of) = episodic() else {
            unreachable!("it is one");
        };
        change(&mut of);
        refused(on(&SequenceConfig::Episodic(of)))
    };
    let error = with(|of| of.cue = 5);
    assert!(error.contains("cue = 5; allowed: at most 4"), "{error}");
    let single = Rl2Config {
        inputs: vec![agent::Input::Observation, agent::Input::Action],
        ..on(&episodic())
    };
    let error = refused(single);
    assert!(error.contains("mark = none"), "{error}");
    let error = with(|of| of.mark = Some(4));
    assert!(error.contains("mark = 4; allowed: at most 3"), "{error}");
}
