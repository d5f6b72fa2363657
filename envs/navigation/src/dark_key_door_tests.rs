use super::*;
use rl_core::{
    Actions, Domain, EnvFactory, Outcome, Purpose, Random, Rollout, StreamKey, Tasks, Telling,
};

fn rng() -> Stream {
    StreamKey::new(1, Domain::Training, 0).lane(Purpose::Task, 0)
}

fn room(size: u32, start: u32, key: u32, door: u32) -> DarkRoom {
    DarkRoom {
        size,
        start: Cell::of(start, size),
        key: Cell::of(key, size),
        door: Cell::of(door, size),
        horizon: 50,
        shows_key_and_time: false,
        reset_steps: false,
    }
}

/// All tasks of a size.
fn rooms(size: u32) -> impl Iterator<Item = DarkRoom> {
    let cells = size * size;
    let all = 0..cells * cells * cells;
    all.map(move |code| {
        room(
            size,
            code % cells,
            code / cells % cells,
            code / cells / cells,
        )
    })
}

/// Rewards of a sequence of actions, up to the end of the episode.
fn rewards(task: &DarkRoom, actions: impl IntoIterator<Item = u32>) -> Vec<f32> {
    let mut state = Seeking::default();
    task.reset(&mut state, &mut rng());
    let mut rewards = Vec::new();
    for action in actions {
        let step = task.step(&mut state, &action, &mut rng());
        rewards.push(step.reward);
        if step.terminated {
            break;
        }
    }
    rewards
}

/// The door pays nothing before the key, the key only once, and the door ends
/// the episode.
#[test]
fn episodes_by_hand() {
    // Start and key in the corners of the lowest row, the door between them.
    let task = room(3, 0, 2, 1);
    assert_eq!(rewards(&task, [2, 2, 0, 4, 0]), [0.0, 1.0, 0.0, 1.0]);
    // All in one cell: a step takes the key, another goes through the door.
    let task = room(3, 4, 4, 4);
    assert_eq!(rewards(&task, [0, 0, 0]), [1.0, 1.0]);
    assert_eq!(rewards(&task, [1, 3, 0]), [0.0, 1.0, 1.0]);
    // The door where the episode begins.
    let task = room(2, 0, 3, 0);
    assert_eq!(rewards(&task, [0, 2, 1, 4, 3]), [0.0, 0.0, 1.0, 0.0, 1.0]);
}

/// The most that any sequence of actions earns, and the mean over all of them.
#[test]
fn values_by_all_sequences() {
    for (size, horizon) in [(2, 1), (2, 2), (2, 4), (2, 5), (3, 4)] {
        let dark = DarkKeyDoor::new(size as usize, horizon, 3).unwrap();
        let (mut total, mut tasks) = (0.0, 0.0);
        for task in rooms(size).step_by(if size == 3 { 7 } else { 1 }) {
            let mut best = 0.0_f64;
            for code in 0..5_u32.pow(horizon as u32) {
                let actions = (0..horizon as u32).map(|t| code / 5_u32.pow(t) % 5);
                let earned: f32 = rewards(&task, actions).iter().sum();
                best = best.max(f64::from(earned));
                total += f64::from(earned) / 5_f64.powi(horizon as i32);
            }
            assert_eq!(dark.known_task_optimum(&task), Some(3.0 * best), "{task:?}");
            tasks += 1.0;
        }
        if size == 2 {
            let (found, wanted) = (dark.random(3).unwrap(), 3.0 * total / tasks);
            assert!((found - wanted).abs() < 1e-9, "{found}, not {wanted}");
        }
    }
}

