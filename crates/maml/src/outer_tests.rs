//! What E-MAML's term does to the meta-parameters of a training.

use crate::config::{
    Adapt, Baseline, EvaluationSettings, Exploration, Inner, LearnedRates, MamlConfig, Order,
    Outer, PolicyNetwork, Surrogate,
};
use crate::trainer::Trainer;
use nets::{Activation, OptimizerConfig, Schedule, Shape};
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Discrete, EnvSpec, Environment, Gae, ObservationSpace, Step, Stream,
    TaskDistribution, Tasks,
};
use rollout::Pool;
use std::sync::Arc;

/// Arms of which one pays 1.
#[derive(Clone)]
struct Arms;

#[derive(Default)]
struct Arm {
    good: u32,
}

impl Environment for Arm {
    type State = ();
    type Action = Discrete;

    fn reset(&self, _: &mut (), _: &mut Stream) {}

    fn step(&self, _: &mut (), action: &u32, _: &mut Stream) -> Step {
        Step::proceed(f32::from(u8::from(*action == self.good)))
    }

    fn observe(&self, _: &(), _: &mut [f32]) {}
}

impl TaskDistribution for Arms {
    type Task = Arm;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "arms".into(),
            observation: ObservationSpace::Vector { size: 0 },
            action: ActionSpace::Discrete { size: 3 },
            horizon: 5,
            episodes: 1,
        }
    }

    fn sample(&self, task: &mut Arm, rng: &mut Stream) {
        task.good = rng.random_range(0..3);
    }
}

fn config(exploration: Exploration) -> MamlConfig {
    let small = Schedule {
        from: 1e-3,
        to: 1e-3,
        shape: Shape::Linear,
    };
    MamlConfig {
        updates: 1,
        tasks: 6,
        trajectories: 4,
        order: Order::Second,
        bootstrap: false,
        normalize_advantages: true,
        max_gradient_norm: 1e6,
        learning_rate: small,
        gae: Gae {
            gamma: 0.99,
            lambda: 1.0,
        },
        inner: Inner {
            steps: 2,
            rates: vec![0.3],
            learned: LearnedRates::None,
            surrogate: Surrogate::LogProb,
            adapt: Adapt::All,
        },
        outer: Outer::Vpg,
        exploration,
        baseline: Baseline::None,
        policy: PolicyNetwork {
            hidden: vec![4],
            activation: Activation::Tanh,
            std: 1.0,
            min_std: 1e-3,
        },
        optimizer: OptimizerConfig::Sgd { momentum: 0.0 },
        evaluation: EvaluationSettings {
            steps: 1,
            rates: vec![0.3],
            trajectories: 4,
        },
    }
}

/// A training after its first update.
fn updated(exploration: Exploration) -> Trainer {
    let pool = Arc::new(Pool::new(2, || ()).unwrap());
    let env = Tasks::new(Arms).unwrap();
    let mut trainer = Trainer::new(&env, config(exploration), 0, pool).unwrap();
    trainer.update().unwrap();
    trainer
}

/// The sum over tasks of ln π of all that was done before the adaptation, by the
/// policies that some meta-parameters make of it, times what the task earned
/// after it beyond the others.
fn paid_log_probs(trainer: &Trainer, values: &[f32]) -> f64 {
    let common = Arc::clone(&trainer.common);
    let meta = common.shape.read(values);
    let tasks = trainer.each(move |_, task| {
        task.learner.adapt(&common.rule, &meta);
        let levels = task.learner.adaptation().levels();
        let before = levels[..2].iter().flat_map(|level| &level.log_probs);
        let sum: f64 = before.map(|l| f64::from(*l)).sum();
        (task.rollouts[2].earned, task.rollouts[2].scale * sum)
    });
    let tasks = tasks.unwrap();
    let all: f64 = tasks.iter().map(|(earned, _)| earned).sum();
    let others = (tasks.len() - 1) as f64;
    let paid = |(earned, sum): &(f64, f64)| (earned - (all - earned) / others) * sum;
    tasks.iter().map(paid).sum()
}

/// The term is −c times the paid log-probabilities: a small step with it makes
/// them more than a step without.
#[test]
fn e_maml_makes_likelier_what_led_to_more_than_others_earned() {
    let plain = updated(Exploration::None);
    let exploring = updated(Exploration::EMaml { coefficient: 1.0 });
    let [before, after] = [&plain, &exploring].map(|trainer| {
        let values: &[f32] = trainer.parameters();
        paid_log_probs(&exploring, values)
    });
    assert!(after > before + 1e-4, "{before} to {after}");
}
