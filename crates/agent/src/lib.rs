//! The floor that learners stand on: what an agent is told, its network, samples
//! and their targets, objectives, what computes them, and a step of learning.
//!
//! A [`Learner`] lives trials with its own policy, lets the algorithm say what its
//! [`Samples`] teach, and takes steps along gradients of an [`Objective`]; if one of
//! them fails, it is as it was before. What computes, whether libtorch or native
//! kernels, is behind [`Backend`]: it makes the policies that act and the gradients
//! that are learned from, and nothing else of the algorithm. libtorch's is there with
//! the feature `torch`. A [`Stopwatch`] with a clock of the caller's says where an
//! update's time goes.
//!
//! An algorithm is a value, [`Algorithm`], whose trainings keep one trait,
//! [`Training`]: whoever runs trainings needs to know nothing else of it. Its
//! settings are read by [`read`], with errors that name the key. This crate must not know
//! any particular algorithm or environment, files, or the clock.

mod algorithm;
mod backend;
mod baseline;
mod error;
mod execution;
mod input;
mod learner;
mod memory;
mod model;
mod native;
mod passes;
mod portable;
mod samples;
mod settings;
mod stopwatch;
mod taught;
#[cfg(feature = "torch")]
mod torch;
#[cfg(not(feature = "torch"))]
#[path = "without_torch.rs"]
mod torch;

pub use algorithm::{
    Adaptation, Algorithm, Fresh, MakeLearner, Metric, Setup, TaskPolicy, ToldArms, Training,
    Update, Watch, any_table, schema_of,
};
pub use backend::{
    ActMode, Backend, BackendKind, Gradient, Lesson, Losses, Minibatch, Objective, Surrogate,
};
pub use baseline::Baseline;
pub use error::LearnError;
pub use execution::Execution;
pub use input::{Input, Inputs, expect_trained_on, telling};
pub use learner::{Beside, KNOWN_TASK, Learner, LearnerConfig, Place};
pub use memory::{footprint, native_footprint, teaching_footprint};
pub use model::{ActorCritic, NetworkConfig, PolicyStart};
pub use native::{InputRows, NativeBackend};
pub use passes::{CLIP, EPOCHS, LANES, Minibatches, Passes, Ppo, expect_parts};
pub use portable::Portable;
pub use samples::{Samples, Targets};
pub use settings::read;
pub use stopwatch::{Clock, Phase, Stopwatch};
#[cfg(feature = "torch")]
pub use torch::TorchBackend;
