//! Mazes with a hidden goal.

use crate::estimate;
use crate::limits::{EPISODES, HORIZON, Limit};
use crate::view::{BORDER, TILES, ahead, look};
use rl_core::rand::RngExt as _;
use rl_core::{ActionSpace, Discrete, EnvSpec, Environment, Exact, ExactValues, ObservationSpace};
use rl_core::{SpecError, Step, Stream, TaskDistribution};

/// Mazes, drawn anew for every task together with the place and heading that
/// every episode begins with, and with the goal. A maze is perfect: between
/// any two places there is exactly one way.
///
/// A maze of size n has rooms at the ((n − 1) / 2)² odd coordinates and walls
/// between them, which a depth-first walk in random directions breaks through
/// from a random room on. Start and goal are different rooms, all equally
/// likely.
///
/// # Observations
/// What the agent sees of the maze, `[7][7][2]`: for each tile whether it is a
/// wall (or outside the maze), and whether it is the goal, as 0 or 1. The view
/// is turned so that the agent looks up from the middle of its last row, and
/// walls hide nothing.
///
/// # Actions
/// 0 to go forward, 1 to turn right, 2 to turn left. Walls stop the agent.
///
/// # Reward
/// 1 − 0.9 t / horizon for reaching the goal with step t (from 1), which ends
/// the episode; else 0.
///
/// # Reference
/// The mazes of Duan et al. 2016 ("RL²", section 3.3) and Mishra et al. 2018
/// ("SNAIL", section 5.2.4), seen through the window and paid with the reward
/// of MiniGrid (Chevalier-Boisvert et al. 2023).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maze {
    size: usize,
    horizon: usize,
    episodes: usize,
}

const NAME: &str = "maze";
const SIZE: Limit = Limit {
    field: "size",
    least: 5,
    most: 255,
    allowed: "odd numbers from 5 to 255",
};

/// Tiles that may be searched to estimate the known-task optimum: a second of
/// one core, or ten where a thousand mazes have more.
const SEARCHED_TILES: usize = 50_000_000;

impl Maze {
    /// Mazes of `size` by `size` tiles (odd, 5 to 255), and trials of
    /// `episodes` episodes (1 to 4,000) of at most `horizon` steps (1 to
    /// 1,000,000).
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(size: usize, horizon: usize, episodes: usize) -> Result<Self, SpecError> {
        SIZE.check(NAME, size)?;
        if size.is_multiple_of(2) {
            return Err(SIZE.refuse(NAME, size));
        }
        HORIZON.check(NAME, horizon)?;
        EPISODES.check(NAME, episodes)?;
        Ok(Self {
            size,
            horizon,
            episodes,
        })
    }
}

/// One task: a maze, where its episodes begin and where its goal is.
#[derive(Clone, Debug, Default)]
pub struct Labyrinth {
    /// The map, with a border of walls. `[stride][stride]`
    tiles: Vec<Tile>,
    stride: usize,
    start: Walker,
    goal: usize,
    horizon: f32,
    /// The rooms on the way to where the walk that makes the maze is.
    way: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tile {
    Floor,
    Wall,
    Goal,
}

/// Where the agent is in a [`Labyrinth`], and since how many steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walker {
    at: usize,
    heading: u32,
    steps: u32,
}

impl Labyrinth {
    /// The place of a room, by its number row by row.
    fn room(&self, number: usize) -> usize {
        let rooms = (self.stride - 2 * BORDER - 1) / 2;
        let (row, column) = (number / rooms, number % rooms);
        (2 * row + 1 + BORDER) * self.stride + 2 * column + 1 + BORDER
    }

    /// Walks from a room to neighbours that have never been entered, in random
    /// directions, and back where there is none, until all rooms are part of
    /// the maze.
    fn dig(&mut self, size: usize, rng: &mut Stream) {
        self.stride = size + 2 * BORDER;
        self.tiles.clear();
        self.tiles.resize(self.stride * self.stride, Tile::Wall);
        let rooms = (size - 1) / 2;
        let inside = BORDER..BORDER + size;
        let first = self.room(rng.random_range(0..rooms * rooms));
        self.tiles[first] = Tile::Floor;
        self.way.clear();
        self.way.reserve(rooms * rooms);
        self.way.push(first as u32);
        while let Some(&room) = self.way.last() {
            let room = room as usize;
            let mut ways = [0; 4];
            let mut count = 0;
            for heading in 0..4 {
                let to = room.wrapping_add_signed(2 * ahead(heading, self.stride));
                let within =
                    inside.contains(&(to / self.stride)) && inside.contains(&(to % self.stride));
                if within && self.tiles[to] == Tile::Wall {
                    ways[count] = heading;
                    count += 1;
                }
            }
            if count == 0 {
                self.way.pop();
                continue;
            }
            let step = ahead(ways[rng.random_range(0..count)], self.stride);
            let to = room.wrapping_add_signed(2 * step);
            self.tiles[room.wrapping_add_signed(step)] = Tile::Floor;
            self.tiles[to] = Tile::Floor;
            self.way.push(to as u32);
        }
    }

