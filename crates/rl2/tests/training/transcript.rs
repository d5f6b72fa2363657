//! Three whole updates of PPO, against a reference that shares no code with what
//! it checks: the network, the objective, its gradient by central differences,
//! clipping and AdamW, in f64. The tasks and actions are the training's own; all
//! that is made of them is computed anew. Only the streams' derivation and their
//! shuffle are the library's.

use crate::common::{BACKENDS, config, constant, seen_as, trainer_in};
use agent::BackendKind;
use nets::{OptimizerConfig, Recurrent, SequenceConfig};
use nets::{Schedule, Shape};
use rl_core::rand::seq::SliceRandom as _;
use rl_core::{Domain, Gae, ObservationSpace, Outcome, Purpose, StreamKey, Trajectory};
use rl2::{Metrics, Outer, Rl2Config, Trainer};
use std::ops::Range;

const SEED: u64 = 3;
const LANES: usize = 16;
const TILE: usize = 4;
const MINIBATCHES: usize = 2;
const EPOCHS: usize = 2;
const UPDATES: u64 = 3;
const CLIP: f64 = 0.05;
const VALUE: f64 = 0.3;
const REWARD_SCALE: f64 = 0.7;
const MAX_NORM: f64 = 0.1;
const GAMMA: f64 = 0.9;
const LAMBDA: f64 = 0.8;
const HIDDEN: usize = 3;
/// A symbol of four, two actions, the reward, the flag.
const INPUTS: usize = 8;
const BETAS: [f64; 2] = [0.8, 0.95];
const EPSILON: f64 = 1e-3;
const DECAY: f64 = 0.1;

fn settings(backend: BackendKind) -> Rl2Config {
    let schedule = |from, to, shape| Schedule { from, to, shape };
    Rl2Config {
        updates: UPDATES,
        lanes: LANES,
        tile: TILE,
        reward_scale: REWARD_SCALE,
        value_coefficient: VALUE,
        max_gradient_norm: MAX_NORM,
        entropy_coefficient: schedule(0.2, 0.02, Shape::Cosine),
        learning_rate: schedule(0.05, 0.01, Shape::Linear),
        gae: Gae {
            gamma: GAMMA as f32,
            lambda: LAMBDA as f32,
        },
        outer: Outer::Ppo {
            clip: CLIP,
            epochs: EPOCHS,
            minibatches: MINIBATCHES,
        },
        optimizer: OptimizerConfig::Adam {
            beta1: BETAS[0],
            beta2: BETAS[1],
            epsilon: EPSILON,
            weight_decay: DECAY,
        },
        trunk: SequenceConfig::Gru(Recurrent::plain(HIDDEN)),
        policy: agent::PolicyStart {
            gain: 1.0,
            std: 0.5,
        },
        ..config(backend)
    }
}

/// One lane's trial.
struct Lived {
    inputs: Vec<[f64; INPUTS]>,
    actions: Vec<usize>,
    log_probs: Vec<f64>,
    advantages: Vec<f64>,
    returns: Vec<f64>,
}

fn lived(trajectory: &Trajectory, lane: usize) -> Lived {
    let at = |t: usize| t * TILE + lane;
    let rl_core::Actions::Discrete(actions) = trajectory.actions() else {
        panic!("discrete actions");
    };
    let steps = trajectory.lengths()[lane];
    let mut lived = Lived {
        inputs: vec![[0.0; INPUTS]; steps],
        actions: (0..steps).map(|t| actions[at(t)] as usize).collect(),
        log_probs: (0..steps)
            .map(|t| f64::from(trajectory.log_probs()[at(t)]))
            .collect(),
        advantages: vec![0.0; steps],
        returns: vec![0.0; steps],
    };
    for t in 0..steps {
        let input = &mut lived.inputs[t];
        input[trajectory.observations()[at(t)] as usize] = 1.0;
        if t > 0 {
            input[4 + actions[at(t - 1)] as usize] = 1.0;
            input[6] = f64::from(trajectory.rewards()[at(t - 1)]);
        }
        let begins = t == 0 || trajectory.outcomes()[at(t - 1)] != Outcome::Continue;
        input[7] = f64::from(u8::from(begins));
    }
    let (mut next_value, mut next_advantage) = (0.0, 0.0);
    for t in (0..steps).rev() {
        let value = f64::from(trajectory.values()[at(t)]);
        let reward = REWARD_SCALE * f64::from(trajectory.rewards()[at(t)]);
        next_advantage = reward + GAMMA * next_value - value + GAMMA * LAMBDA * next_advantage;
        next_value = value;
        lived.advantages[t] = next_advantage;
        lived.returns[t] = next_advantage + value;
    }
    lived
}

/// What the metrics are means of.
#[derive(Clone, Copy, Default)]
struct Seen {
    policy: f64,
    value: f64,
    entropy: f64,
    kl: f64,
    clipped: f64,
    norm: f64,
}

