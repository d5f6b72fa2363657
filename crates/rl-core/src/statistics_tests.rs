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

/// Three lanes: a trial begins, an episode was cut off, another terminated.
#[test]
fn what_was_cut_off_is_seen_once() {
    let told = |observation, observed: &[f32], arrived| {
        let spec = EnvSpec {
            name: "toy".into(),
            observation,
            action: ActionSpace::Discrete { size: 2 },
            horizon: 4,
            trial: Trial::Episodes(2),
        };
        let last_seen = LastSeen::new(&spec);
        let row = Row {
            lanes: 3,
            observation: observed,
            start: &[true, false, false],
            previous_action: Actions::Discrete(&[0; 3]),
            previous_reward: &[0.0; 3],
            previous_outcome: &[Truncated, Truncated, Terminated],
            told: &[],
            final_observation: arrived,
        };
        let mut told = vec![f32::NAN; 3 * last_seen.size()];
        last_seen.make(3).tell(&row, &mut told);
        told
    };
    let symbol = ObservationSpace::Discrete { size: 2 };
    let found = told(symbol.clone(), &[0.0; 3], Some(&[1.0; 3]));
    assert_eq!(found, [0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    assert_eq!(told(symbol, &[0.0; 3], None), [0.0; 6]);
    let vector = ObservationSpace::Vector { size: 2 };
    let found = told(vector, &[0.0; 6], Some(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    assert_eq!(found, [0.0, 0.0, 3.0, 4.0, 0.0, 0.0]);
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

/// The numbers of two lanes from a first lane on, after beginnings and ends as given.
fn noise(first_lane: u64, rows: &[(bool, Outcome)]) -> Vec<[f32; 2]> {
    let mut draws = Noise.make(2);
    draws.begin(&StreamKey::new(3, Domain::HeldOut, 0), first_lane);
    let tell = |&(start, outcome): &(bool, Outcome)| {
        let row = Row {
            lanes: 2,
            observation: &[],
            start: &[start; 2],
            previous_action: Actions::Discrete(&[0; 2]),
            previous_reward: &[0.0; 2],
            previous_outcome: &[outcome; 2],
            told: &[],
            final_observation: None,
        };
        let mut told = [f32::NAN; 2];
        draws.tell(&row, &mut told);
        told
    };
    rows.iter().map(tell).collect()
}

/// Drawn where an episode begins, held throughout it, each lane's own and whatever group it
/// is in.
#[test]
fn noise_is_drawn_with_every_episode_and_held() {
    let rows = [
        (true, Continue),
        (false, Continue),
        (false, Truncated),
        (false, Continue),
        (false, Terminated),
        (true, Continue),
    ];
    let told = noise(0, &rows);
    assert_eq!(told[0], told[1]);
    assert_eq!(told[2], told[3]);
    let episodes = [told[0], told[2], told[4], told[5]].concat();
    let mut sorted = episodes.clone();
    sorted.sort_by(f32::total_cmp);
    sorted.dedup();
    assert_eq!(sorted.len(), episodes.len(), "{episodes:?}");
    assert!(episodes.iter().all(|x| (0.0..1.0).contains(x)));
    // Exact in a whole number of 2⁻²⁴, which agents may count on.
    assert!(episodes.iter().all(|x| (x * 16_777_216.0).fract() == 0.0));
    let next = noise(1, &rows);
    assert!(
        told.iter()
            .zip(&next)
            .all(|(one, other)| one[1] == other[0])
    );
}
