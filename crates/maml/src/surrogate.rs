//! Inner gradients of samples, and losses of adapted policies, as weights of
//! the samples' scores.
//!
//! Every gradient here is Σ wᵢ ∇ℓᵢ with ℓᵢ = ln π(aᵢ | sᵢ), and its derivative
//! along a direction v is Σ wᵢ ∇²ℓᵢ v + Σ ẇᵢ ∇ℓᵢ, where ẇᵢ, the derivative of
//! the weight, follows from uᵢ = v · ∇ℓᵢ. M is the number of samples, ℓ′ the
//! log-probability at which a sample was taken.

use crate::config::Surrogate;
use crate::samples::Samples;
use kernels::mlp::{Real, Weights};
use std::ops::Range;

impl Surrogate {
    /// Weights of the scores in the inner gradient. `[samples]`
    ///
    /// ```text
    /// log-prob  w[t] = −A[t] / M
    /// ratio     w[t] = −A[t] exp(ℓ[t] − ℓ′[t]) / M
    /// dice      w[t] = −Σ_{t' ≥ t} (γλ)^(t' − t) δ[t'] ρ[t'] / M
    ///           δ[t] = A[t] − γλ A[t+1],  ρ[t] = exp(Σ_{i ≤ t} ℓ[i] − ℓ′[i])
    /// ```
    ///
    /// The sums of `dice` run within an episode, at whose end A is 0. A residual
    /// δ[t'] is known once the action of step t' is taken, so ρ[t'] is all that
    /// carries its expectation over from the policy that acted to the present
    /// one: the expectation of Σ w ∇ℓ is the inner gradient at every θ, and so
    /// are its derivatives (Farquhar et al. 2019, with the advantage of every
    /// step counted alike, where theirs is weighed by γ^t).
    pub fn weigh<R: Real>(self, samples: &Samples<R>, log_probs: &[R], weights: &mut Vec<R>) {
        let share = -1.0 / samples.len() as f64;
        weights.clear();
        match self {
            Self::LogProb => {
                let weight = |a: &R| R::from_f64(share * a.to_f64());
                weights.extend(samples.advantages.iter().map(weight));
            }
            Self::Ratio => {
                let moved = log_probs.iter().zip(&samples.log_probs);
                let both = samples.advantages.iter().zip(moved);
                weights.extend(both.map(|(a, (now, then))| {
                    R::from_f64(share * a.to_f64() * (now.to_f64() - then.to_f64()).exp())
                }));
            }
            Self::Dice => {
                weights.resize(samples.len(), R::ZERO);
                for episode in &samples.episodes {
                    let mut moved = 0.0;
                    for t in episode.clone() {
                        moved += log_probs[t].to_f64() - samples.log_probs[t].to_f64();
                        let residual = residual(&samples.advantages, t, episode, samples.decay);
                        weights[t] = R::from_f64(share * residual * moved.exp());
                    }
                    accumulate(&mut weights[episode.clone()], samples.decay);
                }
            }
        }
    }

    /// How the weights move with the parameters; none for `dice`, where they
    /// depend on other samples of the episode too.
    ///
    /// ```text
    /// log-prob  ẇ = 0
    /// ratio     ẇ = w u
    /// ```
    pub fn moves(self) -> Option<Weights> {
        match self {
            Self::LogProb => Some(Weights::Fixed),
            Self::Ratio => Some(Weights::Ratios),
            Self::Dice => None,
        }
    }
}

/// x[t] − decay x[t+1], where what lies beyond the episode is 0.
fn residual<R: Real>(numbers: &[R], t: usize, episode: &Range<usize>, decay: f64) -> f64 {
    let later = match t + 1 < episode.end {
        true => numbers[t + 1].to_f64(),
        false => 0.0,
    };
    numbers[t].to_f64() - decay * later
}

/// x[t] ← Σ_{t' ≥ t} decay^(t' − t) x[t'], the inverse of [`residual`].
fn accumulate<R: Real>(numbers: &mut [R], decay: f64) {
    let mut sum = 0.0;
    for number in numbers.iter_mut().rev() {
        sum = number.to_f64() + decay * sum;
        *number = R::from_f64(sum);
    }
}

