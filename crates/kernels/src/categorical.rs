//! Categorical distributions over actions and their losses, a vector of rows at a
//! time.

use crate::buffer::Buffer;
use crate::loss::{
    Block, LossGradients, LossSpec, LossSums, MAX_LANES, Samples, Slopes, load, losses, padded,
    store,
};
use crate::math::{exp_nonpositive_v, ln_v};
use crate::simd::{Isa, Kernel, Simd};
use std::ops::Range;

/// Stands for the logarithm of 0: far below what any weight can have, and far
/// from where products with it overflow.
const LOG_ZERO: f32 = -1e30;

/// Copies `count` rows of `actions` logits into columns of a vector each:
/// `columns[a][i]` is action `a` of row `i`. Missing rows get zeros.
#[inline(always)]
pub(crate) fn to_columns<S: Simd>(logits: &[f32], actions: usize, columns: &mut [f32]) {
    let columns = &mut columns[..actions * S::LANES];
    let count = logits.len() / actions;
    if count < S::LANES {
        columns.fill(0.0);
    }
    for (i, row) in logits.chunks_exact(actions).enumerate() {
        for (a, &x) in row.iter().enumerate() {
            columns[a * S::LANES + i] = x;
        }
    }
}

/// Replaces columns of logits by `exp(logit - max)`; returns their sums.
/// `keep` receives the logarithms, `logit - max`.
#[inline(always)]
fn exponentials<S: Simd>(s: S, actions: usize, columns: &mut [f32], keep: &mut [f32]) -> S::V {
    assert!(columns.len() >= actions * S::LANES && keep.len() >= actions * S::LANES);
    let (column, keep) = (columns.as_mut_ptr(), keep.as_mut_ptr());
    // SAFETY: both buffers have `actions` vectors, by the assertions.
    unsafe {
        let mut max = s.load(column);
        for a in 1..actions {
            max = s.max(max, s.load(column.add(a * S::LANES)));
        }
        let mut sum = s.splat(0.0);
        for a in 0..actions {
            let at = a * S::LANES;
            // A logit of minus infinity is an action with probability 0; its
            // logarithm is kept finite so that 0 ln 0 is 0.
            let x = s.sub(s.load(column.add(at)), max);
            let x = s.max(s.splat(LOG_ZERO), x);
            let e = exp_nonpositive_v(s, x);
            sum = s.add(sum, e);
            s.store(column.add(at), e);
            s.store(keep.add(at), x);
        }
        sum
    }
}

/// What [`Categorical::sample`] writes, one element per row.
#[derive(Debug)]
pub struct Choices<'a> {
    /// Chosen actions.
    pub actions: &'a mut [u32],
    /// Their log-probabilities.
    pub log_probs: &'a mut [f32],
}

/// A policy over a fixed number of discrete actions, given by logits, with the
/// scratch of one thread.
pub struct Categorical {
    actions: usize,
    isa: Isa,
    /// `[A][lanes of a vector]` thrice.
    columns: Buffer,
}

impl Categorical {
    /// For so many actions.
    pub fn new(actions: usize, isa: Isa) -> Categorical {
        Categorical {
            actions,
            isa,
            columns: Buffer::zeroed(3 * MAX_LANES * actions),
        }
    }

    /// Bytes that it holds.
    pub fn bytes(actions: usize) -> f64 {
        (4 * 3 * MAX_LANES * actions) as f64
    }

    /// Draws an action per row from the softmax of `logits` (`[rows][actions]`) by
    /// inverting its distribution function at `uniforms` (`[rows]`, in `[0, 1)`):
    /// the first action whose cumulative probability exceeds the uniform. An action
    /// with probability 0 is never drawn. NaN among a row's logits gives action 0
    /// with log-probability NaN.
    ///
    /// # Panics
    /// Where lengths do not match.
    pub fn sample(&mut self, logits: &[f32], uniforms: &[f32], choices: Choices<'_>) {
        self.choose(logits, Some(uniforms), choices);
    }

