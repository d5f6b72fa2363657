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
    let left = at.1;
    if left == 0 {
        return 0.0;
    }
    if let Some(value) = known.get(&(scores.clone(), left)) {
        return *value;
    }
    let worths = tried_arms(known, &scores, at);
    let most = worths.into_iter().fold(0.0, f64::max);
    known.insert((scores, left), most);
    most
}

/// What each arm is worth with so many pulls left, the present one included.
fn tried_arms(
    known: &mut HashMap<(Vec<i32>, usize), f64>,
    scores: &[i32],
    (pays, left): (f64, usize),
) -> Vec<f64> {
    let odds = pays / (1.0 - pays);
    let weights: Vec<f64> = scores.iter().map(|score| odds.powi(*score)).collect();
    let sum: f64 = weights.iter().sum();
    let worth = |arm: usize| {
        let good = weights[arm] / sum;
        let pay = good * pays + (1.0 - good) * (1.0 - pays);
        let mut after = |change: i32| {
            let mut next = scores.to_vec();
            next[arm] += change;
            next.sort_unstable();
            tried(known, next, (pays, left - 1))
        };
        pay * (1.0 + after(1)) + (1.0 - pay) * after(-1)
    };
    (0..scores.len()).map(worth).collect()
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

/// After pulls that nobody would choose: arms far above others, level ones, one that is
/// pulled in spite of its score.
#[test]
fn arms_are_worth_what_the_best_policy_makes_of_them() {
    for (pays, histories) in [
        (
            0.9,
            [
                vec![0, 0, 0],
                vec![3, -2, 1],
                vec![-4, -4, 2],
                vec![1, 1, -1],
            ],
        ),
        (
            0.6,
            [
                vec![0, 0, 0, 0],
                vec![2, 2, 0, -1],
                vec![-5, 1, 0, 1],
                vec![-1, -1, -2, -3],
            ],
        ),
        (0.5, [vec![0, 0], vec![3, -3], vec![-2, -2], vec![1, 0]]),
    ] {
        let arms = histories[0].len();
        let worths = Worths::new(&size(arms, 1, 20, pays));
        for (scores, left) in histories.iter().zip([12, 9, 5, 1]) {
            let wanted = tried_arms(&mut HashMap::new(), scores, (pays, left));
            let mut found = vec![0.0; arms];
            worths.of(scores, left, &mut Vec::new(), &mut found);
            for (found, wanted) in found.iter().zip(&wanted) {
                assert!(
                    (found - wanted).abs() < 1e-10,
                    "{pays}, {scores:?}, {left} left: {found}, not {wanted}"
                );
            }
        }
    }
}

/// Where the good arm always pays: one that has paid is it, and one that has not is not.
#[test]
fn what_always_pays_is_known_at_once() {
    let worths = Worths::new(&size(4, 1, 10, 1.0));
    let of = |scores: &[i32], left: usize| {
        let mut values = vec![0.0; 4];
        worths.of(scores, left, &mut Vec::new(), &mut values);
        values
    };
    assert_eq!(of(&[2, 0, -1, 0], 6), [6.0, 5.0, 5.0, 5.0]);
    // Two are left: the first try finds it, or the second one.
    assert_eq!(
        of(&[-1, 0, 0, -3], 4),
        [0.5 * 3.0 + 0.5 * 2.0, 3.5, 3.5, 2.5]
    );
}

/// At the first pull, whatever the size, the best is worth what all pulls earn.
#[test]
fn from_the_start_the_worth_is_the_value() {
    for (arms, pulls, pays) in [(5, 100, 0.9), (10, 60, 0.7), (3, 300, 0.55)] {
        let size = size(arms, 1, pulls, pays);
        let wanted: f64 = rewards_of_one(&size).iter().sum();
        let mut values = vec![0.0; arms];
        Worths::new(&size).of(&vec![0; arms], pulls, &mut Vec::new(), &mut values);
        for value in values {
            assert!(
                (value - wanted).abs() < 1e-9 * wanted,
                "{value}, not {wanted}"
            );
        }
        assert_eq!(
            8 * Worths::new(&size).left.len() + 8 * (pulls + 2),
            Worths::bytes(&size) as usize
        );
    }
}
