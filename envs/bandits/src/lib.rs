//! Bandits, each in one file beside its exact solution.
//!
//! This crate must not know of any learner, network, thread or file.

mod bernoulli_bandit;
mod bernoulli_oracle;
mod bernoulli_policy;
mod bernoulli_size;
mod bernoulli_states;

pub use bernoulli_bandit::{Arms, BernoulliBandit};
