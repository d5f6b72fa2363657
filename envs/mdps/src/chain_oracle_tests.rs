use super::*;

fn problem(states: usize, slip: (f64, f64), horizon: usize, episodes: usize) -> Problem {
    Problem {
        states,
        slip,
        horizon,
        episodes,
    }
}

/// The prior over (slip, which action advances), as a list of tasks.
fn prior(slip: (f64, f64), count: usize) -> Vec<(f64, usize)> {
    let at = |i: usize| slip.0 + (slip.1 - slip.0) * (i as f64 + 0.5) / count as f64;
    let slips = (0..count).map(at);
    slips.flat_map(|slip| [(slip, 0), (slip, 1)]).collect()
}

/// The definition: tries both actions and all that can follow, with the weight
/// of each task kept along the way, and without remembering anything.
fn by_definition(
    problem: Problem,
    tasks: &[(f64, usize)],
    weights: &[f64],
    t: usize,
    state: usize,
) -> f64 {
    if t == problem.steps() {
        return 0.0;
    }
    let total: f64 = weights.iter().sum();
    let mut best = f64::NEG_INFINITY;
    for action in 0..2 {
        let mut value = 0.0;
        for advance in [true, false] {
            let weighed = tasks.iter().zip(weights).map(|((slip, advances), weight)| {
                let slipped = (action == *advances) != advance;
                weight * if slipped { *slip } else { 1.0 - slip }
            });
            let after: Vec<f64> = weighed.collect();
            let chance = after.iter().sum::<f64>() / total;
            if chance == 0.0 {
                continue;
            }
            let end = state == problem.states - 1;
            let (mut next, reward) = match (advance, end) {
                (true, true) => (state, 10.0),
                (true, false) => (state + 1, 0.0),
                (false, _) => (0, 2.0),
            };
            if (t + 1).is_multiple_of(problem.horizon) {
                next = 0;
            }
            value += chance * (reward + by_definition(problem, tasks, &after, t + 1, next));
        }
        best = best.max(value);
    }
    best
}

#[test]
fn values_by_hand() {
    let close = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-12, "{found}");
    // One step of unknown effect: 2 or 0.
    close(
        solve(problem(5, (0.1, 0.3), 1, 1), Wanted::Value, |_| ()),
        1.0,
    );
    // Two states, no slips, two steps: an advance by luck earns 10 next, a
    // return by luck 2 + 2.
    close(
        solve(problem(2, (0.0, 0.0), 2, 1), Wanted::Value, |_| ()),
        7.0,
    );
    // The same in episodes of one step: what is learned is how to return.
    close(
        solve(problem(2, (0.0, 0.0), 1, 2), Wanted::Value, |_| ()),
        1.0 + 2.0,
    );
    // Slips of one half: nothing can be learned or chosen.
    close(
        solve(problem(3, (0.5, 0.5), 1, 7), Wanted::Value, |_| ()),
        7.0,
    );
}

#[test]
fn values_by_definition() {
    for (problem, count) in [
        (problem(2, (0.2, 0.2), 4, 1), 1),
        (problem(3, (0.1, 0.1), 3, 2), 1),
        (problem(3, (0.0, 0.0), 5, 1), 1),
        (problem(2, (0.0, 0.4), 5, 1), 2000),
        (problem(3, (0.05, 0.5), 2, 3), 2000),
        (problem(4, (0.1, 0.3), 5, 1), 2000),
    ] {
        let tasks = prior(problem.slip, count);
        let weights = vec![1.0; tasks.len()];
        let wanted = by_definition(problem, &tasks, &weights, 0, 0);
        let found = value(problem).unwrap();
        // The midpoint rule of the prior is good to about 1/count².
        let tolerance = if count == 1 { 1e-12 } else { 1e-6 };
        assert!(
            (found - wanted).abs() < tolerance,
            "{problem:?}: {found}, not {wanted}"
        );
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "it bounds a time")]
fn sizes_out_of_reach_are_refused_at_once() {
    let begin = std::time::Instant::now();
    for (states, horizon, episodes) in [(5, 1_000_000, 1), (100, 100_000, 1), (2, 1, 4_000_000)] {
        let why = value(problem(states, (0.0, 0.4), horizon, episodes)).unwrap_err();
        assert!(
            why.contains("GB of memory and") && why.contains("seconds on"),
            "{why}"
        );
    }
    assert!(begin.elapsed().as_secs() < 1);
    assert!(
        problem(5, (0.0, 0.4), 1000, 10)
            .affordable(Wanted::Policy)
            .is_ok()
    );
}
