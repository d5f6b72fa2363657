//! The gated recurrent unit in libtorch.

use tch::Tensor;

use super::params::Params;
use super::sequence::{Resets, SequenceModel, check_step, check_unroll};
use crate::gru::Gru;
use crate::sequence::SequenceSizes;

impl Gru {
    fn cell(&self, params: &Params) -> Cell {
        let hidden = self.hidden as i64;
        let cut = |slot| params[slot].split_with_sizes([2 * hidden, hidden], 0);
        let (weight_ih, weight_hh) = (cut(self.weight_ih), cut(self.weight_hh));
        let (bias_ih, bias_hh) = (cut(self.bias_ih), cut(self.bias_hh));
        Cell {
            input_rz: weight_ih[0].tr(),
            input_n: weight_ih[1].tr(),
            hidden_rz: weight_hh[0].tr(),
            hidden_n: weight_hh[1].tr(),
            // The two biases of r and z are only ever used as a sum.
            bias_rz: &bias_ih[0] + &bias_hh[0],
            bias_in: bias_ih[1].shallow_clone(),
            bias_hn: bias_hh[1].shallow_clone(),
        }
    }
}

/// The parameters as a step uses them: r and z share one product, and the
/// input's part is added by the product itself.
struct Cell {
    input_rz: Tensor,
    input_n: Tensor,
    hidden_rz: Tensor,
    hidden_n: Tensor,
    bias_rz: Tensor,
    bias_in: Tensor,
    bias_hn: Tensor,
}

impl Cell {
    /// What the input contributes to r and z, and to n, for rows of inputs.
    fn project(&self, inputs: &Tensor) -> (Tensor, Tensor) {
        let rz = self.bias_rz.addmm(inputs, &self.input_rz);
        let n = self.bias_in.addmm(inputs, &self.input_n);
        (rz, n)
    }

    /// One step from the input's contributions.
    fn step(&self, input_rz: &Tensor, input_n: &Tensor, h: &Tensor) -> Tensor {
        let rz = input_rz.addmm(h, &self.hidden_rz).sigmoid().chunk(2, 1);
        let recurrent = self.bias_hn.addmm(h, &self.hidden_n);
        let n = input_n.addcmul(&rz[0], &recurrent).tanh();
        n.lerp_tensor(h, &rz[1])
    }
}

impl SequenceModel for Gru {
    fn sizes(&self) -> SequenceSizes {
        self.sizes()
    }

    fn step(&self, params: &Params, input: &Tensor, state: &Tensor) -> (Tensor, Tensor) {
        check_step(self, input, state);
        let cell = self.cell(params);
        let (rz, n) = cell.project(input);
        let h = cell.step(&rz, &n, state);
        (h.shallow_clone(), h)
    }

    fn unroll(
        &self,
        params: &Params,
        inputs: &Tensor,
        resets: &Tensor,
        state: &Tensor,
    ) -> (Tensor, Tensor) {
        check_unroll(self, inputs, resets, state);
        let cell = self.cell(params);
        let (steps, lanes) = (inputs.size()[0], inputs.size()[1]);
        let (rz, n) = cell.project(&inputs.flatten(0, 1));
        let rz = rz.view([steps, lanes, -1]).unbind(0);
        let n = n.view([steps, lanes, -1]).unbind(0);
        let resets = Resets::new(resets);
        let mut h = state.shallow_clone();
        let mut outputs = Vec::with_capacity(rz.len());
        for t in 0..rz.len() {
            h = cell.step(&rz[t], &n[t], &resets.apply(t, &h));
            outputs.push(h.shallow_clone());
        }
        (Tensor::stack(&outputs, 0), h)
    }
}
