//! An empty room with a goal in its far corner.

use crate::drawing::{Sketch, middle};
use crate::grid::Cell;
use crate::view::{BORDER, TILES, ahead, look};
use rl_core::TaskDistribution;
use rl_core::{
    ActRow, ActionSpace, Actions, Discrete, EnvSpec, Environment, EnvironmentEntry, Exact,
    ExactValues, Outcome, Trial, into_advantages,
};
use rl_core::{
    Episode, Ink, ObservationSpace, Picture, Policy, PolicyFactory, Row, Setting, SpecError, Step,
    Stream,
};
use std::sync::Arc;

/// An empty square room: the agent begins every episode in the upper left
/// corner, looking to the right, and the goal is in the lower right one. There
/// is only one task; the environment is here to be fast, and to be compared
/// with others like it.
///
/// # Observations
/// What the agent sees of the room, `[7][7][2]`: the tile's kind (1 outside the
/// room, 3 floor, 4 wall, 8 goal) and its colour (1 outside, 9 black floor, 8
/// grey wall, 4 green goal), numbered as in XLand-MiniGrid. The view is turned
/// so that the agent looks up from the middle of its last row, and walls hide
/// nothing.
///
/// # Actions
/// 0 to go forward, 1 to turn right, 2 to turn left; 3 to 5 (pick up, put down
/// and toggle) do nothing where there is nothing. Walls stop the agent.
///
/// # Reward
/// 1 − 0.9 t / horizon for reaching the goal with step t (from 1), which ends
/// the episode; else 0.
///
/// # Reference
/// `MiniGrid-Empty-8x8` of XLand-MiniGrid (Nikulin et al. 2023), after MiniGrid
/// (Chevalier-Boisvert et al. 2023): size 8, horizon 4 × 8².
#[derive(Clone, Debug)]
pub struct EmptyGrid {
    size: usize,
    horizon: usize,
    episodes: usize,
    room: Arc<Room>,
}

/// Kind and colour of each tile.
const OUTSIDE: [f32; 2] = [1.0, 1.0];
const FLOOR: [f32; 2] = [3.0, 9.0];
const WALL: [f32; 2] = [4.0, 8.0];
const GOAL: [f32; 2] = [8.0, 4.0];

const NAME: &str = "empty-grid";
const ACTIONS: usize = 6;
/// Numbers of an observation: two for each tile in view.
const WIDTH: usize = 2 * TILES;

/// The room, worked out for every pose: a free cell, row by row, and one of
/// the headings 0 up, 1 right, 2 down, 3 left.
#[derive(Debug, Default)]
struct Room {
    /// What is seen. `[poses]`
    views: Vec<[f32; WIDTH]>,
    /// The pose that each action leads to. `[poses]`
    next: Vec<[u16; ACTIONS]>,
    /// Poses from here on are on the goal, which is the last cell.
    goal: u16,
    horizon: f32,
}

/// Facing right in the first cell.
const START: u16 = 1;

impl Room {
    fn new(size: usize, horizon: usize) -> Self {
        let (inside, stride) = (size - 2, size + 2 * BORDER);
        let mut map = vec![OUTSIDE; stride * stride];
        let place = |row: usize, column: usize| (row + BORDER) * stride + column + BORDER;
        for row in 0..size {
            map[place(row, 0)..=place(row, size - 1)].fill(WALL);
        }
        for row in 1..=inside {
            map[place(row, 1)..=place(row, inside)].fill(FLOOR);
        }
        map[place(inside, inside)] = GOAL;
        let (mut views, mut next) = (Vec::new(), Vec::new());
        for pose in 0..4 * inside * inside {
            let (cell, heading) = (pose / 4, pose % 4);
            let at = place(cell / inside + 1, cell % inside + 1);
            let mut view = [0.0; WIDTH];
            look(at, heading as u32, stride, |tile, from| {
                view[2 * tile..2 * tile + 2].copy_from_slice(&map[from]);
            });
            let to = at.wrapping_add_signed(ahead(heading as u32, stride));
            let forward = match map[to] == WALL {
                true => pose as isize,
                false => pose as isize + 4 * ahead(heading as u32, inside),
            };
            let turned = |by: usize| 4 * cell + (heading + by) % 4;
            let moves = [forward as usize, turned(1), turned(3), pose, pose, pose];
            views.push(view);
            next.push(moves.map(|pose| pose as u16));
        }
        Self {
            goal: (views.len() - 4) as u16,
            views,
            next,
            horizon: horizon as f32,
        }
    }

