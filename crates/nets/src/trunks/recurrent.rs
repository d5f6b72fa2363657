//! What the gated recurrent layers have in common.

use serde::{Deserialize, Serialize};

use crate::error::NetsError;
use crate::sequence::{TrunkFootprint, check_size};

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
    /// ([`Init::Chrono`](crate::Init::Chrono)); at 2 the gates' biases are 0.
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

    pub(super) fn check(&self) -> Result<(), NetsError> {
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
