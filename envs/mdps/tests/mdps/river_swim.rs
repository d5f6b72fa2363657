//! RiverSwim with random rivers.

use crate::common::KEY;
use mdps::{Mdp, Planner, RiverSwim};
use rl_core::{Moments, Purpose, TaskDistribution};

/// Every river has the shape of the original, and the original's numbers are
/// the mean of what is drawn.
#[test]
fn rivers_have_the_original_as_their_mean() {
    let distribution = RiverSwim::new(6, 20, 1).unwrap();
    let mut rng = KEY.lane(Purpose::Task, 0);
    let mut task = Mdp::default();
    let mut drawn = [Moments::default(); 5];
    for _ in 0..20_000 {
        distribution.sample(&mut task, &mut rng);
        let model = task.model();
        let swim = usize::from(model.row(0, 1)[1] > 0.0);
        let drift = 1 - swim;
        for state in 0..6 {
            assert_eq!(model.row(state, drift)[state.saturating_sub(1)], 1.0);
        }
        let (up, down) = (model.row(1, swim)[2], model.row(1, swim)[0]);
        for state in 1..5 {
            let row = model.row(state, swim);
            assert_eq!((row[state + 1], row[state - 1]), (up, down));
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        assert_eq!(model.row(0, swim)[..2], [1.0 - up, up]);
        assert_eq!(model.row(5, swim)[4..], [1.0 - up, up]);
        assert_eq!(model.start, [0.0, 0.5, 0.5, 0.0, 0.0, 0.0]);
        let (small, large) = (model.mean_reward[drift], model.mean_reward[10 + swim]);
        let others: f64 = model.mean_reward.iter().sum::<f64>() - small - large;
        assert!(others.abs() < 1e-12);
        for (moments, value) in drawn.iter_mut().zip([up, down, small, large, swim as f64]) {
            moments.push(value);
        }
    }
    let ranges = [(0.15, 0.45), (0.05, 0.15), (0.0, 0.001), (0.5, 1.5)];
    let original = [0.3, 0.1, 5.0 / 10_000.0, 1.0];
    for ((moments, (low, high)), mean) in drawn.iter().zip(ranges).zip(original) {
        let error = (moments.mean() - mean) / moments.standard_error();
        assert!(error.abs() < 3.0, "{error} standard errors from {mean}");
        let deviation = (high - low) / 12_f64.sqrt();
        assert!((moments.standard_deviation() / deviation - 1.0).abs() < 0.02);
    }
    assert!((drawn[4].mean() - 0.5).abs() < 3.0 * drawn[4].standard_error());
}

/// A river of three states: episodes start in the middle or at the top.
#[test]
fn optima_by_hand() {
    let distribution = RiverSwim::new(3, 2, 1).unwrap();
    let mut task = Mdp::default();
    distribution.sample(&mut task, &mut KEY.lane(Purpose::Task, 1));
    let model = task.model();
    let swim = usize::from(model.row(0, 1)[1] > 0.0);
    let (up, down) = (model.row(1, swim)[2], model.row(1, swim)[0]);
    let small = model.mean_reward[1 - swim];
    let large = model.mean_reward[4 + swim];
    // From the middle, swim, and then what pays where one is, or drift twice;
    // from the top, swim twice.
    let middle = (up * large + down * small).max(small);
    let top = large + up * large;
    let wanted = 0.5 * middle + 0.5 * top;
    let found = Planner::default().optimum(model, 2);
    assert!((found - wanted).abs() < 1e-12, "{found}, not {wanted}");
    assert_eq!(distribution.known_task_optimum(&task), Some(found));
}

#[test]
fn sizes_out_of_range_are_refused() {
    let error = RiverSwim::new(2, 20, 1).unwrap_err().to_string();
    assert_eq!(
        error,
        "environment 'riverswim': states = 2; allowed: a whole number, 3 to 100"
    );
    assert!(RiverSwim::new(6, 0, 1).is_err());
    assert!(RiverSwim::new(6, 1, 0).is_err());
    assert!(RiverSwim::new(6, 1_000_000, 1_000_000).is_err());
    let values = RiverSwim::new(6, 20, 1).unwrap().exact_values();
    assert!(values.bayes_optimal.get().is_none());
    let (known, random) = (values.known_task_optimum.get(), values.random.get());
    assert!(known > random && random > Some(0.0));
}