/// The most that any sequence of actions earns with a budget of steps, where a new
/// beginning is free and where it takes a step.
#[test]
fn the_known_task_optimum_of_a_budget_by_all_sequences() {
    let earned = |task: &DarkRoom, actions: &[u32], horizon| {
        let (mut state, mut total, mut clock) = (Seeking::default(), 0.0, 0);
        task.reset(&mut state, &mut rng());
        for action in actions {
            let step = task.step(&mut state, action, &mut rng());
            total += step.reward;
            clock += 1;
            if step.terminated || clock == horizon {
                task.reset(&mut state, &mut rng());
                clock = 0;
            }
        }
        f64::from(total)
    };
    for (horizon, steps, reset_steps) in [
        (1, 3, false),
        (2, 5, false),
        (3, 5, false),
        (5, 6, false),
        (1, 4, true),
        (2, 6, true),
        (4, 6, true),
    ] {
        let dark = DarkKeyDoor::new(2, horizon, 1).unwrap();
        let mut dark = dark.with_steps(steps).unwrap();
        if reset_steps {
            dark = dark.with_reset_steps();
        }
        let limit = dark.spec().horizon;
        assert_eq!(limit, horizon + usize::from(reset_steps));
        for task in rooms(2) {
            let task = DarkRoom {
                horizon: horizon as u32,
                reset_steps,
                ..task
            };
            let mut best = 0.0_f64;
            for code in 0..5_u32.pow(steps as u32) {
                let actions: Vec<u32> =
                    (0..steps as u32).map(|t| code / 5_u32.pow(t) % 5).collect();
                best = best.max(earned(&task, &actions, limit));
            }
            let found = dark.known_task_optimum(&task);
            assert_eq!(
                found,
                Some(best),
                "{task:?}, horizon {horizon}, {steps} steps"
            );
        }
    }
}

/// Who goes through the door, or has no time left, stays where it is for the step
/// that begins anew.
#[test]
fn a_reset_step_does_nothing() {
    let task = DarkRoom {
        horizon: 3,
        reset_steps: true,
        ..room(3, 0, 1, 2)
    };
    assert_eq!(rewards(&task, [2, 2, 4, 4]), [1.0, 1.0, 0.0]);
    assert_eq!(rewards(&task, [0, 0, 2, 2, 2]), [0.0, 0.0, 1.0, 0.0]);
    let mut state = Seeking::default();
    task.reset(&mut state, &mut rng());
    for action in [0, 0, 2] {
        assert!(!task.step(&mut state, &action, &mut rng()).terminated);
    }
    let at = state.at;
    assert!(task.step(&mut state, &2, &mut rng()).terminated);
    assert_eq!(state.at, at);
}

/// AMAGO's form: the mean over all tasks of the doors that fit into 500 steps, each
/// of which takes a key before.
#[test]
fn the_known_task_optimum_of_amagos_form() {
    let amago = DarkKeyDoor::new(8, 50, 1).unwrap();
    let amago = amago.with_steps(500).unwrap().with_reset_steps();
    let optima = rooms(8).filter_map(|task| amago.known_task_optimum(&task));
    let doors: f64 = optima.map(|rewards| (rewards / 2.0).floor()).sum();
    assert_eq!((doors / 64_f64.powi(3) * 100.0).round(), 4916.0);
}

#[test]
fn the_known_task_optimum_of_the_published_size() {
    let values = DarkKeyDoor::new(9, 50, 10).unwrap().exact_values();
    assert_eq!(values.known_task_optimum, Exact::value(20.0));
    // With too little time for some tasks, the mean over all of them.
    let dark = DarkKeyDoor::new(3, 4, 2).unwrap();
    let sum: f64 = rooms(3)
        .filter_map(|task| dark.known_task_optimum(&task))
        .sum();
    let wanted = sum / 729.0;
    let Exact::Estimated {
        value,
        standard_error,
        ..
    } = dark.exact_values().known_task_optimum
    else {
        panic!("an estimate");
    };
    assert!(standard_error > 0.0 && standard_error < 0.01);
    assert!(
        (value - wanted).abs() < 4.0 * standard_error,
        "{value}, not {wanted}"
    );
}

/// Start, key and door are anywhere, apart from each other.
#[test]
fn tasks_are_drawn_evenly() {
    let dark = DarkKeyDoor::new(2, 10, 1).unwrap();
    let (mut counts, mut stream) = ([0; 64], rng());
    let mut task = DarkRoom::default();
    for _ in 0..64_000 {
        dark.sample(&mut task, &mut stream);
        let index = |cell: Cell| cell.index(2) as usize;
        counts[index(task.start) + 4 * index(task.key) + 16 * index(task.door)] += 1;
    }
    // 1,000 are expected, with a standard deviation of 31.
    assert!(
        counts.iter().all(|count| (870..1_130).contains(count)),
        "{counts:?}"
    );
}

