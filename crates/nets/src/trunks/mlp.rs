//! Fully connected layers as a trunk, which sees every step for itself.

use crate::blueprint::Blueprint;
use crate::init::Init;
use crate::mlp::{Activation, Linear, Mlp, MlpConfig};
use crate::sequence::{SIZE, Trunk, TrunkFootprint};
use rl_core::SettingError;

/// Checks the layers' units.
///
/// # Errors
/// If there is no layer, or one of no units or too many.
pub(super) fn validate(hidden: &[usize]) -> Result<(), SettingError> {
    if hidden.is_empty() {
        let allowed = "at least one layer, as in [64, 64]";
        return Err(SettingError::refused("hidden", "[]", allowed));
    }
    hidden
        .iter()
        .try_for_each(|units| SIZE.check("hidden", *units))
}

/// Declares the layers for inputs of a width.
pub(super) fn declare(
    blueprint: &mut Blueprint,
    prefix: &str,
    input: usize,
    (hidden, activation): (&[usize], Activation),
) -> Mlp {
    let gain = activation.gain();
    let config = MlpConfig {
        input,
        hidden,
        activation,
        init: Init::Orthogonal { gain, blocks: 1 },
    };
    Mlp::declare(blueprint, prefix, &config)
}

impl Trunk for Mlp {
    fn inputs(&self) -> usize {
        self.inputs()
    }

    fn features(&self) -> usize {
        self.outputs()
    }

    fn footprint(&self, steps: usize) -> TrunkFootprint {
        let units: usize = self.layers.iter().map(Linear::outputs).sum();
        TrunkFootprint {
            learning: LEARNING * (units * steps) as f64,
            acting: 3.0 * units as f64,
        }
    }

    #[cfg(feature = "torch")]
    fn model(&self) -> Option<&dyn crate::SequenceModel> {
        Some(self)
    }
}

/// Numbers of a unit for each step of a lane: measured were 2.4 with three layers to
/// 6.2 with one of 64 units.
const LEARNING: f64 = 6.5;

#[cfg(feature = "torch")]
mod computed {
    use crate::mlp::Mlp;
    use crate::torch::{Memory, Params, SequenceModel, check_step, check_unroll};
    use tch::{Device, Kind, Tensor};

    impl SequenceModel for Mlp {
        fn memory(&self, _lanes: usize, _at_most: usize, options: (Kind, Device)) -> Memory {
            Memory::new(options.1, [])
        }

        fn step(&self, params: &Params, input: &Tensor, _memory: &mut Memory) -> Tensor {
            check_step(self, input);
            self.forward(params, input)
        }

        fn unroll(&self, params: &Params, inputs: &Tensor, starts: &Tensor) -> Tensor {
            check_unroll(self, inputs, starts);
            self.forward(params, inputs)
        }
    }
}
