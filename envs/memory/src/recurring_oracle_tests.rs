use super::*;

fn size(arms: usize, meetings: usize, pulls: usize, reward: f64) -> RecurringSettings {
    RecurringSettings {
        contexts: 3,
        meetings,
        pulls,
        arms,
        bits: 4,
        reward,
    }
}

/// The most that can be earned with so many pulls left, whatever is pulled, and what the
/// most probable arm and the best ones after it earn. `weights` are unnormalized.
fn best(weights: &[f64], pays: f64, left: usize) -> (f64, f64) {
    if left == 0 {
        return (0.0, 0.0);
    }
    let sum: f64 = weights.iter().sum();
    let value = |arm: usize| {
        let good = weights[arm] / sum;
        let pay = good * pays + (1.0 - good) * (1.0 - pays);
        let after = |paid: bool| {
            let (own, others) = if paid {
                (pays, 1.0 - pays)
            } else {
                (1.0 - pays, pays)
            };
            let next: Vec<f64> = weights.iter().map(|weight| weight * others).collect();
            let mut next = next;
            next[arm] = weights[arm] * own;
            best(&next, pays, left - 1).0
        };
        // What cannot happen has no posterior.
        let part = |chance: f64, paid: bool| {
            if chance > 0.0 {
                chance * after(paid)
            } else {
                0.0
            }
        };
        pay + part(pay, true) + part(1.0 - pay, false)
    };
    let values: Vec<f64> = (0..weights.len()).map(value).collect();
    let likely = (0..weights.len()).max_by(|a, b| weights[*a].total_cmp(&weights[*b]));
    let most = values.iter().copied().fold(0.0, f64::max);
    (most, values[likely.unwrap()])
}

/// By trying all policies: the most probable arm is optimal, from any prior.
#[test]
fn the_most_probable_arm_is_optimal() {
    for weights in [
        vec![1.0; 2],
        vec![1.0; 3],
        vec![0.5, 0.3, 0.2],
        vec![9.0, 8.0, 1.0, 1.0],
    ] {
        for pays in [0.6, 0.9, 1.0] {
            for left in 1..=5 {
                let (most, likely) = best(&weights, pays, left);
                assert!((most - likely).abs() < 1e-12, "{weights:?}, {pays}, {left}");
            }
        }
    }
}

#[test]
fn pull_by_pull_the_rewards_are_those_of_the_best_policy() {
    for (arms, pays) in [(2, 0.9), (3, 0.7), (3, 1.0), (4, 0.9)] {
        for pulls in 1..=6 {
            let found: f64 = rewards_of_one(&size(arms, 1, pulls, pays)).iter().sum();
            let (wanted, _) = best(&vec![1.0; arms], pays, pulls);
            assert!(
                (found - wanted).abs() < 1e-12,
                "{arms} arms, {pulls} pulls: {found}"
            );
        }
    }
    // All arms alike.
    assert!(
        rewards_of_one(&size(5, 2, 4, 0.5))
            .iter()
            .all(|reward| (reward - 0.5).abs() < 1e-12)
    );
}

/// Over all orders of a trial every pull of a bandit comes once for each bandit.
#[test]
fn a_trial_is_all_pulls_of_all_bandits() {
    let size = size(4, 3, 5, 0.9);
    let (trial, one) = (rewards(&size), rewards_of_one(&size));
    assert_eq!(trial.len(), 3 * 3 * 5);
    let (found, wanted): (f64, f64) = (trial.iter().sum(), one.iter().sum());
    assert!(
        (found - 3.0 * wanted).abs() < 1e-9,
        "{found}, not 3 × {wanted}"
    );
    // The first meeting of a trial is a first one, and the last one a third.
    assert_eq!(trial[..5], one[..5]);
    for (found, wanted) in trial[40..].iter().zip(&one[10..]) {
        assert!((found - wanted).abs() < 1e-12);
    }
}
