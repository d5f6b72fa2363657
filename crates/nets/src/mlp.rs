//! Fully connected layers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::blueprint::Blueprint;
use crate::init::Init;
use crate::layout::Slot;

/// The nonlinearity between layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// The hyperbolic tangent.
    Tanh,
    /// max(0, x).
    Relu,
}

impl Activation {
    /// The factor by which initial weights make up for the activation's
    /// shrinking of its input (PyTorch's `calculate_gain`).
    pub fn gain(self) -> f64 {
        match self {
            Self::Tanh => 5.0 / 3.0,
            Self::Relu => std::f64::consts::SQRT_2,
        }
    }
}

/// y = x Wᵀ + b.
#[derive(Clone, Debug)]
pub struct Linear {
    /// W, `[outputs, inputs]`.
    pub weight: Slot,
    /// b, `[outputs]`.
    pub bias: Slot,
    inputs: usize,
    outputs: usize,
}

impl Linear {
    /// Declares `weight` `[outputs, inputs]`, drawn by `init`, and `bias`
    /// `[outputs]`, zero at first; the prefix is put before both names.
    pub fn declare(blueprint: &mut Blueprint, prefix: &str, sizes: [usize; 2], init: Init) -> Self {
        Self::declare_biased(blueprint, prefix, sizes, (init, Init::Zeros))
    }

    /// As [`Self::declare`], the bias drawn by a rule of its own.
    pub fn declare_biased(
        blueprint: &mut Blueprint,
        prefix: &str,
        sizes: [usize; 2],
        (init, bias): (Init, Init),
    ) -> Self {
        let [inputs, outputs] = sizes;
        Self {
            weight: blueprint.declare(format!("{prefix}weight"), &[outputs, inputs], init),
            bias: blueprint.declare(format!("{prefix}bias"), &[outputs], bias),
            inputs,
            outputs,
        }
    }

    /// Width of the input.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Width of the output.
    pub fn outputs(&self) -> usize {
        self.outputs
    }
}

/// Sizes and kind of an [`Mlp`].
#[derive(Clone, Debug)]
pub struct MlpConfig<'a> {
    /// Width of the input.
    pub input: usize,
    /// Width of every layer.
    pub hidden: &'a [usize],
    /// What follows every layer.
    pub activation: Activation,
    /// How the weights are drawn; biases start at zero.
    pub init: Init,
}

/// Fully connected layers, each followed by the activation.
#[derive(Clone, Debug)]
pub struct Mlp {
    /// From the input on.
    pub layers: Vec<Linear>,
    /// What follows every layer.
    pub activation: Activation,
    input: usize,
}

impl Mlp {
    /// Declares `0.weight`, `0.bias`, `1.weight` and so on, with the prefix
    /// before each name.
    pub fn declare(blueprint: &mut Blueprint, prefix: &str, config: &MlpConfig) -> Self {
        let mut width = config.input;
        let mut declare = |(index, &size): (usize, &usize)| {
            let sizes = [std::mem::replace(&mut width, size), size];
            Linear::declare(
                blueprint,
                &format!("{prefix}{index}."),
                sizes,
                config.init.clone(),
            )
        };
        Self {
            layers: config.hidden.iter().enumerate().map(&mut declare).collect(),
            activation: config.activation,
            input: config.input,
        }
    }

    /// Width of the input.
    pub fn inputs(&self) -> usize {
        self.input
    }

    /// Width of the output, which is the last layer's.
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(self.input, Linear::outputs)
    }
}
