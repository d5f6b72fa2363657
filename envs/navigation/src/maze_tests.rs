use super::*;
use crate::view::ahead;
use rl_core::{Domain, Purpose, StreamKey};

fn mazes(size: usize, count: u64) -> impl Iterator<Item = Labyrinth> {
    let key = StreamKey::new(3, Domain::Training, 0);
    let maze = Maze::new(size, 100, 2).unwrap();
    (0..count).map(move |number| {
        let mut task = Labyrinth::default();
        maze.sample(&mut task, &mut key.lane(Purpose::Task, number));
        task
    })
}

fn free(task: &Labyrinth) -> Vec<usize> {
    let places = 0..task.tiles.len();
    places.filter(|at| task.tiles[*at] != Tile::Wall).collect()
}

/// As many free tiles as a tree of the rooms has nodes and edges, all of them
/// connected, and nothing free in the border.
#[test]
fn mazes_are_perfect() {
    for size in [5, 7, 15, 31] {
        for task in mazes(size, 30) {
            let rooms = ((size - 1) / 2).pow(2);
            let free = free(&task);
            assert_eq!(free.len(), 2 * rooms - 1);
            let inside = BORDER + 1..BORDER + size - 1;
            for at in &free {
                assert!(inside.contains(&(at / task.stride)));
                assert!(inside.contains(&(at % task.stride)));
            }
            let (mut seen, mut open) = (vec![false; task.tiles.len()], vec![free[0]]);
            while let Some(at) = open.pop() {
                if task.tiles[at] != Tile::Wall && !std::mem::replace(&mut seen[at], true) {
                    open.extend([at - 1, at + 1, at - task.stride, at + task.stride]);
                }
            }
            assert!(free.iter().all(|at| seen[*at]));
            for number in 0..rooms {
                assert!(task.tiles[task.room(number)] != Tile::Wall);
            }
        }
    }
}

/// Four rooms make a ring, which lacks one of its four passages, each as often
/// as the others; goal and start are any two rooms, and all headings occur.
#[test]
fn small_mazes_are_drawn_evenly() {
    let (mut missing, mut starts, mut goals) = ([0; 4], [0; 4], [0; 4]);
    let mut headings = [0; 4];
    for task in mazes(5, 8_000) {
        let centre = (2 + BORDER) * task.stride + 2 + BORDER;
        let passages = [
            centre - task.stride,
            centre + 1,
            centre + task.stride,
            centre - 1,
        ];
        let wall = passages.map(|at| task.tiles[at] == Tile::Wall);
        assert_eq!(wall.iter().filter(|wall| **wall).count(), 1);
        missing[wall.iter().position(|wall| *wall).unwrap()] += 1;
        let room = |at: usize| (0..4).find(|number| task.room(*number) == at).unwrap();
        assert_ne!(task.start.at, task.goal);
        starts[room(task.start.at)] += 1;
        goals[room(task.goal)] += 1;
        headings[task.start.heading as usize] += 1;
    }
    for count in [missing, starts, goals, headings].concat() {
        // 2,000 are expected, with a standard deviation of 39.
        assert!((1_840..2_160).contains(&count), "{count}");
    }
}

