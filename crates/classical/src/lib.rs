//! Learners without networks, as policies on the common interface: what a
//! meta-learned agent is compared with.
//!
//! This crate must not know of any environment, network, thread or file. A
//! learner reads what every policy reads (the previous action and its reward)
//! and draws from each lane's own stream only.
//!
//! The bandit learners assume rewards within \[0, 1\] and arms with uniform
//! prior means. An arm that gave the rewards r₁ … r_m is estimated at
//! (1 + Σ r) / (2 + m), the mean of the posterior Beta(1 + Σ r, 1 + m − Σ r)
//! where rewards are 0 or 1. No arm has to be tried first: an untried one is
//! estimated at 1/2. Of arms with equal scores the lowest is pulled. With
//! these conventions the columns of Duan et al. 2016, table 1, are reproduced;
//! with empirical means, forced first pulls or random tie-breaking they are not.

mod arms;
mod epsilon_greedy;
mod greedy;
mod random;
mod registry;
mod thompson;
mod ucb1;

pub use epsilon_greedy::EpsilonGreedy;
pub use greedy::Greedy;
pub use random::Random;
pub use registry::{Key, LearnerError, LearnerInfo, learner, learners};
pub use thompson::Thompson;
pub use ucb1::Ucb1;
