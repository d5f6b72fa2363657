//! Whole trainings: the same bits, nothing half done, and something learned.

use crate::doors::{
    DOORS, Dark, KnownDoors, config, decoding, doors, drawing, predicting, supervised, trainer,
    trainer_in, variational,
};
use agent::{ActMode, Training as _};
use belief::{
    Belief, BeliefConfig, Decodes, Metrics, Prior, Queries, Repeats, Rewards, Target, Trainer,
    Transitions, Variational,
};
use rl_core::{Actions, Domain, KnownTasks as _, StreamKey, Tasks};
use rollout::{Batch, BatchSize};
use std::sync::Arc;

/// Every kind of belief, and of what is made of it.
fn all() -> Vec<BeliefConfig> {
    let of = |variational| config(Belief::Variational(Box::new(variational)));
    vec![
        config(supervised(Target::Task)),
        config(supervised(Target::Description)),
        decoding(),
        of(Variational {
            deterministic: true,
            decodes: Decodes::Past,
            ..variational()
        }),
        of(Variational {
            prior: Prior::Fixed,
            prefixes: 0,
            transitions: Transitions::Categorical,
            kept: 20,
            ..variational()
        }),
        BeliefConfig {
            detached: false,
            ..of(Variational {
                decodes: Decodes::Nothing,
                ..variational()
            })
        },
        predicting(Queries::NextObservation),
        averaged(predicting(Queries::NextObservation)),
        averaged(decoding()),
        exclusive(),
        drawing(supervised(Target::Task)),
        drawing(Belief::Variational(Box::new(variational()))),
    ]
}

/// An agent that acts by an average of what its belief's optimizer moves.
fn averaged(mut config: BeliefConfig) -> BeliefConfig {
    if let Belief::Variational(of) = &mut config.belief {
        of.averaging = 0.9;
    }
    config
}

/// An agent that believes in one door that pays, and reads which.
fn exclusive() -> BeliefConfig {
    let mut config = predicting(Queries::NextObservation);
    if let Belief::Variational(of) = &mut config.belief {
        of.rewards = Rewards::Exclusive { above: 0.0 };
        of.repeats = Repeats::Once;
    }
    config
}

fn updates(trainer: &mut Trainer, count: usize) -> Vec<Metrics> {
    (0..count).map(|_| trainer.update().unwrap()).collect()
}

#[test]
fn any_number_of_workers_gives_the_same_bits() {
    for config in all() {
        let run = |workers| {
            let mut trainer = trainer(&config, 4, workers);
            let metrics = updates(&mut trainer, 3);
            (metrics, trainer.checkpoint().unwrap())
        };
        let one = run(1);
        for workers in [2, 3] {
            assert!(one == run(workers), "{config:?}, {workers} workers");
        }
    }
}

/// The buffer has gone round by then: it has room for 150 trials of 64 an update.
#[test]
fn a_restored_training_goes_on_with_the_same_bits() {
    for config in all() {
        let mut whole = trainer(&config, 5, 2);
        updates(&mut whole, 3);
        let mut resumed = trainer(&config, 5, 1);
        resumed.restore(&whole.checkpoint().unwrap()).unwrap();
        assert_eq!(updates(&mut whole, 2), updates(&mut resumed, 2));
        assert_eq!(whole.checkpoint().unwrap(), resumed.checkpoint().unwrap());
    }
}

/// What acts and what learns are one network, draws and all: before any step the policy
/// is the one that acted.
#[test]
fn trials_are_lived_again_as_they_were() {
    for config in all() {
        let mut trainer = trainer(&config, 6, 1);
        updates(&mut trainer, 1);
        trainer.learner_mut().collect().unwrap();
        let learner = trainer.learner();
        for (tile, lived) in learner.samples().batch.tiles().iter().enumerate() {
            let again = learner
                .backend()
                .log_probs(learner.parameters(), learner.samples(), tile);
            let acted = lived.trajectory().log_probs();
            for (again, acted) in again.unwrap().iter().zip(acted) {
                assert!((again - acted).abs() < 1e-5, "{again} {acted}: {config:?}");
            }
        }
    }
}