struct Reference {
    values: Vec<f64>,
    moments: [Vec<f64>; 2],
    steps: i32,
    places: Vec<Range<usize>>,
}

impl Reference {
    fn new(trainer: &Trainer) -> Self {
        let values: Vec<f64> = trainer
            .learner()
            .parameters()
            .iter()
            .map(|v| f64::from(*v))
            .collect();
        let place = |name: &str| {
            let mut entries = trainer.learner().model().layout().entries().iter();
            entries.find(|e| e.name == name).unwrap().range()
        };
        let names = [
            "trunk.weight_ih",
            "trunk.weight_hh",
            "trunk.bias_ih",
            "trunk.bias_hh",
            "policy.weight",
            "policy.bias",
            "value.weight",
            "value.bias",
        ];
        Self {
            moments: [vec![0.0; values.len()], vec![0.0; values.len()]],
            steps: 0,
            places: names.map(place).to_vec(),
            values,
        }
    }

    /// Log-probabilities of both actions and the value, step by step.
    fn forward(&self, values: &[f64], inputs: &[[f64; INPUTS]]) -> Vec<([f64; 2], f64)> {
        let part = |index: usize| &values[self.places[index].clone()];
        let [w_ih, w_hh, b_ih, b_hh] = [0, 1, 2, 3].map(part);
        let [policy, policy_bias, value, value_bias] = [4, 5, 6, 7].map(part);
        let dot = |row: &[f64], x: &[f64]| -> f64 { row.iter().zip(x).map(|(a, b)| a * b).sum() };
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let mut memory = [0.0; HIDDEN];
        let mut outputs = Vec::new();
        for input in inputs {
            let before = memory;
            let from_input = |row: usize| dot(&w_ih[row * INPUTS..][..INPUTS], input) + b_ih[row];
            let from_memory =
                |row: usize| dot(&w_hh[row * HIDDEN..][..HIDDEN], &before) + b_hh[row];
            for (j, now) in memory.iter_mut().enumerate() {
                let reset = sigmoid(from_input(j) + from_memory(j));
                let keep = sigmoid(from_input(HIDDEN + j) + from_memory(HIDDEN + j));
                let new = from_input(2 * HIDDEN + j) + reset * from_memory(2 * HIDDEN + j);
                *now = (1.0 - keep) * new.tanh() + keep * before[j];
            }
            let logit = |a: usize| dot(&policy[a * HIDDEN..][..HIDDEN], &memory) + policy_bias[a];
            let logits = [logit(0), logit(1)];
            let sum = (logits[0].exp() + logits[1].exp()).ln();
            let worth = dot(value, &memory) + value_bias[0];
            outputs.push((logits.map(|l| l - sum), worth));
        }
        outputs
    }

    /// The objective, and what is seen on the way.
    fn loss(&self, values: &[f64], lanes: &[&Lived], entropy: f64) -> (f64, Seen) {
        let all: Vec<f64> = lanes.iter().flat_map(|l| l.advantages.clone()).collect();
        let count = all.len() as f64;
        let mean = all.iter().sum::<f64>() / count;
        let variance = all.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / count;
        let mut seen = Seen::default();
        for lane in lanes {
            let outputs = self.forward(values, &lane.inputs);
            for (t, (log_probs, value)) in outputs.into_iter().enumerate() {
                let moved = log_probs[lane.actions[t]] - lane.log_probs[t];
                let advantage = (lane.advantages[t] - mean) / variance.sqrt();
                let bounded = moved.exp().clamp(1.0 - CLIP, 1.0 + CLIP);
                seen.policy -= (moved.exp() * advantage).min(bounded * advantage) / count;
                seen.value += 0.5 * (value - lane.returns[t]).powi(2) / count;
                seen.entropy -= log_probs.iter().map(|l| l * l.exp()).sum::<f64>() / count;
                seen.kl += (moved.exp_m1() - moved) / count;
                seen.clipped += f64::from(u8::from(bounded != moved.exp())) / count;
            }
        }
        let total = seen.policy + VALUE * seen.value - entropy * seen.entropy;
        (total, seen)
    }

    /// One step on a minibatch.
    fn step(&mut self, lanes: &[&Lived], entropy: f64, rate: f64) -> Seen {
        let mut seen = self.loss(&self.values, lanes, entropy).1;
        let slope = |index: usize| {
            let at = |h: f64| {
                let mut values = self.values.clone();
                values[index] += h;
                self.loss(&values, lanes, entropy).0
            };
            (at(1e-6) - at(-1e-6)) / 2e-6
        };
        let mut gradient: Vec<f64> = (0..self.values.len()).map(slope).collect();
        seen.norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        let shrink = (MAX_NORM / seen.norm).min(1.0);
        gradient.iter_mut().for_each(|g| *g *= shrink);
        self.steps += 1;
        let unbiased = BETAS.map(|beta| 1.0 - beta.powi(self.steps));
        for (index, g) in gradient.iter().enumerate() {
            let [first, second] = &mut self.moments;
            first[index] = BETAS[0] * first[index] + (1.0 - BETAS[0]) * g;
            second[index] = BETAS[1] * second[index] + (1.0 - BETAS[1]) * g * g;
            let root = (second[index] / unbiased[1]).sqrt();
            let value = &mut self.values[index];
            *value *= 1.0 - rate * DECAY;
            *value -= rate * first[index] / unbiased[0] / (root + EPSILON);
        }
        seen
    }

