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

    /// How many of the first features are an index of an action each: the policy
    /// prefers actions by these, and the value head reads the features after them. 0
    /// where the policy head is a layer like any other.
    fn indices(&self) -> usize {
        0
    }

    /// The most steps of a trial that it can remember, where there is such a number.
    fn most_steps(&self) -> Option<usize> {
        None
    }

    /// What one lane takes with libtorch through so many steps.
    fn footprint(&self, steps: usize) -> TrunkFootprint;

    /// What computes it with libtorch, if anything does.
    #[cfg(feature = "torch")]
    fn model(&self) -> Option<&dyn crate::SequenceModel> {
        None
    }
}

/// What a trunk is given to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrunkInput {
    /// Width of the input.
    pub size: usize,
    /// How many of its first numbers are the observation; 0 where that is not known.
    pub observation: usize,
    /// Whether its last number is 1 where an episode begins, of which a trial has several.
    pub episodes: bool,
    /// Steps of a trial; 0 where that is not known.
    pub steps: usize,
    /// Where in it the arms of a bandit are, if it tells of any.
    pub arms: Option<Arms>,
}

/// An input that tells nothing of arms, of trials of any length.
impl From<usize> for TrunkInput {
    fn from(size: usize) -> Self {
        Self {
            size,
            observation: 0,
            episodes: false,
            steps: 0,
            arms: None,
        }
    }
}

/// Where an input tells what a bandit's arms have given, and how long it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arms {
    /// How many arms.
    pub count: usize,
    /// The column of the share of the trial that is left, 1 to 0.
    pub time: usize,
    /// The column of the first arm's two numbers, which the others' follow: its
    /// posterior mean and its posterior's standard deviation beside the prior's.
    pub statistics: usize,
    /// Steps of a trial.
    pub steps: usize,
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
