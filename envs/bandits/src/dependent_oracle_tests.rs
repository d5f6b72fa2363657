use super::*;

const VARIANTS: [Variant; 4] = [
    Variant::Uniform,
    Variant::Easy,
    Variant::Medium,
    Variant::Hard,
];

fn assert_close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-12, "{found}, not {wanted}");
}

/// The probability that the first arm pays, given how many pulls spoke for
/// each arm: by Bayes' rule, or Laplace's under U[0, 1].
fn belief(variant: Variant, first: i32, second: i32) -> f64 {
    let Some(better) = variant.better() else {
        return f64::from(first + 1) / f64::from(first + second + 2);
    };
    let likelihood = |p: f64| p.powi(first) * (1.0 - p).powi(second);
    let (high, low) = (likelihood(better), likelihood(1.0 - better));
    (high * better + low * (1.0 - better)) / (high + low)
}

/// The definition: both arms after every history.
fn by_definition(variant: Variant, first: i32, second: i32, pulls: usize) -> f64 {
    if pulls == 0 {
        return 0.0;
    }
    let p = belief(variant, first, second);
    let spoke_for = [
        by_definition(variant, first + 1, second, pulls - 1),
        by_definition(variant, first, second + 1, pulls - 1),
    ];
    let pull_first = p * (1.0 + spoke_for[0]) + (1.0 - p) * spoke_for[1];
    let pull_second = (1.0 - p) * (1.0 + spoke_for[1]) + p * spoke_for[0];
    pull_first.max(pull_second)
}

/// Backward induction over the pulls that spoke for the first arm.
fn by_induction(variant: Variant, pulls: usize) -> f64 {
    let mut values = vec![0.0; pulls + 1];
    for done in (0..pulls).rev() {
        for first in 0..=done {
            let p = belief(variant, first as i32, (done - first) as i32);
            values[first] = p.max(1.0 - p) + p * values[first + 1] + (1.0 - p) * values[first];
        }
    }
    values[0]
}

#[test]
fn rewards_by_definition() {
    for variant in VARIANTS {
        for pulls in 0..=10 {
            let found: f64 = rewards(variant, pulls).iter().sum();
            assert_close(found, by_definition(variant, 0, 0, pulls));
        }
    }
}

#[test]
fn rewards_by_induction() {
    for variant in VARIANTS {
        let found = rewards(variant, 100);
        for pulls in [20, 99, 100] {
            let found: f64 = found[..pulls].iter().sum();
            let wanted = by_induction(variant, pulls);
            assert!((found - wanted).abs() < 1e-10, "{found}, not {wanted}");
        }
    }
}

#[test]
fn regret_of_a_hundred_pulls() {
    let regret = |variant: Variant| {
        let known = variant.better().unwrap_or(0.75);
        let found = rewards(variant, 100);
        found.iter().map(|reward| known - reward).sum::<f64>()
    };
    assert!((regret(Variant::Easy) - 0.625).abs() < 5e-4);
    assert!((regret(Variant::Medium) - 1.0).abs() < 5e-4);
    // Little is lost after the first hundred pulls, however many there are.
    let all: f64 = rewards(Variant::Easy, 10_000).iter().map(|r| 0.9 - r).sum();
    assert!((all - 0.625).abs() < 1e-9, "{all}");
}

#[test]
fn the_majority_decides() {
    for variant in VARIANTS {
        let (majority, mut votes) = (Majority { variant }, Votes::default());
        assert_eq!(majority.choose(&votes), 0);
        let mut counts = [0; 2];
        for (arm, reward, wanted) in [(0, 0.0, 1), (1, 0.0, 0), (1, 1.0, 1), (0, 0.0, 1)] {
            majority.learn(&mut votes, arm, reward);
            assert_eq!(majority.choose(&votes), wanted);
            counts[usize::from((arm == 0) != (reward > 0.5))] += 1;
            let mut values = [0.0; 2];
            majority.evaluate(&votes, &mut values);
            let first = belief(variant, counts[0], counts[1]);
            assert_close(values[0], first);
            assert_close(values[1], 1.0 - first);
        }
    }
}
