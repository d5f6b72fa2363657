//! Policy-gradient losses of a categorical actor-critic, with their gradient.

use crate::categorical::{Categorical, MAX_LANES, exponentials, padded, to_columns};
use crate::math::{exp_excess_v, exp_v, ln_v};
use crate::simd::{Kernel, Simd};
use std::ops::Range;

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
pub struct Samples<'a> {
    /// Actions taken.
    pub actions: &'a [u32],
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
    /// `[rows][actions]`.
    pub logits: &'a mut [f32],
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

impl Categorical {
    /// The loss of `logits` (`[rows][actions]`) and `values` (`[rows]`), and its
    /// gradient with respect to both, which overwrites `gradients`. A sample of
    /// weight 0 adds nothing and gets a zero gradient, whatever its other numbers
    /// are as long as its outputs are finite.
    ///
    /// # Panics
    /// Where lengths do not match or an action is out of range.
    pub fn loss(
        &mut self,
        spec: &LossSpec,
        samples: &Samples<'_>,
        (logits, values): (&[f32], &[f32]),
        gradients: LossGradients<'_>,
    ) -> LossSums {
        let actions = self.actions;
        let rows = values.len();
        for (name, len) in [
            ("actions", samples.actions.len()),
            ("old_log_probs", samples.old_log_probs.len()),
            ("advantages", samples.advantages.len()),
            ("returns", samples.returns.len()),
            ("weights", samples.weights.len()),
            ("gradients of values", gradients.values.len()),
        ] {
            assert_eq!(len, rows, "{name} must have one element per row");
        }
        assert_eq!(
            logits.len(),
            rows * actions,
            "logits must be [rows][{actions}]"
        );
        assert_eq!(gradients.logits.len(), logits.len(), "gradients of logits");
        self.isa.dispatch(Loss {
            actions,
            spec: *spec,
            samples: *samples,
            logits,
            values,
            gradients,
            columns: &mut self.columns,
        })
    }
}

struct Loss<'a> {
    actions: usize,
    spec: LossSpec,
    samples: Samples<'a>,
    logits: &'a [f32],
    values: &'a [f32],
    gradients: LossGradients<'a>,
    columns: &'a mut [f32],
}

impl Kernel for Loss<'_> {
    type Output = LossSums;

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) -> LossSums {
        let mut sums = LossSums::default();
        for first in (0..self.values.len()).step_by(S::LANES) {
            let last = (first + S::LANES).min(self.values.len());
            self.block(s, first..last, &mut sums);
        }
        sums
    }
}

impl Loss<'_> {
    /// A block of at most a vector of samples.
    #[inline(always)]
    fn block<S: Simd>(&mut self, s: S, block: Range<usize>, sums: &mut LossSums) {
        let (actions, samples) = (self.actions, self.samples);
        let logits = &self.logits[block.start * actions..block.end * actions];
        to_columns::<S>(logits, actions, self.columns);
        let (p, log_p) = self.columns.split_at_mut(actions * S::LANES);
        let sum = exponentials(s, actions, p, log_p);
        let entropy = probabilities(s, actions, p, log_p, sum);

        let mut chosen = [0.0; MAX_LANES];
        for (i, row) in block.clone().enumerate() {
            let action = samples.actions[row] as usize;
            assert!(
                action < actions,
                "action {action} of row {row} must be below {actions}"
            );
            chosen[i] = log_p[action * S::LANES + i];
        }
        let chosen = load(s, &chosen);
        let weights = &samples.weights[block.clone()];
        let old = load_weighted(s, &samples.old_log_probs[block.clone()], weights);
        let advantage = load_weighted(s, &samples.advantages[block.clone()], weights);
        let target = load_weighted(s, &samples.returns[block.clone()], weights);
        let value = load_weighted(s, &self.values[block.clone()], weights);
        let weight = load(s, &padded(weights, 0.0));

        let policy = policy_term(s, self.spec.objective, (chosen, old), advantage);
        let error = s.sub(value, target);
        let slope = s.mul(weight, policy.slope);
        let bonus = s.mul(weight, s.splat(self.spec.entropy_coef));
        logit_gradients(s, actions, p, log_p, [slope, bonus, entropy]);
        let value_slope = s.mul(s.mul(weight, s.splat(self.spec.value_coef)), error);
        self.store_gradients(s, block.clone(), slope, value_slope);
        let terms = [
            policy.loss,
            s.mul(s.splat(0.5), s.mul(error, error)),
            entropy,
            policy.kl,
            policy.clipped,
        ];
        add_terms(s, sums, terms, weights);
    }

    /// Writes the gradients of a block out of its columns.
    #[inline(always)]
    fn store_gradients<S: Simd>(
        &mut self,
        s: S,
        block: Range<usize>,
        slope: S::V,
        value_slope: S::V,
    ) {
        let actions = self.actions;
        let (slopes, value_slopes) = (store(s, slope), store(s, value_slope));
        for (i, row) in block.enumerate() {
            let gradient = &mut self.gradients.logits[row * actions..(row + 1) * actions];
            for (a, g) in gradient.iter_mut().enumerate() {
                *g = self.columns[a * S::LANES + i];
            }
            gradient[self.samples.actions[row] as usize] += slopes[i];
            self.gradients.values[row] = value_slopes[i];
        }
    }
}