    /// Chooses the most probable action of each row, the first of equals, and
    /// reports its log-probability. NaN as in [`Categorical::sample`].
    ///
    /// # Panics
    /// Where lengths do not match.
    pub fn greedy(&mut self, logits: &[f32], choices: Choices<'_>) {
        self.choose(logits, None, choices);
    }

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
        samples: &Samples<'_, u32>,
        (logits, values): (&[f32], &[f32]),
        gradients: LossGradients<'_>,
    ) -> LossSums {
        let actions = self.actions;
        let rows = values.len();
        samples.check(rows);
        assert_eq!(samples.actions.len(), rows, "actions must be [rows]");
        assert_eq!(gradients.values.len(), rows, "gradients of values");
        assert_eq!(
            logits.len(),
            rows * actions,
            "logits must be [rows][{actions}]"
        );
        assert_eq!(gradients.policy.len(), logits.len(), "gradients of logits");
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

    /// Writes the softmax of `logits`, both `[rows][actions]`.
    ///
    /// # Panics
    /// Where lengths do not match.
    pub fn probabilities(&mut self, logits: &[f32], probabilities: &mut [f32]) {
        assert_eq!(logits.len(), probabilities.len(), "probabilities of logits");
        self.isa.dispatch(Softmax {
            actions: self.actions,
            logits,
            probabilities,
            columns: &mut self.columns,
        });
    }

    /// The divergence of the policy of `logits` from a teacher,
    /// `sum_i w_i KL(label_i || softmax(logits_i))`, whose gradient with respect to the
    /// logits, times a coefficient, is added to `gradient`. A row of weight 0 adds
    /// nothing.
    ///
    /// # Panics
    /// Where lengths do not match.
    pub fn imitate(
        &mut self,
        lesson: &Labels<'_>,
        logits: &[f32],
        gradient: &mut [f32],
    ) -> Imitation {
        let rows = lesson.weights.len();
        assert_eq!(
            logits.len(),
            rows * self.actions,
            "logits must be [rows][actions]"
        );
        assert_eq!(
            lesson.labels.len(),
            logits.len(),
            "labels must be [rows][actions]"
        );
        assert_eq!(gradient.len(), logits.len(), "gradients of logits");
        self.isa.dispatch(Imitate {
            actions: self.actions,
            lesson: *lesson,
            logits,
            gradient,
            columns: &mut self.columns,
        })
    }

    fn choose(&mut self, logits: &[f32], uniforms: Option<&[f32]>, choices: Choices<'_>) {
        let actions = self.actions;
        let rows = choices.actions.len();
        assert_eq!(
            logits.len(),
            rows * actions,
            "logits must be [rows][{actions}]"
        );
        assert_eq!(choices.log_probs.len(), rows, "log_probs must be [rows]");
        if let Some(uniforms) = uniforms {
            assert_eq!(uniforms.len(), rows, "uniforms must be [rows]");
        }
        self.isa.dispatch(Choose {
            actions,
            logits,
            uniforms,
            choices,
            columns: &mut self.columns,
        });
    }
}

/// What a teacher says of rows.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    /// How probable each action is to the teacher; each row sums to 1.
    /// `[rows][actions]`
    pub labels: &'a [f32],
    /// Weights of the rows.
    pub weights: &'a [f32],
    /// What the gradient is multiplied by.
    pub coefficient: f32,
}

/// Weighted sums over rows; add those of tiles in a fixed order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Imitation {
    /// `KL(label || policy)` in nats.
    pub divergence: f64,
    /// Share of the rows whose likeliest action is one of the teacher's likeliest.
    pub agreement: f64,
}

struct Softmax<'a> {
    actions: usize,
    logits: &'a [f32],
    probabilities: &'a mut [f32],
    columns: &'a mut [f32],
}

impl Kernel for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let actions = self.actions;
        let (p, rest) = self.columns.split_at_mut(actions * S::LANES);
        let blocks = self.logits.chunks(S::LANES * actions);
        for (logits, out) in blocks.zip(self.probabilities.chunks_mut(S::LANES * actions)) {
            to_columns::<S>(logits, actions, p);
            let sum = exponentials(s, actions, p, rest);
            probabilities(s, actions, p, rest, sum);
            for (i, row) in out.chunks_exact_mut(actions).enumerate() {
                for (a, x) in row.iter_mut().enumerate() {
                    *x = p[a * S::LANES + i];
                }
            }
        }
    }
}