    /// Where an action leads; against a wall, nowhere.
    #[inline]
    fn moved(&self, at: usize, heading: u32, action: u32) -> (usize, u32) {
        match action {
            0 => match at.wrapping_add_signed(ahead(heading, self.stride)) {
                to if self.tiles[to] == Tile::Wall => (at, heading),
                to => (to, heading),
            },
            1 => (at, (heading + 1) % 4),
            _ => (at, (heading + 3) % 4),
        }
    }

    /// The fewest actions from the start to the goal, by breadth-first search
    /// over places and headings.
    fn shortest(&self) -> Option<usize> {
        let pose = |at: usize, heading: u32| 4 * at + heading as usize;
        let mut seen = vec![false; 4 * self.tiles.len()];
        seen[pose(self.start.at, self.start.heading)] = true;
        let mut frontier = vec![(self.start.at, self.start.heading)];
        let mut next = Vec::new();
        let mut steps = 0;
        while !frontier.is_empty() {
            steps += 1;
            for &(at, heading) in &frontier {
                for action in 0..3 {
                    let (at, heading) = self.moved(at, heading, action);
                    if at == self.goal {
                        return Some(steps);
                    }
                    if !std::mem::replace(&mut seen[pose(at, heading)], true) {
                        next.push((at, heading));
                    }
                }
            }
            frontier.clear();
            std::mem::swap(&mut frontier, &mut next);
        }
        None
    }
}

impl Environment for Labyrinth {
    type State = Walker;
    type Action = Discrete;

    fn reset(&self, state: &mut Walker, _rng: &mut Stream) {
        *state = self.start;
    }

    #[inline]
    fn step(&self, state: &mut Walker, action: &u32, _rng: &mut Stream) -> Step {
        (state.at, state.heading) = self.moved(state.at, state.heading, *action);
        state.steps += 1;
        match state.at == self.goal {
            true => Step::terminal(1.0 - 0.9 * state.steps as f32 / self.horizon),
            false => Step::proceed(0.0),
        }
    }

    #[inline]
    fn observe(&self, state: &Walker, observation: &mut [f32]) {
        let (seen, _) = observation.as_chunks_mut();
        look(state.at, state.heading, self.stride, |place, from| {
            seen[place] = match self.tiles[from] {
                Tile::Floor => [0.0, 0.0],
                Tile::Wall => [1.0, 0.0],
                Tile::Goal => [0.0, 1.0],
            };
        });
    }
}

impl TaskDistribution for Maze {
    type Task = Labyrinth;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: NAME.into(),
            observation: ObservationSpace::Vector { size: 2 * TILES },
            action: ActionSpace::Discrete { size: 3 },
            horizon: self.horizon,
            episodes: self.episodes,
        }
    }

    fn sample(&self, task: &mut Labyrinth, rng: &mut Stream) {
        task.dig(self.size, rng);
        let rooms = ((self.size - 1) / 2).pow(2);
        let start = rng.random_range(0..rooms);
        let other = rng.random_range(0..rooms - 1);
        task.goal = task.room(other + usize::from(other >= start));
        task.tiles[task.goal] = Tile::Goal;
        task.start = Walker {
            at: task.room(start),
            heading: rng.random_range(0..4),
            steps: 0,
        };
        task.horizon = self.horizon as f32;
    }

    /// A shortest way in every episode.
    fn known_task_optimum(&self, task: &Labyrinth) -> Option<f64> {
        let steps = task.shortest().filter(|steps| *steps <= self.horizon);
        let reward = |steps| 1.0 - 0.9 * steps as f64 / self.horizon as f64;
        Some(self.episodes as f64 * steps.map_or(0.0, reward))
    }

    /// Known task and random: estimates from sampled mazes.
    fn exact_values(&self) -> ExactValues {
        let samples = (SEARCHED_TILES / self.size.pow(2)).clamp(1_000, 100_000);
        ExactValues {
            bayes_optimal: Exact::unknown(
                "what can be believed about a maze after a few steps is out of the reach of \
                 dynamic programming at any size",
            ),
            known_task_optimum: estimate::known_task_optimum(self, samples as u64),
            random: estimate::random(self),
        }
    }
}

#[cfg(test)]
#[path = "maze_tests.rs"]
mod tests;
