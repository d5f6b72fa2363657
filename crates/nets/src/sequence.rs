//! What every trunk is: a network that reads a trial step by step.

use rl_core::Bounds;
use std::fmt::Debug;

/// A trunk as it is declared: its widths, what it takes of memory, and where its
/// parameters are. It need not be one of [`SequenceConfig`](crate::SequenceConfig)'s.
pub trait Trunk: Debug + Send + Sync {
    /// Width of its input.
    fn inputs(&self) -> usize;

    /// Width of what it gives.
    fn features(&self) -> usize;

    /// What one lane takes with libtorch through so many steps.
    fn footprint(&self, steps: usize) -> TrunkFootprint;

    /// What computes it with libtorch, if anything does.
    #[cfg(feature = "torch")]
    fn model(&self) -> Option<&dyn crate::SequenceModel> {
        None
    }
}

/// Numbers that a trunk holds for one lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrunkFootprint {
    /// Of all steps at once, in learning: what is kept for the backward pass, and
    /// the gradients that are under way there.
    pub learning: f64,
    /// In acting: the memory, and what is there beside it at one step.
    pub acting: f64,
}

/// Numbers that a layer reads, or its units.
pub(crate) const SIZE: Bounds<usize> = Bounds::closed(1, 65_536);
