//! What must hold of a training.

use crate::common::{
    Arms, Points, adam, arms, config, constant, evaluation, gated, points, promp, trainer, trpo,
};
use agent::LearnError;
use maml::{
    Adapt, Adapted, Baseline, Exploration, Gated, InnerRule, KlPenalty, LearnedRates, MamlConfig,
    MetaObjective, Order, Outer, Phase, Surrogate, TrustRegion, Uniform,
};
use nets::{Activation, OptimizerConfig};
use rl_core::{EnvFactory, Tasks};
use std::sync::Arc;

/// One configuration for each member of the family.
fn family() -> Vec<(&'static str, MamlConfig)> {
    let base = config(Outer::Vpg);
    let with = |outer: Outer, change: &dyn Fn(&mut MamlConfig)| {
        let mut config = MamlConfig {
            outer,
            ..base.clone()
        };
        config.tasks = 5;
        config.trajectories = 4;
        change(&mut config);
        config
    };
    let value = Baseline::Value {
        hidden: vec![16],
        activation: Activation::Tanh,
        optimizer: adam(),
        learning_rate: 0.01,
        max_gradient_norm: f64::INFINITY,
        epochs: 3,
    };
    vec![
        ("maml", with(trpo(), &|c| c.inner.steps = 2)),
        ("maml-vpg", with(Outer::Vpg, &|_| ())),
        ("fomaml", with(Outer::Vpg, &|c| c.order = Order::First)),
        ("fomaml-trpo", with(trpo(), &|c| c.order = Order::First)),
        ("anil", with(trpo(), &|c| c.inner.adapt = Adapt::Head)),
        (
            "meta-sgd",
            with(trpo(), &|c| c.inner.learned = LearnedRates::PerParameter),
        ),
        (
            "learned rates",
            with(promp(), &|c| c.inner.learned = LearnedRates::PerStep),
        ),
        (
            "e-maml",
            with(trpo(), &|c| {
                c.exploration = Exploration::EMaml { coefficient: 0.1 };
            }),
        ),
        (
            "dice",
            with(trpo(), &|c| c.inner.surrogate = Surrogate::Dice),
        ),
        (
            "promp",
            with(promp(), &|c| c.inner.surrogate = Surrogate::Ratio),
        ),
        (
            "gated",
            with(Outer::Vpg, &|c| {
                c.inner.rule = gated();
                c.inner.steps = 2;
                c.objective = MetaObjective::EveryStep;
            }),
        ),
        ("gated-trpo", with(trpo(), &|c| c.inner.rule = gated())),
        (
            "gated-promp",
            with(promp(), &|c| {
                c.inner.rule = gated();
                c.inner.surrogate = Surrogate::Ratio;
                c.inner.adapt = Adapt::HeadAndStd;
            }),
        ),
        ("reptile", with(Outer::Reptile, &|_| ())),
        ("pretrained", with(Outer::Vpg, &|c| c.inner.steps = 0)),
        (
            "value",
            with(Outer::Vpg, &|c| {
                c.baseline = value.clone();
                c.bootstrap = true;
            }),
        ),
        (
            "no baseline",
            with(Outer::Vpg, &|c| c.baseline = Baseline::None),
        ),
    ]
}

/// Episodes that end early, two a trial.
fn short_lives() -> Arc<dyn EnvFactory> {
    let points = Points {
        horizon: 10,
        episodes: 2,
        ends: true,
    };
    Arc::new(Tasks::new(points).unwrap())
}

#[test]
fn any_number_of_workers_gives_the_same_bits() {
    for (name, config) in family() {
        for env in [short_lives(), arms()] {
            let run = |workers| {
                let mut trainer = trainer(&env, config.clone(), workers);
                let metrics: Vec<_> = (0..2).map(|_| trainer.update().unwrap()).collect();
                let bits: Vec<u32> = trainer.parameters().iter().map(|v| v.to_bits()).collect();
                let curve = trainer.adapt_and_evaluate(&env, &evaluation(5, 0.1));
                let curve = curve.unwrap();
                (metrics, bits, curve)
            };
            let one = run(1);
            for workers in [2, 3] {
                assert_eq!(one, run(workers), "{name}, {workers} workers");
            }
        }
    }
}