/// One step of the optimizer is what it is without an average, and the average follows it: at
/// the first step a share of 1 / 11 of where agents began stays.
#[test]
fn agents_act_by_an_average_of_what_moves() {
    let once = |averaging| {
        let mut config = decoding();
        if let Belief::Variational(of) = &mut config.belief {
            of.steps = 1;
            of.averaging = averaging;
        }
        let mut own = trainer(&config, 2, 1);
        let before = own.checkpoint().unwrap();
        updates(&mut own, 1);
        (before, own.checkpoint().unwrap())
    };
    let (before, plain) = once(0.0);
    let (_, averaged) = once(0.9);
    let name = "trunk.belief.weight";
    let of = |tree: &rl_core::Tree, branch: &str| {
        let own = tree.branch(branch);
        let array = own.get(name).unwrap().clone();
        own.floats(name, &array.shape).unwrap().to_vec()
    };
    let (before, moved) = (of(&before, "params"), of(&plain, "params"));
    assert_eq!(of(&averaged, "belief/moving"), moved);
    assert_ne!(before, moved);
    for ((own, before), moved) in of(&averaged, "params").iter().zip(before).zip(moved) {
        let expected = before / 11.0 + moved * 10.0 / 11.0;
        assert!((own - expected).abs() < 1e-6, "{own} {expected}");
    }
}

/// A failed step leaves nothing behind: neither trials in the buffer nor the decoder's
/// steps before it.
#[test]
fn a_failed_update_is_undone() {
    for config in [
        decoding(),
        predicting(Queries::NextObservation),
        averaged(decoding()),
    ] {
        let mut own = trainer(&config, 7, 1);
        updates(&mut own, 3);
        let before = own.checkpoint().unwrap();
        let mut steep = config;
        if let Belief::Variational(of) = &mut steep.belief {
            of.learning_rate = crate::doors::constant(1e30);
            of.max_gradient_norm = 1e30;
        }
        let mut other = trainer(&steep, 7, 1);
        other.restore(&before).unwrap();
        let failed = (0..4).find_map(|_| {
            let whole = other.checkpoint().unwrap();
            other.update().err().map(|error| (error, whole))
        });
        let (error, whole) = failed.expect("steps of 1e30 fail");
        assert!(error.to_string().contains("belief"), "{error}");
        assert_eq!(other.checkpoint().unwrap(), whole);
    }
}

/// The encoder, the policy and the decoder; the buffer and the optimizers are its own.
#[test]
fn a_training_begins_with_all_networks_of_another() {
    for config in [
        decoding(),
        predicting(Queries::NextObservation),
        averaged(decoding()),
    ] {
        let mut other = trainer(&config, 8, 1);
        updates(&mut other, 2);
        let tree = other.checkpoint().unwrap();
        let mut own = trainer(&config, 9, 1);
        updates(&mut own, 1);
        own.begin_from(&tree).unwrap();
        let begun = own.checkpoint().unwrap();
        let moving = begun.branch("belief/moving");
        for (name, array) in moving.iter() {
            let whole = begun.branch("params").get(name).cloned();
            let decoder = || begun.branch("belief/params").get(name).cloned();
            assert_eq!(whole.or_else(decoder).as_ref(), Some(array), "{name}");
        }
        for part in ["params", "belief/params"] {
            assert_eq!(begun.branch(part), tree.branch(part), "{part}");
        }
        assert_ne!(begun.branch("belief/past"), tree.branch("belief/past"));
    }
}

