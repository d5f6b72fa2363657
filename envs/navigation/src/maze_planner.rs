//! The planner that is shown its maze.

use crate::known_goal::{Move, Planner, Seen};
use crate::labyrinth::{Labyrinth, Search};

/// Goes a shortest way, searched when the task is new.
#[derive(Clone)]
pub(crate) struct MazePlanner {
    size: usize,
    maze: Labyrinth,
    search: Search,
    way: Vec<u8>,
}

impl MazePlanner {
    /// For mazes of `size` by `size` tiles. All that it needs is made here.
    pub(crate) fn new(size: usize) -> Self {
        let (mut maze, mut search) = (Labyrinth::default(), Search::default());
        maze.wall_up(size);
        let poses = 4 * maze.tiles.len();
        search.fit(poses);
        Self {
            size,
            maze,
            search,
            way: vec![STAY; poses],
        }
    }
}

/// What stands for no action.
const STAY: u8 = u8::MAX;

impl Planner for MazePlanner {
    fn act(&mut self, seen: &Seen<'_>) -> Move {
        if seen.new_task {
            self.maze.read(self.size, seen.task);
            let way = self.maze.shortest(&mut self.search).unwrap_or_default();
            self.way.fill(STAY);
            self.way[..way.len()].copy_from_slice(way);
        }
        let action = self.way.get(seen.step).filter(|action| **action != STAY);
        Move::Index(action.copied().map_or(0, u32::from))
    }
}