/// On which side of a vector the derivative of an inner gradient stands. That
/// of `dice` is not symmetric where γλ < 1: how far step t is credited with a
/// later residual depends on γλ, how far it decides whether that comes about
/// does not. The others are symmetric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// H v, how the gradient moves along v.
    Left,
    /// Hᵀ v.
    Right,
}

/// What the scores are weighed with in the part of H v or Hᵀ v that the weights
/// w of `dice` owe to the parameters. With r[t] = w[t] − γλ w[t+1] these are
///
/// ```text
/// H v   Σ_{t' ≥ t} (γλ)^(t' − t) r[t'] Σ_{i ≤ t'} u[i], the derivatives ẇ[t]
/// Hᵀ v  Σ_{t' ≥ t} r[t'] Σ_{i ≤ t'} (γλ)^(t' − i) u[i]
/// ```
///
/// `[samples]`
pub(crate) fn dice_tangents<R: Real>(
    samples: &Samples<R>,
    (weights, side): (&[R], Side),
    log_prob_tangents: &[R],
    weight_tangents: &mut Vec<R>,
) {
    let (before, after) = match side {
        Side::Left => (1.0, samples.decay),
        Side::Right => (samples.decay, 1.0),
    };
    weight_tangents.clear();
    weight_tangents.resize(weights.len(), R::ZERO);
    for episode in &samples.episodes {
        let mut sum = 0.0;
        for t in episode.clone() {
            sum = log_prob_tangents[t].to_f64() + before * sum;
            let residual = residual(weights, t, episode, samples.decay);
            weight_tangents[t] = R::from_f64(residual * sum);
        }
        accumulate(&mut weight_tangents[episode.clone()], after);
    }
}

/// What is minimized over the samples of adapted policies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    /// −1/M Σ A exp(ℓ − ℓ′): its gradient is the policy gradient where ℓ = ℓ′.
    Ratio,
    /// −1/M Σ min(A r, A clip(r, 1 − ε, 1 + ε)) with r = exp(ℓ − ℓ′): PPO's
    /// clipped surrogate (Schulman et al. 2017, equation 7), of this ε.
    Clipped(f64),
}

/// A loss, and what was seen on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loss {
    /// The policy loss.
    pub policy: f64,
    /// Mean of (r − 1) − ln r, an estimate of the divergence from the policies
    /// that the samples came from, nats.
    pub approx_kl: f64,
    /// Share of samples whose ratio is outside the clip range.
    pub clip_fraction: f64,
}

impl Loss {
    /// Adds `share` × another.
    pub(crate) fn add(&mut self, part: &Self, share: f64) {
        self.policy += share * part.policy;
        self.approx_kl += share * part.approx_kl;
        self.clip_fraction += share * part.clip_fraction;
    }
}

