//! What can go wrong in learning.

use nets::NetsError;
use rl_core::{SettingError, TreeError};
use rollout::{RolloutError, Told, WorkError, WorkPanic};

/// Why an agent could not be built, trained or evaluated.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    /// A setting out of range.
    #[error(transparent)]
    Config(#[from] SettingError),
    /// Settings that cannot be followed, in words that name the key.
    #[error("{0}")]
    Settings(String),
    /// A failure while acting.
    #[error(transparent)]
    Rollout(#[from] RolloutError),
    /// A failure in the network or the optimizer.
    #[error(transparent)]
    Nets(NetsError),
    /// A saved state that is not of this agent, or that nothing could go on from.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A step that cannot be taken.
    #[error("update {update}: {}{source}; parameters are unchanged since update {}. \
             A lower {lower} may help", part.map(|part| format!("{part}: ")).unwrap_or_default(),
             update - 1)]
    Update {
        /// The update, counted from 1.
        update: u64,
        /// Which part of the agent, where there are several.
        part: Option<&'static str>,
        /// What failed.
        source: Box<NetsError>,
        /// Settings that are worth lowering.
        lower: String,
    },
    /// A loss that overflowed, or is no number.
    #[error("update {update}: {what} is {value}; parameters are unchanged since update {}. \
             Where rewards or observations are large, lower {scale}; else lower {lower}",
             update - 1)]
    Loss {
        /// The update, counted from 1.
        update: u64,
        /// Which loss.
        what: &'static str,
        /// Its value.
        value: f64,
        /// What makes them smaller.
        scale: String,
        /// Settings that are worth lowering.
        lower: String,
    },
    /// An adaptation to a task that left the finite numbers.
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
    /// Numbers that the training cannot go on from, in the algorithm's own words.
    #[error("{0}")]
    Diverged(String),
    /// A fault of the program.
    #[error("internal error: {0}")]
    Bug(String),
    /// A worker panicked while learning, which is a bug of metarl.
    #[error("internal error while learning: {0}")]
    Internal(WorkPanic),
}

impl From<NetsError> for LearnError {
    fn from(error: NetsError) -> Self {
        match error {
            NetsError::Setting(fault) => Self::Config(fault),
            error => Self::Nets(error),
        }
    }
}

impl Told for LearnError {
    fn repeats(&self) -> bool {
        match self {
            Self::Rollout(error) => error.repeats(),
            Self::Update { .. }
            | Self::Loss { .. }
            | Self::Adaptation { .. }
            | Self::Diverged(_) => true,
            Self::Config(_)
            | Self::Settings(_)
            | Self::Nets(_)
            | Self::Tree(_)
            | Self::Bug(_)
            | Self::Internal(_) => false,
        }
    }
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
    /// Refuses losses of an update (counted from 1) that say nothing any more: `named` are what
    /// they are called and their values, `scale` is what makes them smaller, `lower` settings
    /// that are worth lowering.
    ///
    /// # Errors
    /// [`LearnError::Loss`] of the first that is not finite.
    pub fn expect_finite(
        update: u64,
        named: &[(&'static str, f64)],
        scale: &str,
        lower: &str,
    ) -> Result<(), Self> {
        match named.iter().find(|(_, value)| !value.is_finite()) {
            None => Ok(()),
            Some(&(what, value)) => Err(Self::Loss {
                update,
                what,
                value,
                scale: scale.to_owned(),
                lower: lower.to_owned(),
            }),
        }
    }

    /// A step of an update (counted from 1) that cannot be taken, of which part of the agent,
    /// where there are several; `lower` are settings that are worth lowering.
    pub fn step(update: u64, part: Option<&'static str>, source: NetsError, lower: &str) -> Self {
        Self::Update {
            update,
            part,
            source: Box::new(source),
            lower: lower.to_owned(),
        }
    }

    /// A setting out of range, by its dotted key.
    pub fn config(
        key: impl Into<String>,
        value: impl ToString,
        allowed: impl Into<String>,
    ) -> Self {
        Self::Config(SettingError::refused(key, value, allowed))
    }
}