    /// Steps of the shortest path from each pose to the goal. `[poses]`
    fn distances(&self) -> Vec<u32> {
        let mut distances = vec![u32::MAX; self.next.len()];
        distances[usize::from(self.goal)..].fill(0);
        // As long as some pose is found nearer by way of the next one.
        loop {
            let mut nearer = false;
            // From the goal on, which is last.
            for (pose, next) in self.next.iter().enumerate().rev() {
                let shortest = next.iter().map(|next| distances[usize::from(*next)]).min();
                let by_way = shortest.map_or(u32::MAX, |steps| steps.saturating_add(1));
                if by_way < distances[pose] {
                    distances[pose] = by_way;
                    nearer = true;
                }
            }
            if !nearer {
                return distances;
            }
        }
    }

    /// What reaching the goal with a step of the episode earns, from 1.
    fn reward(&self, step: u32) -> f64 {
        let (step, horizon) = (f64::from(step), f64::from(self.horizon));
        match step <= horizon {
            true => 1.0 - 0.9 * step / horizon,
            false => 0.0,
        }
    }

    /// Free cells along one side.
    fn inside(&self) -> u32 {
        (self.next.len() / 4).isqrt() as u32
    }

    /// The cell of a pose in a picture, whose rows are counted from below.
    fn cell(&self, pose: u16) -> Cell {
        let (cell, inside) = (u32::from(pose) / 4, self.inside());
        Cell {
            x: cell % inside + 1,
            y: inside - cell / inside,
        }
    }
}

impl EmptyGrid {
    /// Cells along a side, walls included.
    pub const SIZE: Setting =
        Setting::count("size", 8, 4..=32, "cells along a side, walls included");
    /// Steps of an episode.
    pub const HORIZON: Setting = crate::horizon(256);
    /// Episodes of a trial.
    pub const EPISODES: Setting = crate::episodes(1);

    /// Rooms of this [`SIZE`](Self::SIZE), and trials of so many
    /// [`EPISODES`](Self::EPISODES) of at most [`HORIZON`](Self::HORIZON) steps.
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(size: usize, horizon: usize, episodes: usize) -> Result<Self, SpecError> {
        Self::SIZE.check(NAME, size)?;
        Self::HORIZON.check(NAME, horizon)?;
        Self::EPISODES.check(NAME, episodes)?;
        Ok(Self {
            size,
            horizon,
            episodes,
            room: Arc::new(Room::new(size, horizon)),
        })
    }

    /// These rooms by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "walk to the far corner of an empty room, with a 7×7 view";
        EnvironmentEntry::new(NAME, summary, |set| {
            let (horizon, episodes) = (set.count("horizon")?, set.count("episodes")?);
            Ok(Self::new(set.count("size")?, horizon, episodes)?)
        })
        .setting(Self::SIZE)
        .setting(Self::HORIZON)
        .setting(Self::EPISODES)
    }

    /// Along one wall, a turn, and along the next.
    fn optimum(&self) -> f64 {
        let steps = 2 * (self.size - 3) + 1;
        self.episodes as f64 * self.room.reward(steps as u32)
    }

    /// What random actions earn, from the last step back over all poses.
    fn random(&self) -> f64 {
        let poses = self.room.next.len();
        let mut later = vec![0.0; poses];
        let mut values = later.clone();
        for step in (1..=self.horizon).rev() {
            let reward = self.room.reward(step as u32);
            for (value, next) in values.iter_mut().zip(&self.room.next) {
                let worth = next.map(|pose| match pose >= self.room.goal {
                    true => reward,
                    false => later[usize::from(pose)],
                });
                *value = worth.iter().sum::<f64>() / ACTIONS as f64;
            }
            std::mem::swap(&mut later, &mut values);
        }
        self.episodes as f64 * later[usize::from(START)]
    }
}

/// The one task.
#[derive(Clone, Debug, Default)]
pub struct EmptyRoom {
    room: Arc<Room>,
}

/// Where the agent is in an [`EmptyRoom`], and since how many steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pose {
    pose: u16,
    steps: u32,
}

impl Pose {
    const START: Self = Self {
        pose: START,
        steps: 0,
    };
}

impl Environment for EmptyRoom {
    type State = Pose;
    type Action = Discrete;

    fn reset(&self, state: &mut Pose, _rng: &mut Stream) {
        *state = Pose::START;
    }

    #[inline]
    fn step(&self, state: &mut Pose, action: &u32, _rng: &mut Stream) -> Step {
        let room = self.room.as_ref();
        state.steps += 1;
        state.pose = room.next[usize::from(state.pose)][*action as usize];
        match state.pose >= room.goal {
            true => Step::terminal(1.0 - 0.9 * state.steps as f32 / room.horizon),
            false => Step::proceed(0.0),
        }
    }

    #[inline]
    fn observe(&self, state: &Pose, observation: &mut [f32]) {
        observation.copy_from_slice(&self.room.views[usize::from(state.pose)]);
    }

    fn position(&self, state: &Pose) -> [f32; 2] {
        middle(self.room.cell(state.pose))
    }