impl Objective {
    /// The loss, and the weights of the scores in its gradient. `[samples]`
    pub fn weigh<R: Real>(
        self,
        samples: &Samples<R>,
        log_probs: &[R],
        weights: &mut Vec<R>,
    ) -> Loss {
        let share = 1.0 / samples.len() as f64;
        let mut loss = Loss::default();
        weights.clear();
        let moved = log_probs.iter().zip(&samples.log_probs);
        for (a, (now, then)) in samples.advantages.iter().zip(moved) {
            let (a, moved) = (a.to_f64(), now.to_f64() - then.to_f64());
            let ratio = moved.exp();
            let (gain, slope) = match self {
                Self::Ratio => (a * ratio, a * ratio),
                Self::Clipped(clip) => {
                    let clipped = ratio.clamp(1.0 - clip, 1.0 + clip);
                    loss.clip_fraction += share * f64::from(u8::from(clipped != ratio));
                    match a * ratio <= a * clipped {
                        true => (a * ratio, a * ratio),
                        false => (a * clipped, 0.0),
                    }
                }
            };
            loss.policy -= share * gain;
            loss.approx_kl += share * (moved.exp_m1() - moved);
            weights.push(R::from_f64(-share * slope));
        }
        loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::ActionRows;

    fn samples(advantages: [f64; 3], decay: f64) -> Samples<f64> {
        Samples {
            observations: vec![1.0; 3],
            actions: ActionRows::Index(vec![0; 3]),
            log_probs: vec![-1.0; 3],
            advantages: advantages.to_vec(),
            loss: 0.0,
            decay,
            episodes: vec![0..2, 2..3],
        }
    }

    #[test]
    fn on_policy_all_inner_losses_have_the_gradient_of_the_policy() {
        for decay in [1.0, 0.5, 0.0] {
            let samples = samples([3.0, -6.0, 1.5], decay);
            for surrogate in [Surrogate::LogProb, Surrogate::Ratio, Surrogate::Dice] {
                let mut weights = vec![];
                surrogate.weigh(&samples, &[-1.0; 3], &mut weights);
                assert_eq!(weights, [-1.0, 2.0, -0.5], "{surrogate:?}, {decay}");
            }
        }
    }

    #[test]
    fn residuals_of_dice_carry_the_ratios_of_all_steps_before() {
        let samples = samples([3.0, -6.0, 1.5], 0.5);
        let now = [-1.0 + 2.0_f64.ln(), -1.0 + 3.0_f64.ln(), -1.0];
        let mut weights = vec![];
        Surrogate::Dice.weigh(&samples, &now, &mut weights);
        // δ = 3 + ½ 6 and −6, at ratios 2 and 6; the other episode: 1.5.
        let expected = [6.0 * 2.0 - 0.5 * 36.0, -36.0, 1.5].map(|sum| -sum / 3.0);
        for (weight, expected) in weights.iter().zip(expected) {
            assert!((weight - expected).abs() < 1e-12, "{weights:?}");
        }
    }

    #[test]
    fn weight_tangents_of_dice_are_literal() {
        let tangents = |decay, side| {
            let samples = samples([3.0, -6.0, 1.5], decay);
            let weights = [-1.0, 2.0, -0.5];
            let mut tangents = vec![];
            dice_tangents(&samples, (&weights, side), &[10.0, 1.0, 4.0], &mut tangents);
            tangents
        };
        // (−1 − 2) · 10 + 2 · 11, then 2 · 11; the other episode: −0.5 · 4.
        assert_eq!(tangents(1.0, Side::Left), [-8.0, 22.0, -2.0]);
        assert_eq!(tangents(1.0, Side::Right), [-8.0, 22.0, -2.0]);
        // (−1 − ½ 2) · 10 + ½ (2 · 11), then 2 · 11.
        assert_eq!(tangents(0.5, Side::Left), [-9.0, 22.0, -2.0]);
        // (−1 − ½ 2) · 10 + 2 · (1 + ½ 10), then 2 · (1 + ½ 10).
        assert_eq!(tangents(0.5, Side::Right), [-8.0, 12.0, -2.0]);
    }

    #[test]
    fn clipping_stops_what_went_too_far() {
        let samples = samples([1.0, -1.0, 1.0], 1.0);
        let now = [-1.0 + 1.5_f64.ln(), -1.0 + 1.5_f64.ln(), -1.0];
        let mut weights = vec![];
        let loss = Objective::Clipped(0.2).weigh(&samples, &now, &mut weights);
        assert!((loss.policy + (1.2 - 1.5 + 1.0) / 3.0).abs() < 1e-12);
        assert!((loss.clip_fraction - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(weights[0], 0.0);
        assert!((weights[1] - 0.5).abs() < 1e-12);
        assert!((weights[2] + 1.0 / 3.0).abs() < 1e-12);
        let loss = Objective::Ratio.weigh(&samples, &now, &mut weights);
        assert!((loss.policy + 1.0 / 3.0).abs() < 1e-12);
        assert!((weights[0] + 0.5).abs() < 1e-12);
    }
}
