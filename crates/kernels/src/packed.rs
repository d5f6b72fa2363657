//! Weights in the order in which the kernels read them.

use crate::buffer::Buffer;
use crate::shape::{Cell, Layout, Observation, PANEL, Shape, ShapeError};
use crate::simd::Isa;

/// The parameters of a network, packed for the kernels. Pack once per update;
/// any number of threads may then read it.
///
/// The units of the cell are padded with zeros to whole panels of 16, so that no
/// kernel has a remainder to handle: a padded unit stays 0 forever and its
/// weights get no gradient.
pub struct Packed {
    shape: Shape,
    layout: Layout,
    isa: Isa,
    /// `[unit panel][H][gate][16]`: what `h` is multiplied with.
    pub(crate) recurrent: Buffer,
    /// `[unit panel][gate x padded H][16]`: what gate gradients are multiplied
    /// with.
    pub(crate) recurrent_t: Buffer,
    /// `[column panel][H][16]`; the columns are the logits, then the value.
    pub(crate) heads: Buffer,
    /// `[column panel][16]`.
    pub(crate) heads_bias: Buffer,
    /// `[unit panel][A + 1][16]`.
    pub(crate) heads_t: Buffer,
    /// `[1 + A][gate x padded H]`: biases, plus in row `1 + a` the weights of
    /// previous action `a`.
    pub(crate) actions: Buffer,
    /// `[gate x padded H]` each: weights of the previous reward and of the flag.
    pub(crate) reward: Buffer,
    pub(crate) boundary: Buffer,
    /// One-hot: `[O][gate x padded H]`. Dense: `[column panel][O][16]`.
    pub(crate) observations: Buffer,
    /// `[padded H]`: for a GRU, the bias inside of the reset gate's product.
    pub(crate) candidate_bias: Buffer,
}

impl Packed {
    /// Room for the packed parameters of `shape`, all zero, for the fastest
    /// instruction set of this processor.
    ///
    /// # Errors
    /// [`ShapeError`] where the shape is not valid.
    pub fn new(shape: Shape) -> Result<Packed, ShapeError> {
        Packed::with_isa(shape, Isa::best())
    }

    /// Like [`Packed::new`] for a given instruction set.
    ///
    /// # Errors
    /// [`ShapeError`] where the shape is not valid.
    pub fn with_isa(shape: Shape, isa: Isa) -> Result<Packed, ShapeError> {
        shape.validate()?;
        let hidden = shape.hidden;
        let padded = shape.padded_hidden();
        let gates = shape.cell.gates() * padded;
        let heads = (shape.actions + 1).next_multiple_of(PANEL);
        Ok(Packed {
            shape,
            layout: Layout::new(&shape),
            isa,
            recurrent: Buffer::zeroed(hidden * gates),
            recurrent_t: Buffer::zeroed(gates * padded),
            heads: Buffer::zeroed(hidden * heads),
            heads_bias: Buffer::zeroed(heads),
            heads_t: Buffer::zeroed((shape.actions + 1) * padded),
            actions: Buffer::zeroed((1 + shape.actions) * gates),
            reward: Buffer::zeroed(gates),
            boundary: Buffer::zeroed(gates),
            observations: Buffer::zeroed(shape.observation.width() * gates),
            candidate_bias: Buffer::zeroed(padded),
        })
    }

    /// Bytes that the packed parameters of a shape take.
    pub fn bytes(shape: &Shape) -> f64 {
        let [hidden, padded, actions] =
            [shape.hidden, shape.padded_hidden(), shape.actions].map(|size| size as f64);
        let gates = shape.cell.gates() as f64 * padded;
        let heads = (shape.actions + 1).next_multiple_of(PANEL) as f64;
        let observations = shape.observation.width() as f64;
        let recurrent = (hidden + padded) * gates;
        let policy = (hidden + 1.0) * heads + (actions + 1.0) * padded;
        let inputs = (1.0 + actions + 2.0 + observations) * gates + padded;
        4.0 * (recurrent + policy + inputs)
    }

