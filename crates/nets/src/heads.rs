//! The layers that make distributions over actions from features, declared.

use rl_core::{ActionSpace, Bounds};

use crate::blueprint::Blueprint;
use crate::error::NetsError;
use crate::init::Init;
use crate::layout::Slot;
use crate::mlp::Linear;

/// What a [`PolicyHead`] is built from.
#[derive(Clone, Copy, Debug)]
pub struct PolicyHeadConfig<'a> {
    /// Width of the features that it reads.
    pub features: usize,
    /// The actions that it chooses among.
    pub space: &'a ActionSpace,
    /// Gain of the orthogonal initial weights; a small one makes the first
    /// policy nearly independent of its input.
    pub gain: f64,
    /// Initial standard deviation for a box of actions, in the box's units.
    pub std: f64,
}

/// The layer from features to a distribution over actions: logits for
/// discrete actions; for a box, means and a standard deviation per coordinate
/// that does not depend on the features.
#[derive(Clone, Debug)]
pub struct PolicyHead {
    /// From features to logits or means.
    pub layer: Linear,
    /// Logarithms of the standard deviations, for a box.
    pub log_std: Option<Slot>,
}

impl PolicyHead {
    /// Declares `weight`, `bias` and, for a box, `log_std`, with the prefix
    /// before each name.
    ///
    /// # Errors
    /// If the gain or the standard deviation is out of range.
    pub fn declare(
        blueprint: &mut Blueprint,
        prefix: &str,
        config: PolicyHeadConfig,
    ) -> Result<Self, NetsError> {
        Bounds::SCALE.check("the policy head's gain", config.gain)?;
        let outputs = match config.space {
            ActionSpace::Discrete { size } => *size,
            ActionSpace::Box { low, .. } => {
                Bounds::SCALE.check("the initial standard deviation", config.std)?;
                low.len()
            }
        };
        let gain = config.gain;
        let init = Init::Orthogonal { gain, blocks: 1 };
        let layer = Linear::declare(blueprint, prefix, [config.features, outputs], init);
        let log_std = matches!(config.space, ActionSpace::Box { .. }).then(|| {
            let init = Init::Constant(config.std.ln());
            blueprint.declare(format!("{prefix}log_std"), &[outputs], init)
        });
        Ok(Self { layer, log_std })
    }
}
