//! Losses, as free functions of what a minibatch's samples gave.
//!
//! All tensors of a call have the same shape, whatever it is. Every sample has
//! a weight w; the weights sum to 1 over the *whole* minibatch, so the losses
//! and gradients of its parts simply add up, and a sample that is masked out
//! weighs 0. What stands in masked samples must still be finite.

use super::heads::Categorical;
use tch::{Device, Kind, Tensor};

/// What the policy losses look at.
#[derive(Clone, Copy, Debug)]
pub struct PolicySamples<'a> {
    /// ln π(a) under the policy that is being improved.
    pub log_probs: &'a Tensor,
    /// ln π(a) under the policy that acted.
    pub old_log_probs: &'a Tensor,
    /// Advantages of the actions taken.
    pub advantages: &'a Tensor,
    /// Weights of the samples.
    pub weights: &'a Tensor,
}

/// −Σ w min(ρ A, clip(ρ, 1 − ε, 1 + ε) A) with ρ = π(a) / π_old(a): the
/// clipped surrogate of PPO (Schulman et al. 2017, equation 7).
///
/// # Panics
/// If shapes differ.
pub fn ppo_policy_loss(samples: &PolicySamples, clip: f64) -> Tensor {
    let PolicySamples {
        log_probs,
        old_log_probs,
        advantages,
        weights,
    } = samples;
    expect_same(weights, &[log_probs, old_log_probs, advantages]);
    let ratio = (*log_probs - *old_log_probs).exp();
    let clipped = ratio.clamp(1.0 - clip, 1.0 + clip);
    let gain = (ratio * *advantages).minimum(&(clipped * *advantages));
    -(gain * *weights).sum(None)
}

/// −Σ w A ln π(a): the policy gradient (Williams 1992; with bootstrapped
/// advantages the actor's loss of A2C, Mnih et al. 2016).
///
/// # Panics
/// If shapes differ.
pub fn policy_gradient_loss(log_probs: &Tensor, advantages: &Tensor, weights: &Tensor) -> Tensor {
    expect_same(weights, &[log_probs, advantages]);
    -(log_probs * advantages * weights).sum(None)
}

/// ½ Σ w (v − R)².
///
/// # Panics
/// If shapes differ.
pub fn value_loss(values: &Tensor, returns: &Tensor, weights: &Tensor) -> Tensor {
    expect_same(weights, &[values, returns]);
    ((values - returns).square() * weights).sum(None) * 0.5
}

/// Σ w H: the entropy bonus, of which a multiple is *subtracted* from the loss
/// (Williams and Peng 1991).
///
/// # Panics
/// If shapes differ.
pub fn mean_entropy(entropies: &Tensor, weights: &Tensor) -> Tensor {
    expect_same(weights, &[entropies]);
    (entropies * weights).sum(None)
}

/// Σ w ((ρ − 1) − ln ρ): an estimate of KL(π_old ‖ π) from samples of π_old
/// that is unbiased, never negative and of low variance (Schulman 2020,
/// "Approximating KL divergence"). It carries no gradient. In f64, of the given
/// log-probabilities: near ρ = 1 each term is half the log-ratio's square, all of
/// whose digits the difference would lose in f32.
///
/// # Panics
/// If shapes differ.
pub fn approx_kl(log_probs: &Tensor, old_log_probs: &Tensor, weights: &Tensor) -> Tensor {
    expect_same(weights, &[log_probs, old_log_probs]);
    let log_ratio = log_probs.detach().to_kind(Kind::Double) - old_log_probs;
    let terms = (log_ratio.expm1() - &log_ratio).clamp_min(0.0);
    (terms * weights).sum(None)
}

/// Share of the weight on samples with |ρ − 1| > ε, which the clipped
/// surrogate may have stopped pushing. It carries no gradient.
///
/// # Panics
/// If shapes differ.
pub fn clip_fraction(samples: &PolicySamples, clip: f64) -> Tensor {
    expect_same(samples.weights, &[samples.log_probs, samples.old_log_probs]);
    let ratio = (samples.log_probs.detach() - samples.old_log_probs).exp();
    let outside = (ratio - 1.0).abs().gt(clip);
    (outside.to_kind(samples.weights.kind()) * samples.weights).sum(None)
}

/// How a policy does beside its teacher.
#[derive(Debug)]
pub struct Taught {
    /// Σ w KL(label ‖ π), nats.
    pub divergence: Tensor,
    /// Share of the weight where the likeliest action is one of the teacher's
    /// likeliest. It carries no gradient.
    pub agreement: Tensor,
}

impl Taught {
    /// That of a policy without a teacher.
    pub fn none(device: Device) -> Self {
        let zero = || Tensor::zeros([], (Kind::Float, device));
        Self {
            divergence: zero(),
            agreement: zero(),
        }
    }
}

/// A policy beside the probabilities that its teacher gives, `[.., actions]`: the
/// divergence that supervised learning lowers (Rusu et al. 2016, policy distillation,
/// equation 3).
///
/// # Panics
/// If shapes differ.
pub fn imitation(policy: &Categorical, labels: &Tensor, weights: &Tensor) -> Taught {
    let log_probs = policy.log_probabilities();
    expect_same(log_probs, &[labels]);
    // 0 ln 0 is 0.
    let surprise = labels.clamp_min(f64::from(f32::MIN_POSITIVE)).log() - log_probs;
    let divergence = (labels * surprise).sum_dim_intlist(-1, false, None);
    let likeliest = policy.greedy().unsqueeze(-1);
    let there = labels.gather(-1, &likeliest, false).squeeze_dim(-1);
    let agrees = there.eq_tensor(&labels.amax([-1].as_slice(), false));
    Taught {
        divergence: (divergence * weights).sum(None),
        agreement: (agrees.to_kind(weights.kind()) * weights).sum(None),
    }
}

/// Refuses shapes that libtorch would silently stretch to fit each other.
fn expect_same(weights: &Tensor, others: &[&Tensor]) {
    for other in others {
        assert_eq!(
            other.size(),
            weights.size(),
            "samples and weights of one shape"
        );
    }
}
