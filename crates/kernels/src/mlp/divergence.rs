//! Functions of whole distributions: entropy, Fisher information, Kullback-Leibler
//! divergence; and of outputs that a caller differentiated.

use super::Real;
use super::head::{Categorical, Gaussian, Moved, Old, Policies, Term, dot};
use super::score::HALF_LN_2PI;

/// `(1 + ln(2 pi)) / 2`, the entropy of a standard normal number.
const NORMAL_ENTROPY: f64 = 0.5 + HALF_LN_2PI;

/// `weight H`. Of probabilities `p` of logits `y`, `dH/dy = -p (log p + H)`; of a
/// Gaussian, `dH/dlog_std = 1`.
pub(crate) struct Entropy<'a, R> {
    pub(crate) policies: Policies<'a, R>,
    pub(crate) weight: &'a [R],
}

impl<R: Real> Policies<'_, R> {
    /// Overwrites `out` with entropies in nats, `[samples]`.
    pub(crate) fn entropies(&self, out: &mut [R]) {
        match *self {
            Policies::Categorical(policies) => {
                for (sample, out) in out.iter_mut().enumerate() {
                    let (p, log_p) = policies.row(sample);
                    *out = -dot(p, log_p);
                }
            }
            Policies::Gaussian(policies) => {
                let normal = R::from_f64(NORMAL_ENTROPY);
                out.fill(policies.log_std.iter().map(|&s| s + normal).sum());
            }
        }
    }
}

impl<R: Real> Term<R> for Entropy<'_, R> {
    #[inline(always)]
    fn gradient(&self, sample: usize, d: &mut [R], log_std: &mut [f64]) {
        let weight = self.weight[sample];
        match self.policies {
            Policies::Categorical(policies) => {
                let (p, log_p) = policies.row(sample);
                let entropy = -dot(p, log_p);
                for j in 0..p.len() {
                    d[j] = -weight * p[j] * (log_p[j] + entropy);
                }
            }
            Policies::Gaussian(_) => {
                for sum in log_std {
                    *sum += weight.to_f64();
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
        _: &mut [f64],
    ) {
        // A Gaussian's entropy is linear in log_std.
        if let Policies::Categorical(policies) = self.policies {
            let weight = self.weight[sample];
            let (p, log_p) = policies.row(sample);
            let entropy = -dot(p, log_p);
            let mean = dot(p, moved.outputs);
            let mut entropy_tangent = R::ZERO;
            for j in 0..p.len() {
                d[j] = -weight * p[j] * (log_p[j] + entropy);
                entropy_tangent -= p[j] * (log_p[j] + entropy) * moved.outputs[j];
            }
            for j in 0..p.len() {
                let shift = moved.outputs[j] - mean;
                let slope = shift * (log_p[j] + entropy) + shift + entropy_tangent;
                d_tangent[j] = -weight * p[j] * slope;
            }
        }
    }
}

/// `weight` times the Fisher information of a sample's distribution times the
/// tangent of its outputs and `log_std`: `p (Ry - p . Ry)` of logits;
/// `Ry exp(-2 log_std)` and `2 Rlog_std` of a Gaussian.
#[inline(always)]
pub(crate) fn fisher<R: Real>(
    policies: Policies<'_, R>,
    sample: usize,
    weight: R,
    moved: Moved<'_, R>,
    (d, log_std): (&mut [R], &mut [f64]),
) {
    match policies {
        Policies::Categorical(policies) => {
            softmax_tangent(policies.row(sample).0, moved.outputs, weight, d);
        }
        Policies::Gaussian(policies) => {
            for (j, &inverse) in policies.inverse_std.iter().enumerate() {
                d[j] = weight * moved.outputs[j] * inverse * inverse;
                log_std[j] += 2.0 * (weight * moved.log_std[j]).to_f64();
            }
        }
    }
}

/// `weight Rp = weight p (Ry - p . Ry)`.
#[inline(always)]
fn softmax_tangent<R: Real>(p: &[R], moved: &[R], weight: R, out: &mut [R]) {
    let mean = dot(p, moved);
    for j in 0..p.len() {
        out[j] = weight * p[j] * (moved[j] - mean);
    }
}

/// `weight KL(old || new)`. Of logits: `sum old (log old - log p)`, gradient
/// `p - old`. Of a Gaussian, per coordinate with `m` the difference of means and
/// `q = (old_std^2 + m^2) exp(-2 s)`: `s - old_s + q / 2 - 1 / 2`, gradients
/// `m exp(-2 s)` and `1 - q`.
pub(crate) struct Kl<'a, R> {
    pub(crate) pair: Pair<'a, R>,
    pub(crate) weight: &'a [R],
}

/// Distributions of a new policy and of an old one.
#[derive(Clone, Copy)]
pub(crate) enum Pair<'a, R> {
    Categorical {
        new: Categorical<'a, R>,
        old: Categorical<'a, R>,
    },
    Gaussian {
        new: Gaussian<'a, R>,
        old: Old<'a, R>,
    },
}

