//! Shares of a gap and their errors, and the regret of the Bayes-optimal agent.

use super::*;
use crate::stats::Estimate;

fn sampled(mean: f64, standard_error: f64) -> Measure {
    Measure::Sampled(Estimate::sampled(mean, standard_error, u64::MAX))
}

fn gap(random: Measure, best: Measure) -> Gap {
    gap_between(random, best).unwrap()
}

fn gap_between(random: Measure, best: Measure) -> Option<Gap> {
    let references = References {
        bayes_optimal: Some(best),
        random: Some(random),
        ..References::default()
    };
    references.gap()
}

#[test]
fn a_share_runs_from_random_to_the_best() {
    let gap = gap(Measure::Exact(5.0), Measure::Exact(7.0));
    assert_eq!(gap.measure(Measure::Exact(5.0)), Measure::Exact(0.0));
    assert_eq!(gap.measure(Measure::Exact(7.0)), Measure::Exact(1.0));
    let share = gap.measure(sampled(6.5, 0.2));
    assert_eq!((share.mean(), share.uncertainty()), (0.75, 0.1));
    let seeds = [6.0, 6.4].map(|mean| Estimate::sampled(mean, 0.1, u64::MAX));
    let seeds = Measure::over_seeds(&seeds).unwrap();
    let share = gap.measure(seeds).estimate();
    assert!((share.mean - 0.6).abs() < 1e-12);
    assert!((share.half_width - 1.270_620_474).abs() < 1e-8);
}

#[test]
fn errors_of_both_ends_count_where_they_matter() {
    let gap = gap(sampled(0.0, 0.3), sampled(1.0, 0.4));
    // At random only random's error counts, at the best only the best's.
    assert_eq!(gap.measure(Measure::Exact(0.0)).uncertainty(), 0.3);
    assert_eq!(gap.measure(Measure::Exact(1.0)).uncertainty(), 0.4);
    // At twice the way: sqrt(0.3² + (2 · 0.4)²).
    let beyond = gap.measure(Measure::Exact(2.0)).uncertainty();
    assert!((beyond - 0.73_f64.sqrt()).abs() < 1e-12);
}

#[test]
fn errors_of_both_ends_widen_the_interval_over_seeds() {
    let gap = gap(sampled(0.0, 0.3), sampled(1.0, 0.4));
    for (mean, end) in [(0.0, 0.3), (1.0, 0.4), (2.0, 0.73_f64.sqrt())] {
        let share = gap.measure(Measure::Seeds(Estimate {
            mean,
            standard_error: 0.1,
            half_width: 0.5,
        }));
        let half = 0.5_f64.hypot(1.959_963_985 * end);
        assert_eq!(share.mean(), mean);
        assert!((share.uncertainty() - half).abs() < 1e-8, "{share:?}");
    }
}

#[test]
fn only_exact_values_give_the_regret_of_bayes_optimal() {
    let exact = References {
        bayes_optimal: Some(Measure::Exact(6.66)),
        known_task: Some(Measure::Exact(8.3333)),
        ..References::default()
    };
    assert!((exact.bayes_regret().unwrap() - 1.6733).abs() < 1e-12);
    let sampled = References {
        known_task: Some(sampled(8.3333, 0.01)),
        ..exact.clone()
    };
    assert_eq!(sampled.bayes_regret(), None);
    let unknown = References {
        known_task: None,
        ..exact
    };
    assert_eq!(unknown.bayes_regret(), None);
}

#[test]
fn the_exact_regret_adds_up_step_by_step() {
    let exact = References {
        bayes_optimal: Some(Measure::Exact(1.9)),
        known_task: Some(Measure::Exact(3.0)),
        bayes_rewards: vec![0.5, 0.6, 0.8],
        ..References::default()
    };
    let curve = exact.bayes_regret_curve(3);
    for (found, wanted) in curve.iter().zip([0.5, 0.9, 1.1]) {
        assert!((found - wanted).abs() < 1e-12, "{curve:?}");
    }
    assert!((curve[2] - exact.bayes_regret().unwrap()).abs() < 1e-12);
    // Of trials of another length, or without an exact optimum, nothing is known.
    assert!(exact.bayes_regret_curve(4).is_empty());
    let sampled = References {
        known_task: Some(sampled(3.0, 0.01)),
        ..exact
    };
    assert!(sampled.bayes_regret_curve(3).is_empty());
}

#[test]
fn no_gap_no_share() {
    assert!(gap_between(Measure::Exact(5.0), Measure::Exact(5.0)).is_none());
    assert!(gap_between(Measure::Exact(5.0), Measure::Exact(4.0)).is_none());
    assert!(gap_between(Measure::Exact(f64::NAN), Measure::Exact(4.0)).is_none());
    assert!(gap_between(Measure::Exact(0.0), Measure::Exact(0.0)).is_none());
}
