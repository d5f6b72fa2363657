//! Settings, and their checks.

use crate::course::Order;
use agent::{LANES, LearnError};
use nets::{MAX_GRADIENT_NORM, OptimizerConfig, Schedule};
use rl_core::{Bounds, SettingError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The key of all settings.
pub(crate) const NAME: &str = "learned-optimizer";

/// All settings of a training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Updates: batches of functions, each unrolled once from beginning to end.
    pub updates: u64,
    /// Functions of an update.
    pub problems: usize,
    /// Steps of an unroll. An agent may take more afterwards.
    pub steps: usize,
    /// Where parameters begin.
    pub start: Start,
    /// What is made small.
    pub loss: Counted,
    /// The rule.
    pub rule: RuleConfig,
    /// How it is learned.
    pub training: TrainingConfig,
    /// Largest norm of a gradient; a longer one is scaled down.
    pub max_gradient_norm: f64,
    /// Of the optimizer's steps.
    pub learning_rate: Schedule,
    /// What makes steps of gradients.
    pub optimizer: OptimizerConfig,
}

/// Where parameters begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// Where each task proposes.
    Given,
    /// At one place for all tasks, which is learned with the rule.
    Learned,
}

/// Which losses count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Counted {
    /// The mean over all steps of an unroll.
    Every,
    /// That after its last step.
    Last,
}

/// Which rates are learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LearnedRate {
    /// None.
    None,
    /// One for all parameters.
    One,
    /// One for each parameter: Meta-SGD.
    PerParameter,
}

/// A rule, applied to every parameter alike.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum RuleConfig {
    /// Layers of LSTM cells read the gradient; a linear output is added to the parameter
    /// (Andrychowicz et al. 2016).
    Lstm {
        /// Units of a layer.
        hidden: usize,
        /// Layers.
        layers: usize,
        /// p of the gradient's preprocessing, 0.1 to 50: its logarithm over p, and its sign;
        /// 0 reads it as it is.
        preprocess: f64,
        /// What the output is multiplied by.
        scale: f64,
    },
    /// A layer of LSTM cells reads gradient and loss; a forget gate says what is kept of
    /// the parameter, and an input gate what is taken of the gradient (Ravi and Larochelle
    /// 2017).
    Gated {
        /// Units of the layer.
        hidden: usize,
        /// p of the preprocessing of gradient and loss, 0.1 to 50: their logarithms over p,
        /// and their signs.
        preprocess: f64,
        /// The forget gate's bias to begin with; 4 to 5 in the authors' code.
        forget: f64,
        /// The input gate's bias to begin with; −5 to −4 in the authors' code.
        input: f64,
        /// What an open input gate takes of the gradient, or what that begins with when it
        /// is learned; 1 in the paper.
        rate: f64,
        /// Whether what an open input gate takes is learned, and for how many parameters:
        /// where each has its own, the gates are on top of Meta-SGD.
        learned: LearnedRate,
    },
    /// Plain gradient steps.
    Plain {
        /// The rate, or what learned rates begin with.
        rate: f64,
        /// Which rates are learned.
        learned: LearnedRate,
    },
}

/// How a rule is learned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum TrainingConfig {
    /// Along the gradient of an unroll, cut into windows: what was before a window counts
    /// as constant, and the optimizer takes a step after each.
    Gradient {
        /// Steps of a window; as many as `steps` for the whole unroll.
        truncation: usize,
        /// Whether gradients and losses that the rule reads are differentiated.
        order: GradientOrder,
    },
    /// Evolution strategies: the mean of antithetic differences of a window's loss, in
    /// which both members of a pair begin where the rule itself has come to.
    Es(Perturbation),
    /// Persistent evolution strategies (Vicol et al. 2021): every member of a pair goes on
    /// where it was, and differences are of all its perturbations since the unroll began.
    Pes(Perturbation),
    /// The learned start moves towards where steps from it lead (Nichol et al. 2018).
    Reptile,
}

/// Perturbations of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Perturbation {
    /// Steps of a window.
    pub truncation: usize,
    /// Standard deviation of the perturbation of each parameter.
    pub deviation: f64,
    /// Pairs of opposite perturbations, among which the functions are divided; both members
    /// of a pair are tried on the same functions.
    pub pairs: usize,
}

/// What is differentiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GradientOrder {
    /// No second derivatives: [`Order::First`].
    First,
    /// Everything: [`Order::Exact`].
    Exact,
}

impl From<GradientOrder> for Order {
    fn from(order: GradientOrder) -> Self {
        match order {
            GradientOrder::First => Self::First,
            GradientOrder::Exact => Self::Exact,
        }
    }
}

/// Coordinates that are worked on side by side, at least: functions are grouped to have as
/// many. It has no effect on the results, apart from the order of additions, which is why
/// it is a constant.
const SIDE_BY_SIDE: usize = 64;
/// Steps of an unroll.
const STEPS: Bounds<usize> = Bounds::closed(1, 100_000);
/// Units of a layer.
const UNITS: Bounds<usize> = Bounds::closed(1, 1024);
/// Scales of the preprocessing: e^−p and eᵖ are numbers of full precision, and logarithms
/// over p are no infinities.
const PREPROCESS: Bounds<f64> = Bounds::closed(0.1, 50.0);
/// Rates of steps.
const RATE: Bounds<f64> = Bounds::closed(0.0, 1e3);
/// Logits of gates.
const LOGITS: Bounds<f64> = Bounds::closed(-50.0, 50.0);

