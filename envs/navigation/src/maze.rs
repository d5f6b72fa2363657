//! Mazes with a hidden goal.

use crate::behaviour::steps_to_the_goal;
use crate::drawing::{Sketch, middle};
use crate::estimate;
use crate::known_goal::known_goal;
use crate::labyrinth::{Labyrinth, Search, Tile, Walker};
use crate::maze_planner::MazePlanner;
use crate::view::{BORDER, TILES, look};
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Analysis, Discrete, EnvSpec, Environment, EnvironmentEntry, Exact, ExactValues,
    ObservationSpace, Trial,
};
use rl_core::{
    Episode, Ink, Picture, PolicyFactory, Setting, SpecError, Step, Stream, TaskDistribution,
};

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

/// Tiles that may be searched to estimate the known-task optimum: a second of
/// one core, or ten where a thousand mazes have more.
const SEARCHED_TILES: usize = 50_000_000;

impl Maze {
    /// Cells along a side, odd.
    pub const SIZE: Setting = Setting::count("size", 9, 5..=255, "cells along a side, odd");
    /// Steps of an episode.
    pub const HORIZON: Setting = crate::horizon(100);
    /// Episodes of a trial.
    pub const EPISODES: Setting = crate::episodes(2);

    /// Mazes of this [`SIZE`](Self::SIZE), and trials of so many
    /// [`EPISODES`](Self::EPISODES) of at most [`HORIZON`](Self::HORIZON) steps.
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(size: usize, horizon: usize, episodes: usize) -> Result<Self, SpecError> {
        Self::SIZE.check(NAME, size)?;
        if size.is_multiple_of(2) {
            let allowed = format!("{}, odd", Self::SIZE.allowed());
            return Err(SpecError::new(NAME, "size", size, &allowed));
        }
        Self::HORIZON.check(NAME, horizon)?;
        Self::EPISODES.check(NAME, episodes)?;
        Ok(Self {
            size,
            horizon,
            episodes,
        })
    }

    /// These mazes by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "find the goal of a random maze from a 7×7 view";
        EnvironmentEntry::revealable(NAME, summary, |set| {
            let (horizon, episodes) = (set.count("horizon")?, set.count("episodes")?);
            Ok(Self::new(set.count("size")?, horizon, episodes)?)
        })
        .setting(Self::SIZE)
        .setting(Self::HORIZON)
        .setting(Self::EPISODES)
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

    fn position(&self, state: &Walker) -> [f32; 2] {
        middle(self.cell(state.at))
    }

    fn draw(&self, episode: Option<&Episode>) -> Option<Picture> {
        let size = self.size();
        let mut sketch = Sketch::walls(size as f32);
        for row in 0..size {
            let first = (row + BORDER) * self.stride + BORDER;
            let tiles = &self.tiles[first..first + size];
            let mut column = 0;
            for run in tiles.chunk_by(|a, b| (*a == Tile::Wall) == (*b == Tile::Wall)) {
                if run[0] != Tile::Wall {
                    sketch.cells(self.cell(first + column), run.len() as u32, Ink::Ground);
                }
                column += run.len();
            }
        }
        sketch.cells(self.cell(self.start.at), 1, Ink::Start);
        sketch.cells(self.cell(self.goal), 1, Ink::Goal);
        let caption = "Green: the goal. Grey: the start. Dark: walls. The agent sees 7 by 7 tiles \
                       before it.";
        Some(sketch.finish(NAME, caption, episode))
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
            trial: Trial::Episodes(self.episodes),
        }
    }

    /// The map with its border, and the way that the walk took.
    fn task_bytes(&self) -> f64 {
        let (stride, rooms) = (self.size + 2 * BORDER, (self.size - 1) / 2);
        (stride * stride * size_of::<Tile>() + 4 * rooms * rooms) as f64
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

    /// Row by row whether each tile is a wall, then row and column of the goal
    /// and of the start, each divided by the last one, then the heading at the
    /// start as a one-hot vector (up, right, down, left).
    fn description_size(&self) -> usize {
        self.size * self.size + 8
    }

    fn describe(&self, task: &Labyrinth, description: &mut [f32]) {
        task.write(description);
    }

    /// A shortest way in every episode.
    fn known_task_optimum(&self, task: &Labyrinth) -> Option<f64> {
        let steps = task
            .shortest(&mut Search::default())
            .map(<[u8]>::len)
            .filter(|steps| *steps <= self.horizon);
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
            ..ExactValues::default()
        }
    }

    fn learners(&self) -> Vec<Box<dyn PolicyFactory>> {
        vec![known_goal(self, MazePlanner::new(self.size))]
    }

    fn analyses(&self) -> Vec<Analysis> {
        steps_to_the_goal(self.episodes).into_iter().collect()
    }
}

#[cfg(test)]
#[path = "maze_tests.rs"]
mod tests;
