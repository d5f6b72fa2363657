//! Every outer loop learns, and fails to with its update turned around.

use crate::common::{
    adam, arms, config, constant, evaluation, gated, points, pool, promp, trainer, trpo,
};
use agent::ActMode;
use maml::{AdaptationCurve, Adapted, Baseline, MamlConfig, Metrics, Outer, Surrogate, Trainer};
use nets::Activation;
use rl_core::{Data, EnvFactory, PolicyFactory};
use rollout::evaluate;
use std::sync::Arc;

fn held_out(trainer: &Trainer, env: &Arc<dyn EnvFactory>, rate: f64) -> AdaptationCurve {
    trainer
        .adapt_and_evaluate(env, &evaluation(40, rate))
        .unwrap()
}

/// Mean return on fresh tasks after one gradient step.
fn adapted(trainer: &Trainer, env: &Arc<dyn EnvFactory>, rate: f64) -> f64 {
    held_out(trainer, env, rate).returns[1].mean()
}

/// Takes an update, and where `flip` says so turns it around.
fn update(trainer: &mut Trainer, flip: bool) -> Metrics {
    let before = trainer.checkpoint().unwrap();
    let metrics = trainer.update().unwrap();
    if flip {
        let mut after = trainer.checkpoint().unwrap();
        for (name, then) in before.branch("params").iter() {
            let Data::F32(then) = &then.data else {
                panic!("{name} is no parameter");
            };
            let now = after.floats_mut(&format!("params/{name}")).unwrap();
            for (now, then) in now.iter_mut().zip(then) {
                *now = then - (*now - then);
            }
        }
        trainer.restore(&after).unwrap();
    }
    metrics
}

fn learn(env: &Arc<dyn EnvFactory>, config: &MamlConfig, updates: u64, flip: bool) -> Trainer {
    let mut trainer = trainer(env, config.clone(), 2);
    for _ in 0..updates {
        update(&mut trainer, flip);
    }
    trainer
}

#[test]
fn points_learn_to_go_to_goals_and_fail_to_with_the_update_flipped() {
    let env = points();
    let start = adapted(&trainer(&env, config(Outer::Vpg), 2), &env, 0.3);
    assert!(start < -7.0, "{start}");
    let mut promp = config(promp());
    promp.inner.surrogate = Surrogate::Ratio;
    let mut gated_steps = config(Outer::Vpg);
    gated_steps.inner.rule = gated();
    gated_steps.inner.rates = vec![0.6];
    let outers = [
        ("vpg", config(Outer::Vpg)),
        ("gated", gated_steps),
        ("trpo", config(trpo())),
        ("promp", promp),
        ("reptile", config(Outer::Reptile)),
    ];
    for (name, config) in outers {
        // No policy that does not know its goal earns more than about -6.8.
        let learned = adapted(&learn(&env, &config, 30, false), &env, 0.3);
        assert!(learned > -5.7, "{name}: {learned}");
        let flipped = adapted(&learn(&env, &config, 10, true), &env, 0.3);
        assert!(flipped < -10.0, "{name}, flipped: {flipped}");
    }
}

#[test]
fn arms_are_found_out_by_one_step() {
    let env = arms();
    let mut arms = config(Outer::Vpg);
    arms.tasks = 20;
    arms.trajectories = 20;
    arms.baseline = Baseline::None;
    arms.inner.rates = vec![1.0];
    arms.learning_rate = constant(0.02);
    for surrogate in [Surrogate::LogProb, Surrogate::Ratio, Surrogate::Dice] {
        arms.inner.surrogate = surrogate;
        let learned = held_out(&learn(&env, &arms, 60, false), &env, 1.0);
        let [before, after] = [0, 1].map(|steps| learned.returns[steps].mean());
        // A third of 5 pulls by chance.
        assert!((before - 5.0 / 3.0).abs() < 0.4, "{surrogate:?}: {before}");
        assert!(after > 4.5, "{surrogate:?}: {after}");
    }
    let flipped = adapted(&learn(&env, &arms, 60, true), &env, 1.0);
    assert!(flipped < 3.5, "{flipped}");
}

#[test]
fn steps_make_returns_rise_and_policies_can_be_taken_along() {
    let env = points();
    let trainer = learn(&env, &config(trpo()), 20, false);
    let curve = held_out(&trainer, &env, 0.3);
    assert_eq!(curve.task_returns.len(), 3);
    assert_eq!(curve.task_returns[0].len(), 40);
    assert!(curve.returns[1].mean() > curve.returns[0].mean());
    assert!(curve.returns[1].standard_error() > 0.0);

    let evaluation = Adapted {
        steps: 1,
        actions: ActMode::Greedy,
        ..evaluation(40, 0.3)
    };
    let greedy = trainer.policy(ActMode::Greedy);
    let run = |policy: &Arc<dyn PolicyFactory>| {
        evaluate(&pool(2), &env, policy, evaluation.held).unwrap()
    };
    let plain = run(&greedy).trial_returns;
    let mut gained = 0.0;
    for task in 0..8 {
        let policies = trainer.adapted_policies(&env, &evaluation, task).unwrap();
        assert_eq!(policies.len(), 2);
        assert_eq!(run(&policies[0]).trial_returns, plain);
        gained += run(&policies[1]).trial_returns[task] - plain[task];
    }
    assert!(gained > 12.0, "each in its own task: {gained}");

    // Without chance in the task all trials of a greedy policy are the same.
    let curve = trainer.adapt_and_evaluate(&env, &evaluation).unwrap();
    let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
    assert!(curve.task_returns[0].iter().zip(&plain).all(near));
    let sampled = Adapted {
        actions: ActMode::Sample,
        ..evaluation
    };
    let sampled = trainer.adapt_and_evaluate(&env, &sampled).unwrap();
    for step in 0..=1 {
        let ahead = curve.returns[step].mean() - sampled.returns[step].mean();
        assert!(ahead > 0.1, "greedy after {step} steps: {ahead}");
    }
}

#[test]
fn a_value_network_learns_values() {
    let mut config = config(Outer::Vpg);
    config.baseline = Baseline::Value {
        hidden: vec![16],
        activation: Activation::Tanh,
        optimizer: adam(),
        learning_rate: 0.03,
        max_gradient_norm: f64::INFINITY,
        epochs: 5,
    };
    let mut trainer = trainer(&points(), config, 2);
    let mut loss = || trainer.update().unwrap().value_loss.unwrap();
    let losses: Vec<f64> = (0..20).map(|_| loss()).collect();
    assert!(losses[19] < 0.5 * losses[0], "{losses:?}");
}
