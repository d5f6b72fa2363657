//! Fully connected layers in libtorch.

use tch::Tensor;

use super::params::Params;
use crate::mlp::{Activation, Linear, Mlp};

impl Activation {
    /// Applies it to every element.
    pub fn apply(self, x: &Tensor) -> Tensor {
        match self {
            Self::Tanh => x.tanh(),
            Self::Relu => x.relu(),
        }
    }
}

impl Linear {
    /// `[.., inputs]` → `[.., outputs]`.
    ///
    /// # Panics
    /// If the input's last size is another.
    pub fn forward(&self, params: &Params, input: &Tensor) -> Tensor {
        let width = input.size().last().copied();
        assert_eq!(
            width,
            Some(self.inputs() as i64),
            "width of a linear layer's input"
        );
        input.linear(&params[self.weight], Some(&params[self.bias]))
    }
}

impl Mlp {
    /// `[.., inputs]` → `[.., outputs]`.
    ///
    /// # Panics
    /// If the input's last size is another.
    pub fn forward(&self, params: &Params, input: &Tensor) -> Tensor {
        self.layers.iter().fold(input.shallow_clone(), |x, layer| {
            self.activation.apply(&layer.forward(params, &x))
        })
    }
}