    /// The shape it was made for.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Where each parameter lies in the flat slice.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The instruction set that the kernels use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Packs flat parameters.
    ///
    /// # Panics
    /// Where `params` has not the length [`Layout::len`].
    pub fn pack(&mut self, params: &[f32]) {
        assert_eq!(
            params.len(),
            self.layout.len(),
            "flat parameters must have the layout's length"
        );
        self.pack_recurrent(params);
        self.pack_inputs(params);
        self.pack_heads(params);
    }

    fn pack_recurrent(&mut self, params: &[f32]) {
        let hidden = self.shape.hidden;
        let padded = self.shape.padded_hidden();
        let weight = &params[self.layout.weight_hh.range()];
        let order = slot_order(self.shape.cell);
        let gates = order.len();
        for (slot, &gate) in order.iter().enumerate() {
            for unit in 0..hidden {
                let row = &weight[(gate * hidden + unit) * hidden..][..hidden];
                let forward = (unit / PANEL) * hidden * gates * PANEL + slot * PANEL + unit % PANEL;
                for (k, &w) in row.iter().enumerate() {
                    self.recurrent[forward + k * gates * PANEL] = w;
                }
                let depth = slot * padded + unit;
                for (panel, part) in row.chunks(PANEL).enumerate() {
                    let to = (panel * gates * padded + depth) * PANEL;
                    self.recurrent_t[to..to + part.len()].copy_from_slice(part);
                }
            }
        }
    }

    fn pack_inputs(&mut self, params: &[f32]) {
        let Packed { shape, layout, .. } = self;
        let (hidden, padded) = (shape.hidden, shape.padded_hidden());
        let (inputs, width) = (shape.inputs(), shape.observation.width());
        let weight = &params[layout.weight_ih.range()];
        let bias_ih = &params[layout.bias_ih.range()];
        let bias_hh = &params[layout.bias_hh.range()];
        let columns = shape.cell.gates() * padded;
        for gate in 0..shape.cell.gates() {
            for unit in 0..hidden {
                let row = gate * hidden + unit;
                let column = gate * padded + unit;
                let candidate = shape.cell == Cell::Gru && gate == 2;
                let mut bias = bias_ih[row];
                if candidate {
                    self.candidate_bias[unit] = bias_hh[row];
                } else {
                    bias += bias_hh[row];
                }
                let weights = &weight[row * inputs..][..inputs];
                for (k, &w) in weights[..width].iter().enumerate() {
                    let to = match shape.observation {
                        Observation::Dense(_) => {
                            ((column / PANEL) * width + k) * PANEL + column % PANEL
                        }
                        _ => k * columns + column,
                    };
                    self.observations[to] = w;
                }
                self.actions[column] = bias;
                let of_action = &weights[width..width + shape.actions];
                for (action, &w) in of_action.iter().enumerate() {
                    self.actions[(1 + action) * columns + column] = bias + w;
                }
                self.reward[column] = weights[inputs - 2];
                self.boundary[column] = weights[inputs - 1];
            }
        }
    }

    fn pack_heads(&mut self, params: &[f32]) {
        let (hidden, actions) = (self.shape.hidden, self.shape.actions);
        let policy = &params[self.layout.policy_weight.range()];
        let value = &params[self.layout.value_weight.range()];
        for (column, row) in policy.chunks_exact(hidden).chain([value]).enumerate() {
            let forward = (column / PANEL) * hidden * PANEL + column % PANEL;
            for (k, &w) in row.iter().enumerate() {
                self.heads[forward + k * PANEL] = w;
            }
            for (panel, part) in row.chunks(PANEL).enumerate() {
                let to = (panel * (actions + 1) + column) * PANEL;
                self.heads_t[to..to + part.len()].copy_from_slice(part);
            }
        }
        self.heads_bias[..actions].copy_from_slice(&params[self.layout.policy_bias.range()]);
        self.heads_bias[actions] = params[self.layout.value_bias.offset];
    }
}

/// Which PyTorch gate lies in each slot of a saved row. A GRU's candidate comes
/// first: its row is `[W_hn h + b_hn | r | z | n]`, so that after backward the
/// gradients for the recurrent weights are the first three slots and those for
/// the input weights the last three, both contiguous.
pub(crate) fn slot_order(cell: Cell) -> &'static [usize] {
    match cell {
        Cell::Gru => &[2, 0, 1],
        Cell::Lstm => &[0, 1, 2, 3],
    }
}
