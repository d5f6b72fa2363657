//! The planner that is shown its maze.

use crate::known_goal::{Move, Planner, Seen};
use crate::labyrinth::Labyrinth;

/// Goes a shortest way, searched when the task is new.
#[derive(Clone)]
pub(crate) struct MazePlanner {
    size: usize,
    way: Vec<u8>,
}

impl MazePlanner {
    /// For mazes of `size` by `size` tiles.
    pub(crate) fn new(size: usize) -> Self {
        let way = Vec::new();
        Self { size, way }
    }
}

impl Planner for MazePlanner {
    fn act(&mut self, seen: &Seen<'_>) -> Move {
        if seen.new_task {
            let mut maze = Labyrinth::default();
            maze.read(self.size, seen.task);
            self.way = maze.shortest().unwrap_or_default();
        }
        Move::Index(self.way.get(seen.step).copied().map_or(0, u32::from))
    }
}
