//! The border to libtorch: parameters as tensors, what computes the declared
//! networks, distributions and losses on them, and what libtorch needs at start.

#[allow(unsafe_code, reason = "it loads a library of libtorch")]
mod cuda;
mod heads;
mod losses;
mod memory;
mod mlp;
mod params;
mod sequence;
mod threads;
#[allow(
    unsafe_code,
    clippy::disallowed_methods,
    reason = "it removes variables that libtorch reads"
)]
mod variables;

pub use cuda::{libtorch, load_cuda};
pub use heads::{Categorical, DiagonalGaussian, Distribution};
pub use losses::{
    PolicySamples, Taught, approx_kl, clip_fraction, imitation, mean_entropy, policy_gradient_loss,
    ppo_policy_loss, value_loss,
};
pub use memory::Memory;
pub use params::Params;
pub use sequence::SequenceModel;
pub(crate) use sequence::{Starts, check_step, check_unroll};
pub use threads::single_threaded;
pub use variables::forget_variables;

use crate::device::Device;
use crate::error::NetsError;

impl From<Device> for tch::Device {
    fn from(device: Device) -> Self {
        match device {
            Device::Cpu => Self::Cpu,
            Device::Cuda(index) => Self::Cuda(index),
        }
    }
}

impl NetsError {
    /// Wraps libtorch's error with what was being done.
    fn libtorch(action: &'static str) -> impl FnOnce(tch::TchError) -> Self {
        move |error| Self::Libtorch {
            action,
            // libtorch appends a C++ backtrace, which helps nobody here.
            message: error
                .to_string()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
        }
    }
}
