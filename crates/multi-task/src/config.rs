//! The settings of a training, all of them: nothing has a hidden default.

use agent::{LANES, LearnError, Ppo, expect_parts};
use nets::{Activation, MAX_GRADIENT_NORM, OptimizerConfig, Schedule};
use rl_core::{Bounds, Gae, SettingError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the settings stand.
pub(crate) const NAME: &str = "multi-task";

/// What tasks share. (Of variants without braces serde would not refuse settings that they do
/// not have.)
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Sharing {
    /// Everything, and the network is not told the task: what no knowledge of it is worth.
    Blind {},
    /// Everything, the description of the task among the inputs.
    Input {},
    /// All weights; each task has a factor and a summand for every hidden unit, before its
    /// nonlinearity: feature-wise linear modulation (Perez et al. 2018).
    Film {},
    /// All hidden layers; each task has a last layer of its own.
    Heads {},
    /// Nothing: a network for each task, as if each were trained alone.
    Separate {},
    /// Nothing but a policy that is distilled from all tasks' and pulls them in turn: the loss
    /// has KL(task's ‖ shared) at every step, and both follow its gradient (Distral, Teh et al.
    /// 2017, in two columns; there the divergence of later steps is paid by earlier actions
    /// too, here each step's alone).
    Distral {
        /// Weight of the divergence.
        pull: f64,
    },
}

/// The network of a task: a policy and a value of the same hidden layers each, which share
/// nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Units of each hidden layer.
    pub hidden: Vec<usize>,
    /// The nonlinearity.
    pub activation: Activation,
    /// Gain of the policy's last layer; near 0 it begins nearly uniform.
    pub gain: f64,
}

/// Everything that decides what an agent learns, apart from the environment and the seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MultiTaskConfig {
    /// How many updates.
    pub updates: u64,
    /// Lanes, each of which lives one trial of a task that is drawn per update.
    pub lanes: usize,
    /// Lanes of a tile, the unit of parallel work and of minibatches.
    pub tile: usize,
    /// What tasks share.
    pub sharing: Sharing,
    /// The network of a task.
    pub network: NetworkConfig,
    /// Updates between measurements of how far tasks' gradients agree.
    pub cosine_interval: u64,
    /// What rewards are multiplied by before they are learned from.
    pub reward_scale: f64,
    /// Whether advantages are brought to mean 0 and standard deviation 1 within each
    /// minibatch.
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
    pub outer: Ppo,
    /// What makes steps of gradients.
    pub optimizer: OptimizerConfig,
}

impl MultiTaskConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// Names the first one out of range, its value and what is allowed.
    pub fn validate(&self) -> Result<(), LearnError> {
        self.check().map_err(|fault| fault.below(NAME))?;
        let minibatches = ("outer.minibatches", self.outer.minibatches);
        expect_parts(NAME, (self.lanes, self.tile), minibatches)
    }

    /// Checks each setting for itself.
    fn check(&self) -> Result<(), SettingError> {
        Bounds::at_least(1_u64).check("updates", self.updates)?;
        Bounds::at_least(1_u64).check("cosine_interval", self.cosine_interval)?;
        LANES.check("lanes", self.lanes)?;
        LANES.check("tile", self.tile)?;
        let outer = self.outer.validate();
        outer.map_err(|fault| fault.below("outer"))?;
        MAX_GRADIENT_NORM.check("max_gradient_norm", self.max_gradient_norm)?;
        Bounds::SCALE.check("network.gain", self.network.gain)?;
        for (layer, units) in self.network.hidden.iter().enumerate() {
            UNITS.check(format!("network.hidden.{layer}"), *units)?;
        }
        if let Sharing::Distral { pull } = self.sharing {
            Bounds::NOT_NEGATIVE.check("sharing.pull", pull)?;
        }
        self.gae.validate().map_err(|fault| fault.below("gae"))?;
        Bounds::NOT_NEGATIVE.check("value_coefficient", self.value_coefficient)?;
        Bounds::SCALE.check("reward_scale", self.reward_scale)?;
        let schedules = [
            ("entropy_coefficient", &self.entropy_coefficient),
            ("learning_rate", &self.learning_rate),
        ];
        for (key, schedule) in schedules {
            schedule.validate().map_err(|fault| fault.below(key))?;
        }
        let optimizer = self.optimizer.validate();
        optimizer.map_err(|fault| fault.below("optimizer"))
    }

    /// Weight of the divergence from a shared policy.
    pub(crate) fn pull(&self) -> f64 {
        match self.sharing {
            Sharing::Distral { pull } => pull,
            _ => 0.0,
        }
    }
}

/// Units of a hidden layer.
const UNITS: Bounds<usize> = Bounds::closed(1, 1 << 12);
