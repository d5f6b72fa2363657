//! The long short-term memory.

use crate::blueprint::Blueprint;
use crate::init::Init;
use crate::layout::Slot;
use crate::sequence::{Recurrent, SequenceSizes};

/// A long short-term memory (Hochreiter and Schmidhuber 1997, with the forget
/// gate of Gers et al. 2000) in PyTorch's form:
///
/// ```text
/// i  = σ(W_ii x + b_ii + W_hi h + b_hi)
/// f  = σ(W_if x + b_if + W_hf h + b_hf)
/// g  = tanh(W_ig x + b_ig + W_hg h + b_hg)
/// o  = σ(W_io x + b_io + W_ho h + b_ho)
/// c' = f ∘ c + i ∘ g
/// h' = o ∘ tanh(c')
/// ```
///
/// The rows of `weight_ih` `[4 hidden, input]`, `weight_hh`
/// `[4 hidden, hidden]`, `bias_ih` and `bias_hh` `[4 hidden]` are the gates
/// i, f, g, o. At first the input weights are Xavier-uniform and the recurrent
/// ones orthogonal, gate by gate, and the biases zero, but for what
/// [`Recurrent`] says. The output is h', the memory `[h' | c']`.
#[derive(Clone, Debug)]
pub struct Lstm {
    /// Width of the input.
    pub input: usize,
    /// Hidden units.
    pub hidden: usize,
    /// Weights of the input, `[4 hidden, input]`.
    pub weight_ih: Slot,
    /// Weights of the memory, `[4 hidden, hidden]`.
    pub weight_hh: Slot,
    /// Biases added to the input's part, `[4 hidden]`.
    pub bias_ih: Slot,
    /// Biases added to the memory's part, `[4 hidden]`.
    pub bias_hh: Slot,
}

impl Lstm {
    /// Declares the parameters of a layer for inputs of a width, their names
    /// behind the prefix.
    pub fn declare(blueprint: &mut Blueprint, prefix: &str, input: usize, of: Recurrent) -> Self {
        let hidden = of.hidden;
        let rows = 4 * hidden;
        let weights_in = Init::XavierUniform {
            gain: of.input_gain,
            blocks: 4,
        };
        let weights_back = Init::Orthogonal {
            gain: 1.0,
            blocks: 4,
        };
        let biases_in = Init::Chrono {
            signs: vec![-1.0, 1.0, 0.0, 0.0],
            memory: of.memory,
        };
        let mut declare = |name: &str, shape: &[usize], init| {
            blueprint.declare(format!("{prefix}{name}"), shape, init)
        };
        Self {
            input,
            hidden,
            weight_ih: declare("weight_ih", &[rows, input], weights_in),
            weight_hh: declare("weight_hh", &[rows, hidden], weights_back),
            bias_ih: declare("bias_ih", &[rows], biases_in),
            bias_hh: declare("bias_hh", &[rows], Init::Zeros),
        }
    }

    /// Its widths.
    pub fn sizes(&self) -> SequenceSizes {
        SequenceSizes {
            input: self.input,
            output: self.hidden,
            state: 2 * self.hidden,
        }
    }
}
