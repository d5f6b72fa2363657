//! The long short-term memory.

use tch::Tensor;

use crate::blueprint::Blueprint;
use crate::init::Init;
use crate::layout::Slot;
use crate::params::Params;
use crate::sequence::{Recurrent, Resets, SequenceModel, check_step, check_unroll};

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
    input: usize,
    hidden: usize,
    weight_ih: Slot,
    weight_hh: Slot,
    bias_ih: Slot,
    bias_hh: Slot,
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

    /// What the input contributes to the gates, for rows of inputs.
    fn project(&self, params: &Params, inputs: &Tensor) -> Tensor {
        // The two biases are only ever used as a sum.
        let bias = &params[self.bias_ih] + &params[self.bias_hh];
        inputs.linear(&params[self.weight_ih], Some(&bias))
    }

    /// Cuts a memory into h and c.
    fn cut(&self, state: &Tensor) -> [Tensor; 2] {
        let hidden = self.hidden as i64;
        [state.narrow(1, 0, hidden), state.narrow(1, hidden, hidden)]
    }

    /// One step from the input's contribution; `weight` is `weight_hh`
    /// transposed.
    fn advance(&self, gates: &Tensor, weight: &Tensor, [h, c]: [Tensor; 2]) -> [Tensor; 2] {
        let hidden = self.hidden as i64;
        let gates = gates
            .addmm(&h, weight)
            .split_with_sizes([2 * hidden, hidden, hidden], 1);
        let kept = gates[0].sigmoid().chunk(2, 1); // i and f
        let c = (&kept[1] * c).addcmul(&kept[0], &gates[1].tanh());
        [gates[2].sigmoid() * c.tanh(), c]
    }
}

impl SequenceModel for Lstm {
    fn input_size(&self) -> usize {
        self.input
    }

    fn output_size(&self) -> usize {
        self.hidden
    }

    fn state_size(&self) -> usize {
        2 * self.hidden
    }

    fn step(&self, params: &Params, input: &Tensor, state: &Tensor) -> (Tensor, Tensor) {
        check_step(self, input, state);
        let gates = self.project(params, input);
        let memory = self.advance(&gates, &params[self.weight_hh].tr(), self.cut(state));
        let next = Tensor::cat(&memory, 1);
        let [h, _] = memory;
        (h, next)
    }

    fn unroll(
        &self,
        params: &Params,
        inputs: &Tensor,
        resets: &Tensor,
        state: &Tensor,
    ) -> (Tensor, Tensor) {
        check_unroll(self, inputs, resets, state);
        let gates = self.project(params, inputs).unbind(0);
        let weight = params[self.weight_hh].tr();
        let resets = Resets::new(resets);
        let mut memory = self.cut(state);
        let mut outputs = Vec::with_capacity(gates.len());
        for (t, gates) in gates.iter().enumerate() {
            let found = memory.each_ref().map(|part| resets.apply(t, part));
            memory = self.advance(gates, &weight, found);
            outputs.push(memory[0].shallow_clone());
        }
        (Tensor::stack(&outputs, 0), Tensor::cat(&memory, 1))
    }
}
