use super::*;
use crate::env::{Discrete, Environment, Outcome, Step, TaskDistribution};
use crate::lanes::Tasks;
use crate::random::Random;
use crate::spec::{ActionSpace, EnvSpec, ObservationSpace, Trial};
use crate::vec_env::{Actions, EnvFactory};
use rand::RngExt as _;

const KEY: StreamKey = StreamKey::new(5, Domain::Tuning, 2);
const LANES: usize = 4;

/// Counts to a goal, with luck; it never comes back to an observation.
#[derive(Default)]
struct Count {
    goal: u32,
}

struct Counts;

impl Environment for Count {
    type State = (u32, f32);
    type Action = Discrete;

    fn reset(&self, state: &mut (u32, f32), _rng: &mut Stream) {
        *state = (0, 0.0);
    }

    fn step(&self, (steps, noise): &mut (u32, f32), action: &u32, rng: &mut Stream) -> Step {
        *steps += action;
        *noise = rng.random();
        match *steps >= self.goal {
            true => Step::terminal(1.0 + *noise),
            false => Step::proceed(*noise),
        }
    }

    fn observe(&self, (steps, noise): &(u32, f32), observation: &mut [f32]) {
        observation.copy_from_slice(&[*steps as f32, *noise]);
    }
}

impl TaskDistribution for Counts {
    type Task = Count;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "counts".into(),
            observation: ObservationSpace::Vector { size: 2 },
            action: ActionSpace::Discrete { size: 3 },
            horizon: 5,
            trial: Trial::Episodes(3),
        }
    }

    fn sample(&self, task: &mut Count, rng: &mut Stream) {
        task.goal = rng.random_range(3..9);
    }

    fn known_task_optimum(&self, task: &Count) -> Option<f64> {
        Some(f64::from(task.goal))
    }
}

fn made(steps: usize) -> Rollout {
    Rollout::new(Tasks::new(Counts).unwrap().make(LANES), steps)
}

/// Acts at random, and keeps the final observations that it is shown.
struct Witness {
    policy: crate::random::RandomPolicy,
    seen: Vec<(usize, Vec<f32>)>,
}

impl Witness {
    fn new() -> Self {
        Self {
            policy: Random::policy(&Counts.spec()),
            seen: Vec::new(),
        }
    }
}

impl Policy for Witness {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let last = row.final_observation.unwrap().chunks_exact(2);
        for (lane, (outcome, last)) in row.previous_outcome.iter().zip(last).enumerate() {
            if *outcome == Outcome::Truncated {
                self.seen.push((lane, last.to_vec()));
            }
        }
        self.policy.act(row, streams, out);
    }
}

/// All that a row shows.
#[derive(Debug, PartialEq)]
struct Shown {
    observation: Vec<f32>,
    start: Vec<bool>,
    action: Vec<u32>,
    reward: Vec<f32>,
    outcome: Vec<Outcome>,
}

fn shown(row: &Row<'_>) -> Shown {
    let Actions::Discrete(actions) = row.previous_action else {
        panic!("actions are discrete");
    };
    Shown {
        observation: row.observation.to_vec(),
        start: row.start.to_vec(),
        action: actions.to_vec(),
        reward: row.previous_reward.to_vec(),
        outcome: row.previous_outcome.to_vec(),
    }
}

#[test]
fn a_rollout_is_acting_and_stepping_by_hand() {
    let mut rollout = made(20);
    rollout.begin(&KEY, 7);
    rollout.play(&mut Random::policy(&Counts.spec()));
    let mut env = Tasks::new(Counts).unwrap().make(LANES);
    let mut by_hand = Trajectory::new(env.spec(), LANES, 20);
    let mut streams: Vec<_> = (7..11).map(|n| KEY.lane(Purpose::Action, n)).collect();
    let mut policy = Random::policy(env.spec());
    env.begin(&KEY, 7, by_hand.begin());
    for t in 0..20 {
        let (row, out) = by_hand.acting(t);
        policy.act(&row, &mut streams, out);
        let (actions, rows) = by_hand.stepping(t);
        env.step(actions, rows);
        by_hand.stepped(t);
    }
    assert_eq!(rollout.streams(), streams);
    for t in 0..=20 {
        let (one, other) = (rollout.trajectory().row(t), by_hand.row(t));
        assert_eq!(shown(&one), shown(&other), "row {t}");
    }
    assert_eq!(rollout.trajectory().lengths(), by_hand.lengths());
}

