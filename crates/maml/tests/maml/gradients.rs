//! The analytic meta-gradients against finite differences, in f64.

use crate::common::gated;
use crate::fixed::{Fixed, continuous, discrete, relative_error, small};
use maml::{
    Adapt, GateInputs, InnerRule, LearnedRates, MamlConfig, MetaObjective, Objective, Order,
    Surrogate, Terms,
};
use rl_core::ActionSpace;

const PLAIN: Terms = Terms {
    objective: Objective::Ratio,
    penalty: 0.0,
    exploration: 0.0,
    of: MetaObjective::LastStep,
};

const TOLERANCE: f64 = 1e-6;

fn spaces() -> [ActionSpace; 2] {
    [discrete(), continuous()]
}

/// Settings for some steps, changed.
fn with(steps: usize, change: impl Fn(&mut MamlConfig)) -> MamlConfig {
    let mut config = small();
    config.inner.steps = steps;
    change(&mut config);
    config
}

/// Compares the gradient with finite differences for both kinds of actions and
/// 1, 2 and 3 inner steps, where the samples were taken and away from there.
fn check(what: &str, terms: &Terms, change: impl Fn(&mut MamlConfig)) {
    for action in spaces() {
        for steps in 1..=3 {
            let config = with(steps, &change);
            let mut fixed = Fixed::new(&config, &action);
            for flat in [fixed.start.clone(), fixed.moved()] {
                let numeric = fixed.differences(&flat, terms);
                let exact = fixed.gradient(&flat, terms);
                let error = relative_error(&exact, &numeric);
                assert!(
                    error < TOLERANCE,
                    "{what}, {action:?}, {steps} steps: {error}"
                );
            }
        }
    }
}

#[test]
fn every_inner_surrogate_has_its_own_second_order() {
    let surrogates = [Surrogate::LogProb, Surrogate::Ratio, Surrogate::Dice];
    for surrogate in surrogates {
        let what = format!("{surrogate:?}");
        check(&what, &PLAIN, |config| config.inner.surrogate = surrogate);
    }
    // The gradients of the inner losses agree, so that all differences are of
    // second order.
    for action in spaces() {
        let [a, b, c] = surrogates.map(|surrogate| {
            let config = with(1, |config| config.inner.surrogate = surrogate);
            let mut fixed = Fixed::new(&config, &action);
            let start = fixed.start.clone();
            let inner = fixed.learner.adaptation().levels()[0].gradient.clone();
            (inner, fixed.gradient(&start, &PLAIN))
        });
        for (one, other) in [(&a, &b), (&b, &c), (&a, &c)] {
            assert!(relative_error(&one.0, &other.0) < 1e-12);
            assert!(relative_error(&one.1, &other.1) > 1e-3);
        }
    }
}

#[test]
fn first_order_is_another_gradient() {
    for action in spaces() {
        for steps in 1..=3 {
            let config = with(steps, |_| ());
            let [first, second] = [Order::First, Order::Second].map(|order| {
                let mut fixed = Fixed::with_order(&config, order, &action);
                let start = fixed.start.clone();
                fixed.gradient(&start, &PLAIN)
            });
            assert!(relative_error(&first, &second) > 1e-2);
        }
    }
}

#[test]
fn without_inner_steps_it_is_the_policy_gradient() {
    for action in spaces() {
        let mut fixed = Fixed::new(&with(0, |_| ()), &action);
        let flat = fixed.moved();
        let numeric = fixed.differences(&flat, &PLAIN);
        let exact = fixed.gradient(&flat, &PLAIN);
        assert!(relative_error(&exact, &numeric) < TOLERANCE);
    }
}

