//! Categorical distributions over actions, a vector of rows at a time.

use crate::buffer::Buffer;
use crate::math::{exp_nonpositive_v, ln_v};
use crate::simd::{Isa, Kernel, Simd};

/// Stands for the logarithm of 0: far below what any weight can have, and far
/// from where products with it overflow.
const LOG_ZERO: f32 = -1e30;

/// The most floats of a vector.
pub(crate) const MAX_LANES: usize = 16;

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

/// Copies up to a vector of `values` into a padded array.
#[inline(always)]
pub(crate) fn padded<T: Copy>(values: &[T], rest: T) -> [T; MAX_LANES] {
    let mut out = [rest; MAX_LANES];
    out[..values.len()].copy_from_slice(values);
    out
}

/// Replaces columns of logits by `exp(logit - max)`; returns their sums.
/// `keep` receives the logarithms, `logit - max`.
#[inline(always)]
pub(crate) fn exponentials<S: Simd>(
    s: S,
    actions: usize,
    columns: &mut [f32],
    keep: &mut [f32],
) -> S::V {
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
    pub(crate) actions: usize,
    pub(crate) isa: Isa,
    /// `[A][lanes of a vector]` twice.
    pub(crate) columns: Buffer,
}

impl Categorical {
    /// For so many actions.
    pub fn new(actions: usize, isa: Isa) -> Categorical {
        Categorical {
            actions,
            isa,
            columns: Buffer::zeroed(2 * MAX_LANES * actions),
        }
    }

    /// Bytes that it holds.
    pub fn bytes(actions: usize) -> f64 {
        (4 * 2 * MAX_LANES * actions) as f64
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
