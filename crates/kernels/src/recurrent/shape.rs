//! The shape of a recurrent layer and the layout of its flat parameters.

use super::cell::Cell;
use crate::gemm::PANEL;
use crate::input::{Observation, ShapeError};
use crate::trunk::{Entry, Flops};

/// Shape of a recurrent layer.
///
/// The input of a step has `observation.width() + actions + 2` columns, in this
/// order: observation, previous action (one-hot, all zero where there is none),
/// previous reward, boundary flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Recurrent cell.
    pub cell: Cell,
    /// Observation part of the input.
    pub observation: Observation,
    /// Units of the cell, 1 to [`MAX_DIM`](crate::MAX_DIM).
    pub hidden: usize,
    /// Number of discrete actions, of which the previous one is told; 0 where none
    /// is, to [`MAX_DIM`](crate::MAX_DIM).
    pub actions: usize,
}

impl Shape {
    /// Checks every dimension.
    ///
    /// # Errors
    /// [`ShapeError`] naming the dimension, its value and the allowed range.
    pub fn validate(&self) -> Result<(), ShapeError> {
        let observation = match self.observation {
            Observation::None => 1,
            Observation::Dense(n) | Observation::OneHot(n) => n,
        };
        ShapeError::check("hidden", self.hidden)?;
        ShapeError::check("actions", self.actions.max(1))?;
        ShapeError::check("observation", observation)
    }

    /// Number of input columns.
    pub fn inputs(&self) -> usize {
        self.observation.width() + self.actions + 2
    }

    /// Floats of memory per lane. A row holds `h` (and for an LSTM then `c`),
    /// each padded with zeros to a multiple of 16. A fresh memory is all zeros;
    /// treat the rest as opaque.
    pub fn memory_width(&self) -> usize {
        self.cell.facts().memories * self.padded_hidden()
    }

    /// Operations of a lane's step, see [`Flops`]: the recurrent product, and the
    /// input product where the observation is dense. One-hot inputs are row look-ups
    /// and count nothing, nor do gates. No gradient is taken with respect to
    /// observations.
    pub fn flops(&self) -> Flops {
        let rows = (self.cell.gates() * self.hidden) as u64;
        let hidden = self.hidden as u64;
        let dense = match self.observation {
            Observation::Dense(n) => n as u64,
            Observation::None | Observation::OneHot(_) => 0,
        };
        Flops {
            forward: 2 * rows * (hidden + dense),
            training: 2 * rows * (3 * hidden + 2 * dense),
        }
    }

    /// Floats from one lane's state to the next.
    pub(super) fn state_stride(&self) -> usize {
        self.padded_hidden() + SKEW
    }

    /// Floats from one lane's saved gates to the next.
    pub(super) fn gates_stride(&self) -> usize {
        4 * self.padded_hidden() + SKEW
    }

    /// `hidden` rounded up to whole panels of 16 units.
    pub(super) fn padded_hidden(&self) -> usize {
        self.hidden.next_multiple_of(PANEL)
    }
}

/// Floats by which rows of saved activations are longer than their contents.
/// Without them the rows of a power of two of units lie at distances that fall
/// into the same few sets of a cache.
const SKEW: usize = 16;

/// Where each parameter lies in the flat slice; the gradient has the same
/// layout. All tensors are row-major and in PyTorch's orientation and gate
/// order (`G` gates, `H` hidden, `I` inputs).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// `[G H, I]`.
    pub weight_ih: Entry,
    /// `[G H, H]`.
    pub weight_hh: Entry,
    /// `[G H]`.
    pub bias_ih: Entry,
    /// `[G H]`.
    pub bias_hh: Entry,
}

impl Layout {
    /// The layout for a shape: the tensors in the order of the fields, without
    /// gaps.
    pub fn new(shape: &Shape) -> Layout {
        let rows = shape.cell.gates() * shape.hidden;
        let mut offset = 0;
        let mut entry = |name, shape: [usize; 2]| {
            let entry = Entry {
                name,
                block: None,
                shape,
                offset,
            };
            offset += entry.count();
            entry
        };
        Layout {
            weight_ih: entry("trunk.weight_ih", [rows, shape.inputs()]),
            weight_hh: entry("trunk.weight_hh", [rows, shape.hidden]),
            bias_ih: entry("trunk.bias_ih", [rows, 1]),
            bias_hh: entry("trunk.bias_hh", [rows, 1]),
        }
    }

    /// All tensors in the order in which they lie in the flat slice.
    pub fn entries(&self) -> [Entry; 4] {
        [self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh]
    }

    /// Length of the flat slice.
    pub fn len(&self) -> usize {
        self.bias_hh.range().end
    }

    /// Always false: a layer has parameters.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
