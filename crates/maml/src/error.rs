//! What can go wrong in training.

use nets::NetsError;
use rollout::{RolloutError, WorkError, WorkPanic};

/// Why an agent could not be built, trained or evaluated.
#[derive(Debug, thiserror::Error)]
pub enum MamlError {
    /// A setting out of range.
    #[error("maml.{key} = {value}; allowed: {allowed}")]
    Config {
        /// The key, below `maml`.
        key: String,
        /// Its value.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// Sizes that no network can have.
    #[error(
        "the network cannot be built: {source}; change maml.policy.hidden, \
             maml.baseline.hidden or the environment"
    )]
    Network {
        /// Which size, its value and what is allowed.
        source: kernels::mlp::MlpError,
    },
    /// A failure while acting.
    #[error(transparent)]
    Rollout(#[from] RolloutError),
    /// A failure in the layout of parameters or the optimizer.
    #[error(transparent)]
    Nets(#[from] NetsError),
    /// A failure while learning.
    #[error("update {update}: {source}; parameters are unchanged since update {}. \
             A lower maml.inner.rates, maml.learning_rate or maml.max_gradient_norm may help",
             update - 1)]
    Update {
        /// The update, counted from 1.
        update: u64,
        /// What failed.
        source: NetsError,
    },
    /// A loss that overflowed, or is no number.
    #[error("update {update}: {what} is {value}; parameters are unchanged since update {}. \
             Where rewards or observations are large, lower the environment's scale; else \
             lower maml.inner.rates or maml.learning_rate", update - 1)]
    Loss {
        /// The update, counted from 1.
        update: u64,
        /// Which loss.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// A failure of the value network's learning.
    #[error("update {update}: the value network: {source}; parameters are unchanged since \
             update {}. A lower maml.baseline.learning_rate may help", update - 1)]
    ValueUpdate {
        /// The update, counted from 1.
        update: u64,
        /// What failed.
        source: NetsError,
    },
    /// An adaptation that left the finite numbers.
    #[error("{}: {what} after inner step {step} of task {task}; nothing was changed. \
             A lower {lower} may help",
             update.map_or("evaluation".to_owned(), |update| format!("update {update}")))]
    Adaptation {
        /// The update, counted from 1; none in an evaluation.
        update: Option<u64>,
        /// Which task of the update or the evaluation.
        task: usize,
        /// The inner step, counted from 1.
        step: usize,
        /// What is not finite: the first such parameter and its value, or what the
        /// adapted policy gave and where.
        what: String,
        /// Settings that are worth lowering.
        lower: &'static str,
    },
    /// A worker panicked while learning, which is a bug of metarl.
    #[error("internal error while learning: {0}")]
    Internal(WorkPanic),
}

impl From<WorkError> for MamlError {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::Panicked(panic) => Self::Internal(panic),
            WorkError::CalledOff => Self::Rollout(RolloutError::CalledOff),
        }
    }
}

impl MamlError {
    /// A setting out of range.
    pub(crate) fn config(
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
