//! The settings of a training, all of them: nothing has a hidden default.

use agent::{BackendKind, Baseline, Input, LearnError, LearnerConfig, NetworkConfig, PolicyStart};
use agent::{CLIP, EPOCHS, LANES, Passes};
use nets::{OptimizerConfig, Schedule, SequenceConfig};
use rl_core::{Bounds, Gae, SettingError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the settings stand.
const NAME: &str = "rl2";

/// How samples become updates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Outer {
    /// Proximal policy optimization (Schulman et al. 2017) with the clipped
    /// surrogate.
    Ppo {
        /// ε, how far the importance ratio may move.
        clip: f64,
        /// Passes over the samples.
        epochs: usize,
        /// Parts that the lanes are split into, each a step of the optimizer.
        minibatches: usize,
    },
    /// Synchronous advantage actor-critic (Mnih et al. 2016): one step of the
    /// plain policy gradient on all samples.
    A2c,
    /// REINFORCE (Williams 1992): one step of the plain policy gradient on all
    /// samples, each action weighted by the whole return that followed it.
    Reinforce {
        /// What is subtracted from the returns.
        baseline: Baseline,
    },
}

impl Outer {
    /// Passes over the samples.
    pub fn epochs(&self) -> usize {
        match self {
            Self::Ppo { epochs, .. } => *epochs,
            Self::A2c | Self::Reinforce { .. } => 1,
        }
    }

    /// Parts that the lanes are split into.
    pub fn minibatches(&self) -> usize {
        match self {
            Self::Ppo { minibatches, .. } => *minibatches,
            Self::A2c | Self::Reinforce { .. } => 1,
        }
    }
}

/// Everything that decides what an agent learns, apart from the environment
/// and the seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rl2Config {
    /// How many updates.
    pub updates: u64,
    /// Lanes, each of which lives one trial per update.
    pub lanes: usize,
    /// Lanes of a tile, the unit of parallel work and of minibatches.
    pub tile: usize,
    /// What computes.
    pub backend: BackendKind,
    /// What the agent is told; what it usually is and here is not is 0, as a control.
    pub inputs: Vec<Input>,
    /// What rewards are multiplied by before they are learned from, so that the
    /// value's targets are of order 1. The agent's input keeps the reward as it
    /// is.
    pub reward_scale: f64,
    /// Whether advantages are brought to mean 0 and standard deviation 1
    /// within each minibatch, or to 0 where its rewards tell nothing; see
    /// [`rl_core::Standardization`].
    pub normalize_advantages: bool,
    /// Weight of the value loss.
    pub value_coefficient: f64,
    /// Largest norm of the whole gradient; a longer one is scaled down.
    pub max_gradient_norm: f64,
    /// Weight of the entropy bonus.
    pub entropy_coefficient: Schedule,
    /// Step size of the optimizer.
    pub learning_rate: Schedule,
    /// Discount and trace decay.
    pub gae: Gae,
    /// How samples become updates.
    pub outer: Outer,
    /// What makes steps of gradients.
    pub optimizer: OptimizerConfig,
    /// What remembers.
    pub trunk: SequenceConfig,
    /// How the policy begins.
    pub policy: PolicyStart,
}

impl Rl2Config {
    /// What the learner is made of.
    pub fn learner(&self) -> LearnerConfig<'_> {
        LearnerConfig {
            network: NetworkConfig {
                of: NAME,
                inputs: &self.inputs,
                trunk: &self.trunk,
                policy: self.policy,
            },
            backend: self.backend,
            optimizer: self.optimizer,
            lanes: self.lanes,
            tile: self.tile,
            minibatches: self.outer.minibatches(),
            max_gradient_norm: self.max_gradient_norm,
        }
    }

    /// The steps of an update.
    pub(crate) fn passes(&self) -> Passes {
        Passes {
            epochs: self.outer.epochs(),
            minibatches: self.outer.minibatches(),
            normalize_advantages: self.normalize_advantages,
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// Names the first one out of range, its value and what is allowed.
    pub fn validate(&self) -> Result<(), LearnError> {
        self.check().map_err(|fault| fault.below(NAME))?;
        self.learner().validate_with("outer.minibatches")
    }

    /// Checks each setting for itself that is no learner's.
    fn check(&self) -> Result<(), SettingError> {
        Bounds::at_least(1_u64).check("updates", self.updates)?;
        if let Outer::Ppo {
            clip,
            epochs,
            minibatches,
        } = self.outer
        {
            CLIP.check("outer.clip", clip)?;
            EPOCHS.check("outer.epochs", epochs)?;
            LANES.check("outer.minibatches", minibatches)?;
        }
        if let Outer::Reinforce { baseline } = self.outer {
            self.check_reinforce(baseline)?;
        }
        self.gae.validate().map_err(|fault| fault.below("gae"))?;
        Bounds::NOT_NEGATIVE.check("value_coefficient", self.value_coefficient)?;
        Bounds::SCALE.check("reward_scale", self.reward_scale)?;
        let schedules = [
            ("entropy_coefficient", &self.entropy_coefficient),
            ("learning_rate", &self.learning_rate),
        ];
        schedules
            .into_iter()
            .try_for_each(|(key, schedule)| schedule.validate().map_err(|fault| fault.below(key)))
    }

    /// Refuses what REINFORCE would not follow.
    fn check_reinforce(&self, baseline: Baseline) -> Result<(), SettingError> {
        let needed = [
            (self.gae.lambda != 1.0, "gae.lambda=1"),
            (self.normalize_advantages, "normalize_advantages=false"),
            (
                baseline != Baseline::Value && self.value_coefficient != 0.0,
                "value_coefficient=0",
            ),
        ];
        let needed = needed.iter().filter(|(differs, _)| *differs);
        let needed: Vec<String> = needed.map(|(_, set)| format!("{NAME}.{set}")).collect();
        match needed.is_empty() {
            true => Ok(()),
            false => {
                let allowed = format!(
                    "with {} too, since returns are whole, and less the baseline alone",
                    needed.join(" ")
                );
                Err(SettingError::refused("outer.kind", "reinforce", allowed))
            }
        }
    }
}