#[test]
fn a_restored_training_goes_on_with_the_same_bits() {
    for (name, config) in family() {
        let env = short_lives();
        let mut whole = trainer(&env, config.clone(), 2);
        for _ in 0..3 {
            whole.update().unwrap();
        }
        let mut resumed = trainer(&env, config, 2);
        resumed.restore(&whole.checkpoint().unwrap()).unwrap();
        for _ in 0..2 {
            assert_eq!(whole.update().unwrap(), resumed.update().unwrap(), "{name}");
        }
        assert_eq!(whole.checkpoint().unwrap(), resumed.checkpoint().unwrap());
    }
}

/// Meta-SGD with the bits of a training whose gates are held open: parameters, rates
/// and what the agents earn.
#[test]
fn gates_held_open_make_it_meta_sgd() {
    for outer in [Outer::Vpg, promp(), trpo()] {
        let env = short_lives();
        let mut plain = config(outer);
        (plain.tasks, plain.trajectories, plain.inner.steps) = (4, 5, 2);
        plain.inner.learned = LearnedRates::PerParameter;
        let mut open = plain.clone();
        let InnerRule::Gated(rule) = gated() else {
            return;
        };
        let held = Uniform {
            low: 1000.0,
            high: 1000.0,
        };
        open.inner.rule = InnerRule::Gated(Gated {
            forget_bias: held,
            input_bias: held,
            ..rule
        });
        let run = |config: &MamlConfig| {
            let mut trainer = trainer(&env, config.clone(), 2);
            let metrics: Vec<_> = (0..3).map(|_| trainer.update().unwrap()).collect();
            let curve = trainer.adapt_and_evaluate(&env, &evaluation(5, 0.1));
            (trainer, metrics, curve.unwrap())
        };
        let (plain, plain_metrics, plain_curve) = run(&plain);
        let (open, open_metrics, open_curve) = run(&open);
        let shared = plain.parameters().len();
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<u32>>();
        assert_eq!(
            bits(plain.parameters()),
            bits(&open.parameters()[..shared]),
            "{outer:?}"
        );
        assert_eq!(plain_curve, open_curve);
        for (plain, open) in plain_metrics.iter().zip(&open_metrics) {
            assert_eq!(plain.returns, open.returns);
            assert_eq!(open.forget_gates, Some(vec![1.0; 2]));
            assert_eq!(open.input_gates, Some(vec![1.0; 2]));
            assert_eq!(plain.forget_gates, None);
        }
        // With gates that are not held it is another training.
        let mut gated_config = open.config().clone();
        gated_config.inner.rule = gated();
        let (other, metrics, _) = run(&gated_config);
        assert_ne!(
            bits(plain.parameters()),
            bits(&other.parameters()[..shared])
        );
        let gates = metrics[2].forget_gates.clone().unwrap();
        assert!(
            gates.iter().all(|gate| (0.5..1.0).contains(gate)),
            "{gates:?}"
        );
    }
}

/// Their steps are as long as they were trained to be, of any number.
#[test]
fn gated_steps_do_not_go_by_the_rates_of_evaluations() {
    let env = points();
    let mut config = config(Outer::Vpg);
    config.inner.rule = gated();
    let trainer = trainer(&env, config, 2);
    let curve = |rate| {
        trainer
            .adapt_and_evaluate(&env, &evaluation(3, rate))
            .unwrap()
    };
    assert_eq!(curve(0.1), curve(0.7));
    assert_eq!(curve(0.1).returns.len(), 3);
}

#[test]
fn another_networks_checkpoint_is_refused() {
    let env = points();
    let mut wide = config(Outer::Vpg);
    wide.policy.hidden = vec![33];
    let other = trainer(&env, wide, 1).checkpoint().unwrap();
    let mut trainer = trainer(&env, config(Outer::Vpg), 1);
    let before = trainer.checkpoint().unwrap();
    let error = trainer.restore(&other).unwrap_err().to_string();
    assert!(error.contains("layer0.weight"), "{error}");
    assert_eq!(trainer.checkpoint().unwrap(), before);
}

