//! Networks with a memory that reads a sequence step by step, declared: their
//! settings, sizes and parameters.

use serde::{Deserialize, Serialize};

use crate::blueprint::Blueprint;
use crate::error::NetsError;
use crate::gru::Gru;
use crate::init::Init;
use crate::lstm::Lstm;
use crate::mlp::{Activation, Mlp, MlpConfig};

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
    /// No memory, every step is seen for itself; see [`Mlp`].
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
    ) -> Result<Trunk, NetsError> {
        check_size("the input size", input)?;
        Ok(match self {
            Self::Gru(layer) => {
                layer.check()?;
                Trunk::Gru(Gru::declare(blueprint, prefix, input, *layer))
            }
            Self::Lstm(layer) => {
                layer.check()?;
                Trunk::Lstm(Lstm::declare(blueprint, prefix, input, *layer))
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
                Trunk::Mlp(Mlp::declare(blueprint, prefix, &config))
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

/// Widths of a sequence model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceSizes {
    /// Of the input.
    pub input: usize,
    /// Of the output.
    pub output: usize,
    /// Numbers per lane in the memory.
    pub state: usize,
}

/// A declared sequence model: its sizes, and where its parameters are.
#[derive(Clone, Debug)]
pub enum Trunk {
    /// A gated recurrent unit.
    Gru(Gru),
    /// A long short-term memory.
    Lstm(Lstm),
    /// No memory.
    Mlp(Mlp),
}

impl Trunk {
    /// Its widths.
    pub fn sizes(&self) -> SequenceSizes {
        match self {
            Self::Gru(layer) => layer.sizes(),
            Self::Lstm(layer) => layer.sizes(),
            Self::Mlp(layers) => layers.sizes(),
        }
    }
}
