//! What stands around gated layers.

use super::gru::Gru;
use super::lstm::Lstm;
use super::recurrent::Recurrent;
use crate::blueprint::Blueprint;
use crate::init::Init;
use crate::layout::Slot;
use crate::mlp::{Activation, Linear};
use crate::sequence::{SIZE, Trunk, TrunkFootprint};
use rl_core::{Bounds, SettingError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What stands around a gated layer; by default nothing does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Around {
    /// Units of a layer between the input and the memory, tanh(W x + b); 0 for none.
    pub encoder: usize,
    /// How many gated layers, one on the other.
    pub layers: usize,
    /// Whether the first half of the last layer's units are the largest that they were in
    /// the trial so far (Beck et al. 2020, AMRL).
    pub maximum: bool,
    /// Whether what the memory reads goes on beside it.
    pub skip: bool,
    /// Units of a layer that reads what the memory does, with weights that the memory
    /// gives (Beck et al. 2023); 0 for none.
    pub hypernetwork: usize,
}

impl Default for Around {
    fn default() -> Self {
        Self {
            encoder: 0,
            layers: 1,
            maximum: false,
            skip: false,
            hypernetwork: 0,
        }
    }
}

const LAYERS: Bounds<usize> = Bounds::closed(1, 64);

impl Around {
    /// Whether nothing does.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn validate(&self) -> Result<(), SettingError> {
        LAYERS.check("around.layers", self.layers)?;
        let sizes = [
            ("around.encoder", self.encoder),
            ("around.hypernetwork", self.hypernetwork),
        ];
        for (key, size) in sizes.into_iter().filter(|(_, size)| *size > 0) {
            SIZE.check(key, size)?;
        }
        match self.skip && self.hypernetwork > 0 {
            true => {
                let allowed = "false with a hypernetwork, whose layer reads what would be beside";
                Err(SettingError::refused("around.skip", "true", allowed))
            }
            false => Ok(()),
        }
    }
}

/// Which gated layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Gru,
    Lstm,
}

/// Gated layers with what is [`Around`] them:
///
/// ```text
/// e = tanh(E x + d)                     or x
/// h = layers(e), h₁ = max(h₁ so far)    of the first half h₁
/// features = h, or [h, e], or relu(W(h) e + b(h))
/// ```
///
/// where W(h) and b(h) are linear in h: V h + w. V begins small beside w, which is drawn as
/// a layer of its own would be (bias initialization, Beck et al. 2023, section 4).
#[derive(Clone, Debug)]
pub struct Surrounded {
    /// Width of the input.
    pub input: usize,
    /// Before the layers.
    pub encoder: Option<Linear>,
    /// From the first on.
    pub layers: Vec<Arc<dyn Trunk>>,
    /// The layer whose weights the memory gives.
    pub hypernetwork: Option<Hypernetwork>,
    hidden: usize,
    around: Around,
}

/// Weights and biases as functions of the memory.
#[derive(Clone, Debug)]
pub struct Hypernetwork {
    /// V, `[units (inputs + 1), hidden]`: of each unit's weights, then its bias.
    pub weight: Slot,
    /// w of the weights, `[units, inputs]`.
    pub start: Slot,
    /// w of the biases, `[units]`.
    pub bias: Slot,
    inputs: usize,
    units: usize,
}

/// How much smaller than a layer's own weights those are by which the memory adds to
/// them at first.
const SMALL: f64 = 0.1;

