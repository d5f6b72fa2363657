//! What E-MAML's term does to the meta-parameters of a training.

use crate::config::{
    Adapt, Baseline, EvaluationSettings, Exploration, Inner, InnerRule, LearnedRates, MamlConfig,
    MetaObjective, Order, Outer, PolicyNetwork, Surrogate,
};
use crate::surrogate::Objective;
use crate::trainer::Trainer;
use nets::{Activation, OptimizerConfig, Schedule, Shape};
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Discrete, EnvSpec, Environment, Gae, ObservationSpace, Step, Stream,
    TaskDistribution, Tasks, Trial,
};
use rollout::Pool;
use std::sync::Arc;

/// Three arms of which one pays 1, or, where there are more goods than arms,
/// sometimes none.
#[derive(Clone)]
struct Arms {
    goods: u32,
}

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
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, task: &mut Arm, rng: &mut Stream) {
        task.good = rng.random_range(0..self.goods);
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
            rule: InnerRule::Gradient,
        },
        objective: MetaObjective::LastStep,
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

fn trainer(goods: u32, exploration: Exploration) -> Trainer {
    let pool = Arc::new(Pool::new(2, || ()).unwrap());
    let env = Tasks::new(Arms { goods }).unwrap();
    Trainer::new(&env, config(exploration), 0, pool).unwrap()
}

/// A training after its first update.
fn updated(exploration: Exploration) -> Trainer {
    let mut trainer = trainer(3, exploration);
    trainer.update().unwrap();
    trainer
}

/// The sum over tasks of ln π of all that was done before the adaptation, by the
/// policies that some meta-parameters make of it, times what the task earned
/// after it beyond the others.
fn paid_log_probs(trainer: &mut Trainer, values: &[f32]) -> f64 {
    let common = &trainer.common;
    let meta = common.shape.read(values);
    let tasks = trainer.batch.each(|_, task| {
        task.learner.adapt(&common.rule, &meta);
        let levels = task.learner.adaptation().levels();
        let before = levels[..2].iter().flat_map(|level| &level.log_probs);
        let sum: f64 = before.map(|l| f64::from(*l)).sum();
        (task.rollouts[2].earned, sum)
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
    let mut exploring = updated(Exploration::EMaml { coefficient: 1.0 });
    let ends = [&plain, &exploring].map(|trainer| trainer.parameters().to_vec());
    let [before, after] = ends.map(|values| paid_log_probs(&mut exploring, &values));
    assert!(after > before + 1e-4, "{before} to {after}");
}

/// Its deviation is 0, and one over that is no measure for what its scores are
/// paid.
#[test]
fn a_task_that_earned_nothing_does_not_drown_the_others() {
    let mut trainer = trainer(6, Exploration::EMaml { coefficient: 1.0 });
    let metrics = trainer.update().unwrap();
    let terms = trainer.terms(Objective::Ratio, 0.0).unwrap();
    let tasks = trainer.batch.tasks.iter();
    let earned: Vec<f64> = tasks.map(|task| task.rollouts[2].earned).collect();
    let largest = |nothing: bool| {
        let all = terms.iter().zip(&earned);
        let some = all.filter(|(_, earned)| (**earned == 0.0) == nothing);
        some.fold(0.0, |most: f64, (term, _)| most.max(term.exploration.abs()))
    };
    let (nothing, something) = (largest(true), largest(false));
    assert!(nothing > 0.0 && something > 0.0, "the test tests nothing");
    assert!(nothing < 3.0 * something, "{nothing} and {something}");
    assert!(metrics.gradient_norm < 1e3, "{}", metrics.gradient_norm);
}
