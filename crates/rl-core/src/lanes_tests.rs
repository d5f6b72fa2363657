use super::*;
use crate::env::{Continuous, Discrete, Step};
use crate::spec::ObservationSpace;
use crate::streams::Domain;
use rand::RngExt as _;

const KEY: StreamKey = StreamKey::new(11, Domain::Training, 2);

/// Counts up to a goal of its own. An action adds itself, the reward is the
/// count, and every step draws as many random numbers as the action says.
#[derive(Clone)]
struct Counting {
    goals: std::ops::Range<u32>,
    horizon: usize,
    trial: Trial,
}

#[derive(Default)]
struct Counter {
    goal: u32,
}

#[derive(Default)]
struct Count {
    count: u32,
    noise: f32,
}

impl Environment for Counter {
    type State = Count;
    type Action = Discrete;

    fn reset(&self, state: &mut Count, rng: &mut Stream) {
        state.count = 0;
        state.noise = rng.random();
    }

    fn step(&self, state: &mut Count, action: &u32, rng: &mut Stream) -> Step {
        state.count += action;
        for _ in 0..*action {
            state.noise = rng.random();
        }
        Step {
            reward: state.count as f32,
            terminated: state.count >= self.goal,
        }
    }

    fn observe(&self, state: &Count, observation: &mut [f32]) {
        observation.copy_from_slice(&[state.count as f32, self.goal as f32, state.noise]);
    }
}

impl TaskDistribution for Counting {
    type Task = Counter;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "counting".into(),
            observation: ObservationSpace::Vector { size: 3 },
            action: ActionSpace::Discrete { size: 10 },
            horizon: self.horizon,
            trial: self.trial,
        }
    }

    fn sample(&self, task: &mut Counter, rng: &mut Stream) {
        task.goal = rng.random_range(self.goals.clone());
    }

    fn known_task_optimum(&self, task: &Counter) -> Option<f64> {
        Some(f64::from(task.goal))
    }
}

/// Shows the action that it was given.
#[derive(Clone)]
struct Echo {
    action: ActionSpace,
}

#[derive(Default)]
struct EchoTask;

impl Environment for EchoTask {
    type State = [f32; 2];
    type Action = Continuous;

    fn reset(&self, state: &mut [f32; 2], _rng: &mut Stream) {
        *state = [9.0; 2];
    }

    fn step(&self, state: &mut [f32; 2], action: &[f32], _rng: &mut Stream) -> Step {
        state.copy_from_slice(action);
        Step::proceed(action[0] + action[1])
    }

    fn observe(&self, state: &[f32; 2], observation: &mut [f32]) {
        observation.copy_from_slice(state);
    }
}

impl TaskDistribution for Echo {
    type Task = EchoTask;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "echo".into(),
            observation: ObservationSpace::Vector { size: 2 },
            action: self.action.clone(),
            horizon: 100,
            trial: Trial::Episodes(1),
        }
    }

    fn sample(&self, _task: &mut EchoTask, _rng: &mut Stream) {}
}

/// What one step of a batch wrote; NaN where it wrote nothing.
#[derive(Clone, Debug)]
struct Rows {
    observation: Vec<f32>,
    reward: Vec<f32>,
    outcome: Vec<Outcome>,
    start: Vec<bool>,
    last: Vec<f32>,
}

fn step(env: &mut dyn VecEnv, actions: Actions<'_>) -> Rows {
    let (lanes, width) = (env.lanes(), env.spec().observation.width());
    let mut rows = Rows {
        observation: vec![f32::NAN; lanes * width],
        reward: vec![f32::NAN; lanes],
        outcome: vec![Outcome::Continue; lanes],
        start: vec![true; lanes],
        last: vec![f32::NAN; lanes * width],
    };
    let out = StepRows {
        observation: &mut rows.observation,
        reward: &mut rows.reward,
        outcome: &mut rows.outcome,
        start: &mut rows.start,
        final_observation: &mut rows.last,
    };
    env.step(actions, out);
    rows
}

fn begin(env: &mut dyn VecEnv, first_lane: u64) -> Vec<f32> {
    let mut observation = vec![f32::NAN; env.lanes() * env.spec().observation.width()];
    env.begin(&KEY, first_lane, &mut observation);
    observation
}

fn counting(goals: std::ops::Range<u32>, horizon: usize, episodes: usize) -> Tasks<Counting> {
    counting_in(goals, horizon, Trial::Episodes(episodes))
}

fn counting_in(goals: std::ops::Range<u32>, horizon: usize, trial: Trial) -> Tasks<Counting> {
    Tasks::new(Counting {
        goals,
        horizon,
        trial,
    })
    .unwrap()
}

/// (reward, outcome, start, count seen next, last count) of a single lane; the
/// last count is that of the final observation, if there is one.
type Seen = (f32, Outcome, bool, f32, Option<f32>);

