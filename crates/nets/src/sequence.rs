//! Networks with a memory that reads a sequence step by step.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::blueprint::Blueprint;
use crate::error::NetsError;
use crate::gru::Gru;
use crate::init::Init;
use crate::lstm::Lstm;
use crate::mlp::{Activation, Mlp, MlpConfig};
use crate::params::Params;

/// A network with a memory of fixed size per lane.
///
/// The memory of a lane is one row of numbers, all zero before the first
/// step. A new model is an implementation of this trait and a variant of
/// [`SequenceConfig`]; `step` alone is enough, and `unroll` is there for
/// models that can do a whole sequence faster than step by step.
pub trait SequenceModel: Debug + Send + Sync {
    /// Width of the input.
    fn input_size(&self) -> usize;

    /// Width of the output.
    fn output_size(&self) -> usize;

    /// Numbers per lane in the memory.
    fn state_size(&self) -> usize;

    /// The memory before the first step, `[lanes, state]`: zeros.
    fn initial_state(&self, lanes: usize, options: (Kind, Device)) -> Tensor {
        Tensor::zeros([lanes as i64, self.state_size() as i64], options)
    }

    /// One step: `[lanes, input]` and `[lanes, state]` give `[lanes, output]`
    /// and the next `[lanes, state]`.
    ///
    /// # Panics
    /// If a shape is another.
    fn step(&self, params: &Params, input: &Tensor, state: &Tensor) -> (Tensor, Tensor);

    /// A whole sequence: `inputs` `[steps, lanes, input]` and the first
    /// `state` `[lanes, state]` give `[steps, lanes, output]` and the last
    /// `[lanes, state]`. Where `resets` `[steps, lanes]` is not zero, the
    /// lane's memory is zeroed before that step.
    ///
    /// # Panics
    /// If a shape is another, or if there is no step.
    fn unroll(
        &self,
        params: &Params,
        inputs: &Tensor,
        resets: &Tensor,
        state: &Tensor,
    ) -> (Tensor, Tensor) {
        check_unroll(self, inputs, resets, state);
        let resets = Resets::new(resets);
        let mut state = state.shallow_clone();
        let mut outputs = Vec::new();
        for (t, input) in inputs.unbind(0).iter().enumerate() {
            let (output, next) = self.step(params, input, &resets.apply(t, &state));
            outputs.push(output);
            state = next;
        }
        (Tensor::stack(&outputs, 0), state)
    }
}

/// The size of a recurrent layer, and how it begins.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recurrent {
    /// Hidden units.
    pub hidden: usize,
    /// Gain of the Xavier-uniform input weights. Xavier's rule reckons with
    /// inputs that are all active; of one-hot inputs few are, so that at gain 1
    /// no gate depends much on what was seen.
    pub input_gain: f64,
    /// Each unit begins with a memory of its own length, 2 to this many steps
    /// ([`Init::Chrono`]); at 2 the gates' biases are 0.
    pub memory: f64,
}

impl Recurrent {
    /// As in Duan et al. 2016 (RL²): Xavier-uniform weights, biases of 0.
    pub fn plain(hidden: usize) -> Self {
        Self {
            hidden,
            input_gain: 1.0,
            memory: 2.0,
        }
    }

    fn check(&self) -> Result<(), NetsError> {
        check_size("hidden", self.hidden)?;
        let within = |setting, value: f64, range: std::ops::RangeInclusive<f64>, allowed| {
            let value = (!range.contains(&value)).then(|| value.to_string());
            value.map_or(Ok(()), |value| {
                Err(NetsError::InvalidSetting {
                    setting,
                    value,
                    allowed,
                })
            })
        };
        within("input_gain", self.input_gain, 1e-3..=1e3, "0.001 to 1000")?;
        within("memory", self.memory, 2.0..=1e9, "2 to 1e9 steps")
    }
}

/// Which sequence model to use, and its sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SequenceConfig {
    /// A gated recurrent unit; see [`Gru`].
    Gru(Recurrent),
    /// A long short-term memory; see [`Lstm`].
    Lstm(Recurrent),
    /// No memory; see [`FeedForward`].
    Mlp {
        /// Units of every layer.
        hidden: Vec<usize>,
        /// What follows every layer.
        activation: Activation,
    },
}

