//! Heads on top of trunks that give plain rows of features, and take plain rows of
//! their gradients.

use super::{Heads, HeadsWork, OutputGradients, Outputs, Project};
use crate::gemm::{CHUNK_ROWS, PANEL, Rows};

impl Heads {
    /// Bytes beside those for so many rows of features that a trunk gives plain.
    pub(crate) fn plain_bytes(&self, rows: usize, learning: bool) -> f64 {
        let chunk = match learning {
            true => CHUNK_ROWS * (self.padded() + self.columns().next_multiple_of(PANEL)),
            false => 0,
        };
        let blocks = rows.next_multiple_of(CHUNK_ROWS) * self.padded();
        4.0 * (rows * self.width() + blocks + chunk) as f64
    }

    /// Width of a row that a trunk gives plain.
    fn width(&self) -> usize {
        self.given + self.features
    }

    /// The outputs on top of a trunk that gives plain rows of features.
    pub(crate) fn forward_plain(
        &self,
        work: &mut HeadsWork,
        rows: usize,
        trunk: impl FnOnce(&mut [f32]),
        outputs: Outputs<'_>,
    ) {
        let (width, padded) = (self.width(), self.padded());
        work.plain.clear();
        work.plain.resize(rows * width, 0.0);
        trunk(&mut work.plain);
        let mut features = std::mem::take(&mut work.features);
        features.grow(rows.next_multiple_of(CHUNK_ROWS) * padded);
        let plain = work.plain.chunks_exact(width);
        for (to, row) in features.chunks_exact_mut(padded).zip(plain) {
            to[..self.features].copy_from_slice(&row[self.given..]);
        }
        let Outputs { policy, values } = outputs;
        let (given, layered) = policy.split_at_mut(rows * self.given);
        self.scale_given(&work.plain, given);
        let columns = self.layered();
        for from in (0..rows).step_by(CHUNK_ROWS) {
            let to = (from + CHUNK_ROWS).min(rows);
            let chunk = Rows::new(&features[from * padded..], padded);
            let outputs = Outputs {
                policy: &mut layered[from * columns..to * columns],
                values: &mut values[from..to],
            };
            self.forward(work, (chunk, to - from), outputs);
        }
        work.features = features;
    }

    /// The way back of [`Heads::forward_plain`]: `trunk` is given the gradient of the
    /// features.
    pub(crate) fn backward_plain(
        &self,
        work: &mut HeadsWork,
        outputs: OutputGradients<'_>,
        trunk: impl FnOnce(&[f32]),
    ) {
        let (features, padded) = (std::mem::take(&mut work.features), self.padded());
        let rows = outputs.values.len();
        let (given, layered) = outputs.policy.split_at(rows * self.given);
        let outputs = OutputGradients {
            policy: layered,
            ..outputs
        };
        self.prepare_backward(work, CHUNK_ROWS);
        self.turn_given(work, given);
        work.feature_gradients.grow(CHUNK_ROWS * padded);
        for from in (0..rows).step_by(CHUNK_ROWS) {
            let to = (from + CHUNK_ROWS).min(rows);
            self.load(work, (outputs, from..to), 0);
            let of_chunk = Rows::new(&features[from * padded..], padded);
            self.sum_weights(work, of_chunk, to - from);
            let narrow = self.columns().next_multiple_of(4);
            self.isa.dispatch(Project {
                rows: Rows::new(&work.gradients, narrow),
                size: [CHUNK_ROWS, self.columns()],
                weights: (&self.weights_t, None),
                out: &mut work.feature_gradients,
            });
            let plain = work.plain[from * self.width()..].chunks_exact_mut(self.width());
            let gradients = work.feature_gradients.chunks_exact(padded);
            for (plain, row) in plain.zip(gradients).take(to - from) {
                plain[self.given..].copy_from_slice(&row[..self.features]);
            }
        }
        work.features = features;
        trunk(&work.plain);
    }

    /// The outputs that features are but for a factor, of rows of these.
    fn scale_given(&self, plain: &[f32], outputs: &mut [f32]) {
        if self.given > 0 {
            let rows = plain.chunks_exact(self.width());
            for (to, row) in outputs.chunks_exact_mut(self.given).zip(rows) {
                for (to, x) in to.iter_mut().zip(row) {
                    *to = self.scale * x;
                }
            }
        }
    }

    /// Replaces those features by their gradient, and sums that of the factor.
    fn turn_given(&self, work: &mut HeadsWork, gradients: &[f32]) {
        work.scale_sum = 0.0;
        if self.given > 0 {
            let rows = work.plain.chunks_exact_mut(self.width());
            for (row, gradients) in rows.zip(gradients.chunks_exact(self.given)) {
                for (x, gradient) in row.iter_mut().zip(gradients) {
                    let turned = self.scale * gradient;
                    work.scale_sum += f64::from(turned * *x);
                    *x = turned;
                }
            }
        }
    }
}
