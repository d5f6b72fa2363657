//! Learners without networks, as policies on the common interface: what a
//! meta-learned agent is compared with. [`learner`] makes them by name.
//!
//! This crate must not know of any environment, network, thread or file. A
//! learner reads what every policy reads (the previous action and its reward)
//! and draws from each lane's own stream only. All of them forget what they
//! know when a trial begins; none looks at observations.
//!
//! | name | what it does |
//! |---|---|
//! | `random` | acts uniformly at random, in any environment |
//! | `greedy` | pulls the arm of the highest estimate |
//! | `epsilon-greedy` | pulls any arm, uniformly, with probability `epsilon`, else as `greedy` |
//! | `ucb1` | before pull t (from 1), pulls the arm of the highest estimate + `c` √(2 ln t / (2 + m)) (Auer et al. 2002, scaled by `c`) |
//! | `thompson` | draws every arm's mean from its Beta posterior and pulls the arm of the highest draw (Thompson 1933) |
//!
//! An arm that gave the rewards r₁ … r_m is estimated at (1 + Σ r) / (2 + m):
//! where rewards are 0 or 1 that is its posterior mean under a uniform prior.
//! Rewards are expected within \[0, 1\], and others merely shift the estimate;
//! `thompson` counts a reward in between as a success with that probability
//! (Agrawal and Goyal 2012) and one outside as the nearer of 0 and 1. No arm
//! has to be tried first: an untried one is estimated at 1/2. Of arms with
//! equal scores the lowest is pulled. With these conventions the learners earn
//! what Duan et al. 2016 report in table 1; with empirical means and forced
//! first pulls, or with ties broken at random, they do not.

mod arms;
mod epsilon_greedy;
mod greedy;
mod random;
mod registry;
mod thompson;
mod ucb1;

pub use registry::{Key, LearnerError, LearnerInfo, learner, learners};
