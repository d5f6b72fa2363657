use super::*;

/// Two states; action 0 stays, action 1 goes to the other one.
fn switch() -> Model {
    let mut model = Model::new(2, 2);
    for state in 0..2 {
        model.row_mut(state, 0)[state] = 1.0;
        model.row_mut(state, 1)[1 - state] = 1.0;
    }
    model
}

fn error(change: impl FnOnce(&mut Model)) -> String {
    let mut model = switch();
    assert_eq!(model.validate(), Ok(()));
    change(&mut model);
    model.validate().unwrap_err().to_string()
}

#[test]
fn errors_name_state_and_action() {
    assert_eq!(
        error(|model| model.row_mut(1, 0).copy_from_slice(&[0.5, 0.25])),
        "transition of state 1, action 0 is a row with the sum 0.75; allowed: a sum of 1 within \
         1e-9; divide the row by its sum"
    );
    assert_eq!(
        error(|model| model.row_mut(0, 1).copy_from_slice(&[1.5, -0.5])),
        "transition of state 0, action 1, next state 0 is 1.5; allowed: a probability, 0 to 1"
    );
    let nan = error(|model| model.row_mut(1, 1)[1] = f64::NAN);
    assert!(nan.contains("action 1, next state 1 is NaN"), "{nan}");
    assert_eq!(
        error(|model| model.mean_reward[3] = f64::INFINITY),
        "mean reward of state 1, action 1 is inf; allowed: a finite 32-bit number"
    );
    let added = error(|model| {
        model.transition_reward = vec![0.0; 8];
        model.transition_reward[5] = 1e300;
    });
    assert!(added.starts_with("mean reward of state 1, action 0 is 1000"));
    let bernoulli = error(|model| {
        model.noise = Noise::Bernoulli;
        model.mean_reward[0] = 2.0;
    });
    assert!(bernoulli.contains("is 2; allowed: 0 to 1"), "{bernoulli}");
    let noise = error(|model| {
        model.noise = Noise::Gaussian {
            standard_deviation: f64::NAN,
        }
    });
    assert_eq!(
        noise,
        "noise.standard_deviation is NaN; allowed: 0 or more, finite"
    );
}

#[test]
fn errors_name_sizes_and_starts() {
    assert_eq!(
        error(|model| model.actions = 0),
        "actions is 0; allowed: 1 to 16777216"
    );
    assert_eq!(
        error(|model| model.states = 3),
        "transition is 8 numbers, not 18; allowed: states × actions × states numbers"
    );
    let huge = error(|model| (model.states, model.actions) = (1 << 24, 1 << 24));
    assert!(huge.contains("16777216 × 16777216 × 16777216"), "{huge}");
    let short = error(|model| model.transition_reward.push(1.0));
    assert!(short.contains("transition_reward is 1 numbers, not 8"));
    assert!(error(|model| model.start[1] = 0.5).starts_with("start is a row with the sum 1.5"));
    assert_eq!(
        error(|model| model.terminal[0] = true),
        "start, state 0 is 1; allowed: 0, for the state is terminal; start elsewhere"
    );
}

/// Rows of terminal states mean nothing.
#[test]
fn terminal_states_need_no_transitions() {
    let mut model = switch();
    model.terminal[1] = true;
    model.row_mut(1, 0).fill(0.0);
    assert_eq!(model.validate(), Ok(()));
}

#[test]
fn a_cleared_model_has_nothing_but_a_start() {
    let mut model = switch();
    model.mean_reward.fill(3.0);
    model.transition_reward = vec![1.0; 8];
    model.noise = Noise::Bernoulli;
    model.terminal.fill(true);
    model.clear(3, 1);
    assert_eq!(model, Model::new(3, 1));
    assert_eq!(model.start, [1.0, 0.0, 0.0]);
    assert!(model.transition.iter().all(|p| *p == 0.0));
    assert!(model.transition_reward.is_empty());
    assert!(model.terminal.iter().all(|terminal| !terminal));
}

#[test]
fn expected_rewards_weigh_those_of_transitions() {
    let mut model = Model::new(2, 1);
    model.row_mut(0, 0).copy_from_slice(&[0.25, 0.75]);
    model.mean_reward[0] = 1.0;
    assert_eq!(model.expected_reward(0, 0), 1.0);
    model.transition_reward = vec![4.0, -8.0, 100.0, 100.0];
    assert_eq!(model.expected_reward(0, 0), 1.0 + 1.0 - 6.0);
}

#[test]
fn distances_are_the_fewest_steps() {
    // 0 → 1 or 2, 1 → 3, 2 → 4 (terminal) → 5, and 6 → 0.
    let mut model = Model::new(7, 2);
    let edges = [
        (0, 0, 1),
        (0, 1, 2),
        (1, 0, 3),
        (2, 0, 4),
        (4, 0, 5),
        (6, 0, 0),
    ];
    for (from, action, to) in edges {
        model.row_mut(from, action)[to] = 1.0;
    }
    model.terminal[4] = true;
    let steps = |start: &[usize]| {
        let mut model = model.clone();
        model.start.fill(0.0);
        start.iter().for_each(|state| model.start[*state] = 0.5);
        model.distances()
    };
    let none = None;
    assert_eq!(
        steps(&[0]),
        [Some(0), Some(1), Some(1), Some(2), Some(2), none, none]
    );
    assert_eq!(
        steps(&[1, 6]),
        [Some(1), Some(0), Some(2), Some(1), Some(3), none, Some(0)]
    );
}