/// A decoder that the policy reads is the network's: every step of the belief's optimizer moves
/// it, and none of the policy's does.
#[test]
fn a_decoder_that_is_read_learns_from_the_belief_alone() {
    let decoder = |config: &BeliefConfig| {
        let mut own = trainer(config, 3, 1);
        let part = |trainer: &Trainer| {
            let tree = trainer.checkpoint().unwrap();
            let decoder: Vec<_> = tree
                .iter()
                .filter(|(name, _)| name.contains(".decoder."))
                .map(|(name, array)| (name.to_owned(), array.clone()))
                .collect();
            // Parameters, and the moments of the belief's optimizer, which are not the learner's.
            assert!(decoder.iter().any(|(name, _)| name.starts_with("params/")));
            decoder
        };
        let first = part(&own);
        updates(&mut own, 1);
        first.iter().zip(part(&own)).any(|(a, b)| {
            assert_eq!(a.0, b.0);
            a.0.starts_with("params/") && a.1 != b.1
        })
    };
    let mut still = predicting(Queries::NextObservation);
    assert!(decoder(&still));
    if let Belief::Variational(of) = &mut still.belief {
        of.learning_rate = crate::doors::constant(0.0);
    }
    assert!(!decoder(&still));
}

/// While the policy takes its steps the belief stays, and so do the draws that it acted
/// by: a policy that does not move has ratios of 1 however far the belief does.
#[test]
fn draws_stay_while_the_policy_learns() {
    let mut still = BeliefConfig {
        // A step that is small for the policy's loss, and large for the belief's.
        learning_rate: crate::doors::constant(1e-6),
        max_gradient_norm: 1e9,
        optimizer: nets::OptimizerConfig::Sgd { momentum: 0.0 },
        ..drawing(Belief::Supervised {
            target: Target::Task,
            coefficient: 1e7,
        })
    };
    still.policy.gain = 5.0;
    let mut trainer = trainer(&still, 3, 1);
    let before = trainer.learner().parameters().to_vec();
    let metrics = trainer.update().unwrap();
    let moved = before.iter().zip(trainer.learner().parameters().iter());
    let most = moved.fold(0.0, |most: f32, (a, b)| most.max((a - b).abs()));
    assert!(most > 0.1 && metrics.belief_gradient_norm > 0.0, "{most}");
    assert!(metrics.approx_kl.abs() < 1e-8, "{metrics:?}");
}

