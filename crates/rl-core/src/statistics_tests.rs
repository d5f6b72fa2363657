use super::*;
use crate::Outcome::{self, Continue, Terminated, Truncated};
use crate::{ActionSpace, Actions, ObservationSpace};

fn left(trial: Trial, rows: &[(bool, Outcome)]) -> Vec<[f32; 2]> {
    let spec = EnvSpec {
        name: "toy".into(),
        observation: ObservationSpace::Vector { size: 0 },
        action: ActionSpace::Discrete { size: 2 },
        horizon: 4,
        trial,
    };
    let mut clocks = TimeLeft::new(&spec).make(1);
    let tell = |&(start, outcome): &(bool, Outcome)| {
        let row = Row {
            lanes: 1,
            observation: &[],
            start: &[start],
            previous_action: Actions::Discrete(&[0]),
            previous_reward: &[0.0],
            previous_outcome: &[outcome],
            told: &[],
            final_observation: None,
        };
        let mut told = [f32::NAN; 2];
        clocks.tell(&row, &mut told);
        told
    };
    rows.iter().map(tell).collect()
}

/// By hand: two episodes of at most four steps, the first of which ends after two.
#[test]
fn time_goes_and_what_an_episode_left_is_lost() {
    let rows = [
        (true, Continue),
        (false, Continue),
        (false, Terminated),
        (false, Continue),
        (true, Truncated),
        (false, Continue),
    ];
    let eighths = [(8, 4), (7, 3), (4, 4), (3, 3), (8, 4), (7, 3)];
    let wanted = eighths.map(|(trial, episode)| [trial as f32 / 8.0, episode as f32 / 4.0]);
    assert_eq!(left(Trial::Episodes(2), &rows), wanted);
}

/// An episode is cut off by the budget: no more time is left of it than of the trial.
#[test]
fn a_budget_of_steps_ends_episodes_too() {
    let rows = [
        (true, Continue),
        (false, Terminated),
        (false, Continue),
        (false, Continue),
        (false, Continue),
    ];
    let wanted = [(5, 4), (4, 4), (3, 3), (2, 2), (1, 1)];
    let wanted = wanted.map(|(trial, episode)| [trial as f32 / 5.0, episode as f32 / 4.0]);
    assert_eq!(left(Trial::Steps(5), &rows), wanted);
}
