//! Learning from a teacher: the network, inputs and lanes of RL², and labels in place of
//! rewards, or beside them.
//!
//! The student lives whole trials. On every row that it sees, the teacher says with what
//! probability it would take each action; the student is moved towards that at every
//! step of the trial, and its value head towards the returns. A teacher that acts in
//! all trials makes it behaviour cloning; one that hands over, DAgger (Ross, Gordon and
//! Bagnell 2011); a reward objective beside the labels, kickstarting (Schmitt et al.
//! 2018, arXiv 1803.03835). Duan et al. 2016 (section 3.1) show that a recurrent network
//! taught so reaches the Gittins index, which by reward it does not.
//!
//! One update reads top to bottom in [`Trainer`]. What it shares with other learners is
//! in the crate `agent`. This crate must not know any particular environment or teacher,
//! files, or the clock.

mod algorithm;
mod config;
mod trainer;

pub use algorithm::ALGORITHM;
pub use config::{Handover, ImitationConfig, Outer};
pub use trainer::{Metrics, Trainer};