#[test]
fn anil_adapts_the_head_alone() {
    for adapt in [Adapt::Head, Adapt::HeadAndStd] {
        let what = format!("{adapt:?}");
        check(&what, &PLAIN, |config| config.inner.adapt = adapt);
        let mut fixed = Fixed::new(&with(1, |c| c.inner.adapt = adapt), &continuous());
        let start = fixed.start.clone();
        fixed.loss(&start, &PLAIN);
        let [before, after] = [0, 1].map(|k| &fixed.learner.adaptation().levels()[k].params);
        for (name, _, range) in fixed.rule.network.layout() {
            let same = before[range.clone()] == after[range];
            let adapts = match name.as_str() {
                "log_std" => adapt == Adapt::HeadAndStd,
                name => name.starts_with("layer1"),
            };
            assert_eq!(same, !adapts, "{name}, {adapt:?}");
        }
    }
}

#[test]
fn learned_rates_have_gradients() {
    for learned in [LearnedRates::PerStep, LearnedRates::PerParameter] {
        for adapt in [Adapt::All, Adapt::Head] {
            let what = format!("{learned:?}, {adapt:?}");
            check(&what, &PLAIN, |config| {
                config.inner.learned = learned;
                config.inner.adapt = adapt;
            });
        }
    }
    let rates = |learned| with(2, |config| config.inner.learned = learned);
    let size = |learned| Fixed::new(&rates(learned), &discrete()).start.len();
    let policy = size(LearnedRates::None);
    assert_eq!(size(LearnedRates::PerStep), policy + 2);
    assert_eq!(size(LearnedRates::PerParameter), 3 * policy);
}

/// Those of the LSTM alone too, which are smaller than those of the policy.
fn check_gated(what: &str, terms: &Terms, change: impl Fn(&mut MamlConfig)) {
    for action in spaces() {
        for steps in 1..=3 {
            let config = with(steps, |config| {
                config.inner.rule = gated();
                config.inner.rates = vec![0.2, 0.16, 0.1];
                change(config);
            });
            let mut fixed = Fixed::new(&config, &action);
            let own = fixed.meta(&fixed.start).gates.len();
            for flat in [fixed.start.clone(), fixed.moved()] {
                let numeric = fixed.differences(&flat, terms);
                let exact = fixed.gradient(&flat, terms);
                let rest = exact.len() - own;
                for range in [0..rest, rest..rest + own] {
                    let error = relative_error(&exact[range.clone()], &numeric[range.clone()]);
                    assert!(
                        error < TOLERANCE,
                        "{what}, {action:?}, {steps} steps, {range:?}: {error}"
                    );
                    let turned: Vec<f64> = exact[range.clone()].iter().map(|g| -g).collect();
                    assert!(relative_error(&turned, &numeric[range]) > 1.0);
                }
            }
        }
    }
}

#[test]
fn gated_steps_have_exact_gradients_those_of_the_lstm_too() {
    for surrogate in [Surrogate::LogProb, Surrogate::Ratio, Surrogate::Dice] {
        let what = format!("gated, {surrogate:?}");
        check_gated(&what, &PLAIN, |config| config.inner.surrogate = surrogate);
    }
    check_gated("gated, of the head, rates learned", &PLAIN, |config| {
        config.inner.adapt = Adapt::Head;
        config.inner.learned = LearnedRates::PerParameter;
    });
    let clipped = Terms {
        objective: Objective::Clipped(0.02),
        penalty: 0.7,
        exploration: -0.4,
        of: MetaObjective::EveryStep,
    };
    check_gated("gated, all terms", &clipped, |config| {
        config.inner.learned = LearnedRates::PerStep;
    });
    check_gated("gated, at the floor", &PLAIN, |config| {
        config.policy.min_std = 0.9;
    });
}

#[test]
fn an_objective_of_every_step_has_exact_gradients() {
    let every = Terms {
        of: MetaObjective::EveryStep,
        ..PLAIN
    };
    check("every step", &every, |_| ());
    let mut fixed = Fixed::new(&with(3, |_| ()), &discrete());
    let flat = fixed.moved();
    let mean = fixed.loss(&flat, &every);
    assert!((mean.total - mean.objective.policy).abs() < 1e-15);
    assert!((mean.total - fixed.loss(&flat, &PLAIN).total).abs() > 1e-4);
}

