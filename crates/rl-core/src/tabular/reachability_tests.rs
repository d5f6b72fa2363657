use super::*;
use crate::{Domain, Purpose, StreamKey};
use rand::RngExt as _;

/// A corridor 0, 1, 2, 3: action 0 stays, action 1 goes on with probability
/// 1/2 and falls into the pit, state 4, with probability 1/10. State 5 is out
/// of reach.
fn corridor() -> Model {
    let mut model = Model::new(6, 2);
    for state in 0..6 {
        model.row_mut(state, 0)[state] = 1.0;
        model.row_mut(state, 1)[state] = 1.0;
    }
    for state in 0..3 {
        let row = model.row_mut(state, 1);
        (row[state], row[state + 1], row[4]) = (0.4, 0.5, 0.1);
    }
    model.terminal[4] = true;
    model.validate().unwrap();
    model
}

fn reach(model: &Model, targets: &[usize], steps: usize) -> f64 {
    let mut flags = vec![false; model.states];
    targets.iter().for_each(|state| flags[*state] = true);
    model.reach_probability(&flags, steps).unwrap()
}

fn assert_close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-12, "{found}, not {wanted}");
}

#[test]
fn states_within_reach() {
    let model = corridor();
    let [yes, no] = [true, false];
    assert_eq!(model.reachable(0), [yes, no, no, no, no, no]);
    assert_eq!(model.reachable(1), [yes, yes, no, no, yes, no]);
    assert_eq!(model.reachable(2), [yes, yes, yes, no, yes, no]);
    assert_eq!(model.reachable(usize::MAX), [yes, yes, yes, yes, yes, no]);
}

#[test]
fn probabilities_by_hand() {
    let model = corridor();
    assert_close(reach(&model, &[0], 0), 1.0);
    assert_close(reach(&model, &[1], 0), 0.0);
    assert_close(reach(&model, &[1], 1), 0.5);
    assert_close(reach(&model, &[1], 2), 0.5 + 0.4 * 0.5);
    assert_close(reach(&model, &[2], 2), 0.25);
    // Two advances out of three steps, the last of which is one: 2 · 0.4 · 0.25.
    assert_close(reach(&model, &[2], 3), 0.25 + 0.2);
    // Each step either advances or falls: the first change is an advance with
    // probability 5/6.
    assert_close(reach(&model, &[1], 1_000), 5.0 / 6.0);
    assert_close(reach(&model, &[3], usize::MAX), (5.0_f64 / 6.0).powi(3));
    assert_close(reach(&model, &[1, 4], 1), 0.6);
    assert_close(reach(&model, &[5], 1_000), 0.0);
}

/// One may stay out of a terminal state, and nothing is reached beyond one.
#[test]
fn starts_are_weighed_and_ends_end() {
    let mut model = corridor();
    model.start = vec![0.25, 0.0, 0.75, 0.0, 0.0, 0.0];
    assert_close(reach(&model, &[3], 1), 0.75 * 0.5);
    model.terminal[1] = true;
    assert_close(reach(&model, &[3], 1_000), 0.75 * 5.0 / 6.0);
    assert_close(reach(&model, &[1], 1_000), 0.25 * 5.0 / 6.0);
}

#[test]
fn every_state_needs_a_flag() {
    let error = corridor().reach_probability(&[true], 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "targets is 1 flags, not 6; allowed: one flag per state"
    );
}

/// A state is within reach just where its probability is positive, and no
/// plan, tried one by one, reaches it more often.
#[test]
fn no_plan_does_better() {
    let key = StreamKey::new(5, Domain::Tuning, 0);
    let mut rng = key.lane(Purpose::Task, 0);
    for _ in 0..20 {
        let (states, actions, steps) = (3, 2, 3);
        let mut model = Model::new(states, actions);
        for row in model.transition.chunks_exact_mut(states) {
            let draws: [f64; 3] = std::array::from_fn(|_| rng.random::<f64>() - 0.4);
            let sum: f64 = draws.iter().map(|p| p.max(0.0)).sum();
            for (p, draw) in row.iter_mut().zip(draws) {
                *p = if sum > 0.0 {
                    draw.max(0.0) / sum
                } else {
                    1.0 / 3.0
                };
            }
        }
        model.validate().unwrap();
        let target = 2;
        let mut best: f64 = 0.0;
        for plan in 0..1 << (steps * states) {
            // Forward over those that have not reached the target yet.
            let mut away = vec![1.0, 0.0, 0.0];
            for step in 0..steps {
                let mut next = vec![0.0; states];
                for state in 0..2 {
                    let action = plan >> (step * states + state) & 1;
                    let row = model.row(state, action).iter().zip(&mut next);
                    row.for_each(|(p, next)| *next += away[state] * p);
                }
                next[target] = 0.0;
                away = next;
            }
            best = best.max(1.0 - away[0] - away[1]);
        }
        let found = reach(&model, &[target], steps);
        assert!((found - best).abs() < 1e-12, "{found}, not {best}");
        assert_eq!(model.reachable(steps)[target], found > 0.0);
    }
}
