//! Targets against hand-made trajectories.

use super::*;
use rl_core::{ActionSpace, EnvSpec, ObservationSpace, Outcome, Trial};

const DECAY: Gae = Gae {
    gamma: 0.5,
    lambda: 0.5,
};

/// Two lanes of two episodes of up to 2 steps: lane 0 takes all of them, lane 1
/// terminates each episode at its first step and begins another trial.
fn trajectory() -> Trajectory {
    use Outcome::{Continue, Terminated, Truncated};
    lived(
        Trial::Episodes(2),
        [
            ([1.0, 10.0], [Continue, Terminated], [false, false]),
            ([2.0, 20.0], [Truncated, Terminated], [false, true]),
            ([3.0, 30.0], [Continue, Continue], [false, false]),
            ([4.0, 40.0], [Truncated, Truncated], [true, false]),
        ],
    )
}

/// Rewards, outcomes and whether the trial ends, step by step, of two lanes.
fn lived(trial: Trial, rows: [([f32; 2], [Outcome; 2], [bool; 2]); 4]) -> Trajectory {
    let spec = EnvSpec {
        name: "toy".into(),
        observation: ObservationSpace::Vector { size: 0 },
        action: ActionSpace::Discrete { size: 2 },
        horizon: 2,
        trial,
    };
    let mut trajectory = Trajectory::new(&spec, 2, 4);
    trajectory.begin();
    for (t, (reward, outcome, start)) in rows.into_iter().enumerate() {
        let (_, out) = trajectory.acting(t);
        out.value.copy_from_slice(&[1.0, 2.0]);
        let (_, rows) = trajectory.stepping(t);
        rows.reward.copy_from_slice(&reward);
        rows.outcome.copy_from_slice(&outcome);
        rows.start.copy_from_slice(&start);
        trajectory.stepped(t);
    }
    trajectory
}

#[test]
fn credit_flows_over_episodes_and_ends_with_the_trial() {
    let mut targets = Targets::default();
    targets.fill(&trajectory(), DECAY, 1.0);
    assert_eq!(targets.mask, [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0]);
    // Lane 0, from the back: 4 − 1; 3 + ½ − 1 + ¼·3; 2 + ½ − 1 + …; 1 + ½ − 1 + ….
    let lane_0: Vec<f32> = targets.advantages.iter().step_by(2).copied().collect();
    assert_eq!(lane_0, [1.078125, 2.3125, 3.25, 3.0]);
    // Lane 1: its trial ends at its second step, 20 − 2; 10 + 1 − 2 + ¼·18.
    assert_eq!(targets.advantages[3], 18.0);
    assert_eq!(targets.advantages[1], 13.5);
    let sums = targets
        .advantages
        .iter()
        .zip([1.0, 2.0].into_iter().cycle());
    let returns: Vec<f32> = sums.map(|(advantage, value)| advantage + value).collect();
    assert_eq!(targets.returns, returns);
}

#[test]
fn rewards_are_scaled_before_they_are_learned_from() {
    let mut targets = Targets::default();
    targets.fill(&trajectory(), DECAY, 0.5);
    assert_eq!(targets.advantages[6], 4.0 * 0.5 - 1.0);
    assert_eq!(targets.advantages[3], 20.0 * 0.5 - 2.0);
}

/// What was cut off is bootstrapped by the value of its own last observation, and nothing
/// goes over an episode's end; no other of those values is looked at.
#[test]
fn credit_that_ends_with_the_episode_is_bootstrapped_where_it_was_cut_off() {
    const NOT: f32 = f32::NAN;
    let finals = [NOT, NOT, 8.0, NOT, NOT, NOT, 16.0, 32.0];
    let filled = |scale| {
        let mut targets = Targets::default();
        targets.fill_episodes(&trajectory(), (DECAY, scale), &finals);
        targets
    };
    let targets = filled(1.0);
    // Lane 0, from the back: 4 + ½ 16 − 1; 3 + ½ − 1 + ¼·11; and 2 + ½ 8 − 1; 1 + ½ − 1 + ¼·5.
    let lane_0: Vec<f32> = targets.advantages.iter().step_by(2).copied().collect();
    assert_eq!(lane_0, [1.75, 5.0, 5.25, 11.0]);
    // Lane 1: two that terminated, 10 − 2 and 20 − 2; then 40 + ½ 32 − 2; 30 + 1 − 2 + ¼·54.
    let lane_1 = targets.advantages.iter().skip(1).step_by(2).copied();
    assert_eq!(lane_1.collect::<Vec<f32>>(), [8.0, 18.0, 42.5, 54.0]);
    assert_eq!(targets.returns[2..4], [5.0 + 1.0, 18.0 + 2.0]);
    // The scale is that of rewards: values are of what they are made from.
    assert_eq!(filled(0.5).advantages[6], 0.5 * 4.0 + 0.5 * 16.0 - 1.0);
}

/// Who is paid −1 for every step of trials that are all as long: what differs is how soon
/// episodes end, which trials do not tell.
#[test]
fn where_credit_ends_with_the_episode_rewards_are_compared_by_episode() {
    use Outcome::{Continue, Terminated, Truncated};
    let all = |outcomes: [[Outcome; 2]; 4]| {
        let row = |t: usize| ([-1.0; 2], outcomes[t], [t == 3; 2]);
        lived(Trial::Steps(4), [row(0), row(1), row(2), row(3)])
    };
    let difference = |trajectory: &Trajectory| {
        let mut targets = Targets::default();
        let finals = [0.0, 1.0, 8.0, 2.0, 16.0, 4.0, 32.0, 64.0];
        targets.fill_episodes(trajectory, (DECAY, 1.0), &finals);
        targets.spread.largest_difference()
    };
    // Of the episodes −1, −1 and −1 the second step pays −1 or, after the end, 0.
    let sooner = all([
        [Continue, Terminated],
        [Truncated, Terminated],
        [Continue, Terminated],
        [Truncated, Truncated],
    ]);
    assert_eq!(difference(&sooner), 1.0);
    // Credit that flows over the trial has only trials to compare, which are alike.
    let mut whole = Targets::default();
    whole.fill(&sooner, DECAY, 1.0);
    assert_eq!(whole.spread.largest_difference(), 0.0);
    // After a cut nothing is known to be less, whatever the value there is thought to be.
    let cut = [[Continue; 2], [Continue; 2], [Truncated; 2], [Truncated; 2]];
    assert_eq!(difference(&all(cut)), 0.0);
}
