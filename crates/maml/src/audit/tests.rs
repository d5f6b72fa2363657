use super::problem::Look;
use super::*;
use crate::adaptation::Way;
use crate::meta::Meta;
use crate::samples::Samples;
use data_sets::DataSets;
use exact::dot;

fn config(horizon: usize, hidden: &[usize]) -> AuditConfig {
    AuditConfig {
        horizon,
        tasks: 3,
        points: 2,
        deviation: 0.7,
        hidden: hidden.to_vec(),
        rate: 3.0,
        gamma: 1.0,
        lambda: 1.0,
        baseline: AuditBaseline::None,
        seed: 5,
    }
}

/// With advantages of γ and λ.
fn discounted(horizon: usize, (gamma, lambda): (f64, f64), baseline: AuditBaseline) -> Audit {
    let config = AuditConfig {
        gamma,
        lambda,
        baseline,
        ..config(horizon, &[])
    };
    Audit::new(&config).unwrap()
}

fn audit(horizon: usize, hidden: &[usize]) -> Audit {
    Audit::new(&config(horizon, hidden)).unwrap()
}

const EXACT: Effort = Effort {
    data_sets: 1000,
    integrated: 2,
    estimates: 2,
};

/// ‖a − b‖ / ‖b‖
fn apart(a: &[f64], b: &[f64]) -> f64 {
    let mut difference = a.to_vec();
    add(&mut difference, -1.0, b);
    (dot(&difference, &difference) / dot(b, b)).sqrt()
}

fn differences(theta: &[f64], value: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let step = 1e-5;
    let at = |index: usize, x: f64| {
        let mut moved = theta.to_vec();
        moved[index] += x;
        value(&moved)
    };
    let slope = |index| (at(index, step) - at(index, -step)) / (2.0 * step);
    (0..theta.len()).map(slope).collect()
}

