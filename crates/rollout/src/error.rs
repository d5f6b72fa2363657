//! What can go wrong in a rollout.

use crate::pool::{MAX_WORKERS, WorkError, WorkPanic};
use crate::ranks::RankError;
use crate::share::Told;
use rl_core::{Place, SettingError, StreamKey};
use std::fmt;

/// Why a rollout failed. Every message says where, and how to get there again.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RolloutError {
    /// A number of workers out of range.
    #[error("workers = {workers}; allowed: 1 to {MAX_WORKERS}")]
    Workers {
        /// The number asked for.
        workers: usize,
    },
    /// The system refused a thread.
    #[error("worker thread {index} could not be started: {message}; use fewer workers")]
    Thread {
        /// Which thread.
        index: usize,
        /// What the system said.
        message: String,
    },
    /// A size that makes no sense.
    #[error(transparent)]
    Size(#[from] SettingError),
    /// The policy cannot act in the environment.
    #[error("'{policy}' cannot act in '{env}': {why}")]
    Unfit {
        /// The policy's name.
        policy: String,
        /// The environment's name.
        env: String,
        /// The reason.
        why: String,
    },
    /// An environment panicked.
    #[error("environment '{env}' panicked in {method}, {site}: {message}")]
    Environment {
        /// The environment's name.
        env: String,
        /// What was called, as in "`step`".
        method: String,
        /// Where it was at work.
        site: Box<Site>,
        /// What the panic said.
        message: String,
    },
    /// An environment or a policy wrote what it must not.
    #[error("{culprit} gave {what} in {site}; allowed: {allowed}")]
    NotAllowed {
        /// Who wrote it.
        culprit: Culprit,
        /// What, and its value.
        what: String,
        /// What is allowed.
        allowed: String,
        /// Where.
        site: Box<Site>,
    },
    /// A policy panicked.
    #[error("policy '{policy}' panicked at step {step} of lanes {first_lane} to {last_lane} (seed {}, {:?} batch {}): {message}", key.seed, key.domain, key.round)]
    Policy {
        /// The policy's name.
        policy: String,
        /// First lane of the tile it acted in.
        first_lane: u64,
        /// Last lane of the tile.
        last_lane: u64,
        /// Steps since the batch began.
        step: usize,
        /// Streams of the batch, which reproduce the failure.
        key: Box<StreamKey>,
        /// What the panic said.
        message: String,
    },
    /// Somebody did not want the rest of the work: whoever watched an
    /// evaluation, or [`Pool::call_off`](crate::Pool::call_off).
    #[error("the work was called off")]
    CalledOff,
    /// The engine itself panicked, which is a bug of metarl.
    #[error("internal error: {0}")]
    Internal(WorkPanic),
    /// What another rank's part of the work failed of.
    #[error("{message} (on rank {rank})")]
    Elsewhere {
        /// Which rank.
        rank: usize,
        /// What it says.
        message: String,
        /// See [`Told::repeats`].
        repeats: bool,
    },
    /// Another rank is lost.
    #[error(transparent)]
    Rank(RankError),
}

impl Told for RolloutError {
    fn repeats(&self) -> bool {
        match self {
            Self::NotAllowed { culprit, .. } => matches!(culprit, Culprit::Policy(_)),
            Self::Elsewhere { repeats, .. } => *repeats,
            _ => false,
        }
    }
}

impl From<WorkError> for RolloutError {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::Panicked(panic) => Self::Internal(panic),
            WorkError::CalledOff => Self::CalledOff,
        }
    }
}

/// Who broke a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Culprit {
    /// An environment of this name.
    Environment(String),
    /// A policy of this name.
    Policy(String),
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "environment '{name}'"),
            Self::Policy(name) => write!(f, "policy '{name}'"),
        }
    }
}

/// A place in a batch, and the streams that reproduce it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// Where in the batch.
    pub place: Place,
    /// The batch's streams.
    pub key: StreamKey,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, key) = (&self.place, &self.key);
        write!(
            f,
            "task {} of lane {} (seed {}, {:?} batch {}), episode {}, step {}",
            place.trial, place.lane, key.seed, key.domain, key.round, place.episode, place.step
        )
    }
}
