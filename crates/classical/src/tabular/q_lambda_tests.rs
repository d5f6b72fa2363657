use super::*;

/// Three states of two actions each.
fn learned(steps: &[(usize, usize, f64, f64)]) -> Vec<f64> {
    let learner = QLambda {
        alpha: 0.5,
        lambda: 0.8,
        epsilon: 0.0,
    };
    let mut lane = Lane {
        q: vec![0.0; 6],
        trace: vec![0.0; 6],
        state: 0,
    };
    for (state, action, reward, value) in steps {
        lane.state = *state;
        learner.learn(&mut lane, (2, *action), *reward, *value);
    }
    lane.q
}

fn assert_close(found: &[f64], wanted: &[f64]) {
    let close = |(found, wanted): (&f64, &f64)| (found - wanted).abs() < 1e-12;
    let all = found.iter().zip(wanted).all(close);
    assert!(all, "{found:?}, not {wanted:?}");
}

#[test]
fn traces_by_hand() {
    // δ = 2: the pair gains 0.5 · 2.
    let mut steps = vec![(0, 1, 2.0, 0.0)];
    assert_close(&learned(&steps), &[0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    // δ = 1 + 1 − 0 = 2: the pair gains 1, the one before 0.5 · 2 · 0.8.
    steps.push((1, 0, 1.0, 1.0));
    assert_close(&learned(&steps), &[0.0, 1.8, 1.0, 0.0, 0.0, 0.0]);
    // Back in the first pair, whose trace is 1 rather than 1 + 0.64: δ = −1.8.
    steps.push((0, 1, 0.0, 0.0));
    assert_close(&learned(&steps), &[0.0, 0.9, 0.28, 0.0, 0.0, 0.0]);
    // What is no number teaches nothing.
    steps.push((2, 1, f64::NAN, 0.0));
    assert_close(&learned(&steps), &[0.0, 0.9, 0.28, 0.0, 0.0, 0.0]);
    // Action 0 is not greedy in state 0: δ = −4 for this pair alone.
    steps.push((0, 0, -4.0, 0.0));
    assert_close(&learned(&steps), &[-2.0, 0.9, 0.28, 0.0, 0.0, 0.0]);
}
