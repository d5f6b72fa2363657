//! How policies are run.

/// How policies of a backend want to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// One for each tile, on the workers.
    Tiles,
    /// One for all lanes, step by step.
    Lockstep,
}