/// The mean divergence of the agent's belief from the exact one, nats, before the last
/// steps of fresh trials.
fn divergence(trainer: &Trainer) -> f64 {
    let size = BatchSize {
        lanes: 64,
        tile: 32,
        steps: 6,
    };
    let env = agent::telling(doors(), &trainer.config().inputs).unwrap();
    let mut batch = Batch::new(env.as_ref(), size).unwrap();
    let policy = trainer.policy(ActMode::Sample);
    let pool = crate::doors::place(1).pool;
    let key = StreamKey::new(1, Domain::HeldOut, 0);
    batch.collect(&pool, &policy, key).unwrap();
    let (mut sum, mut count) = (0.0, 0.0);
    for tile in batch.tiles() {
        let lived = tile.trajectory();
        let beliefs = trainer.task_beliefs(lived, &KnownDoors).unwrap();
        let Actions::Discrete(actions) = lived.actions() else {
            unreachable!("doors are counted")
        };
        for lane in 0..lived.lanes() {
            let mut known = KnownDoors.begin();
            for t in 0..lived.steps() {
                let at = t * lived.lanes() + lane;
                let mut exact = [0.0; DOORS];
                KnownDoors.posterior(known.evidence, &mut exact);
                let own = &beliefs[at * DOORS..(at + 1) * DOORS];
                assert!((own.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{own:?}");
                if t >= 3 {
                    let pairs = exact.iter().zip(own).filter(|(p, _)| **p > 0.0);
                    sum += pairs
                        .map(|(p, q)| p * (p / f64::from(*q)).ln())
                        .sum::<f64>();
                    count += 1.0;
                }
                known = KnownDoors.after(known, actions[at], lived.rewards()[at]);
            }
        }
    }
    sum / count
}

/// The policy finds the door and the belief knows it. A belief that nothing teaches does
/// not, though the policy finds it all the same.
#[test]
fn beliefs_come_near_the_exact_ones_and_policies_earn_by_them() {
    let decoder = Variational {
        steps: 8,
        divergence_coefficient: 0.01,
        ..variational()
    };
    let read = BeliefConfig {
        belief: Belief::Variational(Box::new(Variational {
            multi_head: true,
            ..decoder.clone()
        })),
        ..predicting(Queries::NextObservation)
    };
    let mut together = exclusive();
    if let Belief::Variational(of) = &mut together.belief {
        of.steps = decoder.steps;
        of.divergence_coefficient = decoder.divergence_coefficient;
    }
    for (config, least, most) in [
        (config(supervised(Target::Task)), 4.3, 0.1),
        (config(Belief::Variational(Box::new(decoder))), 4.3, 0.35),
        (read, 4.3, 0.35),
        (together, 4.3, 0.35),
    ] {
        let mut trainer = trainer(&config, 1, 1);
        let first = divergence(&trainer);
        let last = updates(&mut trainer, 100).pop().unwrap();
        let learned = divergence(&trainer);
        assert!(last.mean_return > least, "{last:?}");
        assert!(learned < most && learned < 0.5 * first, "{first} {learned}");
    }
    let untaught = Belief::Supervised {
        target: Target::Task,
        coefficient: 0.0,
    };
    let mut trainer = trainer(&config(untaught), 1, 1);
    let last = updates(&mut trainer, 100).pop().unwrap();
    let learned = divergence(&trainer);
    assert!(
        last.mean_return > 4.3 && learned > 0.5 && last.belief_loss > 0.5,
        "{learned} {last:?}"
    );
}

/// As in bandits: whoever draws and holds needs no observation, neither where it acts nor
/// where an episode was cut off.
#[test]
fn draws_are_held_where_nothing_is_observed() {
    let asked = Variational {
        queries: vec![Queries::Action],
        ..variational()
    };
    let env = || Arc::new(Tasks::new(Dark).unwrap());
    for belief in [
        supervised(Target::Task),
        Belief::Variational(Box::new(asked)),
    ] {
        let run = |workers| {
            let mut trainer = trainer_in(env(), &drawing(belief.clone()), (1, workers));
            updates(&mut trainer, 3)
        };
        assert_eq!(run(1), run(2), "{belief:?}");
    }
}

/// Where one draws a door an episode and holds it, with three steps each, the best is to
/// open the door that was drawn: 3 (1 − 2/3 · 1.1) in the first episode; in the second 3
/// with the door found, and else one of two that are left. That is posterior sampling.
#[test]
fn draws_that_are_held_come_to_posterior_sampling() {
    let mut trainer = trainer(&drawing(supervised(Target::Task)), 2, 1);
    let mut returns = Vec::new();
    for metrics in updates(&mut trainer, 120) {
        returns.push(metrics.mean_return);
    }
    let last: f64 = returns[100..].iter().sum::<f64>() / 20.0;
    let first = 3.0 * (1.0 - 2.0 / 3.0 * 1.1);
    let found = 1.0 / 3.0;
    let second = found * 3.0 + (1.0 - found) * 3.0 * (1.0 - 0.5 * 1.1);
    // 1,280 trials of a standard deviation below 3.
    assert!(
        (last - first - second).abs() < 0.3,
        "{last} of {}",
        first + second
    );
    // Whoever holds a door opens it, wherever it stands.
    let ways = trainer.held_actions(&KnownDoors).unwrap();
    for (row, ways) in ways.chunks_exact(DOORS).enumerate() {
        let door = row / (DOORS + 1);
        assert!(ways[door] > 0.7, "{row}: {ways:?}");
        assert!((ways.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
    assert_eq!(ways.len(), DOORS * (DOORS + 1) * DOORS);
}
