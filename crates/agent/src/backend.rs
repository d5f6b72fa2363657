//! The seam between the algorithm and what computes it.

use crate::error::LearnError;
use crate::execution::Execution;
use crate::samples::Samples;
use crate::stopwatch::Stopwatch;
use rl_core::rand::RngExt as _;
use rl_core::{Pack, PolicyFactory, Stream};
use rollout::Pool;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What computes policies and gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BackendKind {
    /// The kernels of this workspace: recurrent trunks, on the CPU.
    Native,
    /// libtorch and its autograd: everything, everywhere, with the feature `torch`.
    Torch,
}

/// How a policy chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ActMode {
    /// By chance, as the policy says.
    Sample,
    /// The likeliest action.
    Greedy,
}

impl ActMode {
    /// The action at which the cumulative probability first exceeds a uniform number, or the
    /// likeliest one, the first of equals.
    pub fn choose(self, probabilities: &[f32], stream: &mut Stream) -> u32 {
        let mut chosen = 0;
        match self {
            Self::Greedy => {
                for (action, p) in probabilities.iter().enumerate() {
                    if *p > probabilities[chosen] {
                        chosen = action;
                    }
                }
            }
            Self::Sample => {
                let uniform: f32 = stream.random();
                let mut sum = 0.0;
                // Rounding may leave the whole sum below the uniform number.
                for (action, p) in probabilities.iter().enumerate().filter(|(_, p)| **p > 0.0) {
                    chosen = action;
                    sum += p;
                    if sum > uniform {
                        break;
                    }
                }
            }
        }
        chosen as u32
    }
}

/// The policy part of the objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Surrogate {
    /// PPO's clipped surrogate with this ε.
    Clipped(f64),
    /// The plain policy gradient.
    Plain,
    /// None: rewards teach the policy nothing.
    None,
}

/// What is minimized: policy loss + `value_coefficient` × value loss −
/// `entropy_coefficient` × entropy + `teacher_coefficient` × divergence from the
/// teacher, each a mean over the samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// The policy loss.
    pub surrogate: Surrogate,
    /// Weight of the value loss, ½ (V − return)².
    pub value_coefficient: f64,
    /// Weight of the entropy bonus.
    pub entropy_coefficient: f64,
    /// Weight of the divergence from the teacher, KL(label ‖ policy); of no effect
    /// where samples have no labels.
    pub teacher_coefficient: f64,
}

/// Samples of one step of the optimizer: whole tiles, whole trials.
#[derive(Clone, Debug, PartialEq)]
pub struct Minibatch {
    /// Indices of the tiles. Gradients are folded in this order.
    pub tiles: Vec<usize>,
    /// Weight of each sample that is not masked: 1 over their number.
    pub weight: f32,
    /// Advantages are used as (advantage − `shift`) × `scale`.
    pub shift: f32,
    /// See `shift`.
    pub scale: f32,
}

/// Parts of the objective and diagnostics, means over a minibatch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Losses {
    /// The policy loss.
    pub policy: f64,
    /// The value loss.
    pub value: f64,
    /// Mean entropy of the policy, nats.
    pub entropy: f64,
    /// Mean of (ratio − 1) − ln ratio, an estimate of the KL divergence from
    /// the behaviour policy, nats.
    pub approx_kl: f64,
    /// Share of samples whose ratio is outside the clip range.
    pub clip_fraction: f64,
    /// Mean KL(label ‖ policy), nats; 0 where samples have no labels.
    pub divergence: f64,
    /// Share of samples where the likeliest action is one of the teacher's likeliest.
    pub agreement: f64,
}

