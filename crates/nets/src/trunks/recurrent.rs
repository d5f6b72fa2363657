//! What the gated recurrent layers have in common.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::around::Around;
use crate::sequence::{SIZE, TrunkFootprint};
use rl_core::{Bounds, SettingError};

/// The size of a recurrent layer, and how it begins.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recurrent {
    /// Hidden units.
    pub hidden: usize,
    /// Gain of the Xavier-uniform input weights. Xavier's rule reckons with
    /// inputs that are all active; of one-hot inputs few are, so that at gain 1
    /// no gate depends much on what was seen.
    pub input_gain: f64,
    /// Each unit begins with a memory of its own length, 2 to this many steps
    /// ([`Init::Chrono`](crate::Init::Chrono)); at 2 the gates' biases are 0.
    pub memory: f64,
    /// What stands around the layer, on libtorch.
    #[serde(default, skip_serializing_if = "Around::is_nothing")]
    pub around: Around,
}

impl Recurrent {
    /// As in Duan et al. 2016 (RL²): Xavier-uniform weights, biases of 0.
    pub fn plain(hidden: usize) -> Self {
        Self {
            hidden,
            input_gain: 1.0,
            memory: 2.0,
            around: Around::default(),
        }
    }

    pub(super) fn validate(&self) -> Result<(), SettingError> {
        SIZE.check("hidden", self.hidden)?;
        INPUT_GAIN.check("input_gain", self.input_gain)?;
        MEMORY.check("memory", self.memory)?;
        self.around.validate()?;
        match self.around.maximum && self.hidden < 2 {
            true => Err(SettingError::refused(
                "around.maximum",
                "true",
                "false with less than two units",
            )),
            false => Ok(()),
        }
    }
}

const INPUT_GAIN: Bounds<f64> = Bounds::closed(1e-3, 1e3);
/// Steps.
const MEMORY: Bounds<f64> = Bounds::closed(2.0, 1e9);

/// What a layer of so many units takes through some steps.
///
/// Whole trainings peaked at 13 to 16 numbers of a unit for each step of a lane
/// with a GRU of 16 to 256 units, and at 18 to 18.5 with an LSTM, everything else
/// of a shard counted in.
pub(super) fn footprint(hidden: usize, steps: usize) -> TrunkFootprint {
    TrunkFootprint {
        learning: 20.0 * (hidden * steps) as f64,
        acting: 12.0 * hidden as f64,
    }
}
