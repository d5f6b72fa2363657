//! Three whole updates, against a reference that shares no code with what it
//! checks: inner steps, meta-gradients and the divergence's Hessian by central
//! differences, AdamW and the line search, in f64. Actions are the training's
//! own; what they earned is computed anew, from tasks that are drawn anew.

use super::*;
use crate::config::{
    Adapt, Baseline, EvaluationSettings, Exploration, Inner, InnerRule, LearnedRates,
    MetaObjective, Order, PolicyNetwork, Surrogate, TrustRegion,
};
use crate::samples::ActionRows;
use nets::{Activation, OptimizerConfig, Shape};
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Continuous, Discrete, EnvSpec, Environment, Gae, ObservationSpace, Purpose, Step,
    Stream, TaskDistribution, Tasks, Trial,
};

const SEED: u64 = 5;
const TASKS: usize = 4;
const TRIALS: usize = 3;
const STEPS: usize = 4;
const EPISODES: usize = 2;
const UPDATES: u64 = 3;
const GAMMA: f64 = 0.9;
const LAMBDA: f64 = 0.7;
const RATE: f64 = 0.4;
const CLIP: f64 = 0.05;
const EPOCHS: usize = 2;
const MAX_NORM: f64 = 0.1;
const BETAS: [f64; 2] = [0.8, 0.95];
const EPSILON: f64 = 1e-3;
const DECAY: f64 = 0.1;
const REGION: TrustRegion = TrustRegion {
    max_kl: 0.05,
    iterations: 20,
    damping: 0.05,
    backtracks: 10,
    shrink: 0.7,
};

/// Three arms that pay an amount each.
#[derive(Clone)]
struct Pays;

#[derive(Default)]
struct Paying([f32; 3]);

impl Environment for Paying {
    type State = ();
    type Action = Discrete;

    fn reset(&self, _: &mut (), _: &mut Stream) {}

    fn step(&self, _: &mut (), action: &u32, _: &mut Stream) -> Step {
        Step::proceed(self.0[*action as usize])
    }

    fn observe(&self, _: &(), _: &mut [f32]) {}
}

impl TaskDistribution for Pays {
    type Task = Paying;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "pays".into(),
            observation: ObservationSpace::Vector { size: 0 },
            action: ActionSpace::Discrete { size: 3 },
            horizon: STEPS,
            trial: Trial::Episodes(EPISODES),
        }
    }

    fn sample(&self, task: &mut Paying, rng: &mut Stream) {
        task.0 = [(); 3].map(|()| rng.random());
    }
}

fn settings(outer: Outer) -> MamlConfig {
    MamlConfig {
        updates: UPDATES,
        tasks: TASKS,
        trajectories: TRIALS,
        order: Order::Second,
        bootstrap: false,
        normalize_advantages: true,
        max_gradient_norm: MAX_NORM,
        learning_rate: Schedule {
            from: 0.05,
            to: 0.01,
            shape: Shape::Linear,
        },
        gae: Gae {
            gamma: GAMMA as f32,
            lambda: LAMBDA as f32,
        },
        inner: Inner {
            steps: 1,
            rates: vec![RATE],
            learned: LearnedRates::None,
            surrogate: Surrogate::LogProb,
            adapt: Adapt::All,
            rule: InnerRule::Gradient,
        },
        objective: MetaObjective::LastStep,
        outer,
        exploration: Exploration::None,
        baseline: Baseline::None,
        policy: PolicyNetwork {
            hidden: vec![],
            activation: Activation::Tanh,
            std: 1.0,
            min_std: 1e-3,
        },
        optimizer: OptimizerConfig::Adam {
            beta1: BETAS[0],
            beta2: BETAS[1],
            epsilon: EPSILON,
            weight_decay: DECAY,
        },
        evaluation: EvaluationSettings {
            steps: 1,
            rates: vec![RATE],
            trajectories: TRIALS,
        },
    }
}

fn trainer(outer: Outer) -> Trainer {
    let env = Tasks::new(Pays).unwrap();
    let pool = Arc::new(Pool::new(2, || ()).unwrap());
    Trainer::new(&env, settings(outer), SEED, pool).unwrap()
}

/// What one task's policy did in one rollout, and what it was worth.
struct Lived {
    actions: Vec<usize>,
    log_probs: Vec<f64>,
    advantages: Vec<f64>,
}

