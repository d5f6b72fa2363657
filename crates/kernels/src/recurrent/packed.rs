//! Weights in the order in which the kernels read them.

use super::shape::{Layout, Shape};
use crate::buffer::Buffer;
use crate::gemm::PANEL;
use crate::input::{Observation, ShapeError};
use crate::simd::Isa;

/// A recurrent layer and its parameters, packed for the kernels. Pack once per
/// update; any number of threads may then read it. It takes no room before that.
///
/// The units of the cell are padded with zeros to whole panels of 16, so that no
/// kernel has a remainder to handle: a padded unit stays 0 forever and its
/// weights get no gradient.
#[derive(Clone)]
pub struct Recurrent {
    shape: Shape,
    layout: Layout,
    pub(super) isa: Isa,
    /// `[unit panel][H][gate][16]`: what `h` is multiplied with.
    pub(super) recurrent: Buffer,
    /// `[unit panel][gate x padded H][16]`: what gate gradients are multiplied
    /// with.
    pub(super) recurrent_t: Buffer,
    /// `[1 + A][gate x padded H]`: biases, plus in row `1 + a` the weights of
    /// previous action `a`.
    pub(super) actions: Buffer,
    /// `[gate x padded H]` each: weights of the previous reward and of the flag.
    pub(super) reward: Buffer,
    pub(super) boundary: Buffer,
    /// One-hot: `[O][gate x padded H]`. Dense: `[column panel][O][16]`.
    pub(super) observations: Buffer,
    /// `[padded H]`: for a GRU, the bias inside of the reset gate's product.
    pub(super) candidate_bias: Buffer,
}

impl Recurrent {
    /// A layer of a shape, without parameters, for the fastest instruction set of
    /// this processor.
    ///
    /// # Errors
    /// [`ShapeError`] where the shape is not valid.
    pub fn new(shape: Shape) -> Result<Recurrent, ShapeError> {
        Recurrent::with_isa(shape, Isa::best())
    }

    /// Like [`Recurrent::new`] for a given instruction set.
    ///
    /// # Errors
    /// [`ShapeError`] where the shape is not valid.
    pub fn with_isa(shape: Shape, isa: Isa) -> Result<Recurrent, ShapeError> {
        shape.validate()?;
        Ok(Recurrent {
            shape,
            layout: Layout::new(&shape),
            isa,
            recurrent: Buffer::default(),
            recurrent_t: Buffer::default(),
            actions: Buffer::default(),
            reward: Buffer::default(),
            boundary: Buffer::default(),
            observations: Buffer::default(),
            candidate_bias: Buffer::default(),
        })
    }

    /// Makes room for the packed parameters, zeros.
    fn make_room(&mut self) {
        let shape = self.shape;
        let (hidden, padded) = (shape.hidden, shape.padded_hidden());
        let gates = shape.cell.gates() * padded;
        self.recurrent.grow(hidden * gates);
        self.recurrent_t.grow(gates * padded);
        self.actions.grow((1 + shape.actions) * gates);
        self.reward.grow(gates);
        self.boundary.grow(gates);
        self.observations.grow(shape.observation.width() * gates);
        self.candidate_bias.grow(padded);
    }

    /// Bytes that the packed parameters take.
    pub(super) fn packed_bytes(&self) -> f64 {
        let shape = &self.shape;
        let [hidden, padded, actions] =
            [shape.hidden, shape.padded_hidden(), shape.actions].map(|size| size as f64);
        let gates = shape.cell.gates() as f64 * padded;
        let observations = shape.observation.width() as f64;
        let recurrent = (hidden + padded) * gates;
        let inputs = (1.0 + actions + 2.0 + observations) * gates + padded;
        4.0 * (recurrent + inputs)
    }

    /// Whether there are parameters.
    pub(super) fn is_packed(&self) -> bool {
        !self.recurrent.is_empty()
    }

    /// The shape it was made for.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Where each parameter lies in the flat slice.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(super) fn pack_all(&mut self, params: &[f32]) {
        assert_eq!(
            params.len(),
            self.layout.len(),
            "flat parameters must have the layout's length"
        );
        self.make_room();
        self.pack_recurrent(params);
        self.pack_inputs(params);
    }

    fn pack_recurrent(&mut self, params: &[f32]) {
        let hidden = self.shape.hidden;
        let padded = self.shape.padded_hidden();
        let weight = &params[self.layout.weight_hh.range()];
        let order = self.shape.cell.facts().slots;
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
        let Recurrent { shape, layout, .. } = self;
        let (hidden, padded) = (shape.hidden, shape.padded_hidden());
        let (inputs, width) = (shape.inputs(), shape.observation.width());
        let weight = &params[layout.weight_ih.range()];
        let bias_ih = &params[layout.bias_ih.range()];
        let bias_hh = &params[layout.bias_hh.range()];
        let inner_bias = shape.cell.facts().inner_bias;
        let columns = shape.cell.gates() * padded;
        for gate in 0..shape.cell.gates() {
            for unit in 0..hidden {
                let row = gate * hidden + unit;
                let column = gate * padded + unit;
                let mut bias = bias_ih[row];
                if inner_bias == Some(gate) {
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
}
