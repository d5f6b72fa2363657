//! The settings of a training, all of them: nothing has a hidden default.

use agent::{BackendKind, Input, LearnError, LearnerConfig, NetworkConfig, PolicyStart};
use agent::{LANES, Passes, Ppo};
use nets::{MAX_GRADIENT_NORM, OptimizerConfig, Schedule, SequenceConfig};
use rl_core::{Bounds, Gae, SettingError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the settings stand.
pub(crate) const NAME: &str = "belief";

/// What a supervised belief predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Which of finitely many tasks it is: how probable each one is.
    Task,
    /// The numbers that describe the task.
    Description,
}

/// What a Gaussian belief is kept near.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Prior {
    /// The belief after the step before; at a trial's start N(0, I).
    Chained,
    /// N(0, I).
    Fixed,
}

/// Which steps of its trial a belief has to decode into: their rewards, and where they are
/// decoded their transitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decodes {
    /// All of the trial, past and to come.
    All,
    /// Those that the belief has seen.
    Past,
    /// None: the belief is what the policy's gradient makes of it, and no more than a
    /// bottleneck of RL².
    Nothing,
}

/// How rewards are predicted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Rewards {
    /// Whether a reward is above a number, by cross-entropy: for rewards of two values.
    Bernoulli {
        /// The number, between the two values: where all rewards are above it, or none is,
        /// there is nothing to predict, and the encoder of a belief that is detached learns
        /// nothing. `belief_loss` soon goes to 0 then.
        above: f64,
    },
    /// Which symbol is the one whose reward is above a number, where exactly one's is: by the
    /// likelihood of all rewards of a trial together, that of a softmax over the heads (with
    /// `multi_head` and `repeats = "once"`). It does not depend on why the agent went where it
    /// went. That of rewards one by one does: whoever stays at the goal meets a cell later
    /// only if no earlier one was it, so that what is met late seems to pay more often. Not for
    /// goals that terminate an episode: nothing is observed there, so that all are alike.
    Exclusive {
        /// The number.
        above: f64,
    },
    /// Their mean, by half the squared error: of a standard deviation of 1.
    Gaussian {
        /// What rewards are multiplied by beforehand.
        scale: f64,
    },
}

/// How often steps of a trial count that are asked and answered alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Repeats {
    /// As often as they are, as published: where answers are drawn anew.
    All,
    /// Once: where an answer follows from the task and what is asked, so that to see it
    /// again tells nothing. An agent that stays at a goal then does not outweigh all that
    /// it saw on its way.
    Once,
}

/// How what is observed next is predicted, from the latent, the observation and the action.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Transitions {
    /// Not at all: for tasks that differ in their rewards alone.
    None,
    /// Which symbol it is, by cross-entropy.
    Categorical,
    /// Its numbers, by half the squared error: of a standard deviation of 1.
    Gaussian {
        /// What the numbers are multiplied by beforehand.
        scale: f64,
    },
}

/// What a decoder is asked for the reward of, beside the latent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Queries {
    /// What was observed before the step.
    Observation,
    /// What was done.
    Action,
    /// What was observed after it, before a reset; zeros where the episode terminated,
    /// since nothing is observed there.
    NextObservation,
}