#[test]
fn episodes_and_data_sets_are_all_there_are() {
    let audit = audit(3, &[]);
    assert_eq!(audit.episodes(), 32);
    assert_eq!(audit.data_sets(1), 32);
    assert_eq!(audit.data_sets(2), 528);
    assert_eq!(audit.data_sets(1000), usize::MAX);
    for task in &audit.tasks {
        let look = Look::at(&audit.network, &audit.points[0]);
        let chances = task.probabilities(&look.log_probs);
        assert!((chances.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        for count in 1..=3 {
            let sets = DataSets::new(&chances, count);
            assert_eq!(sets.clone().count(), audit.data_sets(count));
            let sum: f64 = sets.map(|(chance, _)| chance).sum();
            assert!((sum - 1.0).abs() < 1e-10, "{count}: {sum}");
        }
        let episode = &task.episodes[7];
        assert!(episode.pairs[0] < ACTIONS, "the first state");
    }
    let pairs: Vec<_> = DataSets::new(&[0.25, 0.75], 2).collect();
    let expected = [
        (0.0625, vec![0, 0]),
        (0.375, vec![0, 1]),
        (0.5625, vec![1, 1]),
    ];
    assert_eq!(pairs, expected);
}

#[test]
fn exact_gradients_are_those_of_the_exact_objectives() {
    for (horizon, hidden) in [(2, &[][..]), (3, &[]), (2, &[3])] {
        let audit = audit(horizon, hidden);
        for theta in audit.points() {
            let numeric = differences(theta, |theta| audit.value(theta));
            let error = apart(&audit.gradient(theta), &numeric);
            assert!(error < 1e-6, "J, {horizon}, {hidden:?}: {error}");
            for count in [1, 2] {
                let numeric = differences(theta, |theta| audit.sampled_value(theta, count));
                let exact = audit.sampled_gradient(theta, count);
                let error = apart(&exact, &numeric);
                assert!(error < 1e-6, "J_{count}, {horizon}, {hidden:?}: {error}");
                assert!(apart(&exact, &audit.gradient(theta)) > 1e-2);
            }
        }
    }
}

#[test]
fn discounted_gradients_are_those_through_the_exact_step() {
    for baseline in [AuditBaseline::None, AuditBaseline::Exact] {
        let audit = discounted(3, (0.7, 0.8), baseline);
        for theta in audit.points() {
            let after = |exact: Exact<'_>| exact.policy_gradient(&exact.adapted(theta));
            let after: Vec<_> = audit.exact().map(after).collect();
            // θ′ along where the policy gradient after the step points, which is
            // held: its gradient is (∂θ′/∂θ)ᵀ G(θ′).
            let along = |theta: &[f64]| {
                let both = audit.exact().zip(&after);
                let sum: f64 = both.map(|(exact, g)| dot(&exact.adapted(theta), g)).sum();
                sum / audit.tasks.len() as f64
            };
            let error = apart(&audit.gradient(theta), &differences(theta, along));
            assert!(error < 1e-6, "{baseline:?}: {error}");
        }
    }
}

#[test]
fn the_learners_policy_gradient_is_the_exact_one_on_average() {
    // Where values are exact, λ makes no difference to the average.
    for (baseline, lambda) in [
        (AuditBaseline::None, 1.0),
        (AuditBaseline::None, 0.6),
        (AuditBaseline::Exact, 1.0),
        (AuditBaseline::Exact, 0.6),
        (AuditBaseline::Exact, 0.0),
    ] {
        let audit = discounted(4, (0.8, lambda), baseline);
        let theta = &audit.points[0];
        for exact in audit.exact() {
            let mut look = Look::at(exact.network, theta);
            let chances = exact.task.probabilities(&look.log_probs);
            let mut mean = vec![0.0; theta.len()];
            for (chance, gradient) in chances.iter().zip(exact.inner(&mut look)) {
                add(&mut mean, *chance, &gradient);
            }
            let error = apart(&mean, &exact.policy_gradient(theta));
            assert!(error < 1e-12, "{baseline:?}, {lambda}: {error}");
        }
    }
}

#[test]
fn a_sampled_step_of_many_episodes_is_an_exact_one() {
    let audit = audit(1, &[]);
    let theta = &audit.points[0];
    let gradient = audit.gradient(theta);
    let [near, far] =
        [400, 40].map(|count| apart(&audit.sampled_gradient(theta, count), &gradient));
    assert!(near < 0.05, "{near}");
    assert!(
        (far / near - 10.0).abs() < 1.5,
        "the difference falls like 1 / n: {far} {near}"
    );
}

/// Expectation of the inner loss's Hessian, times a direction, over all data
/// sets.
fn hessian(audit: &Audit, estimator: Estimator, count: usize, direction: &[f64]) -> Vec<f64> {
    let theta = &audit.points[0];
    let exact = audit.exact().next().unwrap();
    let look = Look::at(exact.network, theta);
    let chances = exact.task.probabilities(&look.log_probs);
    let rule = estimator.rule(exact.network);
    let meta = Meta {
        theta: theta.clone(),
        rates: vec![vec![1.0; theta.len()]],
        gates: Vec::new(),
    };
    let mut total = vec![0.0; theta.len()];
    for (chance, set) in DataSets::new(&chances, count) {
        let mut samples: Samples<f64> = problem::empty();
        let chosen = set.iter().map(|episode| (*episode, 1.0));
        let task = exact.task;
        task.fill(chosen, &look.log_probs, exact.credit, &mut samples);
        let mut adaptation = crate::Adaptation::new(exact.network);
        adaptation.begin(&rule, theta);
        adaptation.step(&rule, &meta, &samples);
        let samples = [samples];
        let way = Way {
            rule: &rule,
            meta: &meta,
            samples: &samples,
        };
        let mut pulled = Meta {
            theta: direction.to_vec(),
            rates: vec![],
            gates: vec![],
        };
        // v − H v, at a rate of 1; the loss falls where returns rise.
        adaptation.pull(&way, &[], &mut pulled);
        add(&mut pulled.theta, -1.0, direction);
        add(&mut total, chance, &pulled.theta);
    }
    total
}

#[test]
fn dice_has_the_true_hessian_on_average_and_no_other_surrogate_has() {
    for (horizon, hidden, count) in [(3, &[][..], 1), (3, &[], 2), (2, &[3], 1)] {
        let audit = audit(horizon, hidden);
        let theta = &audit.points[0];
        let direction: Vec<f64> = (0..theta.len())
            .map(|i| (1.3 * i as f64 + 0.4).sin())
            .collect();
        let exact = audit.exact().next().unwrap();
        let truth = exact.curvature(theta, &direction);
        let error = |estimator| apart(&hessian(&audit, estimator, count, &direction), &truth);
        let dice = error(Estimator::Dice);
        assert!(dice < 1e-9, "dice: {dice}");
        let (ratio, log_prob) = (error(Estimator::Ratio), error(Estimator::LogProb));
        assert!(ratio > 0.01, "ratio: {ratio}");
        assert!(log_prob > 0.2, "log-prob: {log_prob}");
    }
}

#[test]
fn dice_has_the_true_derivative_on_average_at_every_discount() {
    let directions = [0.4, 2.0].map(|shift| -> Vec<f64> {
        let wave = |i| (1.3 * f64::from(i) + shift).sin();
        (0..6).map(wave).collect()
    });
    let error = |estimator, credit, baseline, count| {
        let audit = discounted(3, credit, baseline);
        let exact = audit.exact().next().unwrap();
        let errors = directions.iter().map(|direction| {
            let truth = exact.curvature(&audit.points[0], direction);
            apart(&hessian(&audit, estimator, count, direction), &truth)
        });
        errors.fold(0.0, f64::max)
    };
    for gamma in [0.95, 0.9, 0.5, 0.0] {
        for lambda in [1.0, 0.8, 0.0] {
            let dice = error(Estimator::Dice, (gamma, lambda), AuditBaseline::None, 1);
            assert!(dice < 1e-9, "γ {gamma}, λ {lambda}: {dice}");
        }
        let baseline = AuditBaseline::Exact;
        let dice = error(Estimator::Dice, (gamma, 1.0), baseline, 2);
        assert!(dice < 1e-9, "γ {gamma}, exact values: {dice}");
        for other in [Estimator::LogProb, Estimator::Ratio] {
            let biased = error(other, (gamma, 1.0), AuditBaseline::None, 1);
            // They leave out how earlier steps lead to where a later one is taken.
            assert!(biased > 0.01, "{other:?} at γ {gamma}: {biased}");
        }
    }
    // Below λ = 1 values stand for what follows, and how they depend on the
    // policy is no part of the estimate.
    let dice = error(Estimator::Dice, (0.9, 0.5), AuditBaseline::Exact, 1);
    assert!(dice > 0.01, "{dice}");
}

#[test]
fn with_exact_inner_gradients_dice_is_exact_at_every_discount() {
    // Long episodes, in which distant steps are discounted far.
    for (gamma, lambda) in [(0.95, 1.0), (0.9, 1.0), (0.5, 1.0), (1.0, 0.9), (0.9, 0.9)] {
        let audit = discounted(5, (gamma, lambda), AuditBaseline::None);
        let truth = audit.gradient(&audit.points[0]);
        let error = |estimator| apart(&audit.limit(0, estimator), &truth);
        let dice = error(Estimator::Dice);
        assert!(dice < 1e-9, "γ {gamma}, λ {lambda}: {dice}");
        for biased in [Estimator::LogProb, Estimator::Ratio, Estimator::FirstOrder] {
            let error = error(biased);
            assert!(error > 1e-2, "{biased:?}, γ {gamma}, λ {lambda}: {error}");
        }
        // It pays a return in whose gradient later steps count less.
        let paid = error(Estimator::EMaml);
        assert!(paid > 1e-3, "γ {gamma}, λ {lambda}: {paid}");
    }
    let exact = discounted(5, (0.9, 1.0), AuditBaseline::Exact);
    let truth = exact.gradient(&exact.points[0]);
    assert!(apart(&exact.limit(0, Estimator::Dice), &truth) < 1e-9);
    let short = discounted(5, (0.9, 0.5), AuditBaseline::Exact);
    let truth = short.gradient(&short.points[0]);
    let error = apart(&short.limit(0, Estimator::Dice), &truth);
    assert!(error > 1e-3, "{error}");
}

#[test]
fn with_exact_inner_gradients_dice_is_exact() {
    for (horizon, hidden) in [(3, &[][..]), (2, &[3])] {
        let audit = audit(horizon, hidden);
        for (point, theta) in audit.points().iter().enumerate() {
            let truth = audit.gradient(theta);
            let error = |estimator| apart(&audit.limit(point, estimator), &truth);
            assert!(error(Estimator::Dice) < 1e-9);
            assert!(error(Estimator::EMaml) < 1e-9);
            for biased in [Estimator::LogProb, Estimator::Ratio, Estimator::FirstOrder] {
                let error = error(biased);
                assert!(error > 1e-2, "{biased:?}: {error}");
            }
        }
    }
}

#[test]
fn e_maml_estimates_the_gradient_of_the_sampled_objective() {
    for (horizon, hidden) in [(3, &[][..]), (2, &[3])] {
        let audit = audit(horizon, hidden);
        for (point, theta) in audit.points().iter().enumerate() {
            for count in [1, 2] {
                let truth = audit.sampled_gradient(theta, count);
                for estimator in Estimator::ALL {
                    let mean = audit.expectation(point, estimator, count, EXACT);
                    assert!(mean.exact);
                    let error = apart(&mean.mean, &truth);
                    match estimator {
                        Estimator::EMaml => assert!(error < 1e-9, "{error}"),
                        other => assert!(error > 1e-2, "{other:?}: {error}"),
                    }
                }
            }
        }
    }
}

/// The largest difference in standard errors.
fn distance(mean: &[f64], error: &[f64], truth: &[f64]) -> f64 {
    let each = mean.iter().zip(error).zip(truth);
    each.map(|((mean, error), truth)| (mean - truth).abs() / error)
        .fold(0.0, f64::max)
}

#[test]
fn random_data_agree_with_all_data() {
    random_data_agree(&audit(3, &[]));
    random_data_agree(&discounted(3, (0.8, 0.9), AuditBaseline::None));
}

fn random_data_agree(audit: &Audit) {
    let effort = Effort {
        data_sets: 0,
        integrated: 1500,
        estimates: 4000,
    };
    for estimator in Estimator::ALL {
        let truth = audit.expectation(0, estimator, 2, EXACT).mean;
        let sampled = audit.expectation(0, estimator, 2, effort);
        assert!(!sampled.exact);
        let off = distance(&sampled.mean, &sampled.standard_error, &truth);
        assert!(off < 4.0, "{estimator:?}: {off} standard errors");
        let drawn = audit.spread(0, estimator, 2, effort);
        let root = (drawn.estimates as f64).sqrt();
        let errors = drawn.standard_deviation.iter().map(|sd| sd / root);
        let off = distance(&drawn.mean, &errors.collect::<Vec<_>>(), &truth);
        assert!(off < 4.0, "{estimator:?}: {off} standard errors");
    }
}

#[test]
fn control_variates_leave_little_noise() {
    let audit = audit(3, &[]);
    let effort = Effort {
        data_sets: 0,
        integrated: 200,
        estimates: 2,
    };
    let noise = |estimator, count| {
        let errors = audit
            .expectation(0, estimator, count, effort)
            .standard_error;
        dot(&errors, &errors).sqrt()
    };
    for estimator in [Estimator::LogProb, Estimator::Ratio, Estimator::Dice] {
        let fall = noise(estimator, 20) / noise(estimator, 200);
        assert!(
            fall > 6.0,
            "{estimator:?}: like 1 / n, not its root: {fall}"
        );
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    let refused = |change: &dyn Fn(&mut AuditConfig)| {
        let mut config = config(2, &[]);
        change(&mut config);
        Audit::new(&config).unwrap_err().to_string()
    };
    assert!(refused(&|c| c.horizon = 9).contains("audit.horizon = 9; allowed: 1 to 8"));
    assert!(refused(&|c| c.gamma = 1.1).contains("audit.gamma = 1.1; allowed: 0 to 1"));
    assert!(refused(&|c| c.lambda = f64::NAN).contains("audit.lambda = NaN"));
    assert!(refused(&|c| c.tasks = 1).contains("audit.tasks = 1"));
    assert!(refused(&|c| c.points = 0).contains("audit.points = 0"));
    assert!(refused(&|c| c.rate = f64::NAN).contains("audit.rate = NaN"));
    assert!(refused(&|c| c.hidden = vec![0]).contains("hidden"));
}