impl SequenceConfig {
    /// Declares the model's parameters, their names behind the prefix, and
    /// returns the model.
    ///
    /// # Errors
    /// If a number is out of range, or if there is no layer.
    pub fn build(
        &self,
        blueprint: &mut Blueprint,
        prefix: &str,
        input: usize,
    ) -> Result<Box<dyn SequenceModel>, NetsError> {
        check_size("the input size", input)?;
        Ok(match self {
            Self::Gru(layer) => {
                layer.check()?;
                Box::new(Gru::declare(blueprint, prefix, input, *layer))
            }
            Self::Lstm(layer) => {
                layer.check()?;
                Box::new(Lstm::declare(blueprint, prefix, input, *layer))
            }
            Self::Mlp { hidden, activation } => {
                if hidden.is_empty() {
                    return Err(NetsError::InvalidSetting {
                        setting: "hidden",
                        value: "[]".into(),
                        allowed: "at least one layer, as in [64, 64]",
                    });
                }
                hidden
                    .iter()
                    .try_for_each(|&size| check_size("hidden", size))?;
                let config = MlpConfig {
                    input,
                    hidden,
                    activation: *activation,
                    init: Init::Orthogonal {
                        gain: activation.gain(),
                        blocks: 1,
                    },
                };
                Box::new(FeedForward(Mlp::declare(blueprint, prefix, &config)))
            }
        })
    }
}

fn check_size(setting: &'static str, size: usize) -> Result<(), NetsError> {
    if (1..=65536).contains(&size) {
        return Ok(());
    }
    Err(NetsError::InvalidSetting {
        setting,
        value: size.to_string(),
        allowed: "1 to 65536",
    })
}

/// A sequence model without a memory: every step is seen for itself.
#[derive(Clone, Debug)]
pub struct FeedForward(pub Mlp);

impl SequenceModel for FeedForward {
    fn input_size(&self) -> usize {
        self.0.inputs()
    }

    fn output_size(&self) -> usize {
        self.0.outputs()
    }

    fn state_size(&self) -> usize {
        0
    }

    fn step(&self, params: &Params, input: &Tensor, state: &Tensor) -> (Tensor, Tensor) {
        check_step(self, input, state);
        (self.0.forward(params, input), state.shallow_clone())
    }

    fn unroll(
        &self,
        params: &Params,
        inputs: &Tensor,
        resets: &Tensor,
        state: &Tensor,
    ) -> (Tensor, Tensor) {
        check_unroll(self, inputs, resets, state);
        (self.0.forward(params, inputs), state.shallow_clone())
    }
}

/// Refuses shapes that a step of the model cannot take.
pub(crate) fn check_step(model: &dyn SequenceModel, input: &Tensor, state: &Tensor) {
    let lanes = input.size().first().copied().unwrap_or(0);
    let [width, memory] = [model.input_size() as i64, model.state_size() as i64];
    assert_eq!(
        input.size(),
        [lanes, width],
        "a step's input is [lanes, input]"
    );
    assert_eq!(
        state.size(),
        [lanes, memory],
        "a step's state is [lanes, state]"
    );
}

/// Refuses shapes that the model cannot be unrolled over.
pub(crate) fn check_unroll<M: SequenceModel + ?Sized>(
    model: &M,
    inputs: &Tensor,
    resets: &Tensor,
    state: &Tensor,
) {
    let size = inputs.size();
    assert!(
        size.len() == 3 && size[0] > 0,
        "inputs are [steps, lanes, input], not {size:?}"
    );
    let [width, memory] = [model.input_size() as i64, model.state_size() as i64];
    assert_eq!(size[2], width, "width of the inputs [steps, lanes, input]");
    assert_eq!(resets.size(), size[..2], "resets are [steps, lanes]");
    assert_eq!(
        state.size(),
        [size[1], memory],
        "the state is [lanes, state]"
    );
}

/// Where memories are zeroed. Steps without any reset, which are nearly all
/// of them, cost nothing.
pub(crate) struct Resets(Vec<Option<Tensor>>);

impl Resets {
    /// From `[steps, lanes]`, where nonzero means that the memory is zeroed.
    pub(crate) fn new(resets: &Tensor) -> Self {
        let masks = resets.ne(0).unsqueeze(-1); // [steps, lanes, 1]
        let any = masks
            .flatten(1, -1)
            .any_dim(1, false)
            .to_device(Device::Cpu);
        let any: Vec<bool> = Vec::try_from(any).expect("a vector of booleans");
        let keep = |(any, mask): (bool, Tensor)| any.then_some(mask);
        Self(any.into_iter().zip(masks.unbind(0)).map(keep).collect())
    }

    /// The memory as step `t` finds it. A reset memory is zero even if it was
    /// not finite, and so is the gradient that flows into it.
    pub(crate) fn apply(&self, t: usize, memory: &Tensor) -> Tensor {
        match &self.0[t] {
            Some(mask) => memory.masked_fill(mask, 0.0),
            None => memory.shallow_clone(),
        }
    }
}