/// A belief that learns from what it decodes into.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variational {
    /// Numbers of the latent.
    pub latent: usize,
    /// Whether the belief is a point: the latent is not drawn, and nothing is kept near.
    pub deterministic: bool,
    /// What the belief is kept near.
    pub prior: Prior,
    /// Weight of the divergence from that, beside the sum over what a trial's steps are
    /// decoded into: rewards, and transitions too where they are.
    pub divergence_coefficient: f64,
    /// Which steps of its trial it decodes into.
    pub decodes: Decodes,
    /// Steps of each trial whose beliefs are decoded in an update, drawn uniformly; 0 for
    /// all.
    pub prefixes: usize,
    /// How often steps count that are asked and answered alike.
    pub repeats: Repeats,
    /// How rewards are predicted.
    pub rewards: Rewards,
    /// What the decoder is asked for a reward by. How probable each task is to the agent can
    /// be told, and written to `beliefs.json`, with `["next-observation"]` alone and
    /// `rewards.kind = "bernoulli"` or `"exclusive"`, where each task pays at a symbol of its
    /// own.
    pub queries: Vec<Queries>,
    /// Whether rewards of all that can be asked for are decoded from the latent at once, a
    /// head for each (the multi-head decoder of Zintgraf et al. 2020 in GridNavi), and what is
    /// asked by picks one: a single query, of symbols. Else the decoder reads what it is
    /// asked by. A last head is for queries of zeros, where an episode terminated; where none
    /// does it is never asked.
    pub multi_head: bool,
    /// How what is observed next is predicted: by a network of its own, over the same steps
    /// as rewards, except where an episode terminated.
    pub transitions: Transitions,
    /// Units of the decoder's layers.
    pub decoder: Vec<usize>,
    /// Trials of the past that are kept to learn from. A checkpoint holds all of them, of
    /// each step 4 bytes for every number that is observed, before and after it, told
    /// (`time-left`, `statistics`, `arrival`) and done, and for three more: 160 MB for
    /// 20,480 trials of 60 steps of 33 numbers.
    pub buffer: usize,
    /// Trials of an update that are added to those, at most: fewer than lanes, and the
    /// buffer goes back further, to when the agent still went where it does not go now.
    pub kept: usize,
    /// Steps of its own optimizer in an update.
    pub steps: usize,
    /// Trials of such a step.
    pub batch: usize,
    /// Step size.
    pub learning_rate: Schedule,
    /// Largest norm of the gradient; a longer one is scaled down.
    pub max_gradient_norm: f64,
    /// What makes steps of gradients.
    pub optimizer: OptimizerConfig,
    /// What stays at each step of the exponential moving average of the parameters, by which
    /// agents act (Polyak averaging), at most; t / (t + 10) at the t-th step, so that it forgets
    /// its beginning. 0 for the parameters themselves.
    pub averaging: f64,
}

/// What the belief is and learns from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Belief {
    /// From the task, which a training knows.
    Supervised {
        /// What is predicted.
        target: Target,
        /// Weight of the loss beside the policy's.
        coefficient: f64,
    },
    /// From what it decodes into.
    Variational(Box<Variational>),
}

/// What the policy reads beside the observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reads {
    /// The encoder's memory.
    Memory,
    /// The belief: probabilities of tasks, a description, or a Gaussian's means and
    /// logarithms of variances.
    Belief,
    /// What the belief's mean is decoded into: how probable a reward above the threshold is,
    /// or the reward that is expected, as it is scaled, for all that can be asked for. However the latent moves while
    /// it is learned, this means the same.
    Predictions,
}

/// Whether the policy reads a draw from the belief in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// No.
    None,
    /// One that is made where an episode begins and held throughout it. Credit then ends
    /// with the episode: to what later ones learn, such an agent does not look.
    Episode,
}

/// Everything that decides what an agent learns, apart from the environment and the seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BeliefConfig {
    /// How many updates.
    pub updates: u64,
    /// Lanes, each of which lives one trial per update.
    pub lanes: usize,
    /// Lanes of a tile, the unit of parallel work and of minibatches.
    pub tile: usize,
    /// What the agent is told; what it usually is and here is not is 0, as a control.
    pub inputs: Vec<Input>,
    /// What rewards are multiplied by before the policy learns from them.
    pub reward_scale: f64,
    /// Whether advantages are normalized within each minibatch.
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
    /// The encoder, which remembers: a plain GRU or LSTM.
    pub trunk: SequenceConfig,
    /// What the belief is and learns from.
    pub belief: Belief,
    /// What the policy reads beside the observation.
    pub reads: Reads,
    /// Whether the policy's gradient stops at what it reads, so that the encoder learns
    /// from the belief's loss alone.
    pub detached: bool,
    /// Whether the policy reads a draw from the belief.
    pub sample: Sampling,
    /// Units of the policy's layers, which are rectified.
    pub hidden: Vec<usize>,
    /// How the policy begins.
    pub policy: PolicyStart,
}

/// Units of a layer.
const UNITS: Bounds<usize> = Bounds::closed(1, 1 << 16);

impl Belief {
    /// The settings of one that decodes, if it is one that does.
    pub(crate) fn decoding(&self) -> Option<&Variational> {
        match self {
            Self::Variational(of) if of.decodes != Decodes::Nothing => Some(of),
            Self::Variational(_) | Self::Supervised { .. } => None,
        }
    }
}

