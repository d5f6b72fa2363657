//! What holds for every bandit learner.

use crate::common::{bandit, bandit_learners, choose, make, mean_return, spec, streams, trial};
use rl_core::{ActionSpace, EnvFactory as _};

#[test]
fn choices_do_not_depend_on_how_lanes_are_grouped() {
    let tasks = bandit(4, 30);
    for info in bandit_learners() {
        let factory = make(info.name, &[]);
        let (whole, returns) = trial(&tasks, factory.as_ref(), 10, 8);
        let (left, left_returns) = trial(&tasks, factory.as_ref(), 10, 4);
        let (right, right_returns) = trial(&tasks, factory.as_ref(), 14, 4);
        let halves = left.chunks(4).zip(right.chunks(4));
        let halves: Vec<_> = halves.flat_map(|(left, right)| [left, right]).collect();
        assert_eq!(whole, halves.concat(), "{}", info.name);
        assert_eq!(
            returns,
            [left_returns, right_returns].concat(),
            "{}",
            info.name
        );
    }
}

/// A learner that has lived through a trial acts in the next one like a new
/// learner with the same streams.
#[test]
fn everything_is_forgotten_when_a_trial_begins() {
    let space = spec(ActionSpace::Discrete { size: 3 });
    for info in bandit_learners() {
        let factory = make(info.name, &[]);
        let mut used = factory.make(&space, 5).unwrap();
        let mut used_streams = streams(5);
        choose(used.as_mut(), &mut used_streams, true, 0, 0.0);
        for _ in 0..20 {
            choose(used.as_mut(), &mut used_streams, false, 2, 1.0);
        }
        let mut new = factory.make(&space, 5).unwrap();
        let mut new_streams = used_streams.clone();
        for (start, arm, reward) in [(true, 1, 1.0), (false, 0, 0.0), (false, 1, 0.0)] {
            let wanted = choose(new.as_mut(), &mut new_streams, start, arm, reward);
            let found = choose(used.as_mut(), &mut used_streams, start, arm, reward);
            assert_eq!(found, wanted, "{}", info.name);
        }
    }
}

#[test]
fn continuous_actions_are_refused_by_all_but_random() {
    let space = spec(ActionSpace::Box {
        low: vec![0.0; 2],
        high: vec![1.0; 2],
    });
    for info in bandit_learners() {
        match make(info.name, &[]).make(&space, 1) {
            Ok(_) => assert_eq!(info.name, "random"),
            Err(why) => {
                assert!(why.starts_with(info.name), "{why}");
                assert!(why.contains("toy are vectors of 2 real numbers"), "{why}");
            }
        }
    }
}

/// Duan et al. 2016, table 1, whose means are over 1,000 bandits and rounded
/// to 0.1: within 3 standard errors of the difference and the rounding. The
/// last number of a cell is the standard deviation of one trial.
#[test]
fn published_returns() {
    let (ucb, epsilon) = (&[("c", 0.2)][..], &[("epsilon", 0.1)][..]);
    let cells = [
        (5, 10, "random", &[][..], 5.0, 1.6),
        (5, 10, "greedy", &[], 6.6, 2.0),
        (5, 10, "ucb1", ucb, 6.7, 2.0),
        (5, 10, "thompson", &[], 5.7, 2.0),
        (5, 10, "ots", &[], 6.5, 2.0),
        (10, 10, "ots", &[], 6.2, 2.0),
        (5, 10, "gittins-finite", &[], 6.6, 2.0),
        (5, 100, "greedy", &[], 74.8, 16.0),
        (5, 100, "epsilon-greedy", epsilon, 75.4, 16.0),
        (5, 100, "ucb1", ucb, 78.0, 16.0),
        (5, 100, "thompson", &[], 74.7, 16.0),
        (5, 100, "ots", &[], 77.9, 16.0),
        (5, 100, "gittins", &[], 78.3, 16.0),
        (5, 100, "gittins-finite", &[], 78.3, 16.0),
        (10, 100, "gittins", &[], 82.8, 11.3),
        (50, 100, "greedy", &[], 78.0, 13.0),
        (50, 100, "epsilon-greedy", epsilon, 78.3, 10.0),
        (50, 100, "thompson", &[], 64.5, 5.7),
    ];
    for (arms, pulls, name, params, published, deviation) in cells {
        let found = mean_return(&bandit(arms, pulls), make(name, params).as_ref(), 2000);
        let published_error: f64 = deviation / f64::sqrt(1000.0);
        let error = published_error.hypot(found.standard_error());
        assert!(
            (found.mean() - published).abs() < 3.0 * error + 0.05,
            "{name} with {arms} arms and {pulls} pulls: {}, not {published}",
            found.mean(),
        );
    }
}

/// Nothing earns more than what is optimal, up to 3 standard errors, and
/// all but random earn more than half of the pulls.
#[test]
fn no_learner_exceeds_the_optimum() {
    let tasks = bandit(5, 10);
    let values = tasks.exact_values();
    let optimum = values.bayes_optimal.get().unwrap();
    for info in bandit_learners() {
        let found = mean_return(&tasks, make(info.name, &[]).as_ref(), 10_000);
        let excess = (found.mean() - optimum) / found.standard_error();
        assert!(excess < 3.0, "{}: {excess} standard errors", info.name);
        let random = values.random.get().unwrap();
        let above = (found.mean() - random) / found.standard_error();
        match info.name {
            "random" => assert!(above.abs() < 3.0, "{above}"),
            name => assert!(above > 3.0, "{name}: {above}"),
        }
    }
}
