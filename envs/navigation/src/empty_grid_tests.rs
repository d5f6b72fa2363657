use super::*;
use rl_core::{Domain, Purpose, StreamKey};

fn rng() -> Stream {
    StreamKey::new(1, Domain::Training, 0).lane(Purpose::Task, 0)
}

fn task(grid: &EmptyGrid) -> EmptyRoom {
    let mut task = EmptyRoom::default();
    grid.sample(&mut task, &mut rng());
    task
}

/// The goal's tile, the walls and everything else by their definition.
fn tile(size: i64, row: i64, column: i64) -> [f32; 2] {
    let outside = |at: i64| at < 0 || at >= size;
    let wall = |at: i64| at == 0 || at == size - 1;
    if outside(row) || outside(column) {
        [1.0, 1.0]
    } else if wall(row) || wall(column) {
        [4.0, 8.0]
    } else if (row, column) == (size - 2, size - 2) {
        [8.0, 4.0]
    } else {
        [3.0, 9.0]
    }
}

/// Each tile by asking where it lies: so many steps ahead, so many to the
/// right.
#[test]
fn views_by_a_slow_renderer() {
    for size in [4_i64, 5, 8, 13] {
        let room = Room::new(size as usize, 100);
        let inside = size - 2;
        assert_eq!(room.views.len() as i64, 4 * inside * inside);
        for (pose, view) in room.views.iter().enumerate() {
            let (cell, heading) = (pose as i64 / 4, pose % 4);
            let (row, column) = (cell / inside + 1, cell % inside + 1);
            let (ahead, right) = [
                ((-1, 0), (0, 1)),
                ((0, 1), (1, 0)),
                ((1, 0), (0, -1)),
                ((0, -1), (-1, 0)),
            ][heading];
            for (index, seen) in view.chunks_exact(2).enumerate() {
                let (far, aside) = (6 - index as i64 / 7, index as i64 % 7 - 3);
                let wanted = tile(
                    size,
                    row + far * ahead.0 + aside * right.0,
                    column + far * ahead.1 + aside * right.1,
                );
                assert_eq!(seen, wanted, "{size}: tile {index} of pose {pose}");
            }
        }
    }
}

/// At the published size: the wall on the left side is two columns away, since
/// the agent looks along it; the far wall is six tiles ahead.
#[test]
fn the_first_view_by_hand() {
    let grid = EmptyGrid::new(8, 256, 1).unwrap();
    let (task, mut state) = (task(&grid), Pose::default());
    task.reset(&mut state, &mut rng());
    let mut view = [0.0; WIDTH];
    task.observe(&state, &mut view);
    let kinds: Vec<u32> = view.iter().step_by(2).map(|kind| *kind as u32).collect();
    let ahead = [1, 1, 4, 3, 3, 3, 3];
    for row in 1..7 {
        assert_eq!(kinds[7 * row..7 * row + 7], ahead, "row {row}");
    }
    assert_eq!(kinds[..7], [1, 1, 4, 4, 4, 4, 4][..], "the wall ahead");
    let colours: Vec<u32> = view.iter().skip(1).step_by(2).map(|c| *c as u32).collect();
    for (kind, colour) in kinds.into_iter().zip(colours) {
        assert_eq!([1, 0, 9, 8][kind as usize - 1], colour);
    }
}

#[test]
fn actions_by_hand() {
    let grid = EmptyGrid::new(4, 10, 1).unwrap();
    let (task, mut state) = (task(&grid), Pose::default());
    task.reset(&mut state, &mut rng());
    // Cells 0 1 / 2 3, headings up right down left; the goal is cell 3.
    let path = [
        (3, 1), // Nothing to pick up, put down or toggle.
        (4, 1),
        (5, 1),
        (2, 0), // To the left: up.
        (0, 0), // The wall stops the agent.
        (1, 1),
        (0, 5),
        (1, 6),
    ];
    for (action, pose) in path {
        let step = task.step(&mut state, &action, &mut rng());
        assert_eq!((state.pose, step), (pose, Step::proceed(0.0)));
    }
    let step = task.step(&mut state, &0, &mut rng());
    assert!(step.terminated);
    assert!((step.reward - (1.0 - 0.9 * 9.0 / 10.0)).abs() < 1e-6);
}

/// The fewest actions by breadth-first search over the poses.
#[test]
fn the_optimum_is_the_shortest_path() {
    for size in [4, 5, 8, 20] {
        let room = Room::new(size, 100);
        let mut seen = vec![false; room.next.len()];
        let (mut frontier, mut steps) = (vec![START], 0);
        while !frontier.iter().any(|pose| *pose >= room.goal) {
            frontier = frontier
                .iter()
                .flat_map(|pose| room.next[usize::from(*pose)])
                .filter(|pose| !std::mem::replace(&mut seen[usize::from(*pose)], true))
                .collect();
            steps += 1;
        }
        let optimum = |horizon| EmptyGrid::new(size, horizon, 3).unwrap().optimum();
        let wanted = 3.0 * (1.0 - 0.9 * f64::from(steps) / 100.0);
        assert!((optimum(100) - wanted).abs() < 1e-12);
        assert!((optimum(steps as usize) - 3.0 * 0.1).abs() < 1e-12);
        assert_eq!(optimum(steps as usize - 1), 0.0);
    }
}

/// With four actions in the smallest room: every sequence of them.
#[test]
fn the_random_return_by_all_sequences() {
    let grid = EmptyGrid::new(4, 5, 2).unwrap();
    let (task, mut total) = (task(&grid), 0.0);
    for code in 0..6_u32.pow(5) {
        let mut state = Pose::default();
        task.reset(&mut state, &mut rng());
        for step in 0..5 {
            let step = task.step(&mut state, &(code / 6_u32.pow(step) % 6), &mut rng());
            total += f64::from(step.reward);
            if step.terminated {
                break;
            }
        }
    }
    let wanted = 2.0 * total / f64::from(6_u32.pow(5));
    assert!((grid.random() - wanted).abs() < 1e-6);
}

/// Beside all sequences of actions from every pose and step.
#[test]
fn actions_are_worth_what_the_best_sequence_after_them_earns() {
    let (size, horizon) = (4, 5);
    let grid = EmptyGrid::new(size, horizon, 1).unwrap();
    let room = &grid.room;
    let walking = Walking {
        distances: room.distances().into(),
        room: Arc::clone(room),
        poses: Vec::new(),
    };
    /// The most that can be earned from here on.
    fn most(room: &Room, at: Pose, horizon: u32) -> f64 {
        if at.pose >= room.goal {
            return room.reward(at.steps);
        }
        let next = |pose: &u16| Pose {
            pose: *pose,
            steps: at.steps + 1,
        };
        match at.steps < horizon {
            true => room.next[usize::from(at.pose)]
                .iter()
                .map(|pose| most(room, next(pose), horizon))
                .fold(0.0, f64::max),
            false => 0.0,
        }
    }
    let (mut worths, mut nothing) = (0, 0);
    for pose in 0..room.goal {
        for steps in 0..horizon as u32 {
            for action in 0..ACTIONS {
                let next = Pose {
                    pose: room.next[usize::from(pose)][action],
                    steps: steps + 1,
                };
                let wanted = most(room, next, horizon as u32);
                let found = walking.value(Pose { pose, steps }, action);
                assert!((found - wanted).abs() < 1e-12, "{pose}, {steps}, {action}");
                worths += usize::from(wanted > 0.0);
                nothing += usize::from(wanted == 0.0);
            }
        }
    }
    assert!(worths > 50 && nothing > 50, "{worths}, {nothing}");
}
