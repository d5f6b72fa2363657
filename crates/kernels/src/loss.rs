//! Policy-gradient losses: what those of all policies have in common.

use crate::math::{exp_excess_v, exp_v};
use crate::simd::Simd;
use std::ops::Range;

/// The most floats of a vector.
pub(crate) const MAX_LANES: usize = 16;

/// What the policy maximizes. `A` is the advantage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    /// `log pi(a) A`: advantage actor-critic (Mnih et al. 2016).
    PolicyGradient,
    /// `min(rho A, clip(rho, 1 - clip, 1 + clip) A)` with the probability ratio
    /// `rho = pi(a) / pi_old(a)`: proximal policy optimization (Schulman et al.
    /// 2017, equation 7).
    Clipped {
        /// Half width of the interval of ratios, above 0.
        clip: f32,
    },
}

/// `sum_i w_i (-objective_i + value_coef (v_i - return_i)^2 / 2
/// - entropy_coef entropy_i)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossSpec {
    /// What the policy maximizes.
    pub objective: Objective,
    /// Coefficient of the value loss.
    pub value_coef: f32,
    /// Coefficient of the entropy bonus.
    pub entropy_coef: f32,
}

/// What the losses are computed from, one element per row each.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a, A> {
    /// Actions taken: numbers, or vectors `[rows][width]`.
    pub actions: &'a [A],
    /// Their log-probabilities under the policy that took them.
    pub old_log_probs: &'a [f32],
    /// Advantages, normalized by the caller if they are to be.
    pub advantages: &'a [f32],
    /// Targets of the value.
    pub returns: &'a [f32],
    /// Weights of the samples, 0 to leave one out. With `1 / n` for the `n`
    /// samples of a minibatch, the losses of its tiles sum to its mean loss.
    pub weights: &'a [f32],
}

/// Gradients of the loss with respect to the network's outputs.
#[derive(Debug)]
pub struct LossGradients<'a> {
    /// `[rows][outputs]`.
    pub policy: &'a mut [f32],
    /// `[rows]`.
    pub values: &'a mut [f32],
}

/// Weighted sums over the samples; add those of tiles in a fixed order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LossSums {
    /// Sum of the weights.
    pub weight: f64,
    /// Negated objective.
    pub policy: f64,
    /// Half squared error of the value, without its coefficient.
    pub value: f64,
    /// Entropy of the policy in nats, without its coefficient.
    pub entropy: f64,
    /// `(rho - 1) - ln rho`, an estimate of the divergence of the new policy from
    /// the old.
    pub approx_kl: f64,
    /// Share of the ratios outside of the clipping interval; 0 for
    /// [`Objective::PolicyGradient`].
    pub clipped: f64,
}

impl LossSums {
    /// The loss: the parts with their coefficients.
    pub fn total(&self, spec: &LossSpec) -> f64 {
        self.policy + f64::from(spec.value_coef) * self.value
            - f64::from(spec.entropy_coef) * self.entropy
    }
}

impl std::ops::AddAssign for LossSums {
    fn add_assign(&mut self, other: LossSums) {
        self.weight += other.weight;
        self.policy += other.policy;
        self.value += other.value;
        self.entropy += other.entropy;
        self.approx_kl += other.approx_kl;
        self.clipped += other.clipped;
    }
}

impl<A> Samples<'_, A> {
    /// Checks that there is one of everything but actions for each row.
    pub(crate) fn check(&self, rows: usize) {
        for (name, len) in [
            ("old_log_probs", self.old_log_probs.len()),
            ("advantages", self.advantages.len()),
            ("returns", self.returns.len()),
            ("weights", self.weights.len()),
        ] {
            assert_eq!(len, rows, "{name} must have one element per row");
        }
    }
}

/// What the losses of a vector of samples are made of.
pub(crate) struct Block<V> {
    /// Log-probabilities of the actions.
    pub(crate) log_prob: V,
    /// Entropies of the policy.
    pub(crate) entropy: V,
}

/// What the gradients of a vector of samples are made of.
pub(crate) struct Slopes<V> {
    /// The weight times the derivative of the policy loss with respect to the
    /// log-probability.
    pub(crate) log_prob: V,
    /// The weight times the coefficient of the entropy bonus.
    pub(crate) bonus: V,
    /// The derivative of the loss with respect to the value.
    pub(crate) value: V,
}

