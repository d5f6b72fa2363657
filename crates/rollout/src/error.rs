//! What can go wrong in a rollout.

use crate::pool::{MAX_WORKERS, WorkPanic};
use rl_core::{Place, StreamKey};

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
    /// Sizes that do not fit together.
    #[error("{key} = {value}; allowed: {allowed}")]
    Size {
        /// Which size.
        key: &'static str,
        /// Its value.
        value: usize,
        /// What is allowed.
        allowed: String,
    },
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
    #[error("environment '{env}' panicked in {}: {message}", at(place, key))]
    Environment {
        /// The environment's name.
        env: String,
        /// Where it was at work.
        place: Place,
        /// Streams of the batch, which reproduce the failure.
        key: StreamKey,
        /// What the panic said.
        message: String,
    },
    /// An environment gave a number that is not finite.
    #[error("environment '{env}' gave {what} {value} at step {step} of {}: only finite numbers are allowed", lane_of(*lane, key))]
    NotFinite {
        /// The environment's name.
        env: String,
        /// What it gave: a reward or an observation.
        what: &'static str,
        /// The number.
        value: f32,
        /// The lane in the batch.
        lane: u64,
        /// Steps since the lane's trial began.
        step: usize,
        /// Streams of the batch, which reproduce the failure.
        key: StreamKey,
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
        key: StreamKey,
        /// What the panic said.
        message: String,
    },
    /// The engine itself panicked, which is a bug of metarl.
    #[error("internal error: {0}")]
    Internal(#[from] WorkPanic),
}

fn lane_of(lane: u64, key: &StreamKey) -> String {
    format!(
        "lane {lane} (seed {}, {:?} batch {})",
        key.seed, key.domain, key.round
    )
}

fn at(place: &Place, key: &StreamKey) -> String {
    format!(
        "task {} of {}, episode {}, step {}",
        place.trial,
        lane_of(place.lane, key),
        place.episode,
        place.step
    )
}