impl BeliefConfig {
    /// What the learner is made of.
    pub fn learner(&self) -> LearnerConfig<'_> {
        LearnerConfig {
            network: NetworkConfig {
                of: NAME,
                inputs: &self.inputs,
                trunk: &self.trunk,
                policy: self.policy,
            },
            backend: BackendKind::Native,
            optimizer: self.optimizer,
            lanes: self.lanes,
            tile: self.tile,
            minibatches: self.outer.minibatches,
            max_gradient_norm: self.max_gradient_norm,
        }
    }

    /// The steps of an update.
    pub(crate) fn passes(&self) -> Passes {
        Passes {
            epochs: self.outer.epochs,
            minibatches: self.outer.minibatches,
            normalize_advantages: self.normalize_advantages,
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// Names the first one out of range, its value and what is allowed.
    pub fn validate(&self) -> Result<(), LearnError> {
        let checks = [Self::check, Self::check_belief, Self::check_together];
        let checked = checks.iter().try_for_each(|check| check(self));
        checked.map_err(|fault| fault.below(NAME))?;
        self.learner().validate_with("outer.minibatches")
    }

    /// Checks each setting for itself that is no learner's.
    fn check(&self) -> Result<(), SettingError> {
        Bounds::at_least(1_u64).check("updates", self.updates)?;
        let outer = self.outer.validate();
        outer.map_err(|fault| fault.below("outer"))?;
        self.gae.validate().map_err(|fault| fault.below("gae"))?;
        Bounds::NOT_NEGATIVE.check("value_coefficient", self.value_coefficient)?;
        Bounds::SCALE.check("reward_scale", self.reward_scale)?;
        layers("hidden", &self.hidden)?;
        let plain = match self.trunk {
            SequenceConfig::Gru(of) | SequenceConfig::Lstm(of) => of.around.is_nothing(),
            _ => false,
        };
        if !plain {
            let allowed = "\"gru\" or \"lstm\", with nothing around it: what encodes a trial here \
                           runs natively";
            let of = format!("{:?}", self.trunk);
            return Err(SettingError::refused("trunk", of, allowed));
        }
        let schedules = [
            ("entropy_coefficient", &self.entropy_coefficient),
            ("learning_rate", &self.learning_rate),
        ];
        schedules
            .into_iter()
            .try_for_each(|(key, schedule)| schedule.validate().map_err(|fault| fault.below(key)))
    }

    /// Checks what the belief is and learns from.
    fn check_belief(&self) -> Result<(), SettingError> {
        let checked = match &self.belief {
            Belief::Supervised { coefficient, .. } => {
                Bounds::NOT_NEGATIVE.check("coefficient", *coefficient)
            }
            Belief::Variational(of) => of.check(),
        };
        checked.map_err(|fault| fault.below("belief"))
    }

    /// Refuses settings that are no agent together.
    fn check_together(&self) -> Result<(), SettingError> {
        if self.detached {
            if let OptimizerConfig::Adam { weight_decay, .. } = self.optimizer
                && weight_decay != 0.0
            {
                let allowed = "0 with detached = true: it would shrink the encoder, which the \
                               policy's optimizer leaves to the belief's";
                return Err(SettingError::refused(
                    "optimizer.weight_decay",
                    weight_decay,
                    allowed,
                ));
            }
            let learns = match &self.belief {
                Belief::Supervised { coefficient, .. } => *coefficient > 0.0,
                Belief::Variational(of) => of.decodes != Decodes::Nothing,
            };
            if !learns {
                let allowed = "false where the belief has no loss of its own \
                               (belief.decodes = \"nothing\", or belief.coefficient = 0): nothing \
                               else would teach the encoder";
                return Err(SettingError::refused("detached", true, allowed));
            }
        } else if self.belief.decoding().is_some() {
            let allowed = "true where the belief decodes: its own optimizer moves the encoder, and \
                           two optimizers would work against each other";
            return Err(SettingError::refused("detached", false, allowed));
        }
        let multi_head = self.belief.decoding().is_some_and(|of| of.multi_head);
        if self.reads == Reads::Predictions && !multi_head {
            let allowed = "\"memory\" or \"belief\", unless the belief decodes into rewards of all \
                           that can be asked for (belief.kind = \"variational\" with \
                           belief.multi_head = true, and belief.decodes not \"nothing\")";
            return Err(SettingError::refused("reads", "predictions", allowed));
        }
        self.check_sampling()
    }

    fn check_sampling(&self) -> Result<(), SettingError> {
        let drawn = self.sample == Sampling::Episode;
        if self.inputs.contains(&Input::Noise) != drawn {
            return Err(match drawn {
                true => SettingError::refused(
                    "sample",
                    "episode",
                    "\"none\", unless inputs has \"noise\", which the draws are made of",
                ),
                false => SettingError::refused(
                    "inputs",
                    "noise",
                    "inputs without it where nothing is drawn; draws are made with \
                     sample = \"episode\"",
                ),
            });
        }
        if !drawn {
            return Ok(());
        }
        let refused = |allowed| Err(SettingError::refused("sample", "episode", allowed));
        if !self.inputs.contains(&Input::Outcome) {
            return refused("\"none\", unless inputs has \"outcome\", which says where to draw");
        }
        let stale = [
            (Input::TimeLeft, "time-left"),
            (Input::Statistics, "statistics"),
            (Input::Arrival, "arrival"),
        ];
        if let Some((_, name)) = stale.iter().find(|(input, _)| self.inputs.contains(input)) {
            let allowed = "inputs without it where sample = \"episode\": the value of the \
                           observation that an episode was cut at would be told what held a \
                           step before";
            return Err(SettingError::refused("inputs", *name, allowed));
        }
        if self.reads != Reads::Belief || !self.detached {
            return refused(
                "\"none\", unless reads = \"belief\" and detached = true: what is held is drawn from \
                 the belief, and no gradient goes through the draw",
            );
        }
        match &self.belief {
            Belief::Supervised {
                target: Target::Description,
                ..
            } => refused("\"none\" with belief.target = \"description\", which is a mean alone"),
            Belief::Variational(of) if of.deterministic => {
                refused("\"none\" with belief.deterministic = true, of which there is no draw")
            }
            Belief::Supervised { .. } | Belief::Variational(_) => Ok(()),
        }
    }
}

impl Variational {
    fn check(&self) -> Result<(), SettingError> {
        UNITS.check("latent", self.latent)?;
        Bounds::NOT_NEGATIVE.check("divergence_coefficient", self.divergence_coefficient)?;
        layers("decoder", &self.decoder)?;
        match self.rewards {
            Rewards::Bernoulli { above } | Rewards::Exclusive { above } => {
                Bounds::FINITE.check("rewards.above", above)?;
            }
            Rewards::Gaussian { scale } => Bounds::SCALE.check("rewards.scale", scale)?,
        }
        if self.queries.is_empty() {
            let allowed = "at least one of \"observation\", \"action\" and \"next-observation\": \
                           what the decoder is asked for the reward of";
            return Err(SettingError::refused("queries", "[]", allowed));
        }
        let mut known = Vec::new();
        for query in &self.queries {
            if known.contains(query) {
                let allowed = "each of \"observation\", \"action\" and \"next-observation\" once";
                return Err(SettingError::refused(
                    "queries",
                    format!("{query:?}"),
                    allowed,
                ));
            }
            known.push(*query);
        }
        if self.multi_head && self.queries.len() > 1 {
            let allowed = "false, unless queries is one of \"observation\", \"action\" and \
                           \"next-observation\" alone, which picks a head";
            return Err(SettingError::refused("multi_head", true, allowed));
        }
        let exclusive = matches!(self.rewards, Rewards::Exclusive { .. });
        if exclusive && !(self.multi_head && self.repeats == Repeats::Once) {
            let allowed = "\"bernoulli\" or \"gaussian\", unless multi_head = true and repeats = \
                           \"once\": which head it is, is said of all of them at once";
            return Err(SettingError::refused("rewards.kind", "exclusive", allowed));
        }
        if let Transitions::Gaussian { scale } = self.transitions {
            Bounds::SCALE.check("transitions.scale", scale)?;
        }
        LANES.check("buffer", self.buffer)?;
        LANES.check("kept", self.kept)?;
        Bounds::closed(1, 1000).check("steps", self.steps)?;
        LANES.check("batch", self.batch)?;
        MAX_GRADIENT_NORM.check("max_gradient_norm", self.max_gradient_norm)?;
        let schedule = self.learning_rate.validate();
        schedule.map_err(|fault| fault.below("learning_rate"))?;
        let optimizer = self.optimizer.validate();
        optimizer.map_err(|fault| fault.below("optimizer"))?;
        Bounds::BELOW_ONE.check("averaging", self.averaging)
    }
}

/// Checks the units of layers.
fn layers(key: &str, units: &[usize]) -> Result<(), SettingError> {
    if units.is_empty() {
        let allowed = "at least one layer, as in [64]";
        return Err(SettingError::refused(key, "[]", allowed));
    }
    units.iter().try_for_each(|units| UNITS.check(key, *units))
}
