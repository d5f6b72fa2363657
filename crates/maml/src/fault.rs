//! Settings that cannot be followed.

use agent::LearnError;
use kernels::mlp::MlpError;

/// A setting out of range, by its key below `maml`.
pub(crate) fn fault(
    key: impl std::fmt::Display,
    value: impl ToString,
    allowed: impl Into<String>,
) -> LearnError {
    LearnError::config(format!("maml.{key}"), value, allowed)
}

/// Sizes that no network can have.
pub(crate) fn unbuildable(source: MlpError) -> LearnError {
    LearnError::Settings(format!(
        "the network cannot be built: {source}; change maml.policy.hidden, \
         maml.baseline.hidden or the environment"
    ))
}
