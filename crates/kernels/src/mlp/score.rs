//! Logarithms of the probabilities of actions taken, `log pi(a | s)`.

use super::head::{Acts, Categorical, Gaussian, Moved, Policies, Term, dot};
use super::{Cache, Mlp, Real};

/// `ln(2 pi) / 2`.
pub(crate) const HALF_LN_2PI: f64 = 0.918_938_533_204_672_8;

/// Actions with the distributions they were taken from.
///
/// Of logits `y` with probabilities `p`: `d log pi / dy = e_a - p`, its
/// derivative along `Ry` is `-p (Ry - p . Ry)`. Of means `y` and `s = log_std`,
/// with `e = (a - y) exp(-s)`: `d log pi / dy = e exp(-s)` and
/// `d log pi / ds = e^2 - 1`, where `Re = -Ry exp(-s) - e Rs`.
pub(crate) enum Taken<'a, R> {
    Categorical(Categorical<'a, R>, &'a [u32]),
    Gaussian(Gaussian<'a, R>, &'a [R]),
}

impl<'a, R: Real> Taken<'a, R> {
    /// Panics where the actions are not of the head's kind, of another number, or
    /// out of range.
    pub(crate) fn new(mlp: &Mlp, cache: &'a Cache<R>, actions: Acts<'a, R>) -> Self {
        match (Policies::new(mlp, cache), actions) {
            (Policies::Categorical(policies), Acts::Index(actions)) => {
                mlp.check_len("actions", actions, cache.samples());
                let count = mlp.outputs();
                let largest = actions.iter().copied().max().unwrap_or(0);
                assert!(
                    (largest as usize) < count,
                    "action {largest} does not exist: must be below {count}"
                );
                Taken::Categorical(policies, actions)
            }
            (Policies::Gaussian(policies), Acts::Vector(actions)) => {
                mlp.check_len("actions", actions, cache.samples() * mlp.outputs());
                Taken::Gaussian(policies, actions)
            }
            (Policies::Categorical(_), Acts::Vector(_)) => {
                panic!("a categorical head takes actions as Acts::Index")
            }
            (Policies::Gaussian(_), Acts::Index(_)) => {
                panic!("a Gaussian head takes actions as Acts::Vector")
            }
        }
    }

    /// Overwrites `out` with `log pi`, `[samples]`.
    pub(crate) fn log_probs(&self, out: &mut [R]) {
        match *self {
            Taken::Categorical(policies, actions) => {
                for (sample, out) in out.iter_mut().enumerate() {
                    *out = policies.row(sample).1[actions[sample] as usize];
                }
            }
            Taken::Gaussian(policies, actions) => {
                for (sample, out) in out.iter_mut().enumerate() {
                    let mut sum = R::ZERO;
                    for (e, log_std) in standardized(policies, actions, sample) {
                        let constant = log_std + R::from_f64(HALF_LN_2PI);
                        sum -= R::from_f64(0.5) * e * e + constant;
                    }
                    *out = sum;
                }
            }
        }
    }

    /// The derivative of a sample's `log pi` along a tangent.
    #[inline(always)]
    pub(crate) fn tangent(&self, sample: usize, moved: Moved<'_, R>) -> R {
        match *self {
            Taken::Categorical(policies, actions) => {
                let mean = dot(policies.row(sample).0, moved.outputs);
                moved.outputs[actions[sample] as usize] - mean
            }
            Taken::Gaussian(policies, actions) => {
                let mut sum = R::ZERO;
                for (j, (e, _)) in standardized(policies, actions, sample).enumerate() {
                    sum += e * policies.inverse_std[j] * moved.outputs[j];
                    sum += (e * e - R::ONE) * moved.log_std[j];
                }
                sum
            }
        }
    }
}

/// Per coordinate `(a - mean) / std` and `log_std`.
#[inline(always)]
fn standardized<'a, R: Real>(
    policies: Gaussian<'a, R>,
    actions: &'a [R],
    sample: usize,
) -> impl Iterator<Item = (R, R)> {
    let mean = policies.row(sample);
    let action = &actions[sample * mean.len()..][..mean.len()];
    (0..mean.len()).map(move |j| {
        let e = (action[j] - mean[j]) * policies.inverse_std[j];
        (e, policies.log_std[j])
    })
}

/// How weights of scores move with the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// Not at all.
    Fixed,
    /// As importance ratios `pi / pi_old` do: `Rw = w R log pi`.
    Ratios,
}

/// Derivatives of weights along a direction.
#[derive(Clone, Copy)]
pub(crate) enum WeightTangent<'a, R> {
    /// By how the weights move.
    Of(Weights),
    /// Given, `[samples]`.
    Given(&'a [R]),
}

/// `weight log pi(a | s)`; the derivative along a tangent takes that of the
/// weight into account.
pub(crate) struct Score<'a, R> {
    pub(crate) taken: Taken<'a, R>,
    pub(crate) weight: &'a [R],
    pub(crate) weight_tangent: WeightTangent<'a, R>,
}

impl<R: Real> Term<R> for Score<'_, R> {
    #[inline(always)]
    fn gradient(&self, sample: usize, d: &mut [R], log_std: &mut [f64]) {
        let weight = self.weight[sample];
        match self.taken {
            Taken::Categorical(policies, actions) => {
                for (d, &p) in d.iter_mut().zip(policies.row(sample).0) {
                    *d = -weight * p;
                }
                d[actions[sample] as usize] += weight;
            }
            Taken::Gaussian(policies, actions) => {
                for (j, (e, _)) in standardized(policies, actions, sample).enumerate() {
                    d[j] = weight * e * policies.inverse_std[j];
                    log_std[j] += (weight * (e * e - R::ONE)).to_f64();
                }
            }
        }
    }

    #[inline(always)]
    fn tangent(
        &self,
        sample: usize,
        moved: Moved<'_, R>,
        [d, d_tangent]: [&mut [R]; 2],
        log_std: &mut [f64],
    ) {
        let weight = self.weight[sample];
        let weight_tangent = match self.weight_tangent {
            WeightTangent::Of(Weights::Fixed) => R::ZERO,
            WeightTangent::Of(Weights::Ratios) => weight * self.taken.tangent(sample, moved),
            WeightTangent::Given(tangents) => tangents[sample],
        };
        match self.taken {
            Taken::Categorical(policies, actions) => {
                let p = policies.row(sample).0;
                let mean = dot(p, moved.outputs);
                for j in 0..p.len() {
                    d[j] = -weight * p[j];
                    d_tangent[j] = d[j] * (moved.outputs[j] - mean) - weight_tangent * p[j];
                }
                let action = actions[sample] as usize;
                d[action] += weight;
                d_tangent[action] += weight_tangent;
            }
            Taken::Gaussian(policies, actions) => {
                for (j, (e, _)) in standardized(policies, actions, sample).enumerate() {
                    let (inverse, moved_std) = (policies.inverse_std[j], moved.log_std[j]);
                    let e_tangent = -moved.outputs[j] * inverse - e * moved_std;
                    d[j] = weight * e * inverse;
                    d_tangent[j] = weight * inverse * (e_tangent - e * moved_std)
                        + weight_tangent * e * inverse;
                    let square = R::from_f64(2.0) * e * e_tangent;
                    log_std[j] += (weight * square + weight_tangent * (e * e - R::ONE)).to_f64();
                }
            }
        }
    }
}
