use super::*;
use std::collections::HashMap;

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
            let mut next: Vec<f64> = weights.iter().map(|weight| weight * others).collect();
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

/// The most that can be earned with so many pulls left, whatever is pulled, by the arms'
/// scores in order.
fn tried(known: &mut HashMap<(Vec<i32>, usize), f64>, scores: Vec<i32>, at: (f64, usize)) -> f64 {
    let (pays, left) = at;
    if left == 0 {
        return 0.0;
    }
    if let Some(value) = known.get(&(scores.clone(), left)) {
        return *value;
    }
    let odds = pays / (1.0 - pays);
    let weights: Vec<f64> = scores.iter().map(|score| odds.powi(*score)).collect();
    let sum: f64 = weights.iter().sum();
    let mut most: f64 = 0.0;
    for arm in 0..scores.len() {
        let good = weights[arm] / sum;
        let pay = good * pays + (1.0 - good) * (1.0 - pays);
        let mut after = |change: i32| {
            let mut next = scores.clone();
            next[arm] += change;
            next.sort_unstable();
            tried(known, next, (pays, left - 1))
        };
        most = most.max(pay * (1.0 + after(1)) + (1.0 - pay) * after(-1));
    }
    known.insert((scores, left), most);
    most
}

#[test]
fn pull_by_pull_the_rewards_are_those_of_the_best_policy() {
    // The last two are a first and a second meeting of ten pulls, and a first one of ten
    // arms.
    for (arms, pulls, pays) in [
        (2, 9, 0.9),
        (3, 12, 0.7),
        (4, 8, 0.6),
        (5, 20, 0.9),
        (10, 10, 0.9),
    ] {
        let found: f64 = rewards_of_one(&size(arms, 1, pulls, pays)).iter().sum();
        let wanted = tried(&mut HashMap::new(), vec![0; arms], (pays, pulls));
        assert!(
            (found - wanted).abs() < 1e-9,
            "{arms} arms, {pulls} pulls: {found}, not {wanted}"
        );
    }
    for pulls in 1..=5 {
        let found: f64 = rewards_of_one(&size(3, 1, pulls, 1.0)).iter().sum();
        let (wanted, _) = best(&[1.0; 3], 1.0, pulls);
        assert!(
            (found - wanted).abs() < 1e-12,
            "{pulls} pulls: {found}, not {wanted}"
        );
    }
    // All arms alike.
    let even = rewards_of_one(&size(5, 2, 4, 0.5));
    assert!(even.iter().all(|reward| (reward - 0.5).abs() < 1e-12));
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