/// Of a coordinate: difference of means `m`, `exp(-2 s)` and `q`.
#[inline(always)]
fn compare<R: Real>(new: Gaussian<'_, R>, old: Old<'_, R>, sample: usize, j: usize) -> [R; 3] {
    let precision = new.inverse_std[j] * new.inverse_std[j];
    let m = new.row(sample)[j] - old.outputs[sample * new.width() + j];
    let variance = R::from_f64((2.0 * old.log_std[j].to_f64()).exp());
    [m, precision, (variance + m * m) * precision]
}

impl<R: Real> Kl<'_, R> {
    /// The sum over all samples.
    pub(crate) fn sum(&self) -> f64 {
        let mut sum = 0.0;
        for (sample, &weight) in self.weight.iter().enumerate() {
            sum += weight.to_f64() * self.divergence(sample).to_f64();
        }
        sum
    }

    fn divergence(&self, sample: usize) -> R {
        let mut sum = R::ZERO;
        match self.pair {
            Pair::Categorical { new, old } => {
                let (p, log_p) = old.row(sample);
                for (j, &log_q) in new.row(sample).1.iter().enumerate() {
                    sum += p[j] * (log_p[j] - log_q);
                }
            }
            Pair::Gaussian { new, old } => {
                let half = R::from_f64(0.5);
                for j in 0..new.width() {
                    let [_, _, q] = compare(new, old, sample, j);
                    sum += new.log_std[j] - old.log_std[j] + half * (q - R::ONE);
                }
            }
        }
        sum
    }
}

impl<R: Real> Term<R> for Kl<'_, R> {
    #[inline(always)]
    fn gradient(&self, sample: usize, d: &mut [R], log_std: &mut [f64]) {
        let weight = self.weight[sample];
        match self.pair {
            Pair::Categorical { new, old } => {
                let (p, old) = (new.row(sample).0, old.row(sample).0);
                for j in 0..p.len() {
                    d[j] = weight * (p[j] - old[j]);
                }
            }
            Pair::Gaussian { new, old } => {
                for j in 0..new.width() {
                    let [m, precision, q] = compare(new, old, sample, j);
                    d[j] = weight * m * precision;
                    log_std[j] += (weight * (R::ONE - q)).to_f64();
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
        match self.pair {
            Pair::Categorical { new, .. } => {
                self.gradient(sample, d, log_std);
                softmax_tangent(new.row(sample).0, moved.outputs, weight, d_tangent);
            }
            Pair::Gaussian { new, old } => {
                let two = R::from_f64(2.0);
                for j in 0..new.width() {
                    let [m, precision, q] = compare(new, old, sample, j);
                    let (y, s) = (moved.outputs[j], moved.log_std[j]);
                    d[j] = weight * m * precision;
                    d_tangent[j] = weight * precision * (y - two * m * s);
                    log_std[j] += (weight * two * (q * s - m * precision * y)).to_f64();
                }
            }
        }
    }
}

/// Gradients with respect to outputs, `[samples][outputs]`, from the caller, and
/// their derivatives along the tangent, or nothing.
pub(crate) struct Given<'a, R> {
    pub(crate) d_out: &'a [R],
    pub(crate) d_out_tangent: &'a [R],
}

impl<R: Real> Term<R> for Given<'_, R> {
    #[inline(always)]
    fn gradient(&self, sample: usize, d: &mut [R], _: &mut [f64]) {
        d.copy_from_slice(&self.d_out[sample * d.len()..][..d.len()]);
    }

    #[inline(always)]
    fn tangent(
        &self,
        sample: usize,
        _: Moved<'_, R>,
        [d, d_tangent]: [&mut [R]; 2],
        log_std: &mut [f64],
    ) {
        self.gradient(sample, d, log_std);
        let from = sample * d.len();
        d_tangent.copy_from_slice(&self.d_out_tangent[from..][..d.len()]);
    }
}