#[test]
fn metrics_say_what_happened() {
    let env = points();
    let mut trainer = trainer(&env, config(trpo()), 2);
    let mut phases = Vec::new();
    let metrics = trainer
        .update_observed(&mut |phase| phases.push(phase))
        .unwrap();
    use Phase::{ConjugateGradient, Inner, LineSearch, Outer, Rollout};
    let expected = [
        Rollout,
        Inner,
        Rollout,
        Outer,
        ConjugateGradient,
        LineSearch,
    ];
    assert_eq!(phases, expected);
    assert_eq!(metrics.env_steps, 2 * 10 * 10 * 20);
    assert_eq!(
        metrics.returns,
        [metrics.mean_return_before, metrics.mean_return]
    );
    assert_eq!(metrics.accepted, Some(true));
    assert!(metrics.approx_kl > 0.0 && metrics.approx_kl <= 0.01);
    assert!(metrics.improvement.unwrap() > 0.0);
    assert!(metrics.cg_residual.unwrap() < 0.5);
    assert_eq!(metrics.cg_iterations, Some(10));
    // Of two coordinates with standard deviations of about 1.
    let one = 0.5 * (std::f64::consts::TAU * std::f64::consts::E).ln();
    assert!(
        (metrics.entropy - 2.0 * one).abs() < 0.3,
        "{}",
        metrics.entropy
    );
}

/// Either condition is what stops some of the steps.
#[test]
fn no_step_is_taken_that_does_not_improve_or_goes_too_far() {
    let env = points();
    for max_kl in [0.01, 1e6] {
        let outer = Outer::Trpo(TrustRegion {
            max_kl,
            iterations: 10,
            damping: 1e-5,
            backtracks: 40,
            shrink: 0.8,
        });
        let mut trainer = trainer(&env, config(outer), 2);
        let mut shortened = 0;
        for _ in 0..4 {
            let metrics = trainer.update().unwrap();
            assert_eq!(metrics.accepted, Some(true));
            assert!(metrics.approx_kl <= max_kl, "{}", metrics.approx_kl);
            assert!(metrics.improvement.unwrap() > 0.0);
            shortened += usize::from(metrics.line_search_steps > Some(1));
        }
        assert!(shortened > 0, "the test tests nothing");
    }
}

#[test]
fn a_step_that_is_too_long_is_refused_and_said_to_be() {
    let env = points();
    // So long a step that no single backtrack can save it.
    let reckless = Outer::Trpo(TrustRegion {
        max_kl: 50.0,
        iterations: 10,
        damping: 1e-5,
        backtracks: 1,
        shrink: 0.5,
    });
    let mut trainer = trainer(&env, config(reckless), 2);
    let before = trainer.parameters().clone();
    let metrics = trainer.update().unwrap();
    assert_eq!(metrics.accepted, Some(false));
    assert_eq!(metrics.line_search_steps, Some(1));
    assert_eq!(metrics.improvement, Some(0.0));
    assert_eq!(*trainer.parameters(), before, "nothing moved");
    assert_eq!(trainer.updates_done(), 1, "but the update counts");
}

#[test]
fn parameters_that_are_not_finite_are_found_at_the_first_step() {
    let env = points();
    let mut trainer = trainer(&env, config(trpo()), 2);
    let mut checkpoint = trainer.checkpoint().unwrap();
    checkpoint.floats_mut("params/layer0.bias").unwrap()[0] = f32::NAN;
    trainer.restore(&checkpoint).unwrap();
    let error = trainer.update().unwrap_err();
    assert!(matches!(error, LearnError::Rollout(_)));
    let text = error.to_string();
    assert!(text.contains("policy 'maml' gave action NaN"), "{text}");
    assert_eq!(trainer.updates_done(), 0);
}

#[test]
fn an_adaptation_that_explodes_is_named_and_changes_nothing() {
    let env = points();
    let mut explosive = config(trpo());
    explosive.inner.steps = 2;
    explosive.inner.rates = vec![0.1, 3e38];
    explosive.normalize_advantages = false;
    explosive.policy.std = 0.01;
    let mut trainer = trainer(&env, explosive, 2);
    let before = trainer.checkpoint().unwrap();
    let error = trainer.update().unwrap_err();
    let text = error.to_string();
    let found = matches!(
        error,
        LearnError::Adaptation {
            update: Some(1),
            step: 2,
            ..
        }
    );
    assert!(found, "{text}");
    assert!(text.contains("update 1: parameter '"), "{text}");
    assert!(text.contains("maml.inner.rates"), "{text}");
    assert_eq!(trainer.checkpoint().unwrap(), before);
}

