use super::*;

fn assert_close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-9, "{found}, not {wanted}");
}

/// The Bayes-optimal expected return alone.
fn optimum(arms: usize, pulls: usize) -> f64 {
    value(arms, pulls).unwrap().0
}

/// The definition, over ordered arms and without remembering anything.
fn by_definition(arms: &mut [(u32, u32)], pulls: usize) -> f64 {
    if pulls == 0 {
        return 0.0;
    }
    let mut best = f64::NEG_INFINITY;
    for arm in 0..arms.len() {
        let (successes, failures) = arms[arm];
        let chance = f64::from(successes + 1) / f64::from(successes + failures + 2);
        arms[arm] = (successes + 1, failures);
        let success = 1.0 + by_definition(arms, pulls - 1);
        arms[arm] = (successes, failures + 1);
        let failure = by_definition(arms, pulls - 1);
        arms[arm] = (successes, failures);
        best = best.max(chance * success + (1.0 - chance) * failure);
    }
    best
}

/// Two ordered arms, over a table `[pulls of the first][successes of the
/// first][successes of the second]` for each number of pulls made.
fn two_arms(pulls: usize) -> f64 {
    let side = pulls + 2;
    let at = |m: usize, s: usize, other: usize| (m * side + s) * side + other;
    let mut later = vec![0.0; side * side * side];
    for done in (0..pulls).rev() {
        let mut now = vec![0.0; later.len()];
        for m in 0..=done {
            for s in 0..=m {
                for other in 0..=done - m {
                    let chance = (s + 1) as f64 / (m + 2) as f64;
                    let (success, failure) =
                        (later[at(m + 1, s + 1, other)], later[at(m + 1, s, other)]);
                    let first = chance * (1.0 + success) + (1.0 - chance) * failure;
                    let chance = (other + 1) as f64 / (done - m + 2) as f64;
                    let (success, failure) = (later[at(m, s, other + 1)], later[at(m, s, other)]);
                    let second = chance * (1.0 + success) + (1.0 - chance) * failure;
                    now[at(m, s, other)] = first.max(second);
                }
            }
        }
        later = now;
    }
    later[0]
}

#[test]
fn values_by_hand() {
    // One pull, and any number of pulls of one arm: half of them pay.
    assert_close(optimum(1, 1), 0.5);
    assert_close(optimum(7, 1), 0.5);
    assert_close(optimum(1, 100), 50.0);
    // Two pulls of two arms: stay after a success (2/3), switch after a
    // failure (1/2).
    assert_close(optimum(2, 2), 0.5 + 0.5 * 2.0 / 3.0 + 0.5 * 0.5);
    // A third arm makes no difference to two pulls.
    assert_close(optimum(3, 2), optimum(2, 2));
}

#[test]
fn values_by_definition() {
    for arms in 1..=3 {
        for pulls in 1..=4 {
            let wanted = by_definition(&mut vec![(0, 0); arms], pulls);
            assert_close(optimum(arms, pulls), wanted);
        }
    }
}

#[test]
fn one_arm_by_the_program_itself() {
    assert_close(solve(1, 12, |_, _| ()), 6.0);
}

#[test]
fn values_of_two_arms_by_a_table() {
    for pulls in [20, 50, 100] {
        assert_close(optimum(2, pulls), two_arms(pulls));
    }
}

#[test]
fn rewards_add_up_to_the_value() {
    // Two pulls of two arms, as above; and one arm alone.
    let second = 0.5 * 2.0 / 3.0 + 0.5 * 0.5;
    assert_eq!(value(2, 2).unwrap().1.unwrap(), [0.5, second]);
    assert_eq!(value(1, 3).unwrap().1.unwrap(), [0.5; 3]);
    for (arms, pulls) in [(2, 1), (2, 100), (3, 30), (5, 10), (9, 9), (12, 6)] {
        let (value, rewards) = value(arms, pulls).unwrap();
        let rewards = rewards.unwrap();
        assert_eq!(rewards.len(), pulls);
        assert_close(rewards.iter().sum(), value);
        // What was learned is never lost, so that the last pull pays most.
        assert!(rewards.iter().all(|reward| *reward <= rewards[pulls - 1]));
    }
}

#[test]
fn the_published_value() {
    let found = optimum(5, 10);
    assert!((found - 6.6600).abs() < 5e-5, "{found}");
}

#[test]
fn layers_have_the_predicted_numbers_of_states() {
    for (arms, pulls) in [(2, 9), (3, 8), (10, 10)] {
        let (mut widest, mut total) = (0, 0);
        solve(arms, pulls, |solved, _| {
            widest = widest.max(solved.layer.states());
            total += solved.layer.states();
        });
        let size = Size::of(arms, pulls);
        assert_eq!((widest as f64, total as f64), (size.widest, size.total));
    }
}
