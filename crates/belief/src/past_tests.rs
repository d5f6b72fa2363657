//! Trials as they are kept and recalled.

use super::*;
use agent::Input;
use kernels::Observations;
use rl_core::rand::RngExt as _;
use rl_core::{
    ActRow, ActionsMut, Continuous, Domain, EnvFactory, EnvSpec, Environment, Policy,
    PolicyFactory, Step, Stream, StreamKey, TaskDistribution, Tasks, Trial,
};
use rollout::Tile;
use std::sync::Arc;

fn shape() -> Shape {
    let spec = EnvSpec {
        name: "toy".into(),
        observation: ObservationSpace::Discrete { size: 4 },
        action: ActionSpace::Discrete { size: 2 },
        horizon: 2,
        trial: Trial::Episodes(1),
    };
    Shape::new(&spec, 0)
}

fn lived(lanes: usize) -> Trajectory {
    let spec = EnvSpec {
        name: "toy".into(),
        observation: ObservationSpace::Discrete { size: 4 },
        action: ActionSpace::Discrete { size: 2 },
        horizon: 2,
        trial: Trial::Episodes(1),
    };
    let mut trajectory = Trajectory::new(&spec, lanes, 2);
    trajectory.begin().fill(1.0);
    for t in 0..2 {
        let (_, rows) = trajectory.stepping(t);
        rows.observation.fill(2.0 - 2.0 * t as f32);
        rows.final_observation.fill(3.0);
        rows.reward.fill(0.5 + t as f32);
        rows.start.fill(t == 1);
        let outcome = [Outcome::Continue, Outcome::Truncated][t];
        rows.outcome.fill(outcome);
        trajectory.stepped(t);
    }
    trajectory
}

/// What follows a cut is the observation that it was cut at, and not the next trial's.
#[test]
fn a_trial_is_kept_as_it_was_lived() {
    let mut past = Past::new(shape(), 3, 9);
    past.push([lived(2)].iter());
    assert_eq!((past.len(), past.length(1)), (2, 2));
    // There is room for the third one already, and for no more.
    assert_eq!(past.trials.capacity(), 3 * past.shape.trial());
    // Before, after, done, paid, outcome, known.
    assert_eq!(past.trials[..6], [1.0, 2.0, 0.0, 0.5, 0.0, 1.0]);
    assert_eq!(past.trials[6..12], [2.0, 3.0, 0.0, 1.5, 2.0, 1.0]);
    let mut query = [0.0; 8];
    let of = [Queries::Observation, Queries::NextObservation];
    ask(&past.shape, &of, &past.trials[6..12], &mut query);
    assert_eq!(query, [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
}

/// Also where an update overwrites what it wrote itself.
#[test]
fn what_was_pushed_is_taken_back() {
    for lanes in [1, 2, 5] {
        for before in 0..4 {
            let mut past = Past::new(shape(), 3, 9);
            (0..before).for_each(|_| drop(past.push([lived(1)].iter())));
            past.trials.iter_mut().for_each(|x| *x += 10.0);
            let (next, trials) = (past.next, past.trials.clone());
            let undo = past.push([lived(lanes)].iter());
            assert_eq!(past.len(), (before + lanes).min(3));
            past.undo(undo);
            assert_eq!(
                (past.next, &past.trials),
                (next, &trials),
                "{lanes} {before}"
            );
        }
    }
}

/// Of an update's tiles together, and not of each.
#[test]
fn an_update_adds_no_more_than_is_kept_of_it() {
    let mut past = Past::new(shape(), 9, 3);
    let tiles = [lived(2), lived(2)];
    past.push(tiles.iter());
    assert_eq!(past.len(), 3);
    let before = past.trials.clone();
    let undo = past.push(tiles.iter());
    assert_eq!(past.len(), 6);
    past.undo(undo);
    assert_eq!((past.next, &past.trials), (3, &before));
}

#[test]
fn a_saved_past_goes_on_and_another_is_refused() {
    let mut past = Past::new(shape(), 3, 9);
    past.push([lived(2)].iter());
    let tree = past.state();
    let again = Past::new(shape(), 3, 9).restored(tree.clone()).unwrap();
    assert_eq!((again.next, &again.trials), (past.next, &past.trials));
    let why = Past::new(shape(), 1, 9).restored(tree).unwrap_err();
    assert!(why.to_string().contains("holds 2 trials"), "{why}");
}

#[test]
fn a_past_that_nobody_lived_is_refused() {
    let mut past = Past::new(shape(), 3, 9);
    past.push([lived(2)].iter());
    let size = past.shape.trial();
    // Of the second trial: length, symbols before and after, action, outcome, reward.
    for (place, number, word) in [
        (size - 1, 3.0, "length is 3"),
        (size - 1, 0.0, "length is 0"),
        (size - 1, 1.5, "length is 1.5"),
        (size - 1, f32::NAN, "length is NaN"),
        (0, 4.0, "observation is 4"),
        (1, -1.0, "observation is -1"),
        (2, 2.0, "action is 2"),
        (4, 3.0, "outcome is 3"),
        (3, f32::INFINITY, "finite"),
    ] {
        let mut hostile = past.clone();
        hostile.trials[size + place] = number;
        let why = past.restored(hostile.state()).unwrap_err().to_string();
        assert!(why.contains("trial 1") && why.contains(word), "{why}");
    }
    for (next, fits) in [(0, false), (1, false), (2, true), (3, false)] {
        let hostile = Past {
            next,
            ..past.clone()
        };
        assert_eq!(past.restored(hostile.state()).is_ok(), fits, "{next}");
    }
}

/// Two episodes of three steps on a line, which end early beyond its edge.
struct Line;

#[derive(Default)]
struct Walk;

impl Environment for Walk {
    type State = f32;
    type Action = Continuous;

    fn reset(&self, state: &mut f32, rng: &mut Stream) {
        *state = rng.random();
    }

    fn step(&self, state: &mut f32, action: &[f32], _: &mut Stream) -> Step {
        *state += 0.5 * action[0] + 0.1 * action[1];
        match state.abs() > 1.5 {
            true => Step::terminal(-1.0),
            false => Step::proceed(*state),
        }
    }

    fn observe(&self, state: &f32, observation: &mut [f32]) {
        observation.copy_from_slice(&[*state, 1.0 - *state]);
    }
}

impl TaskDistribution for Line {
    type Task = Walk;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: "line".into(),
            observation: ObservationSpace::Vector { size: 2 },
            action: ActionSpace::Box {
                low: vec![-2.0; 2],
                high: vec![2.0; 2],
            },
            horizon: 3,
            trial: Trial::Episodes(2),
        }
    }

    fn sample(&self, _: &mut Walk, _: &mut Stream) {}
}

