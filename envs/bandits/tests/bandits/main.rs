//! Bandits and their Bayes-optimal policies, through the interfaces that
//! everything else uses.

mod adversarial_bandit;
mod all;
mod bernoulli_bandit;
mod common;
mod dependent_bandit;
mod gaussian_bandit;
mod informative_arm;
mod pictures;
mod restless_bandit;
mod statistics;