/// The parameters are finite, but no action that the policy takes then.
#[test]
fn an_adapted_policy_that_cannot_act_is_an_adaptation_that_diverged() {
    let env = points();
    let mut explosive = config(Outer::Vpg);
    explosive.inner.rates = vec![1e6];
    let mut trainer = trainer(&env, explosive, 2);
    let before = trainer.checkpoint().unwrap();
    let error = trainer.update().unwrap_err().to_string();
    assert!(
        error.starts_with("update 1: policy 'maml' gave "),
        "{error}"
    );
    assert!(error.contains("after inner step 1 of task "), "{error}");
    assert!(error.contains("A lower maml.inner.rates may"), "{error}");
    assert_eq!(trainer.checkpoint().unwrap(), before);
}

#[test]
fn an_evaluation_that_diverges_names_its_own_rates() {
    let env = points();
    let refusal = |learned: LearnedRates, rate: f64| {
        let mut config = config(Outer::Vpg);
        config.inner.learned = learned;
        config.inner.rates = vec![rate];
        let trainer = trainer(&env, config, 2);
        let refused = trainer.adapt_and_evaluate(&env, &evaluation(3, rate));
        refused.unwrap_err().to_string()
    };
    for (rate, what) in [(1e6, "policy 'maml' gave "), (1e39, "parameter '")] {
        let error = refusal(LearnedRates::None, rate);
        assert!(error.starts_with(&format!("evaluation: {what}")), "{error}");
        assert!(error.contains("after inner step 1 of task "), "{error}");
        assert!(
            error.contains("A lower maml.evaluation.rates may"),
            "{error}"
        );
        assert!(!error.contains("maml.inner.rates"), "{error}");
    }
    let error = refusal(LearnedRates::PerStep, 1e6);
    assert!(error.contains("its steps are learned"), "{error}");
    assert!(!error.contains("maml.evaluation.rates"), "{error}");
}

#[test]
fn a_gradient_that_explodes_half_way_is_undone() {
    let env = points();
    let mut explosive = config(Outer::Ppo {
        clip: 0.2,
        epochs: 4,
        penalty: KlPenalty::None,
    });
    explosive.inner.surrogate = Surrogate::Ratio;
    explosive.policy.activation = Activation::Relu;
    explosive.learning_rate = constant(1e38);
    explosive.optimizer = OptimizerConfig::Sgd { momentum: 0.0 };
    let mut trainer = trainer(&env, explosive, 2);
    let before = trainer.checkpoint().unwrap();
    let error = trainer.update().unwrap_err();
    assert!(
        matches!(error, LearnError::Update { update: 1, .. }),
        "{error}"
    );
    assert_eq!(trainer.checkpoint().unwrap(), before);
}

#[test]
fn evaluations_that_make_no_sense_are_refused() {
    let env = points();
    let trainer = trainer(&env, config(Outer::Vpg), 1);
    let refusal = |env: &Arc<dyn EnvFactory>, evaluation: Adapted| {
        let refused = trainer.adapt_and_evaluate(env, &evaluation);
        refused.unwrap_err().to_string()
    };
    let error = refusal(&env, evaluation(0, 0.1));
    assert!(error.contains("tasks = 0; allowed: at least 1"), "{error}");
    let without = Adapted {
        rates: vec![],
        ..evaluation(1, 0.1)
    };
    let error = refusal(&env, without);
    assert!(error.contains("rates = []"), "{error}");
    let other: Arc<dyn EnvFactory> = Arc::new(Tasks::new(Arms { arms: 2 }).unwrap());
    let error = refusal(&other, evaluation(1, 0.1));
    assert!(error.contains("it was trained on"), "{error}");
}

#[test]
fn an_adaptive_penalty_follows_its_target() {
    let env = points();
    let coefficient = |target, rate| {
        let mut promp = config(Outer::Ppo {
            clip: 0.3,
            epochs: 3,
            penalty: KlPenalty::Adaptive {
                coefficient: 1.0,
                target,
            },
        });
        promp.learning_rate = constant(rate);
        let mut trainer = trainer(&env, promp, 2);
        trainer.update().unwrap();
        trainer.checkpoint().unwrap().number("penalty").unwrap()
    };
    assert_eq!(coefficient(1e-9, 0.01), 2.0, "moved too far");
    assert_eq!(coefficient(1e9, 0.01), 0.5, "hardly moved");
}