struct Imitate<'a> {
    actions: usize,
    lesson: Labels<'a>,
    logits: &'a [f32],
    gradient: &'a mut [f32],
    columns: &'a mut [f32],
}

impl Kernel for Imitate<'_> {
    type Output = Imitation;

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) -> Imitation {
        let mut sums = Imitation::default();
        let rows = self.lesson.weights.len();
        for first in (0..rows).step_by(S::LANES) {
            self.block(s, first..(first + S::LANES).min(rows), &mut sums);
        }
        sums
    }
}

impl Imitate<'_> {
    /// A block of at most a vector of rows.
    #[inline(always)]
    fn block<S: Simd>(&mut self, s: S, block: Range<usize>, sums: &mut Imitation) {
        let actions = self.actions;
        let own = block.start * actions..block.end * actions;
        let (p, rest) = self.columns.split_at_mut(actions * S::LANES);
        let (log_p, label) = rest.split_at_mut(actions * S::LANES);
        to_columns::<S>(&self.logits[own.clone()], actions, p);
        to_columns::<S>(&self.lesson.labels[own.clone()], actions, label);
        let sum = exponentials(s, actions, p, log_p);
        let _ = probabilities(s, actions, p, log_p, sum);
        let chosen = store(s, first_largest(s, actions, p));
        let taught = store(s, first_largest(s, actions, label));
        let divergence = store(s, divergence(s, actions, label, log_p));
        for (i, row) in block.enumerate() {
            let weight = self.lesson.weights[row];
            if weight == 0.0 {
                continue;
            }
            let of = |action: f32| label[action as usize * S::LANES + i];
            let agrees = of(chosen[i]) == of(taught[i]);
            sums.divergence += f64::from(weight) * f64::from(divergence[i]);
            sums.agreement += f64::from(weight) * f64::from(u8::from(agrees));
            let slope = weight * self.lesson.coefficient;
            let gradient = &mut self.gradient[row * actions..(row + 1) * actions];
            for (a, g) in gradient.iter_mut().enumerate() {
                let at = a * S::LANES + i;
                *g += slope * (p[at] - label[at]);
            }
        }
    }
}

/// `sum_a label_a (ln label_a - ln p_a)` of columns of labels and log-probabilities.
#[inline(always)]
fn divergence<S: Simd>(s: S, actions: usize, label: &[f32], log_p: &[f32]) -> S::V {
    assert!(label.len() >= actions * S::LANES && log_p.len() >= actions * S::LANES);
    let mut sum = s.splat(0.0);
    for a in 0..actions {
        // SAFETY: both buffers have `actions` vectors, by the assertion.
        let (label, log_p) = unsafe {
            let at = a * S::LANES;
            (
                s.load(label.as_ptr().add(at)),
                s.load(log_p.as_ptr().add(at)),
            )
        };
        // 0 ln 0 is 0.
        let log = ln_v(s, s.max(s.splat(f32::MIN_POSITIVE), label));
        sum = s.add(sum, s.mul(label, s.sub(log, log_p)));
    }
    sum
}

struct Choose<'a> {
    actions: usize,
    logits: &'a [f32],
    uniforms: Option<&'a [f32]>,
    choices: Choices<'a>,
    columns: &'a mut [f32],
}

impl Kernel for Choose<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let rows = self.choices.actions.len();
        for first in (0..rows).step_by(S::LANES) {
            let block = first..(first + S::LANES).min(rows);
            let logits = &self.logits[block.start * self.actions..block.end * self.actions];
            to_columns::<S>(logits, self.actions, self.columns);
            let (exps, keep) = self.columns.split_at_mut(self.actions * S::LANES);
            let sum = exponentials(s, self.actions, exps, keep);
            let index = match self.uniforms {
                Some(uniforms) => {
                    let uniforms = padded(&uniforms[block.clone()], 0.0);
                    // SAFETY: a vector has at most MAX_LANES floats.
                    let u = unsafe { s.load(uniforms.as_ptr()) };
                    draw(s, self.actions, exps, sum, u)
                }
                None => first_largest(s, self.actions, exps),
            };
            // Where anything is NaN, so is the sum.
            let index = s.select_lt(s.splat(0.0), sum, index, s.splat(0.0));
            let (mut indices, mut log_sums) = ([0.0; MAX_LANES], [0.0; MAX_LANES]);
            // SAFETY: a vector has at most MAX_LANES floats.
            unsafe {
                s.store(indices.as_mut_ptr(), index);
                s.store(log_sums.as_mut_ptr(), ln_v(s, sum));
            }
            for (i, row) in block.enumerate() {
                let action = indices[i] as usize;
                self.choices.actions[row] = action as u32;
                self.choices.log_probs[row] = keep[action * S::LANES + i] - log_sums[i];
            }
        }
    }
}