/// Asks for more than the box holds, half of the time.
struct Wild;

impl PolicyFactory for Wild {
    fn name(&self) -> String {
        "wild".into()
    }

    fn make(&self, _: &EnvSpec, _: usize) -> Result<Box<dyn Policy>, String> {
        Ok(Box::new(Self))
    }
}

impl Policy for Wild {
    fn act(&mut self, _: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let ActionsMut::Box { width, row } = out.action else {
            unreachable!("actions are of a box")
        };
        for (action, stream) in row.chunks_exact_mut(width).zip(streams) {
            action.fill_with(|| stream.random_range(-4.0..4.0));
        }
    }
}

/// Rows of observations, of what is told and of the action before.
fn dense<'a>(of: &kernels::Inputs<'a>) -> &'a [f32] {
    match of.observations {
        Observations::Dense(rows) => rows,
        _ => unreachable!("numbers are observed"),
    }
}

/// The encoder reads of a recalled trial what the agent read while it lived it: also where
/// something is told beside what is observed, where actions are of a box and asked for beyond
/// it, and of a lane whose trial ended before the others.
#[test]
fn a_trial_is_recalled_as_it_was_lived() {
    const LANES: usize = 16;
    let told = [&Input::USUAL[..], &[Input::TimeLeft, Input::Arrival]].concat();
    let env: Arc<dyn EnvFactory> = Arc::new(Tasks::new(Line).unwrap());
    let env = agent::telling(env, &told).unwrap();
    assert_eq!(env.told(), 4);
    let inputs = Inputs::new(env.as_ref(), &told);
    let mut tile = Tile::new(env.as_ref(), LANES, 0, 6);
    let key = StreamKey::new(0, Domain::Training, 0);
    tile.collect(&Wild, &key).unwrap();
    let lived = tile.trajectory();
    assert!(lived.lengths().iter().any(|length| *length < lived.steps()));
    assert!(lived.outcomes().contains(&Outcome::Truncated));
    let mut rows = InputRows::default();
    (0..lived.steps()).for_each(|t| rows.push(&inputs, &lived.row(t)));

    let mut past = Past::new(Shape::new(env.spec(), env.told()), LANES, LANES);
    past.push([lived].into_iter());
    let which: Vec<usize> = (0..LANES).rev().collect();
    let mut recalled = Recalled::default();
    past.recall(&which, &inputs, &mut recalled);
    let (own, again) = (rows.inputs(), recalled.rows.inputs());
    let width = inputs.seen_size() + inputs.action_size();
    for (place, &lane) in which.iter().enumerate() {
        assert_eq!(recalled.lengths[place], lived.lengths()[lane]);
        for t in 0..recalled.lengths[place] {
            let (at, to) = (t * LANES + lane, t * LANES + place);
            let before = &dense(&own)[at * width..(at + 1) * width];
            let after = &dense(&again)[to * width..(to + 1) * width];
            assert_eq!(before, after, "step {t} of lane {lane}");
            let numbers = |of: &kernels::Inputs<'_>, at: usize| {
                (of.prev_reward[at], of.boundary[at], of.reset[at])
            };
            assert_eq!(numbers(&own, at), numbers(&again, to), "step {t} of {lane}");
        }
    }
}

/// What was done, not what was asked for: the box is all that an environment takes.
#[test]
fn decoders_are_asked_by_what_was_done() {
    let shape = Shape::new(&Line.spec(), 0);
    // Before, after, asked for, paid, outcome, known.
    let step = [0.0, 0.0, 0.0, 0.0, 5.0, -0.5, 0.0, 0.0, 1.0];
    let mut query = [0.0; 2];
    ask(&shape, &[Queries::Action], &step, &mut query);
    assert_eq!(query, [1.0, -0.25]);
}