#[inline(always)]
fn load<S: Simd>(s: S, values: &[f32; MAX_LANES]) -> S::V {
    // SAFETY: a vector has at most MAX_LANES floats.
    unsafe { s.load(values.as_ptr()) }
}

#[inline(always)]
fn store<S: Simd>(s: S, v: S::V) -> [f32; MAX_LANES] {
    let mut out = [0.0; MAX_LANES];
    // SAFETY: a vector has at most MAX_LANES floats.
    unsafe { s.store(out.as_mut_ptr(), v) };
    out
}

/// Loads up to a vector of values, 0 in place of those of weight 0: what such a
/// sample holds must not reach the products.
#[inline(always)]
fn load_weighted<S: Simd>(s: S, values: &[f32], weights: &[f32]) -> S::V {
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

/// Turns exponentials into probabilities and their logarithms into
/// log-probabilities; returns the entropies.
#[inline(always)]
fn probabilities<S: Simd>(
    s: S,
    actions: usize,
    p: &mut [f32],
    log_p: &mut [f32],
    sum: S::V,
) -> S::V {
    assert!(p.len() >= actions * S::LANES && log_p.len() >= actions * S::LANES);
    let log_sum = ln_v(s, sum);
    let inverse = s.div(s.splat(1.0), sum);
    let mut entropy = s.splat(0.0);
    for a in 0..actions {
        // SAFETY: both buffers have `actions` vectors, by the assertion.
        unsafe {
            let p = p.as_mut_ptr().add(a * S::LANES);
            let log_p = log_p.as_mut_ptr().add(a * S::LANES);
            let probability = s.mul(s.load(p), inverse);
            let log = s.sub(s.load(log_p), log_sum);
            entropy = s.fnma(probability, log, entropy);
            s.store(p, probability);
            s.store(log_p, log);
        }
    }
    entropy
}

/// Replaces probabilities by the gradient with respect to the logits, but for
/// the `slope` that the action taken gets besides:
/// `p_a (bonus (ln p_a + entropy) - slope)`.
#[inline(always)]
fn logit_gradients<S: Simd>(
    s: S,
    actions: usize,
    p: &mut [f32],
    log_p: &[f32],
    [slope, bonus, entropy]: [S::V; 3],
) {
    assert!(p.len() >= actions * S::LANES && log_p.len() >= actions * S::LANES);
    for a in 0..actions {
        // SAFETY: both buffers have `actions` vectors, by the assertion.
        unsafe {
            let p = p.as_mut_ptr().add(a * S::LANES);
            let log = s.load(log_p.as_ptr().add(a * S::LANES));
            let factor = s.sub(s.mul(bonus, s.add(log, entropy)), slope);
            s.store(p, s.mul(s.load(p), factor));
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