/// Number of actions whose cumulative weight does not exceed `u` times the sum.
#[inline(always)]
fn draw<S: Simd>(s: S, actions: usize, weights: &[f32], sum: S::V, u: S::V) -> S::V {
    assert!(weights.len() >= actions * S::LANES);
    // A uniform that was rounded up to 1 must not lift the threshold to the whole
    // sum, which no action would exceed.
    let below = s.mul(sum, s.splat(1.0 - f32::EPSILON));
    let threshold = s.min(s.mul(u, sum), below);
    let (zero, one) = (s.splat(0.0), s.splat(1.0));
    let mut cumulative = zero;
    let mut index = zero;
    for a in 0..actions - 1 {
        // SAFETY: there are `actions` vectors of weights.
        let weight = unsafe { s.load(weights.as_ptr().add(a * S::LANES)) };
        cumulative = s.add(cumulative, weight);
        let passed = s.select_lt(threshold, cumulative, zero, one);
        index = s.add(index, passed);
    }
    index
}

/// Index of the first of the largest weights.
#[inline(always)]
fn first_largest<S: Simd>(s: S, actions: usize, weights: &[f32]) -> S::V {
    assert!(weights.len() >= actions * S::LANES);
    let mut best = s.splat(-1.0);
    let mut index = s.splat(0.0);
    for a in 0..actions {
        // SAFETY: there are `actions` vectors of weights.
        let weight = unsafe { s.load(weights.as_ptr().add(a * S::LANES)) };
        index = s.select_lt(best, weight, s.splat(a as f32), index);
        best = s.select_lt(best, weight, weight, best);
    }
    index
}

struct Loss<'a> {
    actions: usize,
    spec: LossSpec,
    samples: Samples<'a, u32>,
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
        let of = Block {
            log_prob: load(s, &chosen),
            entropy,
        };
        let given = ((&self.spec, &samples), (block.clone(), self.values));
        let slopes = losses(s, given.0, given.1, of, sums);
        logit_gradients(s, actions, (p, log_p), entropy, &slopes);
        self.store_gradients(s, block, &slopes);
    }

    /// Writes the gradients of a block out of its columns.
    #[inline(always)]
    fn store_gradients<S: Simd>(&mut self, s: S, block: Range<usize>, slopes: &Slopes<S::V>) {
        let actions = self.actions;
        let (slopes, value_slopes) = (store(s, slopes.log_prob), store(s, slopes.value));
        for (i, row) in block.enumerate() {
            let gradient = &mut self.gradients.policy[row * actions..(row + 1) * actions];
            for (a, g) in gradient.iter_mut().enumerate() {
                *g = self.columns[a * S::LANES + i];
            }
            gradient[self.samples.actions[row] as usize] += slopes[i];
            self.gradients.values[row] = value_slopes[i];
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
/// the slope that the action taken gets besides:
/// `p_a (bonus (ln p_a + entropy) - slope)`.
#[inline(always)]
fn logit_gradients<S: Simd>(
    s: S,
    actions: usize,
    (p, log_p): (&mut [f32], &[f32]),
    entropy: S::V,
    slopes: &Slopes<S::V>,
) {
    assert!(p.len() >= actions * S::LANES && log_p.len() >= actions * S::LANES);
    for a in 0..actions {
        // SAFETY: both buffers have `actions` vectors, by the assertion.
        unsafe {
            let p = p.as_mut_ptr().add(a * S::LANES);
            let log = s.load(log_p.as_ptr().add(a * S::LANES));
            let factor = s.sub(s.mul(slopes.bonus, s.add(log, entropy)), slopes.log_prob);
            s.store(p, s.mul(s.load(p), factor));
        }
    }
}
