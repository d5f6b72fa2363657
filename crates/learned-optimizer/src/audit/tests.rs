use super::*;

const PROBLEMS: [(&dyn Problem, f64); 2] = [
    (&InfluenceBalancing { horizon: 60 }, 0.1),
    (&ToyRegression { horizon: 100 }, 0.01),
];

fn distance(a: &[f64], b: &[f64]) -> f64 {
    let both = a.iter().zip(b);
    both.map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

/// Two ways that have nothing in common, and the closed form.
#[test]
fn exact_gradients_are_those_of_the_closed_form_and_of_finite_differences() {
    for horizon in [1, 10, 100, 300] {
        let problem = InfluenceBalancing { horizon };
        for theta in [0.5, -1.0 / 6.0, -2.0] {
            let closed = problem.closed_gradient(theta);
            let found = gradient(&problem, &[theta])[0];
            assert!((found - closed).abs() < 1e-9, "{found} and not {closed}");
            let found = truncated(&problem, &[theta], horizon)[0];
            assert!((found - closed).abs() < 1e-9, "{found} and not {closed}");
        }
    }
    for (problem, _) in PROBLEMS {
        let theta = problem.start().1;
        let exact = gradient(problem, &theta);
        let other = truncated(problem, &theta, problem.horizon());
        assert!(distance(&exact, &other) < 1e-12 * distance(&exact, &[0.0; 2]));
        for q in 0..theta.len() {
            let by = |step: f64| {
                let mut theta = theta.clone();
                theta[q] += step;
                loss(problem, &theta)
            };
            let found = (by(1e-5) - by(-1e-5)) / 2e-5;
            let off = (found - exact[q]).abs();
            assert!(
                off < 1e-7 * exact[q].abs().max(1.0),
                "{found} and not {exact:?}"
            );
        }
    }
}

/// Of the sum of losses that short windows see, the sign is wrong; of the whole, right.
#[test]
fn short_windows_go_the_wrong_way() {
    let problem = InfluenceBalancing { horizon: 100 };
    let exact = gradient(&problem, &[0.5])[0];
    for window in [1, 10] {
        assert!(truncated(&problem, &[0.5], window)[0] * exact < 0.0);
    }
}

/// Evolution strategies on windows are biased as truncated gradients are, here exactly:
/// losses are quadratic in the perturbation. Persistent ones are unbiased.
#[test]
fn persistence_takes_the_bias_away() {
    let problem = InfluenceBalancing { horizon: 40 };
    let perturbation = Perturbation {
        pairs: 20,
        deviation: 0.1,
    };
    let theta = [0.5];
    let near = |estimator: Estimator, wanted: f64| {
        let found = estimates(&problem, &theta, (estimator, perturbation), (400, 1));
        let off = (found.mean[0] - wanted).abs();
        assert!(
            off < 4.0 * found.standard_error[0],
            "{estimator:?}: {found:?}, {wanted}"
        );
        assert!(
            found.standard_error[0] < 0.3 * wanted.abs(),
            "{found:?}, {wanted}"
        );
    };
    let exact = gradient(&problem, &theta)[0];
    near(Estimator::Es(4), truncated(&problem, &theta, 4)[0]);
    near(Estimator::Es(40), exact);
    near(Estimator::Pes(4), exact);
    near(Estimator::Pes(40), exact);
}

#[test]
fn parameters_that_follow_rtrl_arrive_and_those_of_short_windows_do_not() {
    let problem = InfluenceBalancing { horizon: 3_000 };
    let perturbation = Perturbation {
        pairs: 1,
        deviation: 0.1,
    };
    let end = |estimator| {
        let trace = descend(&problem, (estimator, perturbation), (3_000, 1e-4), 0);
        trace.theta[3_000][0]
    };
    // The loss of a settled state is least at −1/6, away from which short windows go.
    assert!((end(Estimator::Rtrl) + 1.0 / 6.0).abs() < 0.01);
    assert!(end(Estimator::Truncated(1)) > 0.5);
    assert!(end(Estimator::Truncated(10)) > 0.5);
}

/// The noise of persistent perturbations grows with the unroll: it takes many pairs.
#[test]
fn parameters_that_follow_persistent_strategies_arrive() {
    let problem = InfluenceBalancing { horizon: 3_000 };
    let perturbation = Perturbation {
        pairs: 200,
        deviation: 0.1,
    };
    let trace = descend(
        &problem,
        (Estimator::Pes(1), perturbation),
        (3_000, 1e-4),
        0,
    );
    let off = (trace.theta[3_000][0] + 1.0 / 6.0).abs();
    assert!(off < 1e-4, "off by {off}");
}

/// Every episode begins anew: state, sensitivities and what perturbations add up to.
#[test]
fn episodes_of_a_descent_have_nothing_of_those_before() {
    let perturbation = Perturbation {
        pairs: 3,
        deviation: 0.1,
    };
    let follow = |estimator, horizon| {
        let problem = InfluenceBalancing { horizon };
        descend(&problem, (estimator, perturbation), (5, 1e-2), 0).theta
    };
    // A window is an episode, and so a step is one down the gradient of a whole unroll.
    for (estimator, horizon) in [(Estimator::Full, 30), (Estimator::Rtrl, 1)] {
        let problem = InfluenceBalancing { horizon };
        let mut theta = problem.start().1[0];
        for found in &follow(estimator, horizon)[1..] {
            theta -= 1e-2 * problem.closed_gradient(theta);
            let off = (found[0] - theta).abs();
            assert!(off < 1e-12, "{estimator:?}: {} and not {theta}", found[0]);
        }
    }
    // Nothing is there to persist.
    let [es, pes] = [Estimator::Es(30), Estimator::Pes(30)].map(|e| follow(e, 30));
    for (es, pes) in es.iter().zip(&pes) {
        assert!((es[0] - pes[0]).abs() < 1e-12, "{es:?} and not {pes:?}");
    }
}
