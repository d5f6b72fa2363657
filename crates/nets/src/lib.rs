//! Networks, for every algorithm that learns by gradient: parameters by name and
//! in one flat vector, layers, policy heads, initialization, optimizers,
//! schedules; and with the feature `torch` what computes them on libtorch
//! tensors.
//!
//! A module says what it needs to a [`Blueprint`] when it is declared; the
//! blueprint then draws the initial values from one of our own streams, never
//! from libtorch's generator. Declarations need no libtorch. What computes, in
//! `torch/` and in the lower half of every trunk's file, is pure functions of
//! parameters that the caller hands in, so adapted parameters take the place of the
//! originals by handing in others.
//!
//! This crate must not know of environments, rollouts, files or any particular
//! algorithm. Shapes that a program gets wrong are a panic that says what was
//! expected; whatever a user can get wrong is a [`NetsError`].

mod blueprint;
mod device;
mod error;
mod heads;
mod init;
mod layout;
mod mlp;
mod optim;
mod schedule;
mod sequence;
#[cfg(feature = "torch")]
mod torch;
#[cfg(not(feature = "torch"))]
#[path = "without_torch.rs"]
mod torch;
mod trunks;

pub use blueprint::Blueprint;
pub use device::{CudaStatus, Device, Libtorch, device};
pub use error::NetsError;
pub use heads::{PolicyHead, PolicyHeadConfig, PolicyLayer};
pub use init::Init;
pub use layout::{Entry, Layout, Slot};
pub use mlp::{Activation, Linear, Mlp, MlpConfig};
pub use optim::{MAX_GRADIENT_NORM, Optimizer, OptimizerConfig, clip_gradient, gradient_norm};
pub use schedule::{Schedule, Shape};
pub use sequence::{Arms, Trunk, TrunkFootprint, TrunkInput};
pub use torch::*;
pub use trunks::{
    Around, Blocks, Episodic, EpisodicConfig, FastWeights, Feed, Gru, Hypernetwork, Index,
    IndexConfig, Join, Lstm, Mann, MannConfig, Memories, Norm, Positions, Recurrent, Scanned,
    SequenceConfig, Snail, SnailConfig, Stack, Surrounded, Transformer,
};

#[cfg(feature = "torch")]
pub use tch;