impl Config {
    /// Checks every setting.
    ///
    /// # Errors
    /// Names the first one out of range, its value and what is allowed.
    pub fn validate(&self) -> Result<(), LearnError> {
        Ok(self.check().map_err(|fault| fault.below(NAME))?)
    }

    fn check(&self) -> Result<(), SettingError> {
        Bounds::at_least(1_u64).check("updates", self.updates)?;
        LANES.check("problems", self.problems)?;
        STEPS.check("steps", self.steps)?;
        MAX_GRADIENT_NORM.check("max_gradient_norm", self.max_gradient_norm)?;
        let rate = self.learning_rate.validate();
        rate.map_err(|fault| fault.below("learning_rate"))?;
        let optimizer = self.optimizer.validate();
        optimizer.map_err(|fault| fault.below("optimizer"))?;
        let rule = self.rule.check();
        rule.map_err(|fault| fault.below("rule"))?;
        self.check_training()
    }

    fn check_training(&self) -> Result<(), SettingError> {
        let refuse = |key: &str, value: &dyn ToString, allowed: String| {
            Err(SettingError::refused(key, value.to_string(), allowed))
        };
        let window = self.window();
        if window == 0 || !self.steps.is_multiple_of(window) {
            let allowed = format!("a divisor of {NAME}.steps = {}", self.steps);
            return refuse("training.truncation", &window, allowed);
        }
        if let TrainingConfig::Es(perturbed) | TrainingConfig::Pes(perturbed) = self.training {
            Bounds::SCALE.check("training.deviation", perturbed.deviation)?;
            let pairs = perturbed.pairs;
            if pairs == 0 || !self.problems.is_multiple_of(pairs) {
                let allowed = format!("a divisor of {NAME}.problems = {}", self.problems);
                return refuse("training.pairs", &pairs, allowed);
            }
        }
        let plain = match self.rule {
            RuleConfig::Plain { learned, .. } => Some(learned),
            _ => None,
        };
        if self.training == TrainingConfig::Reptile
            && (self.start, plain) != (Start::Learned, Some(LearnedRate::None))
        {
            let allowed = format!(
                "reptile with {NAME}.start = \"learned\" and a plain {NAME}.rule whose rate is \
                 not learned, since nothing else of a rule moves towards where it leads"
            );
            return refuse("training.kind", &"reptile", allowed);
        }
        // Windows but the first say nothing of the start, unless perturbations persist.
        let forgets = !matches!(self.training, TrainingConfig::Pes(_));
        let unseen = self.loss == Counted::Last && window < self.steps && forgets;
        if self.start == Start::Learned && unseen {
            let allowed = format!(
                "{} (= {NAME}.steps) where {NAME}.start = \"learned\" and {NAME}.loss = \"last\": \
                 no window that begins at the start has the last loss in it, so that the start \
                 would never move; or else loss = \"every\", start = \"given\" or \
                 training.kind = \"pes\"",
                self.steps
            );
            return refuse("training.truncation", &window, allowed);
        }
        if self.start == Start::Given && plain == Some(LearnedRate::None) {
            let allowed = "one or per-parameter where the start is not learned either: there \
                           would be nothing to learn";
            return refuse("rule.learned", &"none", allowed.to_owned());
        }
        Ok(())
    }

    /// Functions of a group, which are worked on side by side, where each has so many
    /// parameters.
    pub(crate) fn group(&self, size: usize) -> usize {
        match self.training {
            // Who is perturbed alike.
            TrainingConfig::Es(perturbed) | TrainingConfig::Pes(perturbed) => {
                self.problems / perturbed.pairs
            }
            _ => (SIDE_BY_SIDE / size).clamp(1, self.problems),
        }
    }

    /// Steps of a window.
    pub(crate) fn window(&self) -> usize {
        match self.training {
            TrainingConfig::Gradient { truncation, .. } => truncation,
            TrainingConfig::Es(perturbed) | TrainingConfig::Pes(perturbed) => perturbed.truncation,
            TrainingConfig::Reptile => self.steps,
        }
    }
}

impl RuleConfig {
    fn check(&self) -> Result<(), SettingError> {
        match *self {
            Self::Lstm {
                hidden,
                layers,
                preprocess,
                scale,
            } => {
                UNITS.check("hidden", hidden)?;
                Bounds::closed(1, 8).check("layers", layers)?;
                if preprocess != 0.0 && PREPROCESS.check("preprocess", preprocess).is_err() {
                    let allowed = "0, or 0.1 to 50";
                    return Err(SettingError::refused("preprocess", preprocess, allowed));
                }
                Bounds::SCALE.check("scale", scale)
            }
            Self::Gated {
                hidden,
                preprocess,
                forget,
                input,
                rate,
                learned: _,
            } => {
                UNITS.check("hidden", hidden)?;
                PREPROCESS.check("preprocess", preprocess)?;
                LOGITS.check("forget", forget)?;
                LOGITS.check("input", input)?;
                RATE.check("rate", rate)
            }
            Self::Plain { rate, .. } => RATE.check("rate", rate),
        }
    }
}