/// Both rollouts of every task of the update before the last.
fn lived(trainer: &Trainer, update: u64) -> Vec<[Lived; 2]> {
    let key = StreamKey::new(SEED, Domain::Training, update);
    let one = |(index, task): (usize, &Task)| {
        let mut drawn = Paying::default();
        Pays.sample(&mut drawn, &mut key.lane(Purpose::Task, index as u64));
        [0, 1].map(|rollout| {
            let samples = &task.learner.samples[rollout];
            let ActionRows::Index(actions) = &samples.actions else {
                panic!("discrete actions");
            };
            assert_eq!(actions.len(), TRIALS * EPISODES * STEPS);
            let mut advantages = Vec::new();
            for episode in actions.chunks(STEPS) {
                let paid = |action: &u32| f64::from(drawn.0[*action as usize]);
                let rewards: Vec<f64> = episode.iter().map(paid).collect();
                let decayed = |t: usize| (GAMMA * LAMBDA).powi(t as i32);
                let from = |t: usize| (t..STEPS).map(|s| decayed(s - t) * rewards[s]).sum::<f64>();
                advantages.extend((0..STEPS).map(from));
            }
            let count = advantages.len() as f64;
            let mean = advantages.iter().sum::<f64>() / count;
            let square = |a: &f64| (a - mean).powi(2);
            let deviation = (advantages.iter().map(square).sum::<f64>() / count).sqrt();
            advantages
                .iter_mut()
                .for_each(|a| *a = (*a - mean) / deviation);
            Lived {
                actions: actions.iter().map(|a| *a as usize).collect(),
                log_probs: samples.log_probs.iter().map(|l| f64::from(*l)).collect(),
                advantages,
            }
        })
    };
    trainer.batch.tasks.iter().enumerate().map(one).collect()
}

/// Log-probabilities of a policy whose only input is 1: weights, then biases.
fn log_policy(theta: &[f64]) -> [f64; 3] {
    let logits = [0, 1, 2].map(|k| theta[k] + theta[3 + k]);
    let sum = logits.iter().map(|l| l.exp()).sum::<f64>().ln();
    logits.map(|l| l - sum)
}

/// Mean over a task's samples.
fn mean(of: &Lived, what: impl Fn(usize) -> f64) -> f64 {
    let count = of.actions.len();
    (0..count).map(what).sum::<f64>() / count as f64
}

fn differences(at: &[f64], h: f64, f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let moved = |index: usize, h: f64| {
        let mut at = at.to_vec();
        at[index] += h;
        f(&at)
    };
    let slope = |index| (moved(index, h) - moved(index, -h)) / (2.0 * h);
    (0..at.len()).map(slope).collect()
}

/// A task's policy after the inner step.
fn adapted(theta: &[f64], task: &[Lived; 2]) -> Vec<f64> {
    let first = &task[0];
    let log_probs = log_policy(theta);
    // −1/M Σ A (1[a = k] − p[k]), for the weight and the bias of a logit alike.
    let slope = |k: usize| {
        mean(first, |i| {
            let taken = f64::from(u8::from(first.actions[i] == k));
            -first.advantages[i] * (taken - log_probs[k].exp())
        })
    };
    let both = theta.iter().enumerate();
    both.map(|(index, value)| value - RATE * slope(index % 3))
        .collect()
}

/// Mean policy loss over the tasks, and share of clipped ratios.
fn loss(theta: &[f64], tasks: &[[Lived; 2]], clip: f64) -> [f64; 2] {
    let mut sums = [0.0; 2];
    for task in tasks {
        let log_probs = log_policy(&adapted(theta, task));
        let last = &task[1];
        let ratio = |i: usize| (log_probs[last.actions[i]] - last.log_probs[i]).exp();
        let bounded = |i: usize| ratio(i).clamp(1.0 - clip, 1.0 + clip);
        let gain = |i: usize| {
            let advantage = last.advantages[i];
            (ratio(i) * advantage).min(bounded(i) * advantage)
        };
        let share = 1.0 / tasks.len() as f64;
        sums[0] -= share * mean(last, gain);
        sums[1] += share * mean(last, |i| f64::from(u8::from(bounded(i) != ratio(i))));
    }
    sums
}

