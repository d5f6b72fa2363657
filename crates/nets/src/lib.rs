//! Network parts on libtorch tensors, for every algorithm that learns by
//! gradient: parameters, sequence models, policy heads, losses, optimizers.
//!
//! Everything is a pure function of parameters that the caller hands in, so
//! adapted parameters take the place of the originals by handing in others. A
//! module says what it needs to a [`Blueprint`] when it is built; the
//! blueprint then draws the initial [`Params`] from one of our own streams,
//! never from libtorch's generator.
//!
//! This crate must not know of environments, rollouts, files or any particular
//! algorithm. Shapes that a program gets wrong are a panic that says what was
//! expected; whatever a user can get wrong is a [`NetsError`].

mod blueprint;
#[allow(unsafe_code, reason = "it loads a library of libtorch")]
mod cuda;
mod error;
mod gru;
mod heads;
mod init;
mod layout;
mod losses;
mod lstm;
mod mlp;
mod optim;
mod params;
mod schedule;
mod sequence;
mod threads;
#[allow(
    unsafe_code,
    clippy::disallowed_methods,
    reason = "it removes variables that libtorch reads"
)]
mod variables;

pub use blueprint::Blueprint;
pub use cuda::{CudaStatus, Libtorch, device, load_cuda};
pub use error::NetsError;
pub use gru::Gru;
pub use heads::{Categorical, DiagonalGaussian, Distribution, PolicyHead, PolicyHeadConfig};
pub use init::Init;
pub use layout::{Entry, Layout, Slot};
pub use losses::{
    PolicySamples, approx_kl, clip_fraction, mean_entropy, policy_gradient_loss, ppo_policy_loss,
    value_loss,
};
pub use lstm::Lstm;
pub use mlp::{Activation, Linear, Mlp, MlpConfig};
pub use optim::{Optimizer, OptimizerConfig, clip_gradient, gradient_norm};
pub use params::Params;
pub use schedule::{Schedule, Shape};
pub use sequence::{FeedForward, Recurrent, SequenceConfig, SequenceModel};
pub use threads::single_threaded;
pub use variables::forget_variables;

pub use tch;
