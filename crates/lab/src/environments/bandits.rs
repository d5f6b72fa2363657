//! Bandits.

use super::text;
use crate::registry::EnvironmentEntry;
use bandits::{AdversarialBandit, AdversarialSettings, BernoulliBandit, DependentBandit};
use bandits::{GaussianBandit, InformativeArm, RestlessBandit, Variant};

/// All of them.
pub(super) fn all() -> Vec<EnvironmentEntry> {
    vec![
        bernoulli_bandit(),
        dependent_bandit(),
        gaussian_bandit(),
        restless_bandit(),
        informative_arm(),
        adversarial_bandit(),
    ]
}

const ARMS: &str = "arms to choose from";
const PULLS: &str = "pulls of a trial";

fn bernoulli_bandit() -> EnvironmentEntry {
    EnvironmentEntry::revealable(
        "bernoulli-bandit",
        "arms that pay 1 with a probability of their own, drawn from U[0, 1]",
        |s| BernoulliBandit::new(s.count("arms")?, s.count("pulls")?).map_err(text),
    )
    .count("arms", 5, 1..=65_536, ARMS)
    .count("pulls", 10, 1..=1_000_000, PULLS)
}

fn dependent_bandit() -> EnvironmentEntry {
    EnvironmentEntry::revealable(
        "dependent-bandit",
        "two arms whose probabilities to pay add up to 1 (Wang et al. 2016)",
        |s| {
            let variant = match s.choice("variant")? {
                "easy" => Variant::Easy,
                "medium" => Variant::Medium,
                "hard" => Variant::Hard,
                _ => Variant::Uniform,
            };
            DependentBandit::new(variant, s.count("pulls")?).map_err(text)
        },
    )
    .choice(
        "variant",
        &["uniform", "easy", "medium", "hard"],
        "the better arm's probability: from U[0.5, 1], 0.9, 0.75 or 0.6",
    )
    .count("pulls", 100, 1..=1_000_000, PULLS)
}

fn gaussian_bandit() -> EnvironmentEntry {
    EnvironmentEntry::revealable(
        "gaussian-bandit",
        "arms that pay normally distributed rewards around a mean drawn from N(0, 1)",
        |s| {
            GaussianBandit::new(s.count("arms")?, s.count("pulls")?, s.number("noise")?)
                .map_err(text)
        },
    )
    .count("arms", 10, 1..=65_536, ARMS)
    .count("pulls", 100, 1..=1_000_000, PULLS)
    .number(
        "noise",
        1.0,
        0.0..=1000.0,
        "standard deviation of the rewards of an arm",
    )
}

fn restless_bandit() -> EnvironmentEntry {
    EnvironmentEntry::revealable(
        "restless-bandit",
        "two arms whose probabilities drift, slowly or fast (Wang et al. 2016)",
        |s| {
            RestlessBandit::new(s.count("pulls")?, s.number("low")?, s.number("high")?)
                .map_err(text)
        },
    )
    .count("pulls", 100, 1..=1_000_000, PULLS)
    .number(
        "low",
        0.02,
        0.0..=1.0,
        "standard deviation of a step of the probability in slow trials, at most high",
    )
    .number("high", 0.1, 0.0..=1.0, "the same in fast trials")
}

fn informative_arm() -> EnvironmentEntry {
    EnvironmentEntry::revealable(
        "informative-arm",
        "one arm pays 5, the last tells which, the others pay 1 (Wang et al. 2016)",
        |s| InformativeArm::new(s.count("arms")?, s.count("pulls")?).map_err(text),
    )
    .count("arms", 11, 2..=51, "arms, the informative one included")
    .count("pulls", 5, 1..=1_000_000, PULLS)
}

fn adversarial_bandit() -> EnvironmentEntry {
    EnvironmentEntry::revealable(
        "adversarial-bandit",
        "an oblivious adversary switches the best arm from segment to segment",
        |s| {
            AdversarialBandit::new(AdversarialSettings {
                arms: s.count("arms")?,
                pulls: s.count("pulls")?,
                segments: s.count("segments")?,
                gap: s.number("gap")?,
            })
            .map_err(text)
        },
    )
    .count("arms", 5, 2..=65_536, ARMS)
    .count("pulls", 1000, 1..=1_000_000, PULLS)
    .count(
        "segments",
        4,
        1..=1000,
        "segments with a best arm each, no more than pulls",
    )
    .number("gap", 0.2, 0.0..=1.0, "how much more the best arm pays")
}
