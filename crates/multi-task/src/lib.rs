//! One agent for a finite set of tasks, each of which it is told.
//!
//! Networks of all tasks are one flat vector of parameters, and [`Sharing`] says what of it
//! is whose: all of it everybody's (blind to the task, or told it as an input), all but a
//! scale and a shift of every hidden unit (FiLM, Perez et al. 2018), all but the last layer
//! (heads), or nothing (a network for each task, and Distral, Teh et al. 2017, where a shared
//! policy and those of the tasks pull each other together). To learn is the same for all:
//! [`Networks::assemble`] makes the network of a task, and [`Networks::pull`] takes a gradient
//! of that network back to the vector.
//!
//! Policies see one observation and remember nothing: whoever knows the task has nothing to
//! find out. This crate must not know any particular environment, files, or the clock.

mod algorithm;
mod config;
mod library;
mod metrics;
mod networks;
mod objective;
mod policy;
mod tasks;
mod trainer;

pub use algorithm::ALGORITHM;
pub use config::{MultiTaskConfig, NetworkConfig, Sharing};
pub use metrics::Metrics;
pub use networks::{Networks, Role};
pub use objective::{Group, Losses, Objective};
pub use tasks::TaskSet;
pub use trainer::Trainer;
