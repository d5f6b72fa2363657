//! The shape of the network and the layout of its flat parameters.

use std::fmt;

/// Recurrent cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cell {
    /// Gated recurrent unit (Cho et al. 2014) with the reset gate applied after
    /// the recurrent product. Gate order `r, z, n`:
    /// `n = tanh(W_in x + b_in + r (W_hn h + b_hn))`, `h' = (1 - z) n + z h`.
    Gru,
    /// Long short-term memory (Hochreiter & Schmidhuber 1997) with a forget
    /// gate and no peepholes. Gate order `i, f, g, o`: `c' = f c + i g`,
    /// `h' = o tanh(c')`.
    Lstm,
}

impl Cell {
    /// Number of gates: the parameters of the cell have `gates * hidden` rows.
    pub fn gates(self) -> usize {
        match self {
            Cell::Gru => 3,
            Cell::Lstm => 4,
        }
    }
}

/// What a lane observes in a step, besides its previous action and reward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Observation {
    /// Nothing, as in a bandit.
    None,
    /// A vector of this many numbers.
    Dense(usize),
    /// One of this many states, entering the network as a one-hot vector.
    OneHot(usize),
}

impl Observation {
    /// Number of columns of the input that the observation takes.
    pub fn width(self) -> usize {
        match self {
            Observation::None => 0,
            Observation::Dense(n) | Observation::OneHot(n) => n,
        }
    }
}

/// The largest size accepted for any dimension of a [`Shape`].
pub const MAX_DIM: usize = 1 << 16;

/// Shape of a recurrent actor-critic over discrete actions.
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
    /// Units of the cell, 1 to [`MAX_DIM`].
    pub hidden: usize,
    /// Number of discrete actions, 1 to [`MAX_DIM`].
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
        for (name, value) in [
            ("hidden", self.hidden),
            ("actions", self.actions),
            ("observation", observation),
        ] {
            if value == 0 || value > MAX_DIM {
                return Err(ShapeError { name, value });
            }
        }
        Ok(())
    }

    /// Number of input columns.
    pub fn inputs(&self) -> usize {
        self.observation.width() + self.actions + 2
    }

    /// Floats of memory per lane. A row holds `h` (and for an LSTM then `c`),
    /// each padded with zeros to a multiple of 16. A fresh memory is all zeros;
    /// treat the rest as opaque.
    pub fn memory_width(&self) -> usize {
        match self.cell {
            Cell::Gru => self.padded_hidden(),
            Cell::Lstm => 2 * self.padded_hidden(),
        }
    }

    /// Floating-point operations (a multiply and an add count two) in the
    /// matrix products of one forward step of one lane: recurrent product and
    /// heads, and the input product where the observation is dense. One-hot
    /// inputs are row look-ups and count nothing, nor do gates.
    pub fn forward_flops(&self) -> u64 {
        let rows = (self.cell.gates() * self.hidden) as u64;
        let hidden = self.hidden as u64;
        let dense = match self.observation {
            Observation::Dense(n) => n as u64,
            Observation::None | Observation::OneHot(_) => 0,
        };
        2 * (rows * (hidden + dense) + (self.actions as u64 + 1) * hidden)
    }

    /// Like [`Shape::forward_flops`] for forward and backward together: the
    /// backward pass has two products for every one of the forward pass, but
    /// no gradient with respect to observations.
    pub fn training_flops(&self) -> u64 {
        let dense = match self.observation {
            Observation::Dense(n) => 2 * (self.cell.gates() * self.hidden * n) as u64,
            Observation::None | Observation::OneHot(_) => 0,
        };
        3 * self.forward_flops() - dense
    }

    /// Floats from one lane's state to the next.
    pub(crate) fn state_stride(&self) -> usize {
        self.padded_hidden() + SKEW
    }

    /// Floats from one lane's saved gates to the next.
    pub(crate) fn gates_stride(&self) -> usize {
        4 * self.padded_hidden() + SKEW
    }

    /// `hidden` rounded up to whole panels of 16 units.
    pub(crate) fn padded_hidden(&self) -> usize {
        self.hidden.next_multiple_of(PANEL)
    }
}

/// Floats by which rows of saved activations are longer than their contents.
/// Without them the rows of a power of two of units lie at distances that fall
/// into the same few sets of a cache.
const SKEW: usize = 16;

/// Units per panel of packed weights. The same on every instruction set, so
/// that the packed layout is too.
pub(crate) const PANEL: usize = 16;

/// A dimension of a [`Shape`] is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeError {
    name: &'static str,
    value: usize,
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "network shape: {} is {}, must be 1 to {MAX_DIM}",
            self.name, self.value
        )?;
        if self.name == "observation" {
            write!(f, " (write Observation::None for no observation)")?;
        }
        Ok(())
    }
}

impl std::error::Error for ShapeError {}

/// One parameter tensor inside the flat parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Name, such as `trunk.weight_ih`.
    pub name: &'static str,
    /// Rows and columns; a vector has one column.
    pub shape: [usize; 2],
    /// First element in the flat slice.
    pub offset: usize,
}

impl Entry {
    /// Number of elements.
    pub fn count(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    /// Positions of the tensor in the flat slice.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.count()
    }
}

/// Where each parameter lies in the flat slice; the gradient has the same
/// layout. All tensors are row-major and in PyTorch's orientation and gate
/// order (`G` gates, `H` hidden, `I` inputs, `A` actions).
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
    /// `[A, H]`.
    pub policy_weight: Entry,
    /// `[A]`.
    pub policy_bias: Entry,
    /// `[1, H]`.
    pub value_weight: Entry,
    /// `[1]`.
    pub value_bias: Entry,
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
            policy_weight: entry("policy.weight", [shape.actions, shape.hidden]),
            policy_bias: entry("policy.bias", [shape.actions, 1]),
            value_weight: entry("value.weight", [1, shape.hidden]),
            value_bias: entry("value.bias", [1, 1]),
        }
    }

    /// All tensors in the order in which they lie in the flat slice.
    pub fn entries(&self) -> [Entry; 8] {
        [
            self.weight_ih,
            self.weight_hh,
            self.bias_ih,
            self.bias_hh,
            self.policy_weight,
            self.policy_bias,
            self.value_weight,
            self.value_bias,
        ]
    }

    /// Length of the flat slice.
    pub fn len(&self) -> usize {
        self.value_bias.range().end
    }

    /// Always false: a network has parameters.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
