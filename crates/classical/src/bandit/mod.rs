//! Learners for bandits: what they remember is what each arm gave.

mod arms;
mod bayes_ucb;
mod belief;
mod epsilon_greedy;
mod ftrl;
mod gittins;
mod greedy;
mod kl_ucb;
mod list;
mod optimistic_thompson;
pub mod simplex;
mod thompson;
mod ucb1;
mod ucb_v;

pub(crate) use arms::spread;
pub use gittins::finite_gittins_indices;
pub(crate) use list::LEARNERS;
