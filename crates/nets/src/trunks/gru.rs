//! The gated recurrent unit.

use super::recurrent::{self, Recurrent};
use crate::blueprint::Blueprint;
use crate::init::Init;
use crate::layout::Slot;
use crate::sequence::{Trunk, TrunkFootprint};

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
}

impl Trunk for Gru {
    fn inputs(&self) -> usize {
        self.input
    }

    fn features(&self) -> usize {
        self.hidden
    }

    fn footprint(&self, steps: usize) -> TrunkFootprint {
        recurrent::footprint(self.hidden, steps)
    }

    #[cfg(feature = "torch")]
    fn model(&self) -> Option<&dyn crate::SequenceModel> {
        Some(self)
    }
}

#[cfg(feature = "torch")]
mod computed {
    use super::Gru;
    use crate::torch::{Memory, Params, SequenceModel, Starts, check_step, check_unroll};
    use tch::{Device, Kind, Tensor};

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
        fn memory(&self, lanes: usize, _at_most: usize, options: (Kind, Device)) -> Memory {
            let h = Tensor::zeros([lanes as i64, self.hidden as i64], options);
            Memory::new(options.1, [("h", h)])
        }

        fn step(&self, params: &Params, input: &Tensor, memory: &mut Memory) -> Tensor {
            check_step(self, input);
            let cell = self.cell(params);
            let (rz, n) = cell.project(input);
            let h = cell.step(&rz, &n, &memory["h"]);
            memory["h"] = h.shallow_clone();
            h
        }

        fn unroll(&self, params: &Params, inputs: &Tensor, starts: &Tensor) -> Tensor {
            check_unroll(self, inputs, starts);
            let cell = self.cell(params);
            let (steps, lanes) = (inputs.size()[0], inputs.size()[1]);
            let (rz, n) = cell.project(&inputs.flatten(0, 1));
            let rz = rz.view([steps, lanes, -1]).unbind(0);
            let n = n.view([steps, lanes, -1]).unbind(0);
            let starts = Starts::new(starts);
            let options = (inputs.kind(), inputs.device());
            let mut memory = self.memory(lanes as usize, rz.len(), options);
            let mut features = Vec::with_capacity(rz.len());
            for t in 0..rz.len() {
                if let Some(starts) = starts.at(t) {
                    self.forget(&mut memory, starts);
                }
                let h = cell.step(&rz[t], &n[t], &memory["h"]);
                memory["h"] = h.shallow_clone();
                features.push(h);
            }
            Tensor::stack(&features, 0)
        }
    }
}