/// As AMAGO shows it: the cell as two shares of the size, the key, the time.
#[test]
fn key_and_time_are_shown_where_that_is_asked_for() {
    let task = DarkRoom {
        shows_key_and_time: true,
        ..room(4, 0, 1, 5)
    };
    let mut state = Seeking::default();
    task.reset(&mut state, &mut rng());
    let mut seen = [f32::NAN; 4];
    for (action, wanted) in [
        (0, [0.0, 0.0, 0.0, 0.02]),
        (2, [0.25, 0.0, 1.0, 0.04]),
        (2, [0.5, 0.0, 1.0, 0.06]),
        (1, [0.5, 0.25, 1.0, 0.08]),
    ] {
        task.step(&mut state, &action, &mut rng());
        task.observe(&state, &mut seen);
        assert_eq!(seen, wanted);
        assert_eq!(cell_shown(&seen, 4), state.at);
    }
    let spec = DarkKeyDoor::new(4, 50, 2)
        .unwrap()
        .with_key_and_time()
        .spec();
    assert_eq!(spec.observation, ObservationSpace::Vector { size: 4 });
}

/// The pairs of key and door that would have paid as the trial did, all alike: every pair
/// is lived beside it. Told are the chances of each cell, and whether there is a key.
fn check_belief(distribution: DarkKeyDoor) {
    const LANES: usize = 30;
    let (size, cells) = (distribution.size, distribution.size.pow(2) as usize);
    let env: Arc<dyn EnvFactory> = Arc::new(Tasks::new(distribution.clone()).unwrap());
    let statistics = env.statistics().unwrap();
    let env = Telling::new(env, vec![statistics]);
    assert_eq!(env.told(), 2 * cells + 1);
    // Episodes that end early leave room for another trial: nothing is remembered of the
    // first.
    let steps = env.spec().trial_steps();
    let mut rollout = Rollout::new(env.make(LANES), steps);
    rollout.begin(&StreamKey::new(1, Domain::HeldOut, 0), 0);
    rollout.play(&mut Random::policy(env.spec()));
    let trajectory = rollout.into_trajectory();
    let width = env.spec().observation.width();
    // Rows in which both, one or neither are known, and those with the key.
    let (mut known, mut held) = ([0; 3], 0);
    for lane in 0..LANES {
        let mut lived: Vec<(DarkRoom, Seeking)> = Vec::new();
        for t in 0..steps {
            let row = trajectory.row(t);
            if row.start[lane] {
                let seen = &row.observation[lane * width..(lane + 1) * width];
                let start = match distribution.shows_key_and_time {
                    true => cell_shown(seen, size),
                    false => Cell::of(seen[0] as u32, size),
                };
                let first = start.index(size) * size.pow(4);
                let rooms = (0..size.pow(4)).map(|pair| {
                    let mut room = DarkRoom::default();
                    distribution.select(&mut room, u64::from(first + pair));
                    room
                });
                lived = rooms.map(|room| (room, Seeking::default())).collect();
                lived
                    .iter_mut()
                    .for_each(|(room, state)| room.reset(state, &mut rng()));
            } else if let Actions::Discrete(actions) = row.previous_action {
                lived.retain_mut(|(room, state)| {
                    let step = room.step(state, &actions[lane], &mut rng());
                    let ended = row.previous_outcome[lane];
                    if ended != Outcome::Continue {
                        room.reset(state, &mut rng());
                    }
                    let terminated = ended == Outcome::Terminated;
                    step.reward == row.previous_reward[lane] && step.terminated == terminated
                });
            }
            let told = &row.told[lane * (2 * cells + 1)..(lane + 1) * (2 * cells + 1)];
            let mut wanted = vec![0.0; 2 * cells];
            for (room, _) in &lived {
                wanted[room.key.index(size) as usize] += 1.0 / lived.len() as f32;
                wanted[cells + room.door.index(size) as usize] += 1.0 / lived.len() as f32;
            }
            for (told, wanted) in told.iter().zip(&wanted) {
                assert!((told - wanted).abs() < 1e-5, "{told}, {wanted}");
            }
            let has_key = lived[0].1.has_key;
            assert!(lived.iter().all(|(_, state)| state.has_key == has_key));
            assert_eq!(told[2 * cells], f32::from(u8::from(has_key)));
            known[wanted.iter().filter(|chance| **chance > 0.999).count()] += 1;
            held += usize::from(has_key);
        }
    }
    assert!(
        known.iter().all(|rows| *rows > 20) && held > 20,
        "{known:?}, {held}"
    );
}

#[test]
fn the_belief_is_that_of_bayes_rule() {
    let dark = || DarkKeyDoor::new(3, 9, 4).unwrap();
    check_belief(dark());
    check_belief(dark().with_key_and_time());
    check_belief(dark().with_reset_steps());
    check_belief(dark().with_steps(40).unwrap());
    check_belief(
        dark()
            .with_steps(40)
            .unwrap()
            .with_reset_steps()
            .with_key_and_time(),
    );
}