    fn draw(&self, episode: Option<&Episode>) -> Option<Picture> {
        let inside = self.room.inside();
        let mut sketch = Sketch::walls(inside as f32 + 2.0);
        for y in 1..=inside {
            sketch.cells(Cell { x: 1, y }, inside, Ink::Ground);
        }
        sketch.cells(self.room.cell(START), 1, Ink::Start);
        sketch.cells(self.room.cell(self.room.goal), 1, Ink::Goal);
        let caption = "Green: the goal. Grey: the start. Dark: the wall. The agent sees 7 by 7 \
                       tiles before it.";
        Some(sketch.finish(NAME, caption, episode))
    }
}

impl TaskDistribution for EmptyGrid {
    type Task = EmptyRoom;

    fn spec(&self) -> EnvSpec {
        EnvSpec {
            name: NAME.into(),
            observation: ObservationSpace::Vector { size: WIDTH },
            action: ActionSpace::Discrete { size: ACTIONS },
            horizon: self.horizon,
            trial: Trial::Episodes(self.episodes),
        }
    }

    fn sample(&self, task: &mut EmptyRoom, _rng: &mut Stream) {
        self.select(task, 0);
    }

    fn tasks(&self) -> Option<u64> {
        Some(1)
    }

    fn select(&self, task: &mut EmptyRoom, _number: u64) {
        // All threads would count the room's users in one cache line.
        if !Arc::ptr_eq(&task.room, &self.room) {
            task.room = Arc::clone(&self.room);
        }
    }

    fn known_task_optimum(&self, _task: &EmptyRoom) -> Option<f64> {
        Some(self.optimum())
    }

    /// There is one task, so that an agent that does not know it is none the
    /// worse for that. Random: from the last step back over all poses.
    fn exact_values(&self) -> ExactValues {
        ExactValues {
            bayes_optimal: Exact::value(self.optimum()),
            known_task_optimum: Exact::value(self.optimum()),
            random: Exact::value(self.random()),
            ..ExactValues::default()
        }
    }

    /// Takes the shortest path.
    fn bayes_optimal_policy(&self) -> Result<Box<dyn PolicyFactory>, String> {
        Ok(Box::new(ShortestPath {
            spec: self.spec(),
            room: Arc::clone(&self.room),
            distances: self.room.distances().into(),
        }))
    }
}

/// Makes policies that take the shortest path.
struct ShortestPath {
    spec: EnvSpec,
    room: Arc<Room>,
    distances: Arc<[u32]>, // [poses]
}

impl PolicyFactory for ShortestPath {
    fn name(&self) -> String {
        "bayes-optimal".into()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        self.spec.check_solved(spec)?;
        Ok(Box::new(Walking {
            distances: Arc::clone(&self.distances),
            room: Arc::clone(&self.room),
            poses: vec![Pose::default(); lanes],
        }))
    }

    fn bytes(&self, _spec: &EnvSpec, lanes: usize) -> f64 {
        (lanes * size_of::<Pose>()) as f64
    }
}

/// One of them at work: it counts its steps to know where it is.
struct Walking {
    room: Arc<Room>,
    distances: Arc<[u32]>, // [poses]
    poses: Vec<Pose>,      // [lanes]
}

impl Walking {
    /// What an action earns if the shortest path follows it.
    fn value(&self, at: Pose, action: usize) -> f64 {
        let next = self.room.next[usize::from(at.pose)][action];
        let last = at.steps + 1 + self.distances[usize::from(next)];
        self.room.reward(last)
    }
}

impl Policy for Walking {
    fn act(&mut self, row: &Row<'_>, _streams: &mut [Stream], out: ActRow<'_>) {
        let (Actions::Discrete(previous), Some(actions)) =
            (row.previous_action, out.action.discrete())
        else {
            return; // `make` has refused continuous actions.
        };
        for (lane, action) in actions.iter_mut().enumerate() {
            let mut at = self.poses[lane];
            if row.start[lane] || row.previous_outcome[lane] != Outcome::Continue {
                at = Pose::START;
            } else {
                at.pose = self.room.next[usize::from(at.pose)][previous[lane] as usize];
                at.steps += 1;
            }
            self.poses[lane] = at;
            let best = (0..ACTIONS)
                .rev()
                .max_by(|a, b| self.value(at, *a).total_cmp(&self.value(at, *b)));
            *action = best.unwrap_or(0) as u32;
        }
    }

    /// Episodes have nothing to do with each other.
    fn advantages(&mut self, advantages: &mut [f64]) -> bool {
        for (at, values) in self.poses.iter().zip(advantages.chunks_exact_mut(ACTIONS)) {
            for (action, value) in values.iter_mut().enumerate() {
                *value = self.value(*at, action);
            }
            into_advantages(values);
        }
        true
    }
}

#[cfg(test)]
#[path = "empty_grid_tests.rs"]
mod tests;