    /// What an update makes of what was lived, and the means of what was seen.
    fn update(&mut self, trainer: &Trainer, update: u64, [entropy, rate]: [f64; 2]) -> Seen {
        let tiles = trainer.learner().samples().batch.tiles();
        let lived: Vec<Vec<Lived>> = tiles
            .iter()
            .map(|tile| {
                (0..TILE)
                    .map(|lane| lived(tile.trajectory(), lane))
                    .collect()
            })
            .collect();
        let key = StreamKey::new(SEED, Domain::Training, update);
        let mut shuffle = key.lane(Purpose::Shuffle, 0);
        let mut order: Vec<usize> = (0..lived.len()).collect();
        let mut mean = Seen::default();
        let share = 1.0 / (EPOCHS * MINIBATCHES) as f64;
        for _ in 0..EPOCHS {
            order.shuffle(&mut shuffle);
            for part in order.chunks(order.len() / MINIBATCHES) {
                let lanes: Vec<&Lived> = part.iter().flat_map(|tile| &lived[*tile]).collect();
                let seen = self.step(&lanes, entropy, rate);
                mean.policy += share * seen.policy;
                mean.value += share * seen.value;
                mean.entropy += share * seen.entropy;
                mean.kl += share * seen.kl;
                mean.clipped += share * seen.clipped;
                mean.norm += share * seen.norm;
            }
        }
        mean
    }
}

#[track_caller]
fn assert_near(what: &str, found: f64, expected: f64) {
    let error = (found - expected).abs();
    assert!(error < 2e-4, "{what}: {found}, not {expected}");
}

fn assert_metrics(metrics: &Metrics, seen: &Seen, [entropy, rate]: [f64; 2]) {
    assert_near("policy loss", metrics.policy_loss, seen.policy);
    assert_near("value loss", metrics.value_loss, seen.value);
    assert_near("entropy", metrics.entropy, seen.entropy);
    assert_near("approx_kl", metrics.approx_kl, seen.kl);
    assert_near("gradient norm", metrics.gradient_norm, seen.norm);
    // A ratio that rounding carries over the clip's edge counts as one sample.
    let one = 1.0 / (LANES * 3) as f64;
    assert!((metrics.clip_fraction - seen.clipped).abs() <= one);
    assert!((metrics.entropy_coefficient - entropy).abs() < 1e-12);
    assert!((metrics.learning_rate - rate).abs() < 1e-12);
}

#[test]
fn three_updates_are_those_of_the_reference() {
    let env = seen_as(ObservationSpace::Discrete { size: 4 }, true);
    // The ends, and the middle of a straight line and of half a cosine.
    let schedules = [[0.2, 0.05], [0.11, 0.03], [0.02, 0.01]];
    for backend in BACKENDS {
        let mut trainer = trainer_in(&env, settings(backend), SEED, 2);
        let mut reference = Reference::new(&trainer);
        let (mut clipped, mut long) = (0.0, 0);
        for (update, schedule) in schedules.into_iter().enumerate() {
            trainer.collect().unwrap();
            trainer.advantages();
            let seen = reference.update(&trainer, update as u64, schedule);
            let metrics = trainer.improve().unwrap();
            assert_metrics(&metrics, &seen, schedule);
            let both = trainer.learner().parameters().iter().zip(&reference.values);
            for (index, (found, expected)) in both.enumerate() {
                assert_near(&format!("parameter {index}"), f64::from(*found), *expected);
            }
            clipped += metrics.clip_fraction;
            long += usize::from(metrics.gradient_norm > MAX_NORM);
        }
        assert!(clipped > 0.1 && long > 0, "what clips is put to the test");
    }
}

/// The policy that acts is the one that was learned last.
#[test]
fn every_update_acts_by_the_parameters_before_it() {
    for backend in BACKENDS {
        let mut still = settings(backend);
        still.learning_rate = constant(0.0);
        let mut moving = trainer_in(&crate::common::switches(), settings(backend), SEED, 2);
        let mut still = trainer_in(&crate::common::switches(), still, SEED, 2);
        let mut same = Vec::new();
        for _ in 0..2 {
            let acted = [&mut moving, &mut still].map(|trainer| {
                trainer.update().unwrap();
                let tiles = trainer.learner().samples().batch.tiles();
                tiles[0].trajectory().log_probs().to_vec()
            });
            same.push(acted[0] == acted[1]);
        }
        assert_eq!(same, [true, false], "{backend:?}");
    }
}
