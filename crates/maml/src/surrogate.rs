//! Losses of samples, as weights of their scores.
//!
//! The gradient of every loss here is Σ wᵢ ∇ℓᵢ with ℓᵢ = ln π(aᵢ | sᵢ), and
//! its derivative along a direction v is Σ wᵢ ∇²ℓᵢ v + Σ ẇᵢ ∇ℓᵢ, where ẇᵢ, the
//! derivative of the weight, follows from uᵢ = v · ∇ℓᵢ. M is the number of
//! samples, ℓ′ the log-probability at which a sample was taken.

use crate::config::Surrogate;
use crate::samples::Samples;
use kernels::mlp::{Real, Weights};

impl Surrogate {
    /// Weights of the scores in the gradient of the inner loss. `[samples]`
    ///
    /// ```text
    /// log-prob  w = −A / M
    /// ratio     w = −A exp(ℓ − ℓ′) / M
    /// dice      w = −Σ_{t' ≥ t} c[t'] / M,  c[t] = (A[t] − A[t+1]) exp(Σ_{i ≤ t} ℓ[i] − ℓ′[i])
    /// ```
    ///
    /// The sums of `dice` run within an episode, at whose end A is 0.
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
                        let later = match t + 1 < episode.end {
                            true => samples.advantages[t + 1].to_f64(),
                            false => 0.0,
                        };
                        let part = (samples.advantages[t].to_f64() - later) * moved.exp();
                        weights[t] = R::from_f64(share * part);
                    }
                    let mut sum = 0.0;
                    for t in episode.clone().rev() {
                        sum += weights[t].to_f64();
                        weights[t] = R::from_f64(sum);
                    }
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

/// The derivatives of the weights of `dice`, given those of the
/// log-probabilities: ẇ[t] = Σ_{t' ≥ t} (w[t'] − w[t'+1]) Σ_{i ≤ t'} u[i].
/// `[samples]`
pub(crate) fn dice_tangents<R: Real>(
    samples: &Samples<R>,
    weights: &[R],
    log_prob_tangents: &[R],
    weight_tangents: &mut Vec<R>,
) {
    weight_tangents.clear();
    weight_tangents.resize(weights.len(), R::ZERO);
    for episode in &samples.episodes {
        let mut prefix = 0.0;
        for t in episode.clone() {
            prefix += log_prob_tangents[t].to_f64();
            let later = match t + 1 < episode.end {
                true => weights[t + 1].to_f64(),
                false => 0.0,
            };
            weight_tangents[t] = R::from_f64((weights[t].to_f64() - later) * prefix);
        }
        let mut sum = 0.0;
        for t in episode.clone().rev() {
            sum += weight_tangents[t].to_f64();
            weight_tangents[t] = R::from_f64(sum);
        }
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

    fn samples(advantages: [f64; 3]) -> Samples<f64> {
        Samples {
            observations: vec![1.0; 3],
            actions: ActionRows::Index(vec![0; 3]),
            log_probs: vec![-1.0; 3],
            advantages: advantages.to_vec(),
            episodes: vec![0..2, 2..3],
        }
    }

    #[test]
    fn on_policy_all_inner_losses_have_the_gradient_of_the_policy() {
        let samples = samples([3.0, -6.0, 1.5]);
        for surrogate in [Surrogate::LogProb, Surrogate::Ratio, Surrogate::Dice] {
            let mut weights = vec![];
            surrogate.weigh(&samples, &[-1.0; 3], &mut weights);
            assert_eq!(weights, [-1.0, 2.0, -0.5], "{surrogate:?}");
        }
    }

    #[test]
    fn weight_tangents_of_dice_are_literal() {
        let samples = samples([3.0, -6.0, 1.5]);
        let mut tangents = vec![];
        dice_tangents(
            &samples,
            &[-1.0, 2.0, -0.5],
            &[10.0, 1.0, 4.0],
            &mut tangents,
        );
        // (−1 − 2) · 10 + 2 · 11, then 2 · 11; the other episode: −0.5 · 4.
        assert_eq!(tangents, [-8.0, 22.0, -2.0]);
    }

    #[test]
    fn clipping_stops_what_went_too_far() {
        let samples = samples([1.0, -1.0, 1.0]);
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
