//! The settings of a training, all of them: nothing has a hidden default.

use agent::{BackendKind, Input, LearnError, LearnerConfig, NetworkConfig, PolicyStart};
use nets::{OptimizerConfig, Schedule, SequenceConfig};
use rl_core::Gae;
use serde::{Deserialize, Serialize};
use std::fmt::Display;

/// How samples become updates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
}

impl Outer {
    /// Passes over the samples.
    pub fn epochs(&self) -> usize {
        match self {
            Self::Ppo { epochs, .. } => *epochs,
            Self::A2c => 1,
        }
    }

    /// Parts that the lanes are split into.
    pub fn minibatches(&self) -> usize {
        match self {
            Self::Ppo { minibatches, .. } => *minibatches,
            Self::A2c => 1,
        }
    }
}

/// Everything that decides what an agent learns, apart from the environment
/// and the seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Inputs the agent does not get, for control experiments.
    pub withhold: Vec<Input>,
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
                of: "rl2",
                withhold: &self.withhold,
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

    /// Checks every setting.
    ///
    /// # Errors
    /// Names the first one out of range, its value and what is allowed.
    pub fn validate(&self) -> Result<(), LearnError> {
        let most = 1 << 20;
        let counts = [
            ("updates", self.updates as usize, usize::MAX),
            ("outer.epochs", self.outer.epochs(), 1000),
            ("outer.minibatches", self.outer.minibatches(), most),
        ];
        for (key, value, most) in counts {
            if value == 0 || value > most {
                let allowed = match most {
                    usize::MAX => "at least 1".to_owned(),
                    _ => format!("1 to {most}"),
                };
                return Err(fault(key, value, allowed));
            }
        }
        let whole = LearnerConfig {
            minibatches: 1,
            ..self.learner()
        };
        whole.validate()?;
        let tiles = self.lanes / self.tile;
        if !tiles.is_multiple_of(self.outer.minibatches()) {
            let allowed = format!(
                "a divisor of the number of tiles, rl2.lanes / rl2.tile = {tiles}; \
                 choose it or a smaller rl2.tile"
            );
            let minibatches = self.outer.minibatches();
            return Err(fault("outer.minibatches", minibatches, allowed));
        }
        self.validate_reals()
    }

    fn validate_reals(&self) -> Result<(), LearnError> {
        let unit = |key: &str, value: f32| match (0.0..=1.0).contains(&value) {
            true => Ok(()),
            false => Err(fault(key, value, "0 to 1")),
        };
        unit("gae.gamma", self.gae.gamma)?;
        unit("gae.lambda", self.gae.lambda)?;
        if let Outer::Ppo { clip, .. } = self.outer
            && !(clip > 0.0 && clip < 1.0)
        {
            return Err(fault("outer.clip", clip, "above 0 and below 1"));
        }
        if !(self.value_coefficient.is_finite() && self.value_coefficient >= 0.0) {
            let value = self.value_coefficient;
            return Err(fault("value_coefficient", value, "at least 0"));
        }
        let positive = [
            ("reward_scale", self.reward_scale),
            ("policy.gain", self.policy.gain),
            ("policy.std", self.policy.std),
        ];
        for (key, value) in positive {
            // The bounds keep it a normal f32.
            if !(1e-30..=1e30).contains(&value) {
                return Err(fault(key, value, "1e-30 to 1e30"));
            }
        }
        check_schedule("entropy_coefficient", &self.entropy_coefficient)?;
        check_schedule("learning_rate", &self.learning_rate)
    }
}

fn check_schedule(key: &str, schedule: &Schedule) -> Result<(), LearnError> {
    match schedule.fault() {
        None => Ok(()),
        Some((end, value)) => {
            let key = format!("{key}.{end}");
            Err(fault(key, value, "a finite number, at least 0"))
        }
    }
}

/// A setting out of range.
fn fault(key: impl Display, value: impl ToString, allowed: impl Into<String>) -> LearnError {
    LearnError::config(format!("rl2.{key}"), value, allowed)
}
