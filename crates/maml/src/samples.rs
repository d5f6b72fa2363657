//! What a policy gradient is estimated from.

use kernels::mlp::Acts;
use std::ops::Range;

/// The actions of samples.
#[derive(Clone, Debug, PartialEq)]
pub enum ActionRows<R> {
    /// Indices. `[samples]`
    Index(Vec<u32>),
    /// Vectors, as the policy asked for them, not clipped to any box.
    /// `[samples][actions]`
    Vector(Vec<R>),
}

/// Samples of one policy in one task, episode after episode, each in order of
/// time.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples<R> {
    /// Encoded observations. `[samples][inputs]`
    pub observations: Vec<R>,
    /// What was done.
    pub actions: ActionRows<R>,
    /// ln π(a | s) of the policy that acted. `[samples]`
    pub log_probs: Vec<R>,
    /// What each action was worth. `[samples]`
    pub advantages: Vec<R>,
    /// The loss that a gated step is told: minus the discounted returns of all
    /// episodes over the number of samples. It is of the data, as advantages are, and
    /// no function of the parameters.
    pub loss: R,
    /// γλ, what an advantage owes to the next one of its episode:
    /// `A[t] = δ[t] + γλ A[t+1]` with the residual `δ[t]` of step t.
    pub decay: f64,
    /// The samples of each episode.
    pub episodes: Vec<Range<usize>>,
}

impl<R> Samples<R> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.advantages.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.advantages.is_empty()
    }

    /// The actions, for the kernels.
    pub fn acts(&self) -> Acts<'_, R> {
        match &self.actions {
            ActionRows::Index(rows) => Acts::Index(rows),
            ActionRows::Vector(rows) => Acts::Vector(rows),
        }
    }
}
