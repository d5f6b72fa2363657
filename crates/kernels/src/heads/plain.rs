//! Heads on top of trunks that give plain rows of features, and take plain rows of
//! their gradients.

use super::{Heads, HeadsWork, OutputGradients, Outputs, Project};
use crate::gemm::{CHUNK_ROWS, PANEL, Rows};

impl Heads {
    /// Bytes beside those for so many rows of features that a trunk gives plain.
    pub(crate) fn plain_bytes(&self, rows: usize) -> f64 {
        let chunk = CHUNK_ROWS * (self.padded() + self.columns().next_multiple_of(PANEL));
        let blocks = rows.next_multiple_of(CHUNK_ROWS) * self.padded();
        4.0 * (rows * self.features + blocks + chunk) as f64
    }

    /// The outputs on top of a trunk that gives plain rows of features.
    pub(crate) fn forward_plain(
        &self,
        work: &mut HeadsWork,
        rows: usize,
        trunk: impl FnOnce(&mut [f32]),
        outputs: Outputs<'_>,
    ) {
        let padded = self.padded();
        work.plain.clear();
        work.plain.resize(rows * self.features, 0.0);
        trunk(&mut work.plain);
        let mut features = std::mem::take(&mut work.features);
        features.grow(rows.next_multiple_of(CHUNK_ROWS) * padded);
        let plain = work.plain.chunks_exact(self.features);
        for (to, row) in features.chunks_exact_mut(padded).zip(plain) {
            to[..self.features].copy_from_slice(row);
        }
        for from in (0..rows).step_by(CHUNK_ROWS) {
            let to = (from + CHUNK_ROWS).min(rows);
            let chunk = Rows::new(&features[from * padded..], padded);
            let outputs = Outputs {
                policy: &mut outputs.policy[from * self.outputs..to * self.outputs],
                values: &mut outputs.values[from..to],
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
        self.prepare_backward(work, CHUNK_ROWS);
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
            let plain = work.plain[from * self.features..].chunks_exact_mut(self.features);
            let given = work.feature_gradients.chunks_exact(padded);
            for (plain, row) in plain.zip(given).take(to - from) {
                plain.copy_from_slice(&row[..self.features]);
            }
        }
        work.features = features;
        trunk(&work.plain);
    }
}
