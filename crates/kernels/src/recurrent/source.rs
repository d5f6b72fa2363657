//! Where a layer's backward pass has the gradients of its features from.

use super::workspace::Workspace;
use crate::gemm::Rows;
use crate::heads::{FeatureGradient, OutputGradients};
use crate::trunk::OnTop;

/// Where the gradients of features come from, steps last to first.
pub(super) trait Source {
    /// Makes the gradient of step `t` ready, which is step `at` of its chunk.
    fn load(&mut self, work: &mut Workspace, t: usize, at: usize);

    /// The gradient of the step made ready last, and the workspace without it.
    fn with<R>(
        &mut self,
        work: &mut Workspace,
        at: usize,
        then: impl FnOnce(&mut Workspace, FeatureGradient<'_>) -> R,
    ) -> R;

    /// All steps of a chunk are done; these are their features.
    fn end_chunk(&mut self, features: Rows<'_>, rows: usize);
}

/// Given one by one, `[steps][lanes][hidden]`.
pub(super) struct Given<'a>(pub(super) &'a [f32]);

impl Source for Given<'_> {
    fn load(&mut self, work: &mut Workspace, t: usize, _at: usize) {
        work.load_given(self.0, t);
    }

    fn with<R>(
        &mut self,
        work: &mut Workspace,
        _at: usize,
        then: impl FnOnce(&mut Workspace, FeatureGradient<'_>) -> R,
    ) -> R {
        let given = std::mem::take(&mut work.given);
        let rows = Rows::new(&given, work.shape.padded_hidden());
        let result = then(work, FeatureGradient::Rows(rows));
        work.given = given;
        result
    }

    fn end_chunk(&mut self, _features: Rows<'_>, _rows: usize) {}
}

/// Through heads.
pub(super) struct Through<'a>(pub(super) OnTop<'a, OutputGradients<'a>>);

impl Source for Through<'_> {
    fn load(&mut self, work: &mut Workspace, t: usize, at: usize) {
        let OnTop {
            heads,
            work: own,
            outputs,
        } = &mut self.0;
        let rows = t * work.lanes..(t + 1) * work.lanes;
        heads.load(own, (*outputs, rows), at * work.padded_lanes());
    }

    fn with<R>(
        &mut self,
        work: &mut Workspace,
        at: usize,
        then: impl FnOnce(&mut Workspace, FeatureGradient<'_>) -> R,
    ) -> R {
        let row = at * work.padded_lanes();
        then(work, self.0.heads.feature_gradient(self.0.work, row))
    }

    fn end_chunk(&mut self, features: Rows<'_>, rows: usize) {
        self.0.heads.sum_weights(self.0.work, features, rows);
    }
}

impl Workspace {
    /// Copies the gradients of the features of step `t` into padded rows.
    fn load_given(&mut self, features: &[f32], t: usize) {
        let (hidden, padded) = (self.shape.hidden, self.shape.padded_hidden());
        let size = self.padded_lanes() * padded;
        self.given.grow(size);
        self.given[..size].fill(0.0);
        let rows = features[t * self.lanes * hidden..].chunks_exact(hidden);
        let to = self.given.chunks_exact_mut(padded).take(self.lanes);
        for (to, row) in to.zip(rows) {
            to[..hidden].copy_from_slice(row);
        }
    }
}