/// However few rows are kept at a time, the same happens, and policies are shown
/// the same.
#[test]
fn going_on_is_as_if_there_were_more_rows() {
    let mut whole = made(41);
    whole.begin(&KEY, 0);
    let mut witness = Witness::new();
    whole.play(&mut witness);
    assert!(witness.seen.len() > 5, "{:?}", witness.seen);
    for rows in [1, 2, 7] {
        let (mut rollout, mut other) = (made(rows), Witness::new());
        rollout.begin(&KEY, 0);
        let mut truncated = 0;
        for t in 0..41 {
            if rollout.is_full() {
                rollout.go_on();
            }
            rollout.act(&mut other);
            rollout.step();
            let wanted = whole.trajectory().row(t + 1);
            assert_eq!(shown(&rollout.row()), shown(&wanted), "row {t} of {rows}");
            if rollout.is_full() {
                let lanes = 0..LANES;
                truncated += lanes
                    .map(|lane| rollout.trajectory().truncations(lane))
                    .sum::<usize>();
            }
        }
        assert_eq!(other.seen, witness.seen);
        let lanes = 0..LANES;
        let all: usize = lanes.map(|lane| whole.trajectory().truncations(lane)).sum();
        assert!(truncated <= all && truncated > 5, "{truncated} of {all}");
    }
}

/// A trial under way at row 0 has the steps that are left of it.
#[test]
fn trials_are_measured_from_the_first_row() {
    let mut rollout = made(4);
    rollout.begin(&KEY, 0);
    let mut policy = Random::policy(&Counts.spec());
    for _ in 0..10 {
        rollout.play(&mut policy);
        for lane in 0..LANES {
            let ends = rollout.trajectory().trial_ends().iter().skip(lane);
            let end = ends.step_by(LANES).position(|end| *end);
            let length = end.map_or(4, |t| t + 1);
            assert_eq!(rollout.trajectory().lengths()[lane], length);
        }
        rollout.go_on();
    }
}

#[test]
fn beginning_again_gives_the_same_and_says_by_which_key() {
    let mut rollout = made(9);
    let mut history = |key: &StreamKey, first_lane| {
        rollout.begin(key, first_lane);
        assert_eq!((rollout.key(), rollout.t()), (key, 0));
        rollout.play(&mut Random::policy(&Counts.spec()));
        let optimum = rollout.env().known_task_optimum(LANES - 1);
        (rollout.trajectory().observations().to_vec(), optimum)
    };
    let other = StreamKey { seed: 6, ..KEY };
    let first = history(&KEY, 3);
    assert_ne!(history(&other, 3).0, first.0);
    assert_ne!(history(&KEY, 4).0, first.0);
    assert_eq!(history(&KEY, 3), first);
}

#[test]
#[should_panic(expected = "step 2 of 2")]
fn a_full_rollout_takes_no_step() {
    let mut rollout = made(2);
    rollout.begin(&KEY, 0);
    rollout.play(&mut Random::policy(&Counts.spec()));
    rollout.step();
}

#[test]
#[should_panic(expected = "row 1 of 2")]
fn only_a_full_rollout_goes_on() {
    let mut rollout = made(2);
    rollout.begin(&KEY, 0);
    rollout.act(&mut Random::policy(&Counts.spec()));
    rollout.step();
    rollout.go_on();
}