/// Mean KL(π_K′ ‖ π_K) over the tasks; no policy here looks at anything.
fn divergence(theta: &[f64], from: &[f64], tasks: &[[Lived; 2]]) -> f64 {
    let of = |task: &[Lived; 2]| -> f64 {
        let [old, new] = [from, theta].map(|theta| log_policy(&adapted(theta, task)));
        let terms = old.iter().zip(new);
        terms.map(|(old, new)| old.exp() * (old - new)).sum()
    };
    tasks.iter().map(of).sum::<f64>() / tasks.len() as f64
}

fn norm(of: &[f64]) -> f64 {
    of.iter().map(|x| x * x).sum::<f64>().sqrt()
}

#[track_caller]
fn assert_near(what: &str, found: f64, expected: f64) {
    let error = (found - expected).abs();
    assert!(error < 2e-4, "{what}: {found}, not {expected}");
}

fn assert_parameters(trainer: &Trainer, theta: &[f64]) {
    for (index, (found, expected)) in trainer.parameters().iter().zip(theta).enumerate() {
        assert_near(&format!("parameter {index}"), f64::from(*found), *expected);
    }
}

fn start(trainer: &Trainer) -> Vec<f64> {
    let values = trainer.parameters().iter();
    values.map(|value| f64::from(*value)).collect()
}

#[test]
fn three_updates_of_ppo_are_those_of_the_reference() {
    let mut trainer = trainer(Outer::Ppo {
        clip: CLIP,
        epochs: EPOCHS,
        penalty: KlPenalty::None,
    });
    let mut theta = start(&trainer);
    let (mut first, mut second, mut steps) = ([0.0; 6], [0.0; 6], 0);
    let (mut clipped, mut long) = (0.0, 0);
    for (update, rate) in [0.05, 0.03, 0.01].into_iter().enumerate() {
        let metrics = trainer.update().unwrap();
        let tasks = lived(&trainer, update as u64);
        let [mut policy, mut outside, mut length] = [0.0; 3];
        for _ in 0..EPOCHS {
            let share = 1.0 / EPOCHS as f64;
            let [now, clipped] = loss(&theta, &tasks, CLIP);
            let mut gradient = differences(&theta, 1e-6, |at| loss(at, &tasks, CLIP)[0]);
            policy += share * now;
            outside += share * clipped;
            length += share * norm(&gradient);
            let shrink = (MAX_NORM / norm(&gradient)).min(1.0);
            gradient.iter_mut().for_each(|g| *g *= shrink);
            steps += 1;
            let unbiased = BETAS.map(|beta| 1.0 - beta.powi(steps));
            for (index, g) in gradient.iter().enumerate() {
                first[index] = BETAS[0] * first[index] + (1.0 - BETAS[0]) * g;
                second[index] = BETAS[1] * second[index] + (1.0 - BETAS[1]) * g * g;
                let root = (second[index] / unbiased[1]).sqrt();
                theta[index] *= 1.0 - rate * DECAY;
                theta[index] -= rate * first[index] / unbiased[0] / (root + EPSILON);
            }
        }
        assert_parameters(&trainer, &theta);
        assert_near("policy loss", metrics.policy_loss, policy);
        assert_near("gradient norm", metrics.gradient_norm, length);
        assert!((metrics.learning_rate - rate).abs() < 1e-12);
        // A ratio that rounding carries over the clip's edge counts as one sample.
        let one = 1.0 / (TASKS * TRIALS * EPISODES * STEPS) as f64;
        assert!((metrics.clip_fraction.unwrap() - outside).abs() <= one);
        clipped += outside;
        long += usize::from(length > MAX_NORM);
    }
    assert!(clipped > 0.05 && long > 0, "what clips is put to the test");
}

/// x of A x = b, by elimination.
fn solved(mut matrix: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    for pivot in 0..b.len() {
        let (row, right) = (matrix[pivot].clone(), b[pivot]);
        for other in (0..b.len()).filter(|other| *other != pivot) {
            let share = matrix[other][pivot] / row[pivot];
            let both = matrix[other].iter_mut().zip(&row);
            both.for_each(|(x, y)| *x -= share * y);
            b[other] -= share * right;
        }
    }
    let rows = b.iter().enumerate();
    rows.map(|(i, b)| b / matrix[i][i]).collect()
}

