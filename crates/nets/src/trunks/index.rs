//! An index for every arm of a bandit, by one small network that all arms share.

use crate::blueprint::Blueprint;
use crate::error::NetsError;
use crate::init::Init;
use crate::mlp::{Activation, Linear, Mlp, MlpConfig};
use crate::sequence::{Arms, SIZE, Trunk, TrunkFootprint, TrunkInput};
use rl_core::SettingError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How large an index's network is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IndexConfig {
    /// Units of each of its two layers.
    pub hidden: usize,
}

impl IndexConfig {
    pub(super) fn validate(&self) -> Result<(), SettingError> {
        SIZE.check("hidden", self.hidden)
    }
}

/// An index policy (Gittins 1979): every arm has an index, which depends on its own
/// statistics and the time left alone, and the policy prefers the arms of the largest.
///
/// Of an arm whose posterior mean is m, from −1 to 1, and whose posterior's standard
/// deviation beside the prior's is s, with T pulls left,
///
/// ```text
/// w      = √max(1 − m², 0)
/// x      = [m, w, s, 1 + ln s, ½ ln T − 1]
/// h      = tanh(W₁ tanh(W₀ x + b₀) + b₁)
/// [a, b] = W₂ h + b₂
/// index  = m + s (a + b w)
/// ```
///
/// so that what is learned is how much an arm is worth beyond its mean, in standard
/// deviations: s w is that of a coin, s that of a Gaussian arm. The same parameters
/// are for every arm, and for any number of arms and pulls.
///
/// The features are the arms' indices; then, for the value head, the mean of h over the
/// arms, the share of the time that is left, and that times the largest mean.
#[derive(Clone, Debug)]
pub struct Index {
    /// Width of the input.
    pub input: usize,
    /// Where the input tells of the arms.
    pub arms: Arms,
    /// From x to h.
    pub layers: Mlp,
    /// From h to a and b.
    pub last: Linear,
}

/// Numbers that the network reads of an arm.
const READ: usize = 5;
/// Features beside the indices and the mean of h.
const BESIDE: usize = 2;

impl Index {
    /// Declares the parameters for inputs that tell of arms, their names behind the
    /// prefix.
    ///
    /// # Errors
    /// If they do not tell of arms.
    pub fn declare(
        blueprint: &mut Blueprint,
        prefix: &str,
        input: TrunkInput,
        of: IndexConfig,
    ) -> Result<Self, NetsError> {
        let TrunkInput { size, arms, .. } = input;
        let Some(arms) = arms else {
            let allowed =
                "\"gru\", \"lstm\" or \"mlp\", where inputs do not tell of a bandit's arms";
            return Err(SettingError::refused("kind", "\"index\"", allowed).into());
        };
        let init = |gain| Init::Orthogonal { gain, blocks: 1 };
        let config = MlpConfig {
            input: READ,
            hidden: &[of.hidden, of.hidden],
            activation: Activation::Tanh,
            init: init(Activation::Tanh.gain()),
        };
        let layers = Mlp::declare(blueprint, prefix, &config);
        let last = format!("{prefix}2.");
        Ok(Self {
            input: size,
            arms,
            layers,
            // Nearly the means at first.
            last: Linear::declare(blueprint, &last, [of.hidden, 2], init(0.1)),
        })
    }

    /// Units of a layer.
    fn hidden(&self) -> usize {
        self.layers.outputs()
    }
}

impl Trunk for Index {
    fn inputs(&self) -> usize {
        self.input
    }

    fn features(&self) -> usize {
        self.arms.count + self.hidden() + BESIDE
    }

    fn indices(&self) -> usize {
        self.arms.count
    }

    fn footprint(&self, steps: usize) -> TrunkFootprint {
        // An estimate: what is read, layers and features, kept and on the way back.
        let numbers = (self.arms.count * (2 * self.hidden() + READ)) as f64;
        TrunkFootprint {
            learning: 6.0 * numbers * steps as f64,
            acting: 4.0 * numbers,
        }
    }

    #[cfg(feature = "torch")]
    fn model(&self) -> Option<&dyn crate::SequenceModel> {
        Some(self)
    }
}

#[cfg(feature = "torch")]
mod computed {
    use super::Index;
    use crate::torch::{Memory, Params, SequenceModel, check_step, check_unroll};
    use tch::{Device, Kind, Tensor};

    impl Index {
        /// `[.., inputs]` → `[.., features]`.
        fn forward(&self, params: &Params, input: &Tensor) -> Tensor {
            let arms = self.arms.count as i64;
            let share = input.narrow(-1, self.arms.time as i64, 1);
            let told = input.narrow(-1, self.arms.statistics as i64, 2 * arms);
            let told = told.unflatten(-1, [arms, 2]);
            let (mean, spread) = (told.select(-1, 0), told.select(-1, 1));
            let width = (-mean.square() + 1.0).clamp_min(0.0).sqrt();
            let left = (&share * self.arms.steps as f64).clamp_min(1.0).log() * 0.5 - 1.0;
            let x = [
                mean.shallow_clone(),
                width.shallow_clone(),
                spread.shallow_clone(),
                spread.log() + 1.0,
                left.expand_as(&mean),
            ];
            let h = self.layers.forward(params, &Tensor::stack(&x, -1));
            let bonus = self.last.forward(params, &h);
            let bonus = bonus.select(-1, 0) + bonus.select(-1, 1) * width;
            let best = mean.amax([-1].as_slice(), true);
            let pooled = h.mean_dim([-2].as_slice(), false, None);
            Tensor::cat(
                &[
                    &mean + spread * bonus,
                    pooled,
                    share.shallow_clone(),
                    share * best,
                ],
                -1,
            )
        }
    }

    impl SequenceModel for Index {
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
