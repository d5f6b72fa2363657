//! Standardization against numbers worked out by hand.

use super::*;

fn spread(trials: &[&[f32]]) -> RewardSpread {
    let mut spread = RewardSpread::default();
    for trial in trials {
        spread.push(trial.iter().copied());
    }
    spread
}

fn moments(deviation: f64, largest: f64) -> AdvantageMoments {
    AdvantageMoments {
        count: 4.0,
        mean: 0.25,
        deviation,
        largest,
    }
}

#[test]
fn rewards_are_compared_step_by_step() {
    let difference = |trials: &[&[f32]]| spread(trials).largest_difference();
    assert_eq!(difference(&[]), 0.0);
    // Rewards that change over time, but alike in every trial.
    assert_eq!(difference(&[&[1.0, 5.0], &[1.0, 5.0]]), 0.0);
    assert_eq!(difference(&[&[1.0, 5.0], &[1.0, 3.0], &[2.0, 5.0]]), 2.0);
    // What follows an end is 0, whichever trial is the shorter one.
    assert_eq!(difference(&[&[-1.0, -1.0], &[-1.0]]), 1.0);
    assert_eq!(difference(&[&[-1.0], &[-1.0, -1.0]]), 1.0);
    assert_eq!(difference(&[&[0.0], &[0.0, 0.0]]), 0.0);
    // One trial alone is compared with itself.
    assert_eq!(difference(&[&[1.0, 1.0, 1.0]]), 0.0);
    assert_eq!(difference(&[&[0.0, 4.0, 1.0]]), 4.0);
}

/// What would have followed a cut is not known, and so no less than what others got.
#[test]
fn what_was_cut_off_is_compared_as_far_as_it_goes() {
    for order in [[0, 1], [1, 0]] {
        let mut all = RewardSpread::default();
        for trial in order {
            match trial {
                0 => all.push_cut_off([-1.0].into_iter()),
                _ => all.push([-1.0, -1.0, -1.0].into_iter()),
            }
        }
        assert_eq!(all.largest_difference(), 0.0);
        // One that ended there is.
        let mut ended = all.clone();
        ended.merge(&spread(&[&[-1.0]]));
        assert_eq!(ended.largest_difference(), 1.0);
        ended.clear();
        ended.push_cut_off([-1.0].into_iter());
        ended.push_cut_off([-1.0, -3.0].into_iter());
        assert_eq!(ended.largest_difference(), 0.0);
        ended.push_cut_off([-2.0].into_iter());
        assert_eq!(ended.largest_difference(), 1.0);
    }
}

#[test]
fn merging_equals_pushing() {
    let trials: [&[f32]; 5] = [&[1.0], &[1.0, -2.0], &[], &[0.5, 0.0, 3.0], &[1.0]];
    let whole = spread(&trials);
    for cut in 0..=trials.len() {
        let mut left = spread(&trials[..cut]);
        left.merge(&spread(&trials[cut..]));
        assert_eq!((&left.low, &left.high), (&whole.low, &whole.high));
        assert_eq!(left.trials, whole.trials);
    }
    let mut again = whole.clone();
    again.clear();
    again.push([7.0, 7.0].into_iter());
    assert_eq!(again.largest_difference(), 0.0);
}

/// The scale is 1 over the deviation whatever the units are: nothing absolute
/// stands beside it.
#[test]
fn standardization_knows_no_units() {
    for unit in [1e-30, 1e-12, 1e-8, 1.0, 1e20] {
        let rewards = spread(&[&[0.0], &[unit as f32]]);
        let standard = Standardization::new(&moments(0.5 * unit, unit), &rewards);
        assert_eq!(standard.shift, 0.25);
        assert!((standard.scale * 0.5 * unit - 1.0).abs() < 1e-12, "{unit}");
    }
}

#[test]
fn what_rounding_alone_tells_apart_is_zero() {
    let zero = |deviation: f64, largest: f64, rewards: &RewardSpread| {
        Standardization::new(&moments(deviation, largest), rewards).scale == 0.0
    };
    let (same, other) = (spread(&[&[1.0], &[1.0]]), spread(&[&[0.0], &[1.0]]));
    let ulp = f64::from(f32::EPSILON);
    // Equal rewards, and advantages that are errors of the value function.
    assert!(zero(0.5, 1.0, &same));
    assert!(!zero(0.5, 1.0, &other));
    // Rewards that differ, and advantages that do not.
    assert!(zero(2.0 * ulp, 1.0, &other));
    assert!(!zero(32.0 * ulp, 1.0, &other));
    // Rewards that are lost beside values a hundred million times as large.
    assert!(zero(1e7, 1e8, &other));
    // Rewards that differ by their own rounding.
    let rounded = spread(&[&[0.1 + 0.2], &[0.3]]);
    assert!(zero(0.5, 1.0, &rounded));
    // Numbers so small that the scale would be infinite.
    let tiny = spread(&[&[0.0], &[1e-40]]);
    assert!(zero(1e-40, 1e-40, &tiny));
}

#[test]
fn what_is_not_finite_is_not_hidden() {
    let same = spread(&[&[1.0], &[1.0]]);
    for bad in [f64::INFINITY, f64::NAN] {
        let standard = Standardization::new(&moments(bad, bad), &same);
        let advantage = (f64::INFINITY - standard.shift) * standard.scale;
        assert!(!advantage.is_finite());
    }
}
