//! RL² (Duan et al. 2016, arXiv 1611.02779; Wang et al. 2016,
//! arXiv 1611.05763): a recurrent actor-critic whose memory lives one trial.
//!
//! The agent sees its observation, previous action, previous reward and
//! whether an episode begins; its memory is kept across the episodes of a
//! trial and reset between trials only; its objective is the return of the
//! whole trial. What it learns is thus a learning algorithm, run by its memory.
//!
//! One update reads top to bottom in [`Trainer`]: collect, advantages, improve.
//! What it shares with other learners is in the crate `agent`. This crate must not
//! know any particular environment, files, or the clock.

mod algorithm;
mod config;
mod trainer;
mod variance;

pub use algorithm::ALGORITHM;
pub use config::{Outer, Rl2Config};
pub use trainer::{Metrics, Trainer};
pub use variance::GradientVariances;
