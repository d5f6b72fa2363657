//! The environments that come with metarl, one line of the registry each.

use crate::registry::EnvironmentEntry;
use crate::settings::Settings;
use bandits::BernoulliBandit;
use mdps::{Chain, ChainSettings, DirichletMdp, DirichletMdpSettings, RiverSwim, TwoStep};
use navigation::{DarkKeyDoor, EmptyGrid, GridNavi, Maze, PointCorners, PointNavigation};
use rl_core::SpecError;

/// All of them.
pub(crate) fn standard() -> Vec<EnvironmentEntry> {
    let mut all = vec![bernoulli_bandit()];
    all.extend(mdps());
    all.extend(navigation());
    all
}

fn bernoulli_bandit() -> EnvironmentEntry {
    EnvironmentEntry::new(
        "bernoulli-bandit",
        "arms that pay 1 with a probability of their own, drawn from U[0, 1]",
        |s| BernoulliBandit::new(s.count("arms")?, s.count("pulls")?).map_err(text),
    )
    .count("arms", 5, 1..=65_536, "arms to choose from")
    .count("pulls", 10, 1..=1_000_000, "pulls of a trial")
}

fn mdps() -> [EnvironmentEntry; 4] {
    [
        EnvironmentEntry::new(
            "dirichlet-mdp",
            "random tabular MDPs of Duan et al. 2016",
            |s| {
                let (horizon, episodes) = times(s)?;
                DirichletMdp::new(DirichletMdpSettings {
                    states: s.count("states")?,
                    actions: s.count("actions")?,
                    horizon,
                    episodes,
                })
                .map_err(text)
            },
        )
        .count(
            "states",
            10,
            1..=1000,
            "states; states² × actions at most 1000000",
        )
        .count("actions", 5, 1..=1000, "actions")
        .count("horizon", 10, 1..=1_000_000, HORIZON)
        .count("episodes", 10, 1..=1_000_000, EPISODES),
        EnvironmentEntry::new(
            "riverswim",
            "a chain swum against a random current, with random rewards at both ends",
            |s| {
                let (horizon, episodes) = times(s)?;
                RiverSwim::new(s.count("states")?, horizon, episodes).map_err(text)
            },
        )
        .count("states", 6, 3..=100, "places along the river")
        .count("horizon", 20, 1..=1_000_000, HORIZON)
        .count("episodes", 10, 1..=1_000_000, EPISODES),
        EnvironmentEntry::new(
            "chain",
            "the chain of Dearden et al. 1998, with random slips and labels",
            |s| {
                let (horizon, episodes) = times(s)?;
                Chain::new(ChainSettings {
                    states: s.count("states")?,
                    slip_low: s.number("slip_low")?,
                    slip_high: s.number("slip_high")?,
                    horizon,
                    episodes,
                })
                .map_err(text)
            },
        )
        .count("states", 5, 2..=100, "states")
        .number(
            "slip_low",
            0.0,
            0.0..=0.5,
            "lowest probability that an action is swapped",
        )
        .number(
            "slip_high",
            0.4,
            0.0..=0.5,
            "highest one, at least slip_low",
        )
        .count("horizon", 100, 1..=1_000_000, HORIZON)
        .count("episodes", 1, 1..=1_000_000, EPISODES),
        EnvironmentEntry::new(
            "two-step",
            "the two-step task of Daw et al. 2011, as in Wang et al. 2016",
            |s| {
                TwoStep::new(s.count("rounds")?, s.number("common")?, s.number("reward")?)
                    .map_err(text)
            },
        )
        .count(
            "rounds",
            100,
            1..=10_000,
            "rounds of a trial, two steps each",
        )
        .number(
            "common",
            0.8,
            0.5..=1.0,
            "probability of the common transition",
        )
        .number(
            "reward",
            0.9,
            0.5..=1.0,
            "probability that the better state pays",
        ),
    ]
}

fn navigation() -> [EnvironmentEntry; 6] {
    [
        grid(
            "gridnavi",
            "find the hidden goal of a grid (VariBAD)",
            GridNavi::new,
        )
        .count("size", 5, 3..=1000, "cells along a side")
        .count("horizon", 15, 1..=1_000_000, HORIZON)
        .count("episodes", 4, 1..=4000, EPISODES),
        grid(
            "dark-key-door",
            "find the key, then the door, seeing only where one is",
            DarkKeyDoor::new,
        )
        .count("size", 9, 2..=1000, "cells along a side")
        .count("horizon", 50, 1..=1_000_000, HORIZON)
        .count("episodes", 10, 1..=4000, EPISODES),
        grid(
            "maze",
            "find the goal of a random maze from a 7×7 view",
            Maze::new,
        )
        .count("size", 9, 5..=255, "cells along a side, odd")
        .count("horizon", 100, 1..=1_000_000, HORIZON)
        .count("episodes", 2, 1..=4000, EPISODES),
        grid(
            "empty-grid",
            "walk to the far corner of an empty room, with a 7×7 view",
            EmptyGrid::new,
        )
        .count("size", 8, 4..=32, "cells along a side, walls included")
        .count("horizon", 256, 1..=1_000_000, HORIZON)
        .count("episodes", 1, 1..=4000, EPISODES),
        EnvironmentEntry::new(
            "point-navigation",
            "move a point to a hidden goal in the plane (Finn et al. 2017)",
            |s| {
                let (horizon, episodes) = times(s)?;
                PointNavigation::new(horizon, episodes).map_err(text)
            },
        )
        .count("horizon", 100, 1..=1_000_000, HORIZON)
        .count("episodes", 1, 1..=4000, EPISODES),
        EnvironmentEntry::new(
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

const HORIZON: &str = "steps of an episode";
const EPISODES: &str = "episodes of a trial";

/// An environment that is made from a size, a horizon and episodes.
fn grid<D: rl_core::TaskDistribution>(
    name: &str,
    summary: &str,
    new: fn(usize, usize, usize) -> Result<D, SpecError>,
) -> EnvironmentEntry {
    EnvironmentEntry::new(name, summary, move |s| {
        let (horizon, episodes) = times(s)?;
        new(s.count("size")?, horizon, episodes).map_err(text)
    })
}

fn times(settings: &Settings) -> Result<(usize, usize), String> {
    Ok((settings.count("horizon")?, settings.count("episodes")?))
}

fn text(error: SpecError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use crate::registry::Registry;
    use toml::Table;

    #[test]
    fn every_environment_keeps_the_rules() {
        let registry = Registry::standard();
        for entry in registry.environments() {
            let built = entry.build(&Table::new()).unwrap();
            assert_eq!(built.factory.spec().name, entry.name());
            for check in crate::conformance::check(built.factory.as_ref()) {
                let rule = check.rule;
                assert_eq!(check.fault, None, "{}: {rule}", entry.name());
            }
        }
    }
}
