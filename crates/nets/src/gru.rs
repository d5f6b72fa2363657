//! The gated recurrent unit.

use crate::blueprint::Blueprint;
use crate::init::Init;
use crate::layout::Slot;
use crate::sequence::{Recurrent, SequenceSizes};

/// A gated recurrent unit (Cho et al. 2014) in PyTorch's form:
///
/// ```text
/// r  = σ(W_ir x + b_ir + W_hr h + b_hr)
/// z  = σ(W_iz x + b_iz + W_hz h + b_hz)
/// n  = tanh(W_in x + b_in + r ∘ (W_hn h + b_hn))
/// h' = (1 − z) ∘ n + z ∘ h
/// ```
///
/// The rows of `weight_ih` `[3 hidden, input]`, `weight_hh`
/// `[3 hidden, hidden]`, `bias_ih` and `bias_hh` `[3 hidden]` are the gates
/// r, z, n. At first the input weights are Xavier-uniform and the recurrent
/// ones orthogonal, gate by gate, and the biases zero, as in Duan et al. 2016
/// (RL²), but for what [`Recurrent`] says. The output is h', and so is the
/// memory.
#[derive(Clone, Debug)]
pub struct Gru {
    /// Width of the input.
    pub input: usize,
    /// Hidden units.
    pub hidden: usize,
    /// Weights of the input, `[3 hidden, input]`.
    pub weight_ih: Slot,
    /// Weights of the memory, `[3 hidden, hidden]`.
    pub weight_hh: Slot,
    /// Biases added to the input's part, `[3 hidden]`.
    pub bias_ih: Slot,
    /// Biases added to the memory's part, `[3 hidden]`.
    pub bias_hh: Slot,
}

impl Gru {
    /// Declares the parameters of a layer for inputs of a width, their names
    /// behind the prefix.
    pub fn declare(blueprint: &mut Blueprint, prefix: &str, input: usize, of: Recurrent) -> Self {
        let hidden = of.hidden;
        let rows = 3 * hidden;
        let weights_in = Init::XavierUniform {
            gain: of.input_gain,
            blocks: 3,
        };
        let weights_back = Init::Orthogonal {
            gain: 1.0,
            blocks: 3,
        };
        let biases_in = Init::Chrono {
            signs: vec![0.0, 1.0, 0.0],
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
            state: self.hidden,
        }
    }
}
