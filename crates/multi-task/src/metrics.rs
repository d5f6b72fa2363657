//! What is reported of an update.

use serde::Serialize;

/// What one update did. Nothing in it depends on the clock or the workers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metrics {
    /// Updates done.
    pub update: u64,
    /// Environment steps done, in all tasks together.
    pub env_steps: u64,
    /// Mean return of the trials of this update, actions sampled.
    pub mean_return: f64,
    /// The same in each task, in the order of their descriptions; none for a task that no
    /// lane met in this update.
    pub task_returns: Vec<Option<f64>>,
    /// Mean over the update's minibatches.
    pub policy_loss: f64,
    /// Mean over the update's minibatches.
    pub value_loss: f64,
    /// Nats, mean over the update's minibatches.
    pub entropy: f64,
    /// Nats, mean over the update's minibatches.
    pub approx_kl: f64,
    /// Mean over the update's minibatches.
    pub clip_fraction: f64,
    /// Of the tasks' policies from the shared one, nats, mean over the update's minibatches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub divergence: Option<f64>,
    /// Before clipping, mean over the update's minibatches.
    pub gradient_norm: f64,
    /// Mean over pairs of tasks of the cosine between their gradients of the whole objective
    /// by the parameters that all tasks share, before the update; none where it was not
    /// measured, nothing is shared, or gradients were 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradient_cosine: Option<f64>,
    /// Step size of this update.
    pub learning_rate: f64,
    /// Entropy bonus of this update.
    pub entropy_coefficient: f64,
}