impl Surrounded {
    /// Declares the parameters, their names behind the prefix.
    pub(super) fn declare(
        blueprint: &mut Blueprint,
        prefix: &str,
        input: usize,
        (cell, of): (Cell, Recurrent),
    ) -> Self {
        let around = of.around;
        let encoder = (around.encoder > 0).then(|| {
            let init = Init::XavierUniform {
                gain: Activation::Tanh.gain(),
                blocks: 1,
            };
            let sizes = [input, around.encoder];
            Linear::declare(blueprint, &format!("{prefix}encoder."), sizes, init)
        });
        let encoded = encoder.as_ref().map_or(input, Linear::outputs);
        let mut layers: Vec<Arc<dyn Trunk>> = Vec::new();
        for index in 0..around.layers {
            let width = layers.last().map_or(encoded, |layer| layer.features());
            let prefix = format!("{prefix}{index}.");
            layers.push(match cell {
                Cell::Gru => Arc::new(Gru::declare(blueprint, &prefix, width, of)),
                Cell::Lstm => Arc::new(Lstm::declare(blueprint, &prefix, width, of)),
            });
        }
        let units = around.hypernetwork;
        let sizes = (encoded, units, of.hidden);
        let hypernetwork = (units > 0)
            .then(|| Hypernetwork::declare(blueprint, &format!("{prefix}hyper."), sizes));
        Self {
            input,
            encoder,
            layers,
            hypernetwork,
            hidden: of.hidden,
            around,
        }
    }

    fn encoded(&self) -> usize {
        self.encoder.as_ref().map_or(self.input, Linear::outputs)
    }
}

impl Hypernetwork {
    fn declare(
        blueprint: &mut Blueprint,
        prefix: &str,
        (inputs, units, hidden): (usize, usize, usize),
    ) -> Self {
        let mut declare = |name: &str, shape: &[usize], init| {
            blueprint.declare(format!("{prefix}{name}"), shape, init)
        };
        let xavier = |gain| Init::XavierUniform { gain, blocks: 1 };
        // As a layer from the memory to one row of weights has it, but small.
        let bound = SMALL / (inputs as f64 * hidden as f64).sqrt();
        let small = Init::Normal { deviation: bound };
        Self {
            weight: declare("weight", &[units * (inputs + 1), hidden], small),
            start: declare("start", &[units, inputs], xavier(Activation::Relu.gain())),
            bias: declare("bias", &[units], Init::Zeros),
            inputs,
            units,
        }
    }
}

impl Trunk for Surrounded {
    fn inputs(&self) -> usize {
        self.input
    }

    fn features(&self) -> usize {
        match &self.hypernetwork {
            Some(of) => of.units,
            None if self.around.skip => self.hidden + self.encoded(),
            None => self.hidden,
        }
    }

    fn footprint(&self, steps: usize) -> TrunkFootprint {
        let mut layers = self.layers.iter().map(|layer| layer.footprint(steps));
        let mut whole = layers.next().unwrap_or(TrunkFootprint {
            learning: 0.0,
            acting: 0.0,
        });
        // What whole trainings peaked at, within a sixth: the gradients of one layer are
        // gone when those of the layer below it come.
        for layer in layers {
            whole.learning += (11 * self.hidden * steps) as f64;
            whole.acting += layer.acting;
        }
        let weights = self.hypernetwork.as_ref();
        let weights = weights.map_or(0, |of| of.units * (of.inputs + 1));
        let encoded = self.encoder.as_ref().map_or(0, Linear::outputs);
        let skipped = if self.around.skip { self.encoded() } else { 0 };
        let beside = 13 * (encoded + skipped + weights) / 4;
        whole.learning += (beside * steps) as f64;
        whole.acting += (beside + self.features()) as f64;
        whole
    }

    #[cfg(feature = "torch")]
    fn model(&self) -> Option<&dyn crate::SequenceModel> {
        Some(self)
    }
}

#[cfg(feature = "torch")]
mod computed {
    use super::{Hypernetwork, Surrounded};
    use crate::torch::{Memory, Params, SequenceModel, Starts, check_step, check_unroll};
    use tch::{Device, Kind, Tensor};

    impl Hypernetwork {
        /// `[.., hidden]` and `[.., inputs]` → `[.., units]`.
        fn forward(&self, params: &Params, (h, e): (&Tensor, &Tensor)) -> Tensor {
            let given = h.linear::<Tensor>(&params[self.weight], None);
            let given = given.unflatten(-1, [self.units as i64, self.inputs as i64 + 1]);
            let weight = given.narrow(-1, 0, self.inputs as i64) + &params[self.start];
            let bias = given.select(-1, self.inputs as i64) + &params[self.bias];
            (weight.matmul(&e.unsqueeze(-1)).squeeze_dim(-1) + bias).relu()
        }
    }