#[test]
fn three_updates_of_trpo_are_those_of_the_reference() {
    let mut trainer = trainer(Outer::Trpo(REGION));
    let mut theta = start(&trainer);
    let mut refused = 0;
    for update in 0..UPDATES {
        let metrics = trainer.update().unwrap();
        let tasks = lived(&trainer, update);
        let plain = |at: &[f64]| loss(at, &tasks, f64::INFINITY)[0];
        let gradient = differences(&theta, 1e-6, plain);
        let kl = |at: &[f64]| divergence(at, &theta, &tasks);
        let row = |i: usize| {
            let slope = |at: &[f64]| differences(at, 1e-4, kl)[i];
            let mut row = differences(&theta, 1e-4, slope);
            row[i] += REGION.damping;
            row
        };
        let direction = solved((0..6).map(row).collect(), gradient.clone());
        let bent: f64 = direction.iter().zip(&gradient).map(|(x, g)| x * g).sum();
        let mut length = (2.0 * REGION.max_kl / bent).sqrt();
        let mut tries = 1;
        let reached = loop {
            let both = theta.iter().zip(&direction);
            let moved: Vec<f64> = both.map(|(value, x)| value - length * x).collect();
            if plain(&moved) < plain(&theta) && kl(&moved) <= REGION.max_kl {
                break moved;
            }
            tries += 1;
            length *= REGION.shrink;
        };
        assert_eq!(metrics.line_search_steps, Some(tries));
        assert_near("gradient norm", metrics.gradient_norm, norm(&gradient));
        assert_near("divergence", metrics.approx_kl, kl(&reached));
        let better = plain(&theta) - plain(&reached);
        assert_near("improvement", metrics.improvement.unwrap(), better);
        theta = reached;
        assert_parameters(&trainer, &theta);
        refused += tries - 1;
    }
    assert!(refused > 0, "the line search is put to the test");
}

/// Moves by its action, in a box far from 0.
#[derive(Clone)]
struct Far;

#[derive(Default)]
struct Moved;

impl Environment for Moved {
    type State = f32;
    type Action = Continuous;

    fn reset(&self, state: &mut f32, _: &mut Stream) {
        *state = 0.0;
    }

    fn step(&self, state: &mut f32, action: &[f32], _: &mut Stream) -> Step {
        *state += 0.1 * (action[0] - 15.0) - 0.2 * (action[1] - 0.5);
        Step::proceed(-state.abs())
    }

    fn observe(&self, state: &f32, observation: &mut [f32]) {
        observation[0] = *state;
    }
}

impl TaskDistribution for Far {
    type Task = Moved;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "far".into(),
            observation: ObservationSpace::Vector { size: 1 },
            action: ActionSpace::Box {
                low: vec![10.0, 0.0],
                high: vec![20.0, 1.0],
            },
            horizon: 10,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, _: &mut Moved, _: &mut Stream) {}
}

/// Whatever the deviation: both are of the action as the trajectory holds it.
#[test]
fn lived_again_the_log_probabilities_are_the_rollouts_to_the_bit() {
    let env = Tasks::new(Far).unwrap();
    let pool = Arc::new(Pool::new(2, || ()).unwrap());
    let least = env.spec().action.least_std();
    let narrow = |std: f64| {
        let mut config = settings(Outer::Vpg);
        config.policy.hidden = vec![16];
        (config.policy.std, config.policy.min_std) = (1.0, std);
        Trainer::new(&env, config, SEED, Arc::clone(&pool))
    };
    let refused = narrow(0.5 * least).err().unwrap().to_string();
    assert!(refused.starts_with("maml.policy.min_std = "), "{refused}");
    assert!(refused.contains("allowed: at least 0.00019"), "{refused}");
    let mut trainer = narrow(least).unwrap();
    let mut values = trainer.parameters().to_vec();
    values[trainer.common.network.log_std()].fill(least.ln() as f32);
    trainer.learned.values = Arc::new(values);
    trainer.update().unwrap();
    for task in &trainer.batch.tasks {
        let again = &task.learner.adaptation().levels()[0].log_probs;
        assert_eq!(again.len(), TRIALS * 10);
        assert_eq!(*again, task.learner.samples[0].log_probs);
    }
}
