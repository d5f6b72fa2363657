//! How policies are run.

use nets::Device;

/// How policies of a backend want to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// One for each tile, on the workers.
    Tiles,
    /// One for all lanes, step by step.
    Lockstep,
}

impl Execution {
    /// How policies on a device do.
    pub(crate) fn on(device: Device) -> Self {
        match device {
            Device::Cpu => Self::Tiles,
            _ => Self::Lockstep,
        }
    }
}