/// Of one step the LSTM's own gradient does not depend on how its inputs came
/// about; that of the initial parameters does, and first order holds them too.
#[test]
fn held_inputs_pass_no_gradient() {
    for action in spaces() {
        let gradient = |steps, order, inputs| {
            let config = with(steps, |config| {
                config.order = order;
                let InnerRule::Gated(mut rule) = gated() else {
                    return;
                };
                rule.inputs = inputs;
                config.inner.rule = InnerRule::Gated(rule);
            });
            let mut fixed = Fixed::new(&config, &action);
            let (start, own) = (fixed.start.clone(), fixed.meta(&fixed.start).gates.len());
            let mut gradient = fixed.gradient(&start, &PLAIN);
            let own = gradient.split_off(gradient.len() - own);
            (gradient, own)
        };
        use GateInputs::{Differentiated, Held};
        let exact = gradient(1, Order::Second, Differentiated);
        let held = gradient(1, Order::Second, Held);
        assert_eq!(exact.1, held.1);
        assert!(relative_error(&held.0, &exact.0) > 1e-5);
        let exact = gradient(2, Order::Second, Differentiated);
        let held = gradient(2, Order::Second, Held);
        assert!(relative_error(&held.1, &exact.1) > 1e-5);
        let first = gradient(2, Order::First, Differentiated);
        assert_eq!(first, gradient(2, Order::First, Held));
        assert!(relative_error(&first.0, &held.0) > 1e-3);
    }
}

#[test]
fn e_maml_pays_the_samples_before() {
    let terms = Terms {
        exploration: -0.4,
        ..PLAIN
    };
    check("E-MAML", &terms, |_| ());
    let mut fixed = Fixed::new(&with(2, |_| ()), &discrete());
    let start = fixed.start.clone();
    let (with, without) = (
        fixed.gradient(&start, &terms),
        fixed.gradient(&start, &PLAIN),
    );
    assert!(relative_error(&with, &without) > 0.1);
}

#[test]
fn promp_has_a_clipped_objective_and_a_penalty() {
    for clip in [0.02, 0.3] {
        let terms = Terms {
            objective: Objective::Clipped(clip),
            penalty: 0.7,
            exploration: 0.0,
            of: MetaObjective::LastStep,
        };
        check("ProMP", &terms, |config| {
            config.inner.surrogate = Surrogate::Ratio;
        });
        let mut fixed = Fixed::new(&with(1, |_| ()), &continuous());
        let moved = fixed.moved();
        let loss = fixed.loss(&moved, &terms);
        assert!(loss.inner_kl > 1e-5, "{}", loss.inner_kl);
        assert_eq!(loss.objective.clip_fraction > 0.0, clip < 0.1);
        assert!((loss.total - loss.objective.policy - 0.7 * loss.inner_kl).abs() < 1e-12);
    }
}

#[test]
fn members_of_the_family_combine() {
    check("ANIL, Meta-SGD and DiCE", &PLAIN, |config| {
        config.inner.adapt = Adapt::Head;
        config.inner.learned = LearnedRates::PerParameter;
        config.inner.surrogate = Surrogate::Dice;
    });
    let clipped = Terms {
        objective: Objective::Clipped(0.3),
        ..PLAIN
    };
    check("Meta-SGD, ratios and PPO", &clipped, |config| {
        config.inner.learned = LearnedRates::PerParameter;
        config.inner.surrogate = Surrogate::Ratio;
    });
}

#[test]
fn standard_deviations_at_their_floor_pass_no_gradient() {
    // The policy begins below the floor, so that the first step meets it.
    let terms = PLAIN;
    let floored = |config: &mut MamlConfig| {
        config.policy.min_std = 0.9;
    };
    let mut fixed = Fixed::new(&with(2, floored), &continuous());
    let start = fixed.start.clone();
    fixed.loss(&start, &terms);
    let least = 0.9_f64.ln();
    let first = &fixed.learner.adaptation().levels()[1].params;
    let range = fixed.rule.network.log_std();
    assert!(first[range].contains(&least), "the test tests nothing");
    check("floor", &terms, floored);
}

