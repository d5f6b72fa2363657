//! Where networks live, and what there is to compute with.

use std::fmt;
use std::path::PathBuf;

use crate::error::NetsError;
use crate::torch::load_cuda;

/// Where networks live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The main memory.
    Cpu,
    /// The GPU of this number, of libtorch alone.
    Cuda(usize),
}

/// The device of a name, `cpu` or `cuda`.
///
/// # Errors
/// If there is no device of the name, or if CUDA cannot be used; the error
/// says why.
pub fn device(name: &str) -> Result<Device, NetsError> {
    match name {
        "cpu" => Ok(Device::Cpu),
        "cuda" => match load_cuda() {
            CudaStatus::Available { .. } => Ok(Device::Cuda(0)),
            CudaStatus::Unavailable { reason } => Err(NetsError::CudaUnavailable {
                reason: reason.clone(),
            }),
        },
        _ => Err(NetsError::UnknownDevice { name: name.into() }),
    }
}

/// Whether CUDA can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CudaStatus {
    /// It can.
    Available {
        /// How many GPUs there are.
        devices: usize,
    },
    /// It cannot.
    Unavailable {
        /// Why, and what to do about it.
        reason: String,
    },
}

impl fmt::Display for CudaStatus {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Available { devices: 1 } => write!(f, "available, 1 GPU"),
            Self::Available { devices } => write!(f, "available, {devices} GPUs"),
            Self::Unavailable { reason } => write!(f, "not available: {reason}"),
        }
    }
}

/// A libtorch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Libtorch {
    /// The folder of its shared libraries.
    pub folder: PathBuf,
    /// Its version, such as `2.11.0` or `2.11.0+cu130`.
    pub version: String,
}
