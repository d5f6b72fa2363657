//! The settings of a training, all of them: nothing has a hidden default.

use agent::{BackendKind, Input, LearnError, LearnerConfig, NetworkConfig, PolicyStart};
use agent::{CLIP, EPOCHS, KNOWN_TASK, LANES, Passes, Surrogate};
use nets::{OptimizerConfig, Schedule, SequenceConfig};
use rl_core::{Bounds, EnvSpec, Gae, SettingError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Table;

/// Where the settings stand.
pub(crate) const NAME: &str = "imitation";
/// The key of the teacher.
pub(crate) const TEACHER: &str = "teacher";

/// What rewards teach the policy beside the teacher.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Outer {
    /// Nothing: labels alone.
    Supervised {
        /// Passes over the samples.
        epochs: usize,
        /// Parts that the lanes are split into, each a step of the optimizer.
        minibatches: usize,
    },
    /// What proximal policy optimization does (Schulman et al. 2017).
    Ppo {
        /// ε, how far the importance ratio may move.
        clip: f64,
        /// Passes over the samples.
        epochs: usize,
        /// Parts that the lanes are split into, each a step of the optimizer.
        minibatches: usize,
    },
}

impl Outer {
    fn parts(&self) -> (usize, usize) {
        match self {
            Self::Supervised {
                epochs,
                minibatches,
            }
            | Self::Ppo {
                epochs,
                minibatches,
                ..
            } => (*epochs, *minibatches),
        }
    }

    /// What the policy maximizes beside agreeing with its teacher.
    pub(crate) fn surrogate(&self) -> Surrogate {
        match self {
            Self::Supervised { .. } => Surrogate::None,
            Self::Ppo { clip, .. } => Surrogate::Clipped(*clip),
        }
    }
}

/// In what share of the trials the teacher acts, the student looking on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    /// At first.
    pub from: f64,
    /// In the end.
    pub to: f64,
    /// Share of the updates over which it goes from one to the other, in a straight line.
    pub over: f64,
}

impl Handover {
    /// The share at an update, counted from 0, of `updates`.
    pub fn at(&self, update: u64, updates: u64) -> f64 {
        let way = self.over * updates as f64;
        let gone = match way > 0.0 {
            true => (update as f64 / way).min(1.0),
            false => 1.0,
        };
        self.from * (1.0 - gone) + self.to * gone
    }
}

/// Everything that decides what a student learns, apart from the environment and the
/// seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImitationConfig {
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
    /// Who teaches: a learner by its name, with its settings.
    #[schemars(schema_with = "agent::any_table")]
    pub teacher: Table,
    /// In what share of the trials the teacher acts.
    pub handover: Handover,
    /// Weight of the divergence from the teacher, KL(label ‖ policy).
    pub teacher_coefficient: Schedule,
    /// What rewards are multiplied by before they are learned from.
    pub reward_scale: f64,
    /// Whether advantages are normalized within each minibatch; of no effect where
    /// rewards teach the policy nothing.
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

impl ImitationConfig {
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
            minibatches: self.outer.parts().1,
            max_gradient_norm: self.max_gradient_norm,
        }
    }

    /// Whether the teacher is who knows each task.
    pub(crate) fn knows_tasks(&self) -> bool {
        let name = self.teacher.get("name").and_then(toml::Value::as_str);
        name == Some(KNOWN_TASK)
    }

    /// The steps of an update.
    pub(crate) fn passes(&self) -> Passes {
        let (epochs, minibatches) = self.outer.parts();
        Passes {
            epochs,
            minibatches,
            normalize_advantages: self.normalize_advantages,
        }
    }

    /// Checks every setting but the teacher, which the caller makes.
    ///
    /// # Errors
    /// Names the first one out of range, its value and what is allowed.
    pub fn validate(&self) -> Result<(), LearnError> {
        self.check().map_err(|fault| fault.below(NAME))?;
        self.learner().validate_with("outer.minibatches")
    }

    /// Refuses continuous actions, which have no labels.
    ///
    /// # Errors
    /// If they are.
    pub(crate) fn expect_discrete(&self, spec: &EnvSpec) -> Result<(), LearnError> {
        match spec.is_discrete() {
            true => Ok(()),
            false => {
                let allowed = format!(
                    "an environment whose actions are finitely many; those of '{}' are vectors, \
                     which [rl2] and [maml] learn by reward",
                    spec.name
                );
                Err(LearnError::config("algorithm", NAME, allowed))
            }
        }
    }

    /// Checks each setting for itself that is no learner's.
    fn check(&self) -> Result<(), SettingError> {
        Bounds::at_least(1_u64).check("updates", self.updates)?;
        let (epochs, minibatches) = self.outer.parts();
        EPOCHS.check("outer.epochs", epochs)?;
        LANES.check("outer.minibatches", minibatches)?;
        if let Outer::Ppo { clip, .. } = self.outer {
            CLIP.check("outer.clip", clip)?;
            self.check_actor(
                "outer.kind = \"ppo\", which learns from what the student did itself; a clone \
                 begins with outer.kind = \"supervised\"",
            )?;
        }
        if self.knows_tasks() {
            self.check_actor("teacher \"known-task\", who says what is best and does not act")?;
        }
        for (key, share) in [
            ("handover.from", self.handover.from),
            ("handover.to", self.handover.to),
            ("handover.over", self.handover.over),
        ] {
            Bounds::UNIT.check(key, share)?;
        }
        self.gae.validate().map_err(|fault| fault.below("gae"))?;
        Bounds::NOT_NEGATIVE.check("value_coefficient", self.value_coefficient)?;
        Bounds::SCALE.check("reward_scale", self.reward_scale)?;
        let schedules = [
            ("teacher_coefficient", &self.teacher_coefficient),
            ("entropy_coefficient", &self.entropy_coefficient),
            ("learning_rate", &self.learning_rate),
        ];
        schedules
            .into_iter()
            .try_for_each(|(key, schedule)| schedule.validate().map_err(|fault| fault.below(key)))
    }

    /// Refuses a teacher who acts.
    fn check_actor(&self, with: &str) -> Result<(), SettingError> {
        let Handover { from, to, .. } = self.handover;
        for (key, share) in [("handover.from", from), ("handover.to", to)] {
            if share != 0.0 {
                return Err(SettingError::refused(key, share, format!("0 with {with}")));
            }
        }
        Ok(())
    }
}
