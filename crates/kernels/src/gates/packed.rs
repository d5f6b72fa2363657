//! The LSTM's weights in panels, as products read them.

use super::{GROUPS, Gates, INPUTS};
use crate::buffer::Buffer;
use crate::mlp::{PANEL, Real, padded};

/// Panels of 16 columns; a group of units is padded to whole panels.
#[derive(Clone, Default)]
pub(super) struct Packed<R> {
    pub(super) input: Buffer<R>,       // [INPUTS] to [GROUPS][units]
    pub(super) hidden: Buffer<R>,      // [hidden] to [GROUPS][units]
    pub(super) bias: Buffer<R>,        // [GROUPS][units]
    pub(super) heads: Buffer<R>,       // [hidden] to both logits
    pub(super) beside: Buffer<R>,      // [INPUTS] to both logits
    pub(super) head_bias: Buffer<R>,   // both
    pub(super) input_back: Buffer<R>,  // [GROUPS][units] to [INPUTS]
    pub(super) hidden_back: Buffer<R>, // [GROUPS][units] to [hidden]
    pub(super) heads_back: Buffer<R>,  // both logits to [hidden]
}

impl<R: Real> Packed<R> {
    pub(super) fn fill(&mut self, gates: &Gates, own: &[R]) {
        let (hidden, width) = (gates.hidden, padded(gates.hidden));
        let (units, layout) = (GROUPS * width, gates.layout());
        let part = |index: usize| &own[layout[index].2.clone()];
        // Where a unit of the flat vector is among the padded ones.
        let place = |unit: usize| unit / hidden * width + unit % hidden;
        let count = GROUPS * hidden;
        let sizes = [
            (&mut self.input, INPUTS * units),
            (&mut self.hidden, hidden * units),
            (&mut self.bias, units),
            (&mut self.heads, hidden * PANEL),
            (&mut self.beside, INPUTS * PANEL),
            (&mut self.head_bias, PANEL),
            (&mut self.input_back, units * PANEL),
            (&mut self.hidden_back, units * width),
            (&mut self.heads_back, 2 * width),
        ];
        for (panels, size) in sizes {
            panels.grow(size);
            panels.fill(R::ZERO);
        }
        for (index, weight) in part(0).iter().enumerate() {
            let (row, unit) = (index / count, place(index % count));
            self.input[at(INPUTS, row, unit)] = *weight;
            self.input_back[at(units, unit, row)] = *weight;
        }
        for (index, weight) in part(1).iter().enumerate() {
            let (row, unit) = (index / count, place(index % count));
            self.hidden[at(hidden, row, unit)] = *weight;
            self.hidden_back[at(units, unit, row)] = *weight;
        }
        for (unit, bias) in part(2).iter().enumerate() {
            self.bias[place(unit)] = *bias;
        }
        for (index, weight) in part(3).iter().enumerate() {
            let (row, gate) = (index / 2, index % 2);
            self.heads[at(hidden, row, gate)] = *weight;
            self.heads_back[at(2, gate, row)] = *weight;
        }
        for gate in 0..2 {
            self.beside[at(INPUTS, 0, gate)] = part(4)[gate];
            // A gate is told its own logit before, not the other's.
            self.beside[at(INPUTS, 1 + gate, gate)] = part(5)[gate];
            self.head_bias[gate] = part(6 + gate)[0];
        }
    }
}

/// Where a weight is in panels of `depth` rows.
fn at(depth: usize, row: usize, column: usize) -> usize {
    (column / PANEL * depth + row) * PANEL + column % PANEL
}
