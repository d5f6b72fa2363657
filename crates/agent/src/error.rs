//! What can go wrong in learning.

use nets::NetsError;
use rollout::{RolloutError, WorkError, WorkPanic};

/// Why an agent could not be built or trained.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    /// A setting out of range.
    #[error("{key} = {value}; allowed: {allowed}")]
    Config {
        /// The key, as in the configuration.
        key: String,
        /// Its value.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// A failure while acting.
    #[error(transparent)]
    Rollout(#[from] RolloutError),
    /// A failure in the network or the optimizer.
    #[error(transparent)]
    Nets(#[from] NetsError),
    /// A step that cannot be taken.
    #[error("update {update}: {source}; parameters are unchanged since update {}. \
             A lower {of}.learning_rate or {of}.max_gradient_norm may help", update - 1)]
    Update {
        /// The algorithm's name.
        of: &'static str,
        /// The update, counted from 1.
        update: u64,
        /// What failed.
        source: NetsError,
    },
    /// A loss that overflowed, or is no number.
    #[error("update {update}: {what} is {value}; parameters are unchanged since update {}. \
             Where rewards or observations are large, lower {of}.reward_scale or the \
             environment's own; else lower {of}.learning_rate", update - 1)]
    Loss {
        /// The algorithm's name.
        of: &'static str,
        /// The update, counted from 1.
        update: u64,
        /// Which loss.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// A worker panicked while learning, which is a bug of metarl.
    #[error("internal error while learning: {0}")]
    Internal(WorkPanic),
}

impl From<WorkError> for LearnError {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::Panicked(panic) => Self::Internal(panic),
            WorkError::CalledOff => Self::Rollout(RolloutError::CalledOff),
        }
    }
}

impl LearnError {
    /// A setting out of range, by its dotted key.
    pub fn config(
        key: impl Into<String>,
        value: impl ToString,
        allowed: impl Into<String>,
    ) -> Self {
        Self::Config {
            key: key.into(),
            value: value.to_string(),
            allowed: allowed.into(),
        }
    }
}
