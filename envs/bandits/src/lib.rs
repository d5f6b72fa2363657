//! Bandits, each in one file beside its exact solution.
//!
//! This crate must not know of any learner, network, thread or file.

mod adversarial_bandit;
mod adversary;
mod bernoulli_bandit;
mod bernoulli_oracle;
mod bernoulli_policy;
mod bernoulli_rewards;
mod bernoulli_size;
mod bernoulli_states;
mod bernoulli_steps;
mod board;
mod dependent_bandit;
mod dependent_oracle;
mod dependent_tasks;
mod drift;
mod gaussian_bandit;
mod gaussian_oracle;
mod informative_arm;
mod informative_oracle;
mod learning_rate;
mod policy;
mod restless_bandit;
mod restless_oracle;
mod statistics;

use rl_core::{EnvironmentEntry, Setting};

pub use adversarial_bandit::{AdversarialBandit, AdversarialSettings};
pub use adversary::{Adversary, Clock};
pub use bernoulli_bandit::{Arms, BernoulliBandit};
pub use dependent_bandit::{DependentArms, DependentBandit, Variant};
pub use drift::Drift;
pub use gaussian_bandit::{GaussianArms, GaussianBandit, Means};
pub use informative_arm::{HiddenTarget, InformativeArm};
pub use restless_bandit::{DriftingArms, RestlessBandit};

/// All of them, by name.
pub fn all() -> Vec<EnvironmentEntry> {
    vec![
        BernoulliBandit::entry(),
        DependentBandit::entry(),
        GaussianBandit::entry(),
        RestlessBandit::entry(),
        InformativeArm::entry(),
        AdversarialBandit::entry(),
    ]
}

const fn arms(default: usize, least: usize) -> Setting {
    Setting::count("arms", default, least..=65_536, "arms to choose from")
}

const fn pulls(default: usize) -> Setting {
    Setting::count("pulls", default, 1..=1_000_000, "pulls of a trial")
}
