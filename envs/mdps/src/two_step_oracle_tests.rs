use super::*;

fn assert_close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-12, "{found}, not {wanted}");
}

#[test]
fn values_by_hand() {
    // Nothing is known before the first round. After it the belief is 0.9, and
    // the state that it speaks for pays 0.9 · 0.9 + 0.1 · 0.1 = 0.82, the
    // other one 0.18.
    assert_close(value(1, 0.8, 0.9), 0.5);
    assert_close(value(2, 0.8, 0.9), 0.5 + 0.8 * 0.82 + 0.2 * 0.18);
    // One round tells all, and nothing goes wrong afterwards.
    assert_close(value(10, 1.0, 1.0), 9.5);
    // Nothing to learn, and nothing to choose.
    assert_close(value(10, 0.8, 0.5), 5.0);
    assert_close(value(10, 0.5, 0.9), 5.0);
}

/// The definition: tries both actions and all that can follow. `weights` holds
/// the weight of each second-stage state being the better one.
fn by_definition(rounds: usize, common: f64, reward: f64, weights: [f64; 2]) -> f64 {
    if rounds == 0 {
        return 0.0;
    }
    let total = weights[0] + weights[1];
    let mut best = f64::NEG_INFINITY;
    for action in 0..2 {
        let mut value = 0.0;
        for reached in 0..2 {
            let arrives = if action == reached {
                common
            } else {
                1.0 - common
            };
            for pays in [true, false] {
                let after = [0, 1].map(|better: usize| {
                    let likely = (better == reached) == pays;
                    weights[better] * if likely { reward } else { 1.0 - reward }
                });
                let chance = arrives * (after[0] + after[1]) / total;
                if chance > 0.0 {
                    let later = by_definition(rounds - 1, common, reward, after);
                    value += chance * (f64::from(u8::from(pays)) + later);
                }
            }
        }
        best = best.max(value);
    }
    best
}

#[test]
fn values_by_definition() {
    for (common, reward) in [(0.8, 0.9), (0.7, 0.6), (1.0, 0.75), (0.55, 1.0)] {
        for rounds in 1..=6 {
            let wanted = by_definition(rounds, common, reward, [0.5, 0.5]);
            assert_close(value(rounds, common, reward), wanted);
        }
    }
}

/// Long trials pay nearly what a known task does, and the value does not
/// depend on the order of rounds.
#[test]
fn long_trials_approach_the_known_task() {
    let gap = |rounds: usize| rounds as f64 * good_choice(0.8, 0.9) - value(rounds, 0.8, 0.9);
    assert!(gap(10) > 0.0 && gap(10) < gap(100));
    // What is lost is lost in the first few rounds.
    assert!(gap(10_000) - gap(100) < 1e-6, "{}", gap(10_000));
}
