use super::*;
use discounted::indices;
use finite::finite_indices;

fn assert_near(found: f32, wanted: f64, tolerance: f64) {
    let error = f64::from(found) - wanted;
    assert!(error.abs() < tolerance, "{found}, not {wanted}: {error}");
}

/// Tables 8.5 and following of Gittins, Glazebrook and Weber 2011, to their
/// four digits.
#[test]
fn published_discounted_indices() {
    let of = |discount: f64| DiscountedTable::new(discount, 10).unwrap();
    let table = of(0.9);
    for (pulls, successes, published) in [
        (0, 0, 0.7029),
        (1, 0, 0.5001),
        (1, 1, 0.8001),
        (2, 0, 0.3796),
        (2, 1, 0.6346),
        (2, 2, 0.8452),
    ] {
        assert_near(table.index(pulls, successes), published, 5.1e-5);
    }
    assert_near(of(0.99).index(0, 0), 0.8699, 5.1e-5);
}

/// Value iteration for an agent that may restart the arm from where it was at
/// any time (Katehakis and Veinott 1987): it earns the index for ever.
fn restart_index(discount: f64, pulls: usize, successes: usize) -> f64 {
    const AHEAD: usize = 200;
    let mut restart = 0.0;
    loop {
        let mut values = vec![restart; AHEAD + 1];
        let mut start = 0.0;
        for n in (0..AHEAD).rev() {
            for s in 0..=n {
                let mean = (1 + successes + s) as f64 / (2 + pulls + n) as f64;
                let later = mean * values[s + 1] + (1.0 - mean) * values[s];
                let go_on = mean + discount * later;
                start = go_on;
                values[s] = go_on.max(restart);
            }
        }
        if (start - restart).abs() < 1e-12 {
            return (1.0 - discount) * start;
        }
        restart = start;
    }
}

#[test]
fn calibration_agrees_with_restarts() {
    let table = DiscountedTable::new(0.9, 30).unwrap();
    for (pulls, successes) in [(0, 0), (1, 0), (1, 1), (5, 2), (12, 11), (25, 1)] {
        let wanted = restart_index(0.9, pulls, successes);
        assert_near(table.index(pulls, successes), wanted, 1e-4);
    }
}

/// The advantage is too small where nothing is learned beyond the horizon, and
/// too large where learning is worth what Scarf's bound (1958) allows for any
/// distribution of that deviation: the index is in between.
#[test]
fn the_horizon_is_far_enough() {
    for (discount, tolerance) in [(0.5, 1e-6), (0.99, 1e-6), (0.9999, 1e-3)] {
        let below = indices(discount, 20, 100, |mean, known, _| (mean - known).max(0.0));
        let above = indices(discount, 20, 100, |mean, known, pulls| {
            let (gap, variance) = (mean - known, mean * (1.0 - mean) / (pulls + 3) as f64);
            0.5 * (gap + (gap * gap + variance).sqrt())
        });
        for (below, above) in below.iter().zip(&above) {
            assert!(above >= below, "{discount}: {above}, {below}");
            assert!(
                above - below < tolerance,
                "{discount}: {}",
                f64::from(above - below)
            );
        }
    }
}

/// With one pull left an index is the mean. With two it is, where λ is between
/// what the second pull pays after a failure and after a success,
/// (μ + μ μ⁺) / (1 + μ).
#[test]
fn finite_indices_by_hand() {
    let table = FiniteTable::new(6).unwrap();
    assert_near(table.index(3, 1, 1), 0.4, 1e-6);
    assert_near(table.index(0, 0, 2), 5.0 / 9.0, 1e-6);
    // μ = 2/3, μ⁺ = 3/4.
    assert_near(table.index(1, 1, 2), (2.0 / 3.0 + 0.5) / (5.0 / 3.0), 1e-6);
}

/// The advantage of an arm over a known one, straight from its definition.
fn advantage(pulls: usize, successes: usize, left: usize, known: f64) -> f64 {
    if left == 0 {
        return 0.0;
    }
    let mean = (successes + 1) as f64 / (pulls + 2) as f64;
    let later = |successes| advantage(pulls + 1, successes, left - 1, known).max(0.0);
    mean - known + mean * later(successes + 1) + (1.0 - mean) * later(successes)
}

#[test]
fn finite_indices_balance_the_arms() {
    let table = FiniteTable::new(16).unwrap();
    let row: Vec<f32> = (0..=6)
        .map(|successes| table.index(6, successes, 10))
        .collect();
    assert_eq!(finite_gittins_indices(6, 10), row);
    for (pulls, successes, left) in [(0, 0, 5), (2, 2, 8), (3, 0, 10), (6, 3, 10)] {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..40 {
            let middle = 0.5 * (low + high);
            match advantage(pulls, successes, left, middle) > 0.0 {
                true => low = middle,
                false => high = middle,
            }
        }
        assert_near(table.index(pulls, successes, left), low, 1e-4);
    }
}

/// The error of all states, and of the middle one in order of error.
fn errors(rough: &[f32], fine: &[f32]) -> (f32, f32) {
    let errors = rough.iter().zip(fine);
    let mut errors: Vec<_> = errors.map(|(rough, fine)| (rough - fine).abs()).collect();
    errors.sort_by(f32::total_cmp);
    (errors[errors.len() - 1], errors[errors.len() / 2])
}

/// Interpolation on the grids in use against ones several times as fine.
#[test]
fn the_grids_are_fine_enough() {
    let (worst, middle) = errors(&finite_indices(100, 384), &finite_indices(100, 3000));
    assert!(worst < 1e-3 && middle < 1e-4, "{worst}, {middle}");
    let of = |steps| indices(0.99, 50, steps, |mean, known, _| (mean - known).max(0.0));
    let (worst, middle) = errors(&of(1000), &of(4000));
    assert!(worst < 3e-4 && middle < 1e-5, "{worst}, {middle}");
}

#[test]
fn sizes_beyond_reach_are_refused() {
    let why = FiniteTable::new(5000).unwrap_err();
    assert!(
        why.contains("83333 MB and 8000 s; allowed: up to 600"),
        "{why}"
    );
    let why = DiscountedTable::new(0.9, 10_000).unwrap_err();
    assert!(
        why.contains("600 MB and 50 s; allowed: up to 2000"),
        "{why}"
    );
}
