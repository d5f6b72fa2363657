use super::*;

const SIZES: Sizes = Sizes {
    states: 2,
    actions: 1,
    horizon: 1,
};
const PRIOR: Prior = Prior {
    mean: 1.0,
    weight: 1.0,
};

fn assert_close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-9, "{found}, not {wanted}");
}

/// After four rewards of 1 in state 0: t = 5, n = 4 there and 0 in state 1,
/// which counts as 1.
#[test]
fn widths_by_hand() {
    let mut belief = Belief::new(SIZES, PRIOR);
    (0..4).for_each(|_| belief.see_reward(0, 1.0));
    let (mut guess, mut half) = (Guess::new(SIZES), [0.0; 2]);
    let learner = Ucrl2 {
        scale: 0.5,
        prior: PRIOR,
    };
    belief.mean(&mut guess);
    learner.widen(&belief, &mut guess, &mut half);
    // ln(2 · 2 · 1 · 5 / 0.05) = ln 400 and ln(2 · 1 · 5 / 0.05) = ln 200.
    let reward = 0.5 * (7.0 * 400.0_f64.ln() / 2.0).sqrt();
    assert_close(guess.reward[0], 1.0 + reward / 2.0);
    assert_close(guess.reward[1], 1.0 + reward);
    let transition = 0.5 * (14.0 * 2.0 * 200.0_f64.ln()).sqrt();
    assert_close(half[0], transition / 4.0);
    assert_close(half[1], transition / 2.0);
}

/// One backup where three next states are left with the probabilities `p`
/// (the end's is what is missing from 1), and `half` may move.
fn backup(p: [f64; 3], half: f64, later: [f64; 3]) -> f64 {
    let sizes = Sizes {
        states: 3,
        actions: 1,
        horizon: 1,
    };
    let mut guess = Guess::new(sizes);
    let end = 1.0 - p.iter().sum::<f64>();
    for (next, p) in p.into_iter().chain([end]).enumerate() {
        guess.transition[next * 3..(next + 1) * 3].fill(p);
    }
    guess.reward.fill(10.0);
    let learner = Ucrl2 {
        scale: 1.0,
        prior: PRIOR,
    };
    let mut widths = learner.extra(sizes);
    widths.half.fill(half);
    let mut q = [0.0; 3];
    optimistic(&guess, &mut widths, &later, &mut q);
    assert_eq!(q[0], q[2]);
    q[1] - 10.0
}

#[test]
fn optimism_by_hand() {
    let p = [0.5, 0.3, 0.2];
    // 0.25 moves to state 1: 0.2 from state 2 and 0.05 from state 0.
    assert_close(backup(p, 0.25, [1.0, 2.0, -1.0]), 0.45 + 0.55 * 2.0);
    assert_close(backup(p, 0.0, [1.0, 2.0, -1.0]), 0.5 + 0.6 - 0.2);
    // Everything moves, and no more than everything.
    assert_close(backup(p, 0.9, [1.0, 2.0, -1.0]), 2.0);
    // The end, of value 0, gives before state 0 but after state 2.
    let p = [0.5, 0.3, 0.1];
    assert_close(backup(p, 0.15, [1.0, 2.0, -1.0]), 0.5 + 2.0 * 0.45);
    // It gains nothing, though it is the best where all values are negative.
    assert_close(backup(p, 0.2, [-1.0, -2.0, -3.0]), -0.7 - 2.0 * 0.2);
}

/// No distribution within the L1 distance, on a grid, has a higher value.
#[test]
fn nothing_within_the_distance_is_better() {
    let grid = 40;
    let share = |k: i32| f64::from(k) / f64::from(grid);
    for (later, half) in [
        ([1.0, 2.0, -1.0], 3),
        ([0.3, -0.2, 4.0], 9),
        ([5.0, 1.0, 0.5], 30),
    ] {
        let p: [i32; 3] = [20, 12, 8];
        let mut best = f64::NEG_INFINITY;
        for first in 0..=grid {
            for second in 0..=grid - first {
                let other = [first, second, grid - first - second];
                let distance: i32 = p.iter().zip(other).map(|(p, o)| (p - o).abs()).sum();
                if distance <= 2 * half {
                    let values = other.iter().zip(later);
                    best = best.max(values.map(|(k, v)| share(*k) * v).sum());
                }
            }
        }
        assert_close(backup(p.map(share), share(half), later), best);
    }
}
