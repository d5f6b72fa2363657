//! Navigation: worlds in which an agent looks for a place that it does not
//! know, each in one file beside its exact solution.
//!
//! This crate must not know of any network, thread or file, nor of learners
//! other than those that only make sense in one of its worlds.

mod behaviour;
mod dark_key_door;
mod dark_key_door_belief;
mod dark_key_door_policies;
mod drawing;
mod empty_grid;
mod estimate;
mod grid;
mod gridnavi;
mod gridnavi_belief;
mod gridnavi_oracle;
mod gridnavi_policies;
mod gridnavi_tasks;
mod known_goal;
mod labyrinth;
mod maze;
mod maze_planner;
mod point_corners;
mod point_navigation;
mod view;

use rl_core::{EnvironmentEntry, Setting};

pub use dark_key_door::{DarkKeyDoor, DarkRoom, Seeking};
pub use empty_grid::{EmptyGrid, EmptyRoom, Pose};
pub use grid::Cell;
pub use gridnavi::{GridNavi, HiddenGoal};
pub use gridnavi_policies::{ExhaustiveSearch, PosteriorSampling};
pub use labyrinth::{Labyrinth, Walker};
pub use maze::Maze;
pub use point_corners::{CornerGoal, PointCorners};
pub use point_navigation::{PointGoal, PointNavigation};

/// All of them, by name.
pub fn all() -> Vec<EnvironmentEntry> {
    vec![
        GridNavi::entry(),
        DarkKeyDoor::entry(),
        Maze::entry(),
        EmptyGrid::entry(),
        PointNavigation::entry(),
        PointCorners::entry(),
    ]
}

const fn horizon(default: usize) -> Setting {
    Setting::count("horizon", default, 1..=1_000_000, "steps of an episode")
}

/// With the longest horizon, 4,000 of them are the most that a trial's steps can
/// be counted for.
const fn episodes(default: usize) -> Setting {
    Setting::count("episodes", default, 1..=4000, "episodes of a trial")
}