/// Each tile by asking where it lies: so many steps ahead, so many to the
/// right; outside of the maze there are walls.
#[test]
fn views_by_a_slow_renderer() {
    let size = 9;
    for task in mazes(size, 5) {
        let at = |row: i64, column: i64| match (usize::try_from(row), usize::try_from(column)) {
            (Ok(row), Ok(column)) if row < size && column < size => {
                task.tiles[(row + BORDER) * task.stride + column + BORDER]
            }
            _ => Tile::Wall,
        };
        for place in free(&task) {
            let (row, column) = (place / task.stride - BORDER, place % task.stride - BORDER);
            let mut state = Walker {
                at: place,
                ..Walker::default()
            };
            for heading in 0..4 {
                state.heading = heading;
                let mut view = [9.0; 2 * TILES];
                task.observe(&state, &mut view);
                let (ahead, right) = [
                    ((-1, 0), (0, 1)),
                    ((0, 1), (1, 0)),
                    ((1, 0), (0, -1)),
                    ((0, -1), (-1, 0)),
                ][heading as usize];
                for (index, seen) in view.chunks_exact(2).enumerate() {
                    let (far, aside) = (6 - index as i64 / 7, index as i64 % 7 - 3);
                    let tile = at(
                        row as i64 + far * ahead.0 + aside * right.0,
                        column as i64 + far * ahead.1 + aside * right.1,
                    );
                    let wanted = match tile {
                        Tile::Floor => [0.0, 0.0],
                        Tile::Wall => [1.0, 0.0],
                        Tile::Goal => [0.0, 1.0],
                    };
                    assert_eq!(seen, wanted, "tile {index}");
                }
            }
        }
    }
}

/// The way through the tree of rooms, by walking along the left wall and
/// leaving out all ways there and back; then its steps and turns are counted.
#[test]
fn the_shortest_way_is_the_only_one() {
    for task in mazes(11, 100) {
        let mut way = vec![task.start.at];
        let mut heading = 0;
        while way.last() != Some(&task.goal) {
            let here = *way.last().unwrap();
            heading = (heading + 3) % 4;
            while task.tiles[here.wrapping_add_signed(ahead(heading, task.stride))] == Tile::Wall {
                heading = (heading + 1) % 4;
            }
            let to = here.wrapping_add_signed(ahead(heading, task.stride));
            match way.iter().position(|at| *at == to) {
                Some(before) => way.truncate(before + 1),
                None => way.push(to),
            }
        }
        let (mut heading, mut steps) = (task.start.heading, 0);
        for pair in way.windows(2) {
            let wanted = (0..4)
                .find(|h| pair[0].wrapping_add_signed(ahead(*h, task.stride)) == pair[1])
                .unwrap();
            let turns = (wanted + 4 - heading) % 4;
            steps += 1 + turns.min(4 - turns) as usize;
            heading = wanted;
        }
        assert_eq!(
            task.shortest(&mut Search::default()).map(<[u8]>::len),
            Some(steps)
        );
        let optimum = |horizon| Maze::new(11, horizon, 3).unwrap().known_task_optimum(&task);
        let wanted = 3.0 * (1.0 - 0.9 * steps as f64 / 200.0);
        assert!((optimum(200).unwrap() - wanted).abs() < 1e-12);
        assert_eq!(optimum(steps - 1), Some(0.0));
    }
}

#[test]
fn actions_by_hand() {
    let stride = 5 + 2 * BORDER;
    let place = |row: usize, column: usize| (row + BORDER) * stride + column + BORDER;
    let mut task = Labyrinth {
        tiles: vec![Tile::Wall; stride * stride],
        stride,
        start: Walker {
            at: place(1, 1),
            heading: 0,
            steps: 0,
        },
        goal: place(1, 3),
        horizon: 10.0,
        way: Vec::new(),
    };
    for column in 1..=3 {
        task.tiles[place(1, column)] = Tile::Floor;
    }
    task.tiles[task.goal] = Tile::Goal;
    let mut rng = StreamKey::new(0, Domain::Training, 0).lane(Purpose::Task, 0);
    let mut state = Walker::default();
    task.reset(&mut state, &mut rng);
    // Against the wall, once around to the left, right, and two steps.
    for action in [0, 2, 2, 2, 2, 1, 0] {
        let step = task.step(&mut state, &action, &mut rng);
        assert_eq!(step, Step::proceed(0.0));
    }
    assert_eq!((state.at, state.heading), (place(1, 2), 1));
    let step = task.step(&mut state, &0, &mut rng);
    assert!(step.terminated && (step.reward - (1.0 - 0.9 * 0.8)).abs() < 1e-6);
    assert_eq!(task.shortest(&mut Search::default()), Some(&[1, 0, 0][..]));
}
