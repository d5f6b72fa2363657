use super::*;
use crate::tabular::Noise;
use crate::{Domain, Purpose, Stream, StreamKey};
use rand::RngExt as _;

fn assert_close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-12, "{found}, not {wanted}");
}

/// From state 0, action 0 earns 1 and stays; action 1 earns nothing and leads
/// to state 1 with probability 0.9. State 1 earns 3 and stays.
fn wait_or_go() -> Model {
    let mut model = Model::new(2, 2);
    model.row_mut(0, 0)[0] = 1.0;
    model.row_mut(0, 1).copy_from_slice(&[0.1, 0.9]);
    model.row_mut(1, 0)[1] = 1.0;
    model.row_mut(1, 1)[1] = 1.0;
    model.mean_reward = vec![1.0, 0.0, 3.0, 3.0];
    model
}

#[test]
fn value_iteration_by_hand() {
    let model = wait_or_go();
    let mut planner = Planner::default();
    assert_eq!(planner.optimum(&model, 0), 0.0);
    // One step: wait. Two: go for 0.9 · 3 + 0.1 · 1 = 2.8 rather than 2.
    assert_close(planner.optimum(&model, 1), 1.0);
    assert_close(planner.optimum(&model, 2), 2.8);
    // Three: 0.9 · 6 + 0.1 · 2.8 = 5.68.
    let plan = planner.plan(&model, 3);
    assert_close(plan.value, 5.68);
    assert_close(plan.state_values[1], 9.0);
    // Go, go, wait; in state 1 both are equally good.
    assert_eq!(plan.actions, [1, 0, 1, 0, 0, 0]);
    let marked = planner.best_actions(&model, 3).into_iter().map(u8::from);
    let [go, wait, either] = [[0, 1], [1, 0], [1, 1]];
    let wanted = [go, either, go, either, wait, either];
    assert_eq!(marked.collect::<Vec<_>>(), wanted.as_flattened());
}

#[test]
fn starts_are_weighed_and_terminal_states_end() {
    let mut model = wait_or_go();
    model.start = vec![0.5, 0.5];
    let mut planner = Planner::default();
    assert_close(planner.optimum(&model, 3), 0.5 * 5.68 + 0.5 * 9.0);
    model.start = vec![1.0, 0.0];
    model.terminal[1] = true;
    model.transition_reward = vec![0.0, 0.0, 0.0, 10.0, 0.0, 0.0, 0.0, 0.0];
    // Wait, then go: 1 + 9, or go twice: 9 + 0.1 · 9.
    assert_close(planner.optimum(&model, 1), 9.0);
    assert_close(planner.optimum(&model, 2), 10.0);
    assert_eq!(planner.plan(&model, 2).actions, [0, 0, 1, 0]);
}

#[test]
fn policy_evaluation_by_hand() {
    let model = wait_or_go();
    let mut planner = Planner::default();
    // Random, two steps: half of the time 1 + 0.5, else 0.9 · 3 + 0.1 · 0.5.
    assert_close(planner.random(&model, 2), 0.5 * 1.5 + 0.5 * 2.75);
    let half = Behaviour::Stationary(&[0.5, 0.5, 0.5, 0.5]);
    assert_close(planner.evaluate(&model, 2, half).unwrap(), 2.125);
    let go = Behaviour::Stationary(&[0.0, 1.0, 1.0, 0.0]);
    assert_close(planner.evaluate(&model, 2, go).unwrap(), 2.7);
    let go_and_wait = Behaviour::Actions(&[1, 1, 0, 0]);
    assert_close(planner.evaluate(&model, 2, go_and_wait).unwrap(), 2.8);
}

#[test]
fn policies_that_are_none_are_refused() {
    let model = wait_or_go();
    let mut planner = Planner::default();
    let mut error = |behaviour| {
        let error = planner.evaluate(&model, 2, behaviour).unwrap_err();
        error.to_string()
    };
    assert_eq!(
        error(Behaviour::Stationary(&[0.5, 0.5, 0.5, 0.4])),
        "the policy of state 1 is [0.5, 0.4]; allowed: probabilities with the sum 1 within 1e-9"
    );
    assert_eq!(
        error(Behaviour::Stationary(&[1.0])),
        "the policy's length is 1, not 4; allowed: states × actions"
    );
    assert_eq!(
        error(Behaviour::Actions(&[0, 0, 0, 2])),
        "the action at step 1, state 1 is 2; allowed: an index below the number of actions"
    );
    assert!(error(Behaviour::Actions(&[0])).contains("is 1, not 4"));
}

fn random_model(states: usize, actions: usize, rng: &mut Stream) -> Model {
    let mut model = Model::new(states, actions);
    for row in model.transition.chunks_exact_mut(states) {
        row.fill_with(|| rng.random::<f64>());
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|p| *p /= sum);
    }
    model.mean_reward.fill_with(|| rng.random());
    model.transition_reward = model.transition.iter().map(|_| rng.random()).collect();
    model.start.fill_with(|| 1.0 / states as f64);
    model.noise = Noise::None;
    model
}

/// The expected return of a plan, forward over the distribution of states.
fn forward(model: &Model, horizon: usize, plan: &[u32]) -> f64 {
    let mut state_probability = model.start.clone();
    let mut value = 0.0;
    for step in 0..horizon {
        let mut next = vec![0.0; model.states];
        for state in 0..model.states {
            let action = plan[step * model.states + state] as usize;
            for (to, p) in model.row(state, action).iter().enumerate() {
                let place = (state * model.actions + action) * model.states + to;
                let reward = model.mean_reward[state * model.actions + action]
                    + model.transition_reward[place];
                value += state_probability[state] * p * reward;
                next[to] += state_probability[state] * p;
            }
        }
        state_probability = next;
    }
    value
}

/// The best of all plans, one by one.
#[test]
fn value_iteration_finds_the_best_of_all_plans() {
    let key = StreamKey::new(3, Domain::Tuning, 0);
    let mut rng = key.lane(Purpose::Task, 0);
    let mut planner = Planner::default();
    for (states, actions, horizon) in [(2, 2, 3), (3, 2, 3), (2, 3, 3), (5, 2, 2), (4, 4, 1)] {
        let model = random_model(states, actions, &mut rng);
        model.validate().unwrap();
        let mut best = f64::NEG_INFINITY;
        for number in 0..(actions as u64).pow((states * horizon) as u32) {
            let digits = (0..states * horizon).scan(number, |rest, _| {
                let digit = *rest % actions as u64;
                *rest /= actions as u64;
                Some(digit as u32)
            });
            let plan: Vec<u32> = digits.collect();
            let value = forward(&model, horizon, &plan);
            let found = planner.evaluate(&model, horizon, Behaviour::Actions(&plan));
            assert_close(found.unwrap(), value);
            best = best.max(value);
        }
        assert_close(planner.optimum(&model, horizon), best);
        let plan = planner.plan(&model, horizon);
        assert_close(plan.value, best);
        assert_close(forward(&model, horizon, plan.actions), best);
    }
}
