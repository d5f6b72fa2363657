//! Probabilities from logits, a vector of samples at a time.

use super::real::{Real, Vector, Work};
use crate::buffer::Buffer;
use crate::simd::Isa;

/// Softmax of every row of `logits`, `[rows][actions]`, and its logarithm.
pub(crate) struct Softmax<'a, R> {
    pub(crate) actions: usize,
    pub(crate) logits: &'a [R],
    pub(crate) probabilities: &'a mut [R],
    pub(crate) logarithms: &'a mut [R],
}

impl<R: Real> Softmax<'_, R> {
    pub(crate) fn run(self, isa: Isa, columns: &mut Buffer<R>) {
        columns.grow(2 * 16 * self.actions);
        let softmax = self;
        R::dispatch(isa, Columns { softmax, columns });
    }
}

struct Columns<'a, R> {
    softmax: Softmax<'a, R>,
    columns: &'a mut [R],
}

impl<R: Real> Work<R> for Columns<'_, R> {
    #[inline(always)]
    fn run<X: Vector<Real = R>>(self, x: X) {
        let actions = self.softmax.actions;
        let size = actions * X::LANES;
        let (shifted, exps) = self.columns.split_at_mut(size);
        let exps = &mut exps[..size];
        let blocks = self.softmax.logits.chunks(size);
        let blocks = blocks.zip(self.softmax.probabilities.chunks_mut(size));
        let blocks = blocks.zip(self.softmax.logarithms.chunks_mut(size));
        for ((logits, probabilities), logarithms) in blocks {
            if logits.len() < size {
                shifted.fill(R::ZERO);
            }
            for (i, row) in logits.chunks_exact(actions).enumerate() {
                for (a, &logit) in row.iter().enumerate() {
                    shifted[a * X::LANES + i] = logit;
                }
            }
            normalize(x, shifted, exps);
            let rows = probabilities.chunks_exact_mut(actions);
            for (i, (p, log_p)) in rows.zip(logarithms.chunks_exact_mut(actions)).enumerate() {
                for a in 0..actions {
                    p[a] = exps[a * X::LANES + i];
                    log_p[a] = shifted[a * X::LANES + i];
                }
            }
        }
    }
}

/// Replaces columns of logits by the logarithms of their probabilities and
/// writes these into `exps`.
#[inline(always)]
fn normalize<X: Vector>(x: X, shifted: &mut [X::Real], exps: &mut [X::Real]) {
    let mut max = x.read(shifted);
    for column in shifted.chunks_exact(X::LANES) {
        max = x.max(max, x.read(column));
    }
    let mut sum = x.splat(X::Real::ZERO);
    for (column, exp) in shifted
        .chunks_exact_mut(X::LANES)
        .zip(exps.chunks_exact_mut(X::LANES))
    {
        let logit = x.sub(x.read(column), max);
        let e = x.exp_nonpositive(logit);
        sum = x.add(sum, e);
        x.write(column, logit);
        x.write(exp, e);
    }
    let log_sum = x.ln(sum);
    for (column, exp) in shifted
        .chunks_exact_mut(X::LANES)
        .zip(exps.chunks_exact_mut(X::LANES))
    {
        x.write(column, x.sub(x.read(column), log_sum));
        x.write(exp, x.div(x.read(exp), sum));
    }
}
