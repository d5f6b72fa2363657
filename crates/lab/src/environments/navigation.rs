//! Navigation.

use super::{EPISODES, HORIZON, text, times};
use crate::registry::EnvironmentEntry;
use navigation::{DarkKeyDoor, EmptyGrid, GridNavi, Maze, PointCorners, PointNavigation};
use rl_core::SpecError;

/// All of them.
pub(super) fn all() -> Vec<EnvironmentEntry> {
    vec![
        grid(
            "gridnavi",
            "find the hidden goal of a grid (VariBAD)",
            GridNavi::new,
        )
        .count("size", 5, 3..=1000, "cells along a side")
        .count("horizon", 15, 1..=1_000_000, HORIZON)
        .count("episodes", 4, 1..=4000, EPISODES),
        dark_key_door(),
        grid(
            "maze",
            "find the goal of a random maze from a 7×7 view",
            Maze::new,
        )
        .count("size", 9, 5..=255, "cells along a side, odd")
        .count("horizon", 100, 1..=1_000_000, HORIZON)
        .count("episodes", 2, 1..=4000, EPISODES),
        EnvironmentEntry::new(
            "empty-grid",
            "walk to the far corner of an empty room, with a 7×7 view",
            |s| {
                let (horizon, episodes) = times(s)?;
                EmptyGrid::new(s.count("size")?, horizon, episodes).map_err(text)
            },
        )
        .count("size", 8, 4..=32, "cells along a side, walls included")
        .count("horizon", 256, 1..=1_000_000, HORIZON)
        .count("episodes", 1, 1..=4000, EPISODES),
        EnvironmentEntry::revealable(
            "point-navigation",
            "move a point to a hidden goal in the plane (Finn et al. 2017)",
            |s| {
                let (horizon, episodes) = times(s)?;
                PointNavigation::new(horizon, episodes).map_err(text)
            },
        )
        .count("horizon", 100, 1..=1_000_000, HORIZON)
        .count("episodes", 1, 1..=4000, EPISODES),
        EnvironmentEntry::revealable(
            "point-corners",
            "move a point to the rewarded corner, sparse (Rothfuss et al. 2019)",
            |s| {
                let (horizon, episodes) = times(s)?;
                PointCorners::new(horizon, episodes).map_err(text)
            },
        )
        .count("horizon", 100, 1..=1_000_000, HORIZON)
        .count("episodes", 1, 1..=4000, EPISODES),
    ]
}

fn dark_key_door() -> EnvironmentEntry {
    EnvironmentEntry::revealable(
        "dark-key-door",
        "find the key, then the door, seeing only where one is",
        |s| {
            let (horizon, episodes) = times(s)?;
            let dark = DarkKeyDoor::new(s.count("size")?, horizon, episodes).map_err(text)?;
            Ok(match s.choice("observation")? {
                "cell" => dark,
                _ => dark.with_key_and_time(),
            })
        },
    )
    .count("size", 9, 2..=1000, "cells along a side")
    .count("horizon", 50, 1..=1_000_000, HORIZON)
    .count("episodes", 10, 1..=4000, EPISODES)
    .choice(
        "observation",
        &["cell", "cell-key-time"],
        "where one is; or that, whether one has the key and the time, as in AMAGO",
    )
}

/// An environment that is made from a size, a horizon and episodes, and whose
/// tasks can be shown.
fn grid<D: rl_core::TaskDistribution>(
    name: &str,
    summary: &str,
    new: fn(usize, usize, usize) -> Result<D, SpecError>,
) -> EnvironmentEntry {
    EnvironmentEntry::revealable(name, summary, move |s| {
        let (horizon, episodes) = times(s)?;
        new(s.count("size")?, horizon, episodes).map_err(text)
    })
}