/// The Hessian of KL(adapted before ‖ adapted after), as a quadratic form of
/// two directions, by second differences of its values.
fn second_difference(fixed: &mut Fixed, a: &[f64], b: &[f64]) -> f64 {
    let step = 1e-4;
    let start = fixed.start.clone();
    let mut at = |x: f64, y: f64| {
        let both = a.iter().zip(b).map(|(a, b)| step * (x * a + y * b));
        let moved: Vec<f64> = start.iter().zip(both).map(|(s, d)| s + d).collect();
        fixed.loss(&moved, &PLAIN).outer_kl
    };
    let mixed = at(1.0, 1.0) - at(1.0, -1.0) - at(-1.0, 1.0) + at(-1.0, -1.0);
    mixed / (4.0 * step * step)
}

#[test]
fn the_trust_regions_products_go_through_gates() {
    for action in spaces() {
        for (steps, surrogate, inputs) in [
            (1, Surrogate::LogProb, GateInputs::Differentiated),
            (3, Surrogate::Dice, GateInputs::Differentiated),
        ] {
            let config = with(steps, |config| {
                config.inner.surrogate = surrogate;
                config.inner.learned = LearnedRates::PerStep;
                let InnerRule::Gated(mut rule) = gated() else {
                    return;
                };
                rule.inputs = inputs;
                config.inner.rule = InnerRule::Gated(rule);
            });
            let mut fixed = Fixed::new(&config, &action);
            let size = fixed.start.len();
            let wave = |f: f64| (0..size).map(|i| (f * i as f64 + f).sin()).collect();
            let [a, b]: [Vec<f64>; 2] = [1.7, 0.9].map(wave);
            let scale = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
            let (of_a, of_b) = (fixed.curvature(&a), fixed.curvature(&b));
            let product = |p: &[f64], v: &[f64]| p.iter().zip(v).map(|(p, v)| p * v).sum::<f64>();
            for (left, right) in [(&a, &b), (&a, &a)] {
                let numeric = second_difference(&mut fixed, left, right);
                let exact = product(&of_a, right);
                let error = (exact - numeric).abs() / (scale(&of_a) * scale(right));
                assert!(error < 1e-4, "{action:?}, {surrogate:?}: {error}");
            }
            let (ab, ba) = (product(&of_a, &b), product(&of_b, &a));
            assert!(
                (ab - ba).abs() < 1e-9 * scale(&of_a) * scale(&b),
                "symmetric"
            );
        }
    }
}

#[test]
fn the_trust_regions_products_are_those_of_the_divergences_hessian() {
    let learned = [
        LearnedRates::None,
        LearnedRates::PerStep,
        LearnedRates::PerParameter,
    ];
    for action in spaces() {
        for (steps, surrogate) in [
            (0, Surrogate::LogProb),
            (1, Surrogate::LogProb),
            (2, Surrogate::Ratio),
            (3, Surrogate::Dice),
        ] {
            for learned in learned {
                let config = with(steps, |config| {
                    config.inner.surrogate = surrogate;
                    config.inner.learned = learned;
                });
                let mut fixed = Fixed::new(&config, &action);
                let size = fixed.start.len();
                let wave = |f: f64| (0..size).map(|i| (f * i as f64 + f).sin()).collect();
                let directions: [Vec<f64>; 3] = [1.7, 0.9, 5.3].map(wave);
                let scale = |v: &Vec<f64>| v.iter().map(|x| x * x).sum::<f64>().sqrt();
                for (a, b) in [(0, 0), (0, 1), (1, 2), (2, 2)] {
                    let (a, b) = (&directions[a], &directions[b]);
                    let numeric = second_difference(&mut fixed, a, b);
                    let product = fixed.curvature(a);
                    let exact: f64 = product.iter().zip(b).map(|(p, b)| p * b).sum();
                    let error = (exact - numeric).abs() / (scale(&product) * scale(b));
                    assert!(
                        error < 1e-4,
                        "{action:?}, {surrogate:?}, {learned:?}: {error}"
                    );
                }
            }
        }
    }
}
