//! What can go wrong, in words that say how to fix it.

use rl_core::SettingError;
/// An error of this crate.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NetsError {
    /// Saved arrays that are not those of this network or optimizer.
    #[error(transparent)]
    Tree(#[from] rl_core::TreeError),
    /// A tensor of another shape than its place.
    #[error(
        "tensor '{name}' has shape {found:?}, but this network needs {expected:?}; the sizes in \
         the configuration differ from those that it was made with"
    )]
    WrongShape {
        /// The tensor's name.
        name: String,
        /// The shape that was given.
        found: Vec<usize>,
        /// The shape that it should have.
        expected: Vec<usize>,
    },
    /// A list of the wrong length.
    #[error("{what} has length {found}, but {expected} is needed")]
    WrongLength {
        /// What is too long or too short.
        what: String,
        /// Its length.
        found: usize,
        /// The length that it should have.
        expected: usize,
    },
    /// A gradient that is infinite or not a number.
    #[error(
        "the gradient of '{name}' is {value} at index {index}, so nothing was updated; lower the \
         learning rate, or look for infinite rewards or observations"
    )]
    NonFiniteGradient {
        /// The first parameter with such a gradient.
        name: String,
        /// Where in that parameter, counted row by row.
        index: usize,
        /// What stands there.
        value: f32,
    },
    /// A step that would leave something infinite or not a number.
    #[error(
        "the step would make {what} {value} at index {index}, so nothing was updated; lower the \
         learning rate or the largest gradient norm"
    )]
    NonFiniteStep {
        /// The first such parameter, or the optimizer's memory of it.
        what: String,
        /// Where in it, counted row by row.
        index: usize,
        /// What would stand there.
        value: f32,
    },
    /// A setting outside its allowed range.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A device that is not one of ours.
    #[error("device '{name}' is unknown; allowed: 'cpu' and 'cuda'")]
    UnknownDevice {
        /// What was asked for.
        name: String,
    },
    /// CUDA was asked for and cannot be had.
    #[error("device 'cuda' is not available: {reason}")]
    CudaUnavailable {
        /// Why, and what to do about it.
        reason: String,
    },
    /// The libtorch in use could not be found or identified.
    #[error("cannot tell which libtorch is in use: {reason}")]
    UnidentifiedLibtorch {
        /// What was looked for.
        reason: String,
    },
    /// libtorch itself refused.
    #[error("libtorch failed to {action}: {message}")]
    Libtorch {
        /// What was being done.
        action: &'static str,
        /// libtorch's own words.
        message: String,
    },
}
