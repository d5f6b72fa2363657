//! Teachers that are made of others: what they say, and that they do just that.

use crate::common::made;
use bandits::BernoulliBandit;
use combination::{AnnealedNoise, Weighted};
use rl_core::{ActRow, Actions, EnvSpec, Policy, PolicyFactory, Row, Stream};
use rl_core::{Domain, Rollout, StreamKey};
use std::sync::Arc;

const ARMS: usize = 3;
const PULLS: usize = 5;
const LANES: usize = 2000;

/// Always pulls one arm.
struct Always(u32);

impl PolicyFactory for Always {
    fn name(&self) -> String {
        format!("always-{}", self.0)
    }

    fn make(&self, _spec: &EnvSpec, _lanes: usize) -> Result<Box<dyn Policy>, String> {
        Ok(Box::new(Always(self.0)))
    }

    fn watches(&self) -> Result<(), String> {
        match self.0 {
            2 => Err("it looks at nobody".into()),
            _ => Ok(()),
        }
    }
}

impl Policy for Always {
    fn act(&mut self, _row: &Row<'_>, _streams: &mut [Stream], out: ActRow<'_>) {
        out.action.discrete().unwrap().fill(self.0);
    }
}

fn always(arm: u32) -> Arc<dyn PolicyFactory> {
    Arc::new(Always(arm))
}

/// What a teacher says and does in two trials of every lane, which are asked for labels or
/// not: `[2 * PULLS][LANES]`, times the arms.
fn lived(teacher: &dyn PolicyFactory, labelled: bool) -> (Vec<f32>, Vec<u32>) {
    let env = made(BernoulliBandit::new(ARMS, PULLS).unwrap());
    let mut policy = teacher.make(env.spec(), LANES).unwrap();
    let mut rollout = Rollout::new(env.make(LANES), 2 * PULLS);
    if labelled {
        rollout = rollout.with_labels();
    }
    rollout.begin(&StreamKey::new(1, Domain::HeldOut, 0), 0);
    while !rollout.is_full() {
        let (row, streams, out) = rollout.acting();
        match labelled {
            true => policy.advise(&row, streams, out),
            false => policy.act(&row, streams, out),
        }
        rollout.step();
    }
    let trajectory = rollout.into_trajectory();
    let Actions::Discrete(actions) = trajectory.actions() else {
        panic!("discrete actions");
    };
    (trajectory.labels().to_vec(), actions.to_vec())
}

/// The share of lanes that pulled an arm, of those in a step, is its probability.
fn assert_pulled(pulled: &[u32], arm: u32, probability: f64) {
    let count = pulled.iter().filter(|pulled| **pulled == arm).count() as f64;
    let (lanes, error) = (
        pulled.len() as f64,
        (probability * (1.0 - probability) / pulled.len() as f64).sqrt(),
    );
    let off = (count / lanes - probability).abs();
    assert!(off <= 4.0 * error, "{}, not {probability}", count / lanes);
}

#[test]
fn a_mixture_says_the_mean_and_follows_one_in_each_trial() {
    let mixture = Weighted::new(vec![(always(0), 1.0), (always(1), 3.0), (always(2), 0.0)]);
    assert_eq!(
        mixture.name(),
        "mixture(0.25 always-0 + 0.75 always-1 + 0 always-2)"
    );
    for labelled in [true, false] {
        let (labels, actions) = lived(&mixture, labelled);
        assert_eq!(labels.is_empty(), !labelled);
        for label in labels.chunks_exact(ARMS) {
            assert_eq!(label, [0.25, 0.75, 0.0]);
        }
        let trials = actions.chunks_exact(PULLS * LANES).map(|trial| {
            let (first, others) = trial.split_at(LANES);
            assert!(others.chunks_exact(LANES).all(|step| step == first));
            first
        });
        let trials: Vec<&[u32]> = trials.collect();
        assert_pulled(trials[0], 1, 0.75);
        assert_pulled(trials[1], 1, 0.75);
        assert_pulled(trials[1], 2, 0.0);
        assert_ne!(trials[0], trials[1], "drawn anew");
    }
}

/// ε is 1, 3/4, 1/2, 1/4, 0 in the five pulls of a trial.
#[test]
fn noise_is_annealed_over_every_trial() {
    let noisy = AnnealedNoise::new(always(1));
    assert_eq!(noisy.name(), "annealed-noise(always-1)");
    for labelled in [true, false] {
        let (labels, actions) = lived(&noisy, labelled);
        for (t, pulled) in actions.chunks_exact(LANES).enumerate() {
            let noise = 1.0 - 0.25 * (t % PULLS) as f64;
            let wanted = [noise / 3.0, 1.0 - noise + noise / 3.0, noise / 3.0];
            for (arm, wanted) in (0..).zip(wanted) {
                assert_pulled(pulled, arm, wanted);
            }
            if labelled {
                let own = &labels[t * LANES * ARMS..(t + 1) * LANES * ARMS];
                for label in own.chunks_exact(ARMS) {
                    let mut pairs = label.iter().zip(wanted);
                    assert!(pairs.all(|(said, wanted)| (f64::from(*said) - wanted).abs() < 1e-6));
                }
            }
        }
    }
}

#[test]
fn teachers_that_look_at_nobody_are_refused_within_others() {
    let refused = |policy: &dyn PolicyFactory| policy.watches().unwrap_err();
    let mixture = Weighted::new(vec![(always(0), 1.0), (always(2), 1.0)]);
    assert_eq!(refused(&mixture), "always-2: it looks at nobody");
    assert_eq!(
        refused(&AnnealedNoise::new(always(2))),
        "it looks at nobody"
    );
    let mixture: Arc<dyn PolicyFactory> = Arc::new(Weighted::new(vec![(always(0), 0.5)]));
    assert_eq!(AnnealedNoise::new(mixture).watches(), Ok(()));
}
