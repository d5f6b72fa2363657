//! Whoever predicts, given a trial so far, what an agent does that knows the task,
//! samples actions as posterior sampling does (Lee et al. 2023, theorem 1): exactly so
//! at the minimum of its loss.

use agent::{ActMode, BackendKind, Input, Place, PolicyStart, Training as _};
use bandits::BernoulliBandit;
use imitation::{Handover, ImitationConfig, Outer, Trainer};
use nets::{Device, OptimizerConfig, Recurrent, Schedule, SequenceConfig, Shape};
use rl_core::{ActRow, Actions, ActionsMut, Domain, EnvFactory, Gae, Rollout, StreamKey, Tasks};
use rollout::Pool;
use std::sync::Arc;

const PULLS: usize = 4;
const LANES: usize = 200;

/// ln B(a, b) of whole numbers.
fn ln_beta(a: usize, b: usize) -> f64 {
    let ln_gamma = |n: usize| (2..n).map(|k| (k as f64).ln()).sum::<f64>();
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// P(X > Y) of X ~ Beta(a, b) and Y ~ Beta(c, d), all of them whole numbers: the sum
/// over i < a of B(c + i, b + d) / ((b + i) B(1 + i, b) B(c, d)).
fn greater([a, b]: [usize; 2], [c, d]: [usize; 2]) -> f64 {
    let term = |i: usize| {
        let ln = ln_beta(c + i, b + d) - ln_beta(1 + i, b) - ln_beta(c, d);
        ln.exp() / (b + i) as f64
    };
    (0..a).map(term).sum()
}

fn schedule(from: f64, to: f64) -> Schedule {
    let shape = Shape::Linear;
    Schedule { from, to, shape }
}

fn config() -> ImitationConfig {
    ImitationConfig {
        updates: 240,
        lanes: 4096,
        tile: 128,
        backend: BackendKind::Native,
        inputs: Input::USUAL.to_vec(),
        teacher: "name = \"known-task\"".parse().unwrap(),
        handover: Handover {
            from: 0.0,
            to: 0.0,
            over: 0.0,
        },
        teacher_coefficient: schedule(1.0, 1.0),
        reward_scale: 1.0,
        normalize_advantages: false,
        value_coefficient: 0.0,
        max_gradient_norm: 1.0,
        entropy_coefficient: schedule(0.0, 0.0),
        learning_rate: schedule(0.02, 0.0),
        gae: Gae {
            gamma: 1.0,
            lambda: 1.0,
        },
        outer: Outer::Supervised {
            epochs: 1,
            minibatches: 4,
        },
        optimizer: OptimizerConfig::Adam {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-5,
            weight_decay: 0.0,
        },
        policy: PolicyStart {
            gain: 0.01,
            std: 1.0,
        },
        trunk: SequenceConfig::Gru(Recurrent::plain(16)),
    }
}

/// Of the student's probabilities on rows of its own, beside the posterior's.
#[test]
fn a_student_of_who_knows_the_task_samples_from_the_posterior() {
    let env = Tasks::new(BernoulliBandit::new(2, PULLS).unwrap()).unwrap();
    let place = Place {
        pool: Arc::new(Pool::new(2, nets::single_threaded).unwrap()),
        device: Device::Cpu,
    };
    let mut trainer = Trainer::new(&env, (config(), None), 0, place).unwrap();
    for _ in 0..config().updates {
        trainer.update().unwrap();
    }
    let policy = trainer.policy(ActMode::Sample);
    let mut policy = policy.make(env.spec(), LANES).unwrap();
    let mut rollout = Rollout::new(env.make(LANES), PULLS);
    rollout.begin(&StreamKey::new(5, Domain::HeldOut, 0), 0);
    let mut beliefs = vec![[[1, 1]; 2]; LANES];
    let (mut worst, mut largest) = (0.0_f64, 0.0_f64);
    while !rollout.is_full() {
        let mut label = vec![0.0; 2 * LANES];
        let (row, streams, out) = rollout.acting();
        for (lane, belief) in beliefs.iter_mut().enumerate() {
            let Actions::Discrete(previous) = row.previous_action else {
                panic!("arms are discrete");
            };
            if !row.start[lane] {
                let paid = row.previous_reward[lane] > 0.5;
                belief[previous[lane] as usize][usize::from(!paid)] += 1;
            }
        }
        let ActionsMut::Discrete(actions) = out.action else {
            panic!("arms are discrete");
        };
        let out = ActRow {
            action: ActionsMut::Discrete(actions),
            label: &mut label,
            ..out
        };
        policy.advise(&row, streams, out);
        for (belief, label) in beliefs.iter().zip(label.chunks_exact(2)) {
            let wanted = greater(belief[0], belief[1]);
            worst = worst.max((f64::from(label[0]) - wanted).abs());
            largest = largest.max((wanted - 0.5).abs());
        }
        rollout.step();
    }
    // A policy that takes the better arm, or either alike, would be off by far more.
    assert!(largest > 0.35, "{largest}");
    assert!(worst < 0.04, "{worst}");
}
