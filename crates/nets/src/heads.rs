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
    /// How many of them are an index of an action each ([`Trunk::indices`]).
    ///
    /// [`Trunk::indices`]: crate::Trunk::indices
    pub indices: usize,
    /// The actions that it chooses among.
    pub space: &'a ActionSpace,
    /// Gain of the orthogonal initial weights, or what indices are multiplied by at
    /// first; a small one makes the first policy nearly independent of its input.
    pub gain: f64,
    /// Initial standard deviation for a box of actions, in the box's units.
    pub std: f64,
}

/// How features become logits or means.
#[derive(Clone, Debug)]
pub enum PolicyLayer {
    /// By a layer.
    Linear(Linear),
    /// Logits are the indices times one number, whose logarithm this is.
    Scale(Slot),
}

/// From features to a distribution over actions: logits for discrete actions; for a
/// box, means and a standard deviation per coordinate that does not depend on the
/// features.
#[derive(Clone, Debug)]
pub struct PolicyHead {
    /// From features to logits or means.
    pub layer: PolicyLayer,
    /// Logarithms of the standard deviations, for a box.
    pub log_std: Option<Slot>,
}

impl PolicyHead {
    /// Declares `weight`, `bias` and, for a box, `log_std`, with the prefix
    /// before each name; `log_scale` alone where features are indices of actions.
    ///
    /// # Errors
    /// If the gain or the standard deviation is out of range.
    ///
    /// # Panics
    /// If there are indices, and not one of each action.
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
        if config.indices > 0 {
            assert!(
                matches!(config.space, ActionSpace::Discrete { size } if *size == config.indices),
                "{} indices for the actions {:?}",
                config.indices,
                config.space
            );
            let init = Init::Constant(gain.ln());
            let scale = blueprint.declare(format!("{prefix}log_scale"), &[1], init);
            return Ok(Self {
                layer: PolicyLayer::Scale(scale),
                log_std: None,
            });
        }
        let init = Init::Orthogonal { gain, blocks: 1 };
        let layer = Linear::declare(blueprint, prefix, [config.features, outputs], init);
        let log_std = matches!(config.space, ActionSpace::Box { .. }).then(|| {
            let init = Init::Constant(config.std.ln());
            blueprint.declare(format!("{prefix}log_std"), &[outputs], init)
        });
        Ok(Self {
            layer: PolicyLayer::Linear(layer),
            log_std,
        })
    }
}
