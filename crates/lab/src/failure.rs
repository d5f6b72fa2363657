//! Why a command did not do what was asked, and the exit code that says so.

use agent::LearnError;
use record::RecordError;
use report::ReportError;
use rollout::{RolloutError, Told as _};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display};
use std::io;

/// What the process tells its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// All was done.
    Done = 0,
    /// The command line cannot be followed.
    Usage = 2,
    /// The fault is in the program, or in an environment that it runs.
    Internal = 70,
    /// The disk is full, and there is nothing that could be resumed.
    FullDisk = 74,
    /// A run was stopped, but is saved and can be resumed.
    Stopped = 75,
    /// A configuration cannot be followed.
    Config = 78,
}

/// Why a command ended early: one message that says what is wrong, where, and
/// how to put it right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// The message, empty where nobody is left to read it.
    pub message: String,
    /// Whether a training that is resumed comes to the same failure again,
    /// because nothing outside of its settings brought it about.
    pub repeats: bool,
}

impl Failure {
    /// The command line cannot be followed.
    pub fn usage(message: impl Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A configuration cannot be followed.
    pub fn config(message: impl Display) -> Self {
        Self::new(Exit::Config, message)
    }

    /// The fault is not the user's.
    pub fn internal(message: impl Display) -> Self {
        Self::new(Exit::Internal, message)
    }

    /// A run was stopped and can be resumed.
    pub fn stopped(message: impl Display) -> Self {
        Self::new(Exit::Stopped, message)
    }

    /// A file could not be made or written for an operating system's reason.
    pub fn file(message: impl Display, error: &io::Error) -> Self {
        match record::is_full(error) {
            true => Self::new(Exit::FullDisk, message),
            false => Self::usage(message),
        }
    }

    /// The training came to numbers that it cannot go on from.
    fn diverged(message: impl Display) -> Self {
        Self {
            repeats: true,
            ..Self::internal(message)
        }
    }

    /// Ends a command with an exit code.
    pub fn new(exit: Exit, message: impl Display) -> Self {
        let message = message.to_string();
        Self {
            exit,
            message,
            repeats: false,
        }
    }

    /// The same failure, with where it happened in front.
    #[must_use]
    pub fn within(mut self, place: impl Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Unstorable { .. } => Self::internal(error),
            error if error.is_full_disk() => Self::new(Exit::FullDisk, error),
            error if error.is_no_file() => Self::config(error),
            // What the run consists of is not as a training leaves it.
            RecordError::Link { .. }
            | RecordError::Changed { .. }
            | RecordError::OtherConfig { .. }
            | RecordError::Unusable { .. }
            | RecordError::DamagedRow { .. }
            | RecordError::DamagedFile { .. }
            | RecordError::DamagedCheckpoint { .. }
            | RecordError::Io { what: "read", .. } => Self::config(error),
            _ => Self::usage(error),
        }
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Record(error) => error.into(),
            ReportError::Inconsistent { .. } => Self::config(error),
            ReportError::Draw(_) => Self::internal(error),
            ReportError::Io { ref source, .. } => Self::file(&error, source),
            _ => Self::usage(error),
        }
    }
}

impl From<RolloutError> for Failure {
    fn from(error: RolloutError) -> Self {
        match error {
            RolloutError::Workers { .. } | RolloutError::Thread { .. } => Self::usage(error),
            RolloutError::Size { .. } | RolloutError::Unfit { .. } => Self::config(error),
            RolloutError::CalledOff => Self::stopped(error),
            _ if error.repeats() => Self::diverged(error),
            _ => Self::internal(error),
        }
    }
}

impl From<LearnError> for Failure {
    fn from(error: LearnError) -> Self {
        match error {
            LearnError::Config { .. } | LearnError::Settings(_) => Self::config(error),
            LearnError::Rollout(error) => error.into(),
            LearnError::Update { .. }
            | LearnError::Loss { .. }
            | LearnError::Adaptation { .. }
            | LearnError::Diverged(_) => Self::diverged(error),
            LearnError::Nets(_)
            | LearnError::Tree(_)
            | LearnError::Bug(_)
            | LearnError::Internal(_) => Self::internal(error),
        }
    }
}
