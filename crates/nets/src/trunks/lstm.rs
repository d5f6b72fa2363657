//! The long short-term memory.

use super::recurrent::{self, Recurrent};
use crate::blueprint::Blueprint;
use crate::init::Init;
use crate::layout::Slot;
use crate::sequence::{Trunk, TrunkFootprint};

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
}

impl Trunk for Lstm {
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
    use super::Lstm;
    use crate::torch::{Memory, Params, SequenceModel, Starts, check_step, check_unroll};
    use tch::{Device, Kind, Tensor};

    impl Lstm {
        /// What the input contributes to the gates, for rows of inputs.
        fn project(&self, params: &Params, inputs: &Tensor) -> Tensor {
            // The two biases are only ever used as a sum.
            let bias = &params[self.bias_ih] + &params[self.bias_hh];
            inputs.linear(&params[self.weight_ih], Some(&bias))
        }

        /// One step from the input's contribution; `weight` is `weight_hh`
        /// transposed.
        fn advance(&self, gates: &Tensor, weight: &Tensor, memory: &mut Memory) -> Tensor {
            let hidden = self.hidden as i64;
            let gates = gates
                .addmm(&memory["h"], weight)
                .split_with_sizes([2 * hidden, hidden, hidden], 1);
            let kept = gates[0].sigmoid().chunk(2, 1); // i and f
            let c = (&kept[1] * &memory["c"]).addcmul(&kept[0], &gates[1].tanh());
            let h = gates[2].sigmoid() * c.tanh();
            memory["c"] = c;
            memory["h"] = h.shallow_clone();
            h
        }
    }

    impl SequenceModel for Lstm {
        fn memory(&self, lanes: usize, _at_most: usize, options: (Kind, Device)) -> Memory {
            let zeros = || Tensor::zeros([lanes as i64, self.hidden as i64], options);
            Memory::new(options.1, [("h", zeros()), ("c", zeros())])
        }

        fn step(&self, params: &Params, input: &Tensor, memory: &mut Memory) -> Tensor {
            check_step(self, input);
            let gates = self.project(params, input);
            self.advance(&gates, &params[self.weight_hh].tr(), memory)
        }

        fn unroll(&self, params: &Params, inputs: &Tensor, starts: &Tensor) -> Tensor {
            check_unroll(self, inputs, starts);
            let gates = self.project(params, inputs).unbind(0);
            let weight = params[self.weight_hh].tr();
            let starts = Starts::new(starts);
            let options = (inputs.kind(), inputs.device());
            let mut memory = self.memory(inputs.size()[1] as usize, gates.len(), options);
            let mut features = Vec::with_capacity(gates.len());
            for (t, gates) in gates.iter().enumerate() {
                if let Some(starts) = starts.at(t) {
                    self.forget(&mut memory, starts);
                }
                features.push(self.advance(gates, &weight, &mut memory));
            }
            Tensor::stack(&features, 0)
        }
    }
}
