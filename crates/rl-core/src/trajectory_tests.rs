use super::*;
use crate::spec::{ObservationSpace, Trial};

const CONTINUE: Outcome = Outcome::Continue;

fn spec(action: ActionSpace, observation: usize) -> EnvSpec {
    EnvSpec {
        name: "toy".into(),
        observation: ObservationSpace::Vector { size: observation },
        action,
        horizon: 2,
        trial: Trial::Episodes(2),
    }
}

fn arms() -> ActionSpace {
    ActionSpace::Discrete { size: 1000 }
}

fn plane() -> ActionSpace {
    ActionSpace::Box {
        low: vec![-1000.0; 2],
        high: vec![1000.0; 2],
    }
}

/// What a step gives in each lane.
struct Given<'a> {
    outcome: &'a [Outcome],
    start: &'a [bool],
}

/// Acts at step `t` with numbers that tell the step and the lane, and steps.
/// Observations are 100 (t + 1) + lane, final ones their negatives.
fn step(trajectory: &mut Trajectory, t: usize, given: &Given<'_>) {
    let (row, out) = trajectory.acting(t);
    let lanes = row.lanes;
    match out.action {
        ActionsMut::Discrete(actions) => {
            assert_eq!(actions.len(), lanes);
            for (lane, action) in actions.iter_mut().enumerate() {
                *action = (10 * (t + 1) + lane) as u32;
            }
        }
        ActionsMut::Box { width, row } => {
            assert_eq!(row.len(), lanes * width);
            for (index, number) in row.iter_mut().enumerate() {
                *number = (10 * (t + 1)) as f32 + index as f32;
            }
        }
    }
    out.log_prob.fill(-(t as f32));
    out.value.fill(0.5 * t as f32);
    let (_, rows) = trajectory.stepping(t);
    let width = rows.observation.len() / lanes;
    for lane in 0..lanes {
        let seen = (100 * (t + 1) + lane) as f32;
        rows.observation[lane * width..(lane + 1) * width].fill(seen);
        rows.final_observation[lane * width..(lane + 1) * width].fill(-seen);
        rows.reward[lane] = 0.25 * seen;
    }
    rows.outcome.copy_from_slice(given.outcome);
    rows.start.copy_from_slice(given.start);
    trajectory.stepped(t);
}

fn quiet(trajectory: &mut Trajectory, t: usize) {
    let lanes = trajectory.lanes();
    let given = Given {
        outcome: &vec![CONTINUE; lanes],
        start: &vec![false; lanes],
    };
    step(trajectory, t, &given);
}

#[test]
fn what_a_step_wrote_is_what_the_next_row_shows() {
    let mut trajectory = Trajectory::new(&spec(arms(), 2), 3, 4);
    trajectory
        .begin()
        .copy_from_slice(&[0.0, 0.5, 1.0, 1.5, 2.0, 2.5]);
    {
        let (row, _) = trajectory.acting(0);
        assert_eq!(row.observation, [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]);
        assert_eq!(row.start, [true; 3]);
        assert_eq!(row.previous_reward, [0.0; 3]);
        assert_eq!(row.previous_outcome, [CONTINUE; 3]);
    }
    let given = Given {
        outcome: &[CONTINUE, Outcome::Terminated, Outcome::Truncated],
        start: &[false, false, true],
    };
    step(&mut trajectory, 0, &given);
    {
        let (actions, _) = trajectory.stepping(0);
        assert!(matches!(actions, Actions::Discrete([10, 11, 12])));
    }
    let (row, out) = trajectory.acting(1);
    assert_eq!(row.lanes, 3);
    assert!(matches!(
        row.previous_action,
        Actions::Discrete([10, 11, 12])
    ));
    assert_eq!(row.previous_reward, [25.0, 25.25, 25.5]);
    assert_eq!(row.previous_outcome, given.outcome);
    assert_eq!(row.start, given.start);
    assert_eq!(row.observation, [100.0, 100.0, 101.0, 101.0, 102.0, 102.0]);
    assert_eq!((out.log_prob.len(), out.value.len()), (3, 3));
    for t in 1..4 {
        quiet(&mut trajectory, t);
    }
    // Whole columns: what step t did and gave, and what came before row t.
    let Actions::Discrete(done) = trajectory.actions() else {
        panic!("actions are discrete");
    };
    assert_eq!(done, [10, 11, 12, 20, 21, 22, 30, 31, 32, 40, 41, 42]);
    let Actions::Discrete(before) = trajectory.previous_actions() else {
        panic!("actions are discrete");
    };
    assert_eq!(before[3..], *done);
    assert_eq!(trajectory.rewards()[..4], [25.0, 25.25, 25.5, 50.0]);
    assert_eq!(trajectory.previous_rewards()[3..], *trajectory.rewards());
    assert_eq!(trajectory.outcomes()[..3], *given.outcome);
    assert_eq!(trajectory.previous_outcomes()[3..], *trajectory.outcomes());
    assert_eq!(trajectory.trial_ends()[..3], *given.start);
    assert_eq!(trajectory.starts()[3..], *trajectory.trial_ends());
    assert_eq!(trajectory.observations().len(), 5 * 3 * 2);
    assert_eq!(
        trajectory.observations()[4 * 6..4 * 6 + 3],
        [400.0, 400.0, 401.0]
    );
    assert_eq!(trajectory.log_probs()[9..], [-3.0; 3]);
    assert_eq!(trajectory.values()[9..], [1.5; 3]);
}

