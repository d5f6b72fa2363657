//! Gated recurrent layers: one step, a sequence forward, and a sequence backward.

mod backward;
mod cell;
mod gru;
mod lstm;
mod packed;
mod passes;
mod shape;
mod source;
mod step;
mod sums;
mod workspace;

pub use cell::Cell;
pub use packed::Recurrent;
pub use shape::{Layout, Shape};
pub use workspace::Workspace;

use crate::heads::{Heads, OutputGradients, Outputs};
use crate::input::{Inputs, Trials};
use crate::simd::Isa;
use crate::trunk::{Entry, Flops, OnTop, Trunk, TrunkBytes};
use passes::copy_features;
use source::{Given, Through};

impl Trunk for Recurrent {
    type Work = Workspace;
    /// `[lanes][memory width]`
    type Memory = Vec<f32>;

    fn entries(&self) -> Vec<Entry> {
        self.layout().entries().to_vec()
    }

    fn features(&self) -> usize {
        self.shape().hidden
    }

    fn memory(&self, lanes: usize, _at_most: usize) -> Vec<f32> {
        vec![0.0; lanes * self.shape().memory_width()]
    }

    fn bytes(&self, lanes: usize, steps: usize) -> TrunkBytes {
        TrunkBytes {
            packed: self.packed_bytes(),
            acting: Workspace::step_bytes(self.shape(), lanes)
                + 4.0 * (lanes * self.shape().memory_width()) as f64,
            learning: Workspace::sequence_bytes(self.shape(), lanes, steps),
        }
    }

    fn flops(&self) -> Flops {
        self.shape().flops()
    }

    fn isa(&self) -> Isa {
        self.isa
    }

    fn work(&self) -> Workspace {
        Workspace::new(self)
    }

    fn pack(&mut self, params: &[f32]) {
        self.pack_all(params);
    }

    fn step(
        &self,
        work: &mut Workspace,
        inputs: &Inputs<'_>,
        memory: &mut Vec<f32>,
        features: &mut [f32],
    ) {
        self.check_features(features.len(), inputs.rows());
        self.step_states(work, inputs, memory);
        copy_features(work, 0, features);
    }

    fn forward(&self, work: &mut Workspace, trials: Trials<'_>, features: &mut [f32]) {
        self.check_features(features.len(), trials.inputs.rows());
        self.forward_states(work, trials, |work, t| copy_features(work, t, features));
    }

    fn backward(
        &self,
        work: &mut Workspace,
        trials: Trials<'_>,
        features: &[f32],
        gradient: &mut [f32],
    ) {
        self.check_features(features.len(), trials.inputs.rows());
        self.backward_chunks(work, trials, gradient, &mut Given(features));
    }

    fn step_heads(
        &self,
        work: &mut Workspace,
        inputs: &Inputs<'_>,
        memory: &mut Vec<f32>,
        top: OnTop<'_, Outputs<'_>>,
    ) {
        self.step_states(work, inputs, memory);
        let states = (work.features(0), work.lanes);
        top.heads.forward(top.work, states, top.outputs);
    }

    fn forward_heads(&self, work: &mut Workspace, trials: Trials<'_>, top: OnTop<'_, Outputs<'_>>) {
        let OnTop {
            heads,
            work: own,
            outputs,
        } = top;
        let (lanes, columns) = (trials.lanes, heads.outputs());
        let mut policy = outputs.policy.chunks_exact_mut(lanes * columns);
        let mut values = outputs.values.chunks_exact_mut(lanes);
        self.forward_states(work, trials, |work, t| {
            let step = policy.next().zip(values.next());
            let (policy, values) = step.expect("outputs of every step");
            let states = (work.features(t), lanes);
            heads.forward(own, states, Outputs { policy, values });
        });
    }

    fn backward_heads(
        &self,
        work: &mut Workspace,
        trials: Trials<'_>,
        top: OnTop<'_, OutputGradients<'_>>,
        gradient: &mut [f32],
    ) {
        work.expect_saved();
        let chunk = work.chunk_steps() * work.padded_lanes();
        top.heads.prepare_backward(top.work, chunk);
        self.backward_chunks(work, trials, gradient, &mut Through(top));
    }

    /// The states are the rows that heads read.
    fn heads_bytes(&self, _heads: &Heads, _rows: usize, _learning: bool) -> f64 {
        0.0
    }
}
