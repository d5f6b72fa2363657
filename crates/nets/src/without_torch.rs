//! What stands in for the border to libtorch in a program that is built without:
//! nothing to prepare, and no GPU.

use std::sync::OnceLock;

use crate::device::{CudaStatus, Libtorch};
use crate::error::NetsError;

/// Says that CUDA cannot be used, and why.
pub fn load_cuda() -> &'static CudaStatus {
    static STATUS: OnceLock<CudaStatus> = OnceLock::new();
    STATUS.get_or_init(|| CudaStatus::Unavailable {
        reason: "this program was built without libtorch, which alone computes there; build it \
                 with the feature torch, and LIBTORCH set to a CUDA build"
            .into(),
    })
}

/// The libtorch that this process runs on: none.
///
/// # Errors
/// None.
pub fn libtorch() -> Result<Option<Libtorch>, NetsError> {
    Ok(None)
}

/// Does nothing: nothing here starts threads of its own.
pub fn single_threaded() {}

/// Does nothing: nothing here chooses its arithmetic by environment variables.
/// Returns that none is left to forget.
#[must_use]
pub fn forget_variables() -> bool {
    true
}
