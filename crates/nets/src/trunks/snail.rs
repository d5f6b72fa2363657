//! Dilated convolutions, then attention.

use super::names::{Names, Norm};
use crate::blueprint::Blueprint;
use crate::error::NetsError;
use crate::init::Init;
use crate::layout::Slot;
use crate::mlp::Linear;
use crate::sequence::{SIZE, Trunk, TrunkFootprint, TrunkInput};
use rl_core::{Bounds, SettingError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How large a [`Snail`] is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SnailConfig {
    /// Filters of every convolution.
    pub filters: usize,
    /// How often the dilations run from 1 to the length of a trial.
    pub rounds: usize,
    /// Width of keys and of values.
    pub keys: usize,
}

const ROUNDS: Bounds<usize> = Bounds::closed(1, 8);

impl SnailConfig {
    pub(super) fn validate(&self) -> Result<(), SettingError> {
        SIZE.check("filters", self.filters)?;
        SIZE.check("keys", self.keys)?;
        ROUNDS.check("rounds", self.rounds)
    }
}

/// A simple neural attentive learner (Mishra et al. 2018): causal convolutions over time,
/// each of which adds its output to its input, then attention, whose reading is added
/// likewise.
///
/// ```text
/// [f, g] = norm(W [x(t − R), x(t)])     for R = 1, 2, 4, … below the trial's length
/// x      = [x, tanh(f) ∘ σ(g)]
/// x      = [x, attention(x)]            one head
/// ```
///
/// What lies before the trial is 0. Dilations begin at 1: the paper's pseudo-code begins
/// at 2, by which only steps an even number back are seen. Layer normalization in the
/// convolutions is not in the paper; it stands where their biases would.
#[derive(Clone, Debug)]
pub struct Snail {
    /// Width of the input.
    pub inputs: usize,
    /// From the first on.
    pub convolutions: Vec<Convolution>,
    /// Queries, keys and values.
    pub attention: Linear,
    size: SnailConfig,
}

/// A gated convolution of two steps.
#[derive(Clone, Debug)]
pub struct Convolution {
    /// `[2 filters, 2 inputs]`: of the step before and of this one.
    pub weight: Slot,
    /// Of what they give.
    pub norm: Norm,
    /// How many steps lie between the two.
    pub dilation: usize,
    /// Width of the input.
    pub inputs: usize,
}

impl Snail {
    /// Declares the parameters, their names behind the prefix.
    ///
    /// # Errors
    /// If it is not told how long trials are.
    pub fn declare(
        blueprint: &mut Blueprint,
        prefix: &str,
        told: TrunkInput,
        size: SnailConfig,
    ) -> Result<Self, NetsError> {
        if told.steps == 0 {
            let allowed = "\"gru\" or \"lstm\", where the length of trials is not known";
            return Err(SettingError::refused("kind", "\"snail\"", allowed).into());
        }
        let mut names = Names {
            blueprint,
            prefix: prefix.to_owned(),
        };
        let filters = size.filters;
        let mut width = told.size;
        let mut convolutions = Vec::new();
        let dilations = (0..).map(|power| 1 << power);
        let dilations: Vec<usize> = dilations.take_while(|r| *r < told.steps.max(2)).collect();
        for dilation in dilations.repeat(size.rounds) {
            let name = convolutions.len().to_string();
            let init = Init::XavierUniform {
                gain: 1.0,
                blocks: 2,
            };
            let weight = format!("{name}.weight");
            convolutions.push(Convolution {
                weight: names.slot(&weight, &[2 * filters, 2 * width], init),
                norm: names.norm(&format!("{name}.norm"), 2 * filters),
                dilation,
                inputs: width,
            });
            width += filters;
        }
        let keys = size.keys;
        Ok(Self {
            inputs: told.size,
            convolutions,
            attention: names.linear("attention", [width, 3 * keys], (1.0, 3)),
            size,
        })
    }

    /// What the attention reads.
    fn width(&self) -> usize {
        self.inputs + self.convolutions.len() * self.size.filters
    }
}

impl Trunk for Snail {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn features(&self) -> usize {
        self.width() + self.size.keys
    }

    fn footprint(&self, steps: usize) -> TrunkFootprint {
        let (width, filters) = (self.width(), self.size.filters);
        // What whole trainings peaked at, within an eighth: every convolution keeps its
        // input twice, beside each other, and what it adds to.
        let inputs: usize = self.convolutions.iter().map(|of| of.inputs).sum();
        let added = self.convolutions.len() * 13 * filters;
        let most = self.convolutions.iter().map(|of| of.dilation).max();
        let rows = most.unwrap_or(0) * (width - filters);
        TrunkFootprint {
            learning: ((5 * inputs / 2 + added + 6 * width + 2 * steps) * steps) as f64,
            acting: (3 * rows + 4 * self.size.keys * steps + 4 * width) as f64,
        }
    }

    #[cfg(feature = "torch")]
    fn model(&self) -> Option<&dyn crate::SequenceModel> {
        Some(self)
    }
}

#[cfg(feature = "torch")]
mod computed {
    use super::{Convolution, Snail};
    use crate::torch::{Memory, Params, SequenceModel, check_step, check_unroll};
    use crate::trunks::attention::{attend, put, seen, trials};
    use tch::{Device, Kind, Tensor};

    impl Convolution {
        /// The input with the output beside it.
        fn forward(&self, params: &Params, (before, x): (&Tensor, &Tensor)) -> Tensor {
            let both = Tensor::cat(&[before, x], -1);
            let given = both.linear::<Tensor>(&params[self.weight], None);
            let given = self.norm.forward(params, &given).chunk(2, -1);
            Tensor::cat(&[x, &(given[0].tanh() * given[1].sigmoid())], -1)
        }
    }

    impl SequenceModel for Snail {
        fn memory(&self, lanes: usize, at_most: usize, options: (Kind, Device)) -> Memory {
            let [lanes, keys] = [lanes, self.size.keys].map(|size| size as i64);
            let most = self.convolutions.iter().map(|of| of.dilation).max();
            let width = self.convolutions.last().map_or(0, |of| of.inputs) as i64;
            let rows = [lanes, most.unwrap_or(0) as i64, width];
            let cache = || Tensor::zeros([lanes, at_most as i64, keys], options);
            let parts = [
                // Of the last steps, the newest last.
                ("rows", Tensor::zeros(rows, options)),
                ("keys", cache()),
                ("values", cache()),
                ("count", Tensor::zeros([lanes], (Kind::Int64, options.1))),
            ];
            Memory::new(options.1, parts)
        }

        fn step(&self, params: &Params, input: &Tensor, memory: &mut Memory) -> Tensor {
            check_step(self, input);
            let rows = memory["rows"].shallow_clone();
            let most = rows.size()[1];
            let mut x = input.shallow_clone();
            for of in &self.convolutions {
                let before = rows.select(1, most - of.dilation as i64);
                let before = before.narrow(1, 0, of.inputs as i64);
                x = of.forward(params, (&before, &x));
            }
            let newest = x.narrow(1, 0, rows.size()[2]).unsqueeze(1);
            memory["rows"] = Tensor::cat(&[rows.narrow(1, 1, most - 1), newest], 1);
            let count = memory["count"].shallow_clone();
            let parts = self.attention.forward(params, &x).chunk(3, -1);
            memory["keys"] = put(&memory["keys"], &count, &parts[1]);
            memory["values"] = put(&memory["values"], &count, &parts[2]);
            let q = parts[0].unsqueeze(1).unsqueeze(1);
            let [k, v] = ["keys", "values"].map(|part| memory[part].unsqueeze(1));
            let read = attend(&q, (&k, &v), &seen(&count, k.size()[2]));
            memory["count"] = count + 1;
            Tensor::cat(&[x, read.squeeze_dim(1).squeeze_dim(1)], -1)
        }

        fn unroll(&self, params: &Params, inputs: &Tensor, starts: &Tensor) -> Tensor {
            check_unroll(self, inputs, starts);
            let (places, seen) = trials(starts);
            let steps = inputs.size()[0];
            let mut x = inputs.shallow_clone();
            for of in &self.convolutions {
                let back = (of.dilation as i64).min(steps);
                let before = x.narrow(0, 0, steps - back);
                let before = before.constant_pad_nd([0, 0, 0, 0, back, 0]);
                let outside = places.lt(of.dilation as i64).unsqueeze(-1);
                let before = before.masked_fill(&outside, 0.0);
                x = of.forward(params, (&before, &x));
            }
            let parts = self.attention.forward(params, &x).transpose(0, 1);
            let parts = parts.unsqueeze(1).chunk(3, -1);
            let read = attend(&parts[0], (&parts[1], &parts[2]), &seen);
            Tensor::cat(&[x, read.squeeze_dim(1).transpose(0, 1)], -1)
        }
    }
}
