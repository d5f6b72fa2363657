//! RL² (Duan et al. 2016, arXiv 1611.02779; Wang et al. 2016,
//! arXiv 1611.05763): a recurrent actor-critic whose memory lives one trial.
//!
//! The agent sees its observation, previous action, previous reward and
//! whether an episode begins; its memory is kept across the episodes of a
//! trial and reset between trials only; its objective is the return of the
//! whole trial. What it learns is thus a learning algorithm, run by its memory.
//!
//! One update reads top to bottom in [`Trainer`]: collect, advantages, improve.
//! What computes, whether libtorch or native kernels, is behind [`Backend`]: it
//! makes the policies that act and the gradients that are learned from, and
//! nothing else of the algorithm. A [`Stopwatch`] with a clock of the caller's says
//! where an update's time goes. This crate must not know any particular
//! environment, files, or the clock.

mod backend;
mod config;
mod error;
mod input;
mod memory;
mod model;
mod native;
mod samples;
mod stopwatch;
mod torch;
mod trainer;

pub use backend::{
    ActMode, Backend, Execution, Gradient, Lesson, Losses, Minibatch, Objective, Surrogate,
};
pub use config::{BackendKind, Input, Outer, PolicyStart, Rl2Config};
pub use error::Rl2Error;
pub use input::Inputs;
pub use memory::footprint;
pub use model::ActorCritic;
pub use native::NativeBackend;
pub use nets::{Schedule, Shape};
pub use samples::{Samples, Targets};
pub use stopwatch::{Clock, Phase, Stopwatch};
pub use torch::TorchBackend;
pub use trainer::{Metrics, Snapshot, Trainer};