/// Adds the losses of a vector of samples to the sums; returns what their gradients
/// are made of.
#[inline(always)]
pub(crate) fn losses<S: Simd, A>(
    s: S,
    (spec, samples): (&LossSpec, &Samples<'_, A>),
    (block, values): (Range<usize>, &[f32]),
    of: Block<S::V>,
    sums: &mut LossSums,
) -> Slopes<S::V> {
    let weights = &samples.weights[block.clone()];
    let old = load_weighted(s, &samples.old_log_probs[block.clone()], weights);
    let advantage = load_weighted(s, &samples.advantages[block.clone()], weights);
    let target = load_weighted(s, &samples.returns[block.clone()], weights);
    let value = load_weighted(s, &values[block], weights);
    let weight = load(s, &padded(weights, 0.0));

    let policy = policy_term(s, spec.objective, (of.log_prob, old), advantage);
    let error = s.sub(value, target);
    let terms = [
        policy.loss,
        s.mul(s.splat(0.5), s.mul(error, error)),
        of.entropy,
        policy.kl,
        policy.clipped,
    ];
    add_terms(s, sums, terms, weights);
    Slopes {
        log_prob: s.mul(weight, policy.slope),
        bonus: s.mul(weight, s.splat(spec.entropy_coef)),
        value: s.mul(s.mul(weight, s.splat(spec.value_coef)), error),
    }
}

/// Copies up to a vector of `values` into a padded array.
#[inline(always)]
pub(crate) fn padded<T: Copy>(values: &[T], rest: T) -> [T; MAX_LANES] {
    let mut out = [rest; MAX_LANES];
    out[..values.len()].copy_from_slice(values);
    out
}

#[inline(always)]
pub(crate) fn load<S: Simd>(s: S, values: &[f32; MAX_LANES]) -> S::V {
    // SAFETY: a vector has at most MAX_LANES floats.
    unsafe { s.load(values.as_ptr()) }
}

#[inline(always)]
pub(crate) fn store<S: Simd>(s: S, v: S::V) -> [f32; MAX_LANES] {
    let mut out = [0.0; MAX_LANES];
    // SAFETY: a vector has at most MAX_LANES floats.
    unsafe { s.store(out.as_mut_ptr(), v) };
    out
}

/// Loads up to a vector of values, 0 in place of those of weight 0: what such a
/// sample holds must not reach the products.
#[inline(always)]
pub(crate) fn load_weighted<S: Simd>(s: S, values: &[f32], weights: &[f32]) -> S::V {
    let mut out = [0.0; MAX_LANES];
    for ((to, &value), &weight) in out.iter_mut().zip(values).zip(weights) {
        *to = if weight == 0.0 { 0.0 } else { value };
    }
    load(s, &out)
}

/// The policy's part of the loss for a vector of samples.
struct PolicyTerm<V> {
    loss: V,
    /// Derivative of `loss` with respect to the action's log-probability.
    slope: V,
    kl: V,
    clipped: V,
}

#[inline(always)]
fn policy_term<S: Simd>(
    s: S,
    objective: Objective,
    (log_prob, old_log_prob): (S::V, S::V),
    advantage: S::V,
) -> PolicyTerm<S::V> {
    let (zero, one) = (s.splat(0.0), s.splat(1.0));
    let log_ratio = s.sub(log_prob, old_log_prob);
    let ratio = exp_v(s, log_ratio);
    let kl = exp_excess_v(s, log_ratio, ratio);
    match objective {
        Objective::PolicyGradient => PolicyTerm {
            loss: s.fnma(advantage, log_prob, zero),
            slope: s.sub(zero, advantage),
            kl,
            clipped: zero,
        },
        Objective::Clipped { clip } => {
            let (low, high) = (s.splat(1.0 - clip), s.splat(1.0 + clip));
            let surrogate = s.mul(ratio, advantage);
            let bounded = s.mul(s.min(high, s.max(low, ratio)), advantage);
            let outside = s.select_lt(ratio, low, one, s.select_lt(high, ratio, one, zero));
            PolicyTerm {
                loss: s.sub(zero, s.select_lt(bounded, surrogate, bounded, surrogate)),
                slope: s.select_lt(bounded, surrogate, zero, s.sub(zero, surrogate)),
                kl,
                clipped: outside,
            }
        }
    }
}

/// Adds weighted terms to the sums: policy, value, entropy, divergence, share of
/// clipped ratios.
#[inline(always)]
fn add_terms<S: Simd>(s: S, sums: &mut LossSums, terms: [S::V; 5], weights: &[f32]) {
    let terms = terms.map(|term| store(s, term));
    for (i, &weight) in weights.iter().enumerate() {
        if weight == 0.0 {
            continue;
        }
        let weight = f64::from(weight);
        sums.weight += weight;
        sums.policy += weight * f64::from(terms[0][i]);
        sums.value += weight * f64::from(terms[1][i]);
        sums.entropy += weight * f64::from(terms[2][i]);
        sums.approx_kl += weight * f64::from(terms[3][i]);
        sums.clipped += weight * f64::from(terms[4][i]);
    }
}
