//! Trials that end early: what is learned is of the rows that were lived.

use crate::{ARMS, BACKENDS, Search, Searching, config, objective, of, place};
use agent::{ActMode, BackendKind, Learner};
use imitation::Trainer;
use rl_core::{
    ActRow, ActionsMut, Domain, EnvFactory, Policy, PolicyFactory, Purpose, StreamKey, Trajectory,
    Trial,
};
use std::sync::Arc;

/// Trials of three episodes that end with what pays, and budgets of steps in which they
/// begin anew.
fn trials() -> [Arc<dyn EnvFactory>; 2] {
    [of(Trial::Episodes(3), true), of(Trial::Steps(10), true)]
}

/// A student with its trials and labels, after some updates.
fn taught(env: &dyn EnvFactory, backend: BackendKind, known: bool) -> Trainer {
    let teacher: Option<Arc<dyn PolicyFactory>> = match known {
        true => None,
        false => Some(Arc::new(Search)),
    };
    let mut own = config(backend);
    if known {
        own.teacher = "name = \"known-task\"".parse().unwrap();
        own.handover = imitation::Handover {
            from: 0.0,
            to: 0.0,
            over: 0.0,
        };
    }
    let decay = own.gae;
    let place = place(2, nets::Device::Cpu);
    let mut trainer = Trainer::new(env, (own, teacher), 3, place).unwrap();
    // Lanes of before have lived longer than they will.
    for _ in 0..3 {
        trainer.update().unwrap();
    }
    trainer
        .learner_mut()
        .collect_beside(if known { 0.0 } else { 0.5 })
        .unwrap();
    trainer
        .learner_mut()
        .teach(|trajectory, targets| targets.fill(trajectory, decay, 0.2));
    trainer
}

/// What a policy says on the rows of a trajectory, looking on. `[steps][lanes][ARMS]`
fn said(policy: &mut dyn Policy, trajectory: &Trajectory) -> Vec<f32> {
    let lanes = trajectory.lanes();
    let key = StreamKey::new(0, Domain::HeldOut, 0);
    let mut streams: Vec<_> = (0..lanes as u64)
        .map(|lane| key.lane(Purpose::Action, lane))
        .collect();
    let (mut actions, mut unread) = (vec![0; lanes], vec![0.0; 2 * lanes]);
    let mut all = vec![0.0; trajectory.steps() * lanes * ARMS];
    for (t, label) in all.chunks_exact_mut(lanes * ARMS).enumerate() {
        let (log_prob, value) = unread.split_at_mut(lanes);
        let action = ActionsMut::Discrete(&mut actions);
        let out = ActRow {
            action,
            log_prob,
            value,
            label,
        };
        policy.advise(&trajectory.row(t), &mut streams, out);
    }
    all
}

/// KL(label ‖ policy) over the rows that lanes lived of their first trials, and how many
/// rows there are beside them.
fn divergence(learner: &Learner, env: &dyn EnvFactory) -> (f64, usize) {
    let (mut sum, mut lived, mut beside) = (0.0, 0, 0);
    for tile in learner.samples().batch.tiles() {
        let trajectory = tile.trajectory();
        let lanes = trajectory.lanes();
        let policy = learner.policy(ActMode::Sample);
        let mut policy = policy.make(env.spec(), lanes).unwrap();
        let student = said(policy.as_mut(), trajectory);
        let pairs = trajectory
            .labels()
            .chunks_exact(ARMS)
            .zip(student.chunks_exact(ARMS));
        for (at, (label, student)) in pairs.enumerate() {
            if at / lanes >= trajectory.lengths()[at % lanes] {
                beside += 1;
                continue;
            }
            assert!(
                (label.iter().sum::<f32>() - 1.0).abs() < 1e-6,
                "{at}: {label:?}"
            );
            let terms = label.iter().zip(student).filter(|(label, _)| **label > 0.0);
            sum += terms
                .map(|(label, own)| f64::from(*label) * f64::from(label / own).ln())
                .sum::<f64>();
            lived += 1;
        }
    }
    (sum / f64::from(lived), beside)
}

#[test]
fn nothing_is_learned_from_rows_after_a_trial() {
    for (env, ends_early) in trials().iter().zip([true, false]) {
        for backend in BACKENDS {
            for known in [false, true] {
                let trainer = taught(env.as_ref(), backend, known);
                let learner = trainer.learner();
                let (wanted, beside) = divergence(learner, env.as_ref());
                assert_eq!(beside > 50, ends_early, "{beside} rows beside them");
                let all = learner.minibatch(&[0, 1, 2, 3], false);
                let gradient = learner.gradient(learner.parameters(), &all, objective());
                let found = gradient.unwrap().losses.divergence;
                let place = format!("{backend:?}, known {known}: {found}, not {wanted}");
                assert!((found - wanted).abs() < 1e-4 && wanted > 0.01, "{place}");
            }
        }
    }
}

/// The teacher goes through all episodes of a trial, and forgets with every new one.
#[test]
fn labels_of_short_episodes_are_what_the_teacher_says_of_the_rows() {
    for env in trials() {
        let trainer = taught(env.as_ref(), BackendKind::Native, false);
        let mut episodes = 0;
        for tile in trainer.learner().samples().batch.tiles() {
            let trajectory = tile.trajectory();
            let lanes = trajectory.lanes();
            let mut teacher = Searching {
                tried: vec![[false; ARMS]; lanes],
                found: vec![None; lanes],
            };
            let wanted = said(&mut teacher, trajectory);
            for (at, (label, wanted)) in trajectory.labels().iter().zip(&wanted).enumerate() {
                let (row, lane) = (at / ARMS / lanes, at / ARMS % lanes);
                if row < trajectory.lengths()[lane] {
                    assert_eq!(label, wanted, "row {row}, lane {lane}");
                }
            }
            let ended = trajectory.outcomes().iter();
            episodes += ended
                .filter(|outcome| **outcome == rl_core::Outcome::Terminated)
                .count();
        }
        assert!(episodes > 64, "{episodes} episodes that ended early");
    }
}