#[test]
fn continuous_actions_take_their_width() {
    let mut trajectory = Trajectory::new(&spec(plane(), 1), 2, 2);
    trajectory.begin().fill(0.0);
    for t in 0..2 {
        quiet(&mut trajectory, t);
    }
    {
        let (row, _) = trajectory.acting(1);
        let Actions::Box { width, row } = row.previous_action else {
            panic!("actions are continuous");
        };
        assert_eq!((width, row), (2, &[10.0, 11.0, 12.0, 13.0][..]));
        let (actions, _) = trajectory.stepping(1);
        let Actions::Box { row, .. } = actions else {
            panic!("actions are continuous");
        };
        assert_eq!(row, [20.0, 21.0, 22.0, 23.0]);
    }
    let (Actions::Box { row: before, .. }, Actions::Box { width, row }) =
        (trajectory.previous_actions(), trajectory.actions())
    else {
        panic!("actions are continuous");
    };
    assert_eq!((width, row.len()), (2, 2 * 2 * 2));
    assert_eq!(row[3..5], [13.0, 20.0]);
    assert_eq!(before[4..], *row);
}

#[test]
fn the_first_trial_of_a_lane_has_its_length() {
    let mut trajectory = Trajectory::new(&spec(arms(), 0), 3, 5);
    trajectory.begin();
    // Lane 0 never ends a trial, lane 1 at its second and fourth step, lane 2
    // at the last.
    for t in 0..5 {
        let given = Given {
            outcome: &[CONTINUE; 3],
            start: &[false, t == 1 || t == 3, t == 4],
        };
        step(&mut trajectory, t, &given);
    }
    assert_eq!(trajectory.lengths(), [5, 2, 5]);
    // Starting over forgets them, and every lane begins a trial again.
    trajectory.begin();
    assert_eq!(trajectory.lengths(), [5, 5, 5]);
    assert_eq!(trajectory.acting(0).0.start, [true; 3]);
}

/// What follows the last trial is left off, truncations with it; going on from the last
/// row of all, or beginning again, brings the room back.
#[test]
fn a_cut_leaves_the_trials_alone() {
    let mut trajectory = Trajectory::new(&spec(arms(), 1), 2, 5);
    trajectory.begin().fill(0.0);
    for t in 0..5 {
        let given = Given {
            outcome: match t {
                2 | 4 => &[CONTINUE, Outcome::Truncated],
                _ => &[CONTINUE; 2],
            },
            start: &[t == 1, t == 2],
        };
        step(&mut trajectory, t, &given);
    }
    assert!(trajectory.trials_are_over());
    assert_eq!(trajectory.truncations(1), 2);
    let whole = trajectory.clone();
    trajectory.cut();
    assert_eq!((trajectory.steps(), trajectory.room()), (3, 5));
    assert_eq!(
        (trajectory.truncations(0), trajectory.truncations(1)),
        (0, 1)
    );
    let rows = [
        trajectory.observations().len(),
        trajectory.starts().len(),
        trajectory.previous_rewards().len(),
        trajectory.rewards().len() + 2,
        trajectory.outcomes().len() + 2,
        trajectory.values().len() + 2,
        trajectory.log_probs().len() + 2,
        trajectory.actions().lanes() + 2,
    ];
    assert_eq!(rows, [8; 8]);
    assert_eq!(trajectory.rewards(), &whole.rewards()[..6]);
    assert_ne!(trajectory, whole);
    trajectory.go_on();
    assert_eq!(trajectory.steps(), 5);
    trajectory.cut();
    trajectory.begin();
    assert_eq!(trajectory.steps(), 5);
}

#[test]
fn final_observations_of_truncated_episodes_are_kept_in_order() {
    let mut trajectory = Trajectory::new(&spec(arms(), 2), 2, 6);
    trajectory.begin().fill(0.0);
    let (terminated, truncated) = (Outcome::Terminated, Outcome::Truncated);
    let outcomes = [
        [CONTINUE, terminated],
        [truncated, CONTINUE],
        [CONTINUE, truncated],
        [truncated, terminated],
        [CONTINUE, CONTINUE],
        [truncated, CONTINUE],
    ];
    for (t, outcome) in outcomes.iter().enumerate() {
        let given = Given {
            outcome,
            start: &[false; 2],
        };
        step(&mut trajectory, t, &given);
    }
    assert_eq!(
        (trajectory.truncations(0), trajectory.truncations(1)),
        (3, 1)
    );
    assert_eq!(trajectory.final_observation(0, 0), [-200.0; 2]);
    assert_eq!(trajectory.final_observation(0, 1), [-400.0; 2]);
    assert_eq!(trajectory.final_observation(0, 2), [-600.0; 2]);
    assert_eq!(trajectory.final_observation(1, 0), [-301.0; 2]);
    trajectory.begin();
    assert_eq!(
        (trajectory.truncations(0), trajectory.truncations(1)),
        (0, 0)
    );
}

#[test]
fn truncations_are_counted_without_observations() {
    let mut trajectory = Trajectory::new(&spec(arms(), 0), 1, 2);
    trajectory.begin();
    quiet(&mut trajectory, 0);
    let given = Given {
        outcome: &[Outcome::Truncated],
        start: &[true],
    };
    step(&mut trajectory, 1, &given);
    assert_eq!(trajectory.truncations(0), 1);
    assert!(trajectory.final_observation(0, 0).is_empty());
}

#[test]
#[should_panic(expected = "step 4 of 4")]
fn there_is_no_step_beyond_the_last() {
    Trajectory::new(&spec(arms(), 0), 1, 4).acting(4);
}

#[test]
#[should_panic(expected = "truncation 0")]
fn there_is_no_final_observation_of_an_episode_that_goes_on() {
    let mut trajectory = Trajectory::new(&spec(arms(), 1), 1, 2);
    trajectory.begin().fill(0.0);
    quiet(&mut trajectory, 0);
    trajectory.final_observation(0, 0);
}
