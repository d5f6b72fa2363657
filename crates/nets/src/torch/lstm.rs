//! The long short-term memory in libtorch.

use tch::Tensor;

use super::params::Params;
use super::sequence::{Resets, SequenceModel, check_step, check_unroll};
use crate::lstm::Lstm;
use crate::sequence::SequenceSizes;

impl Lstm {
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
    fn sizes(&self) -> SequenceSizes {
        self.sizes()
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