    impl Surrounded {
        fn encode(&self, params: &Params, x: &Tensor) -> Tensor {
            match &self.encoder {
                None => x.shallow_clone(),
                Some(encoder) => encoder.forward(params, x).tanh(),
            }
        }

        fn finish(&self, params: &Params, (h, e): (Tensor, &Tensor)) -> Tensor {
            match &self.hypernetwork {
                Some(of) => of.forward(params, (&h, e)),
                None if self.around.skip => Tensor::cat(&[&h, e], -1),
                None => h,
            }
        }

        /// The first half of the units.
        fn half(&self) -> i64 {
            self.hidden as i64 / 2
        }
    }

    impl SequenceModel for Surrounded {
        fn memory(&self, lanes: usize, at_most: usize, options: (Kind, Device)) -> Memory {
            let layers = self.layers.iter().map(|layer| {
                let model = layer.model().expect("gated layers are computed");
                model.memory(lanes, at_most, options)
            });
            let mut memory = Memory::new(options.1, []).with_layers(layers);
            if self.around.maximum {
                let least = Tensor::full([lanes as i64, self.half()], f64::NEG_INFINITY, options);
                memory.insert("most", least);
            }
            memory
        }

        fn forget(&self, memory: &mut Memory, starts: &Tensor) {
            for (layer, memory) in self.layers.iter().zip(memory.layers()) {
                let model = layer.model().expect("gated layers are computed");
                model.forget(memory, starts);
            }
            if self.around.maximum {
                let starts = starts.ne(0).unsqueeze(-1);
                memory["most"] = memory["most"].masked_fill(&starts, f64::NEG_INFINITY);
            }
        }

        fn step(&self, params: &Params, input: &Tensor, memory: &mut Memory) -> Tensor {
            check_step(self, input);
            let e = self.encode(params, input);
            let mut h = e.shallow_clone();
            for (layer, memory) in self.layers.iter().zip(memory.layers()) {
                let model = layer.model().expect("gated layers are computed");
                h = model.step(params, &h, memory);
            }
            if self.around.maximum {
                let most = memory["most"].maximum(&h.narrow(-1, 0, self.half()));
                let rest = h.narrow(-1, self.half(), self.hidden as i64 - self.half());
                h = Tensor::cat(&[&most, &rest], -1);
                memory["most"] = most;
            }
            self.finish(params, (h, &e))
        }

        fn unroll(&self, params: &Params, inputs: &Tensor, starts: &Tensor) -> Tensor {
            check_unroll(self, inputs, starts);
            let e = self.encode(params, inputs);
            let mut h = e.shallow_clone();
            for layer in &self.layers {
                let model = layer.model().expect("gated layers are computed");
                h = model.unroll(params, &h, starts);
            }
            if self.around.maximum {
                let when = Starts::new(starts);
                let halves =
                    h.split_with_sizes([self.half(), self.hidden as i64 - self.half()], -1);
                let mut most: Option<Tensor> = None;
                let mut rows = Vec::new();
                for (t, row) in halves[0].unbind(0).into_iter().enumerate() {
                    let so_far = match (most, when.at(t)) {
                        (None, _) => row,
                        (Some(most), None) => most.maximum(&row),
                        (Some(most), Some(starts)) => {
                            let starts = starts.unsqueeze(-1);
                            most.masked_fill(&starts, f64::NEG_INFINITY).maximum(&row)
                        }
                    };
                    rows.push(so_far.shallow_clone());
                    most = Some(so_far);
                }
                h = Tensor::cat(&[Tensor::stack(&rows, 0), halves[1].shallow_clone()], -1);
            }
            self.finish(params, (h, &e))
        }
    }
}
