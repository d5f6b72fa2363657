//! Finite MDPs.

use super::{EPISODES, HORIZON, text, times};
use crate::registry::EnvironmentEntry;
use mdps::{Chain, ChainSettings, DirichletMdp, DirichletMdpSettings, RiverSwim, TwoStep};

/// All of them.
pub(super) fn all() -> Vec<EnvironmentEntry> {
    vec![dirichlet(), riverswim(), chain(), two_step()]
}

fn dirichlet() -> EnvironmentEntry {
    EnvironmentEntry::revealable(
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
    .count("episodes", 10, 1..=1_000_000, EPISODES)
}

fn riverswim() -> EnvironmentEntry {
    EnvironmentEntry::revealable(
        "riverswim",
        "a chain swum against a random current, with random rewards at both ends",
        |s| {
            let (horizon, episodes) = times(s)?;
            RiverSwim::new(s.count("states")?, horizon, episodes).map_err(text)
        },
    )
    .count("states", 6, 3..=100, "places along the river")
    .count("horizon", 20, 1..=1_000_000, HORIZON)
    .count("episodes", 10, 1..=1_000_000, EPISODES)
}

fn chain() -> EnvironmentEntry {
    EnvironmentEntry::revealable(
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
    .count("episodes", 1, 1..=1_000_000, EPISODES)
}

fn two_step() -> EnvironmentEntry {
    EnvironmentEntry::revealable(
        "two-step",
        "the two-step task of Daw et al. 2011, as in Wang et al. 2016",
        |s| {
            let (common, reward) = (s.number("common")?, s.number("reward")?);
            let fixed = TwoStep::new(s.count("rounds")?, common, reward);
            let switch = s.number("switch")?;
            fixed.and_then(|task| task.switching(switch)).map_err(text)
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
    )
    .number(
        "switch",
        0.0,
        0.0..=1.0,
        "probability that the better state switches before a round; 0.025 in reimplementations",
    )
}