impl Pack for Losses {
    fn pack(&self, bytes: &mut Vec<u8>) {
        let Self {
            policy,
            value,
            entropy,
            approx_kl,
            clip_fraction,
            divergence,
            agreement,
        } = *self;
        [policy, value, entropy, approx_kl].pack(bytes);
        [clip_fraction, divergence, agreement].pack(bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Option<Self> {
        let [policy, value, entropy, approx_kl] = <[f64; 4]>::unpack(bytes)?;
        let [clip_fraction, divergence, agreement] = <[f64; 3]>::unpack(bytes)?;
        Some(Self {
            policy,
            value,
            entropy,
            approx_kl,
            clip_fraction,
            divergence,
            agreement,
        })
    }
}

impl Losses {
    /// The same, divided by a number.
    #[must_use]
    pub fn over(mut self, parts: f64) -> Self {
        let Self {
            policy,
            value,
            entropy,
            approx_kl,
            clip_fraction,
            divergence,
            agreement,
        } = &mut self;
        let all = [
            policy,
            value,
            entropy,
            approx_kl,
            clip_fraction,
            divergence,
            agreement,
        ];
        all.into_iter().for_each(|sum| *sum /= parts);
        self
    }

    /// Adds those of a part. Add parts in a fixed order.
    pub fn add(&mut self, part: &Self) {
        self.policy += part.policy;
        self.value += part.value;
        self.entropy += part.entropy;
        self.approx_kl += part.approx_kl;
        self.clip_fraction += part.clip_fraction;
        self.divergence += part.divergence;
        self.agreement += part.agreement;
    }
}

/// A gradient, and what was seen on the way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gradient {
    /// Of the objective, in the parameters' layout.
    pub values: Vec<f32>,
    /// Of the same samples.
    pub losses: Losses,
}

impl Gradient {
    /// Adds a part. Add parts in a fixed order.
    pub fn add(&mut self, part: &Self) {
        self.values.resize(part.values.len(), 0.0);
        for (sum, value) in self.values.iter_mut().zip(&part.values) {
            *sum += value;
        }
        self.losses.add(&part.losses);
    }
}

/// What a gradient is taken of, and at which parameters.
#[derive(Clone, Copy, Debug)]
pub struct Lesson<'a> {
    /// The parameters.
    pub values: &'a [f32],
    /// What happened, and what it teaches.
    pub samples: &'a Samples,
    /// Which of it.
    pub minibatch: &'a Minibatch,
    /// What is minimized.
    pub objective: Objective,
    /// Told of the time that it takes.
    pub stopwatch: &'a Stopwatch,
}

/// What computes: it turns parameters into acting policies, and parameters
/// and samples into gradients. The algorithm around it never changes.
///
/// Parameters are flat values in the layout of
/// [`ActorCritic`](crate::ActorCritic). Results must not depend on the number
/// of workers.
pub trait Backend: Send + Sync {
    /// Policies that act by these parameters.
    fn policy(&self, values: &Arc<Vec<f32>>, mode: ActMode) -> Arc<dyn PolicyFactory>;

    /// How those policies want to be run.
    fn execution(&self) -> Execution;

    /// Whether ranks share its gradients ([`Pool::share_sum`]).
    fn shares(&self) -> bool {
        false
    }

    /// The log-probabilities that these parameters give to what was done in a
    /// tile, its trials lived again. `[steps][lanes]`
    ///
    /// # Errors
    /// If the computation fails.
    fn log_probs(
        &self,
        values: &[f32],
        samples: &Samples,
        tile: usize,
    ) -> Result<Vec<f32>, LearnError>;

    /// The gradient of the objective over a minibatch, computed on the pool, and by all
    /// ranks together where it [is shared](Self::shares).
    ///
    /// # Errors
    /// If the computation fails.
    fn gradient(&self, pool: &Pool, lesson: Lesson<'_>) -> Result<Gradient, LearnError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use rl_core::{Domain, Purpose, StreamKey};

    #[test]
    fn actions_are_chosen_as_they_are_likely() {
        let mut stream = StreamKey::new(0, Domain::HeldOut, 0).lane(Purpose::Action, 0);
        assert_eq!(ActMode::Greedy.choose(&[0.2, 0.4, 0.4], &mut stream), 1);
        let mut often = [0; 4];
        for _ in 0..4000 {
            let action = ActMode::Sample.choose(&[0.25, 0.0, 0.75, 0.0], &mut stream);
            often[action as usize] += 1;
        }
        // Of a standard deviation of 27.
        assert!((900..1100).contains(&often[0]), "{often:?}");
        assert_eq!([often[1], often[3]], [0, 0]);
        // Where the sum stays below the number, the last one that is possible at all.
        assert_eq!(ActMode::Sample.choose(&[1e-9, 0.0], &mut stream), 0);
    }
}