fn seen(tasks: &Tasks<Counting>, actions: &[u32]) -> Vec<Seen> {
    let mut env = tasks.make(1);
    begin(env.as_mut(), 0);
    let step = |action: &u32| {
        let rows = step(env.as_mut(), Actions::Discrete(&[*action]));
        let last = (!rows.last[0].is_nan()).then_some(rows.last[0]);
        let (reward, outcome, start) = (rows.reward[0], rows.outcome[0], rows.start[0]);
        (reward, outcome, start, rows.observation[0], last)
    };
    actions.iter().map(step).collect()
}

use Outcome::{Continue, Terminated, Truncated};

#[test]
fn the_time_limit_truncates_and_resets_in_the_same_step() {
    let found = seen(&counting(100..101, 3, 2), &[1, 1, 1, 2, 2, 2]);
    let wanted = [
        (1.0, Continue, false, 1.0, None),
        (2.0, Continue, false, 2.0, None),
        (3.0, Truncated, false, 0.0, Some(3.0)),
        (2.0, Continue, false, 2.0, None),
        (4.0, Continue, false, 4.0, None),
        (6.0, Truncated, true, 0.0, Some(6.0)),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn termination_wins_over_the_time_limit_and_restarts_its_clock() {
    let found = seen(&counting(3..4, 3, 10), &[1, 1, 1, 3, 1, 1, 0]);
    let wanted = [
        (1.0, Continue, false, 1.0, None),
        (2.0, Continue, false, 2.0, None),
        (3.0, Terminated, false, 0.0, Some(3.0)),
        (3.0, Terminated, false, 0.0, Some(3.0)),
        (1.0, Continue, false, 1.0, None),
        (2.0, Continue, false, 2.0, None),
        (2.0, Truncated, false, 0.0, Some(2.0)),
    ];
    assert_eq!(found, wanted);
}

/// Episodes begin anew until the steps are spent, which truncate the last one,
/// unless it ends with them by itself.
#[test]
fn a_budget_of_steps_is_spent_on_as_many_episodes_as_fit() {
    let tasks = counting_in(3..4, 4, Trial::Steps(6));
    assert_eq!(
        (tasks.spec().trial_steps(), tasks.spec().most_episodes()),
        (6, 6)
    );
    let found = seen(&tasks, &[3, 0, 0, 0, 1, 1, 3, 3, 1, 1, 0, 1]);
    let wanted = [
        (3.0, Terminated, false, 0.0, Some(3.0)),
        (0.0, Continue, false, 0.0, None),
        (0.0, Continue, false, 0.0, None),
        (0.0, Continue, false, 0.0, None),
        (1.0, Truncated, false, 0.0, Some(1.0)),
        (1.0, Truncated, true, 0.0, Some(1.0)),
        (3.0, Terminated, false, 0.0, Some(3.0)),
        (3.0, Terminated, false, 0.0, Some(3.0)),
        (1.0, Continue, false, 1.0, None),
        (2.0, Continue, false, 2.0, None),
        (2.0, Continue, false, 2.0, None),
        (3.0, Terminated, true, 0.0, Some(3.0)),
    ];
    assert_eq!(found, wanted);
}

/// The goal in every row and whether a trial starts there.
fn goals(env: &mut dyn VecEnv, actions: impl IntoIterator<Item = u32>) -> Vec<(f32, bool)> {
    let mut goals = vec![(begin(env, 5)[1], true)];
    for action in actions {
        let rows = step(env, Actions::Discrete(&[action]));
        goals.push((rows.observation[1], rows.start[0]));
    }
    goals
}

#[test]
fn all_episodes_of_a_trial_are_in_one_task_and_the_next_trial_in_another() {
    let tasks = counting(100..1_000_000, 2, 3);
    let found = goals(tasks.make(1).as_mut(), [0; 20]);
    let mut stream = KEY.lane(Purpose::Task, 5);
    let mut goal = f32::NAN;
    for (t, (found, start)) in found.into_iter().enumerate() {
        assert_eq!(start, t % 6 == 0, "step {t}");
        if start {
            goal = stream.random_range(100..1_000_000) as f32;
        }
        assert_eq!(found, goal, "step {t}");
    }
}

#[test]
fn tasks_do_not_depend_on_actions() {
    let tasks = counting(3..1000, 4, 2);
    let tasks_met = |actions: [u32; 300]| {
        let rows = goals(tasks.make(1).as_mut(), actions);
        let starts = rows.into_iter().filter(|(_, start)| *start);
        starts.map(|(goal, _)| goal).take(30).collect::<Vec<_>>()
    };
    let patient = tasks_met([0; 300]);
    assert_eq!(patient.len(), 30);
    assert_eq!(tasks_met([9; 300]), patient);
    assert_eq!(tasks_met(std::array::from_fn(|t| t as u32 % 7)), patient);
}

/// Everything that a batch writes in 50 steps; lane l takes action
/// (l + t) mod 4 at step t, lanes being counted from `first_lane`.
fn history(env: &mut dyn VecEnv, first_lane: u64) -> Vec<Rows> {
    let observation = begin(env, first_lane);
    let lanes = env.lanes();
    let mut rows = vec![Rows {
        observation,
        reward: vec![0.0; lanes],
        outcome: vec![Outcome::Continue; lanes],
        start: vec![true; lanes],
        last: Vec::new(),
    }];
    for t in 0..50 {
        let action = |lane: usize| ((first_lane as usize + lane + t) % 4) as u32;
        let actions: Vec<_> = (0..lanes).map(action).collect();
        rows.push(step(env, Actions::Discrete(&actions)));
    }
    rows
}

/// As bits, since NaN marks what was not written.
fn bits(rows: &[Rows], lanes: std::ops::Range<usize>) -> Vec<u64> {
    let mut bits = Vec::new();
    for row in rows {
        for lane in lanes.clone() {
            let own = lane * 3..(lane + 1) * 3;
            let seen = row.observation[own.clone()].iter();
            let last = row.last.get(own).unwrap_or_default().iter();
            bits.extend(seen.chain(last).map(|number| u64::from(number.to_bits())));
            bits.push(u64::from(row.reward[lane].to_bits()));
            bits.push(row.outcome[lane] as u64);
            bits.push(u64::from(row.start[lane]));
        }
    }
    bits
}

#[test]
fn beginning_again_gives_the_same() {
    let mut env = counting(3..30, 4, 2).make(3);
    let first = history(env.as_mut(), 7);
    let second = history(env.as_mut(), 7);
    assert_eq!(bits(&first, 0..3), bits(&second, 0..3));
    let other = history(env.as_mut(), 8);
    assert_ne!(bits(&first, 0..3), bits(&other, 0..3));
}

#[test]
fn lanes_do_not_depend_on_how_they_are_grouped() {
    let tasks = counting(3..30, 4, 2);
    let whole = history(tasks.make(8).as_mut(), 20);
    let left = history(tasks.make(4).as_mut(), 20);
    let right = history(tasks.make(4).as_mut(), 24);
    assert_eq!(bits(&whole, 0..4), bits(&left, 0..4));
    assert_eq!(bits(&whole, 4..8), bits(&right, 0..4));
    assert_ne!(bits(&left, 0..4), bits(&right, 0..4));
}

#[test]
fn continuous_actions_are_clipped_to_the_box() {
    let tasks = Tasks::new(Echo {
        action: ActionSpace::Box {
            low: vec![-1.0, 0.0],
            high: vec![1.0, 5.0],
        },
    })
    .unwrap();
    let mut env = tasks.make(4);
    assert_eq!(begin(env.as_mut(), 0), [9.0; 8]);
    let row = [
        0.5,
        2.0,
        -3.0,
        7.0,
        f32::NAN,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
    ];
    let rows = step(
        env.as_mut(),
        Actions::Box {
            width: 2,
            row: &row,
        },
    );
    assert_eq!(rows.observation, [0.5, 2.0, -1.0, 5.0, -1.0, 0.0, 1.0, 0.0]);
    assert_eq!(rows.reward, [2.5, 4.0, -1.0, 1.0]);
}

#[test]
fn actions_of_the_other_kind_are_refused() {
    let error = Tasks::new(Echo {
        action: ActionSpace::Discrete { size: 3 },
    });
    let error = error.err().unwrap().to_string();
    for part in [
        "'echo'",
        "action = Discrete { size: 3 }",
        "type Action = Continuous",
    ] {
        assert!(error.contains(part), "{error}");
    }
    let error = Tasks::new(Counting {
        goals: 1..2,
        horizon: 0,
        trial: Trial::Episodes(1),
    });
    assert_eq!(error.err().unwrap().fault.key(), "horizon");
}

#[test]
#[should_panic(expected = "continuous actions given to a discrete environment")]
fn a_row_of_the_other_kind_is_an_error_of_the_caller() {
    let mut env = counting(3..4, 4, 1).make(1);
    begin(env.as_mut(), 0);
    let row = [0.0];
    step(
        env.as_mut(),
        Actions::Box {
            width: 1,
            row: &row,
        },
    );
}

#[test]
fn the_place_is_that_of_the_lane_last_at_work() {
    let mut env = counting(100..101, 2, 2).make(3);
    begin(env.as_mut(), 40);
    let place = |env: &dyn VecEnv| {
        let place = env.place();
        (place.lane, place.trial, place.episode, place.step)
    };
    assert_eq!(place(env.as_ref()), (42, 0, 0, 0));
    let wanted = [(42, 0, 0, 1), (42, 0, 1, 0), (42, 0, 1, 1), (42, 1, 0, 0)];
    for wanted in wanted {
        step(env.as_mut(), Actions::Discrete(&[0; 3]));
        assert_eq!(place(env.as_ref()), wanted);
    }
    assert_eq!(env.known_task_optimum(1), Some(100.0));
}
