//! The settings of a training, all of them: nothing has a hidden default.

use nets::{Activation, OptimizerConfig, Schedule};
use rl_core::Gae;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far gradients flow through the adaptation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The adaptation's Jacobian is taken for the identity: first-order MAML
    /// (Finn et al. 2017, section 5.2). To Reptile, which takes no gradient
    /// through the adaptation, either order is the same.
    First,
    /// Through the inner gradients: MAML proper.
    Second,
}

/// What the inner gradient is made of. All are the same gradient, that of the
/// policy gradient, where samples come from the very policy; their derivatives,
/// and so the meta-gradients, differ.
///
/// A is the advantage, ℓ = ln π(a | s), ℓ′ its value when the sample was
/// taken, M the number of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Surrogate {
    /// That of the loss −1/M Σ A ℓ, as in Finn et al. 2017. Its Hessian lacks
    /// the terms by which the sampling itself depends on the parameters, so it
    /// is biased.
    LogProb,
    /// That of the loss −1/M Σ A exp(ℓ − ℓ′), the low-variance curvature
    /// surrogate of ProMP (Rothfuss et al. 2019, equation 12). It lacks what
    /// links a step to the policy's other choices: biased, but less.
    Ratio,
    /// DiCE (Foerster et al. 2018) in its advantage form (Loaded DiCE, Farquhar
    /// et al. 2019): −1/M Σₜ wₜ ∇ℓₜ with the importance-weighted advantages
    /// wₜ = Σ_{t' ≥ t} (γλ)^(t' − t) (A[t'] − γλ A[t'+1]) exp(Σ_{i≤t'} ℓᵢ − ℓᵢ′)
    /// within every episode. Of higher variance.
    ///
    /// Its derivative is that of the expected inner gradient, without bias for
    /// every γ and λ, where what the advantages and the step are computed with
    /// is held: values (of no effect at λ = 1 without `bootstrap`, or without a
    /// baseline), the deviation that advantages are divided by, and M where
    /// episodes differ in length, which both change the length of the step.
    /// With few trials, a baseline or a mean that is estimated from the same
    /// trials, and the step itself, which is taken on an estimate, leave a bias
    /// that vanishes as they grow in number.
    ///
    /// Where γλ < 1 it is the gradient of no loss: the policy gradient, in which
    /// every step counts alike, is that of no function there (Nota and Thomas
    /// 2020).
    Dice,
}

/// Which inner rates are learned along with the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LearnedRates {
    /// None.
    None,
    /// One number for each inner step.
    PerStep,
    /// One number for each inner step and parameter: Meta-SGD (Li et al. 2017).
    PerParameter,
}

/// Which parameters adapt to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Adapt {
    /// All of them.
    All,
    /// The last layer: ANIL (Raghu et al. 2020).
    Head,
    /// The last layer and the standard deviations of continuous actions; with
    /// discrete ones the same as `head`.
    HeadAndStd,
}

/// Whether gradients flow through what gates are told of inner gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GateInputs {
    /// They do: the meta-gradient is exact. Of first order, which takes inner
    /// gradients for constants, they do not.
    Differentiated,
    /// They do not, as published; through the gradient that the step takes they
    /// still do.
    Held,
}

/// Where a number begins, drawn uniformly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Uniform {
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
}

/// A coordinate-wise LSTM that gates inner steps (Ravi and Larochelle 2017): see
/// [`kernels::gates`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gated {
    /// Units of the LSTM.
    pub hidden: usize,
    /// p of the inputs' preprocessing: gradients and losses below e^−p are told by
    /// their values, others by sign and logarithm.
    pub range: f64,
    /// Weights begin uniform within so far of 0.
    pub weights: f64,
    /// Where the bias of the forget gate begins.
    pub forget_bias: Uniform,
    /// Where the bias of the input gate begins. A step is at first the gradient times
    /// `inner.rates` times the bias's sigmoid.
    pub input_bias: Uniform,
    /// Whether gradients flow through what the LSTM is told.
    pub inputs: GateInputs,
}

/// What an inner step makes of its gradient g and the rates α.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum InnerRule {
    /// θ − α ∘ g.
    #[default]
    Gradient,
    /// f ∘ θ − α ∘ n ∘ g with the forget gate f and the input gate n of an LSTM that
    /// every parameter has to itself, of weights that all share. It is told g and
    /// minus what a step of the trials earned, remembers both from step to step, and
    /// is learned along with the initial parameters. Gates that are 1 make it the
    /// plain step, or Meta-SGD where rates are learned for each parameter.
    Gated(Gated),
}

impl InnerRule {
    /// Whether it is the one that needs no mention in a file.
    fn is_gradient(&self) -> bool {
        *self == Self::Gradient
    }
}

/// How the policy adapts to a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inner {
    /// Gradient steps. 0 makes a multi-task policy gradient, of which Reptile,
    /// E-MAML and learned rates can make nothing and which they refuse.
    pub steps: usize,
    /// Step size of each step; the last one holds for all that follow it. What
    /// learned rates begin with. Without steps they have no effect.
    pub rates: Vec<f64>,
    /// Which rates are learned; none without steps, or with Reptile.
    pub learned: LearnedRates,
    /// What the loss is made of.
    pub surrogate: Surrogate,
    /// What adapts.
    pub adapt: Adapt,
    /// What a step is; `gradient` where none is given.
    #[serde(default, skip_serializing_if = "InnerRule::is_gradient")]
    pub rule: InnerRule,
}

/// Which adapted policies the meta-objective is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MetaObjective {
    /// Those after the last inner step.
    #[default]
    LastStep,
    /// Those after every inner step alike, each on its own samples (Andrychowicz et
    /// al. 2016, equation 2; Antoniou et al. 2019, section 4.1). Not with TRPO, whose
    /// trust region is around the last one, nor with E-MAML, whose term pays for the
    /// last one.
    EveryStep,
}

impl MetaObjective {
    /// Whether it is the one that needs no mention in a file.
    fn is_last(&self) -> bool {
        *self == Self::LastStep
    }
}

/// The pull towards the policies that samples came from, by the mean over the
/// inner steps of KL(π_old ‖ π) on the step's own samples (Rothfuss et al.
/// 2019, section 5). Without inner steps there is nothing to pull on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum KlPenalty {
    /// None.
    None,
    /// Of a weight that stays.
    Fixed {
        /// The weight.
        coefficient: f64,
    },
    /// Of a weight that is doubled after an update whose divergence was above
    /// 1.5 times the target, and halved below target / 1.5 (Schulman et al.
    /// 2017, section 4).
    Adaptive {
        /// The weight at first.
        coefficient: f64,
        /// The divergence aimed at, nats.
        target: f64,
    },
}

/// How meta-gradients become updates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Outer {
    /// One step of the optimizer along the policy gradient.
    Vpg,
    /// Proximal policy optimization with the clipped surrogate, which adapts
    /// anew from the present parameters in each epoch. With the inner surrogate
    /// `ratio` and a KL penalty this is ProMP.
    Ppo {
        /// ε, how far the importance ratio may move.
        clip: f64,
        /// Steps of the optimizer on the same samples.
        epochs: usize,
        /// The pull towards the sampling policies.
        penalty: KlPenalty,
    },
    /// Trust region policy optimization (Schulman et al. 2015) with the KL
    /// divergence of adapted policies. `optimizer`, `learning_rate` and
    /// `max_gradient_norm` have no effect on it.
    Trpo(TrustRegion),
    /// Reptile (Nichol et al. 2018): the optimizer's gradient is the way from
    /// the mean of the adapted parameters back to the present ones, so that
    /// plain gradient descent moves a share of `learning_rate` towards them.
    Reptile,
}

/// Settings of TRPO.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustRegion {
    /// Largest mean divergence of an update, nats.
    pub max_kl: f64,
    /// Iterations of conjugate gradient.
    pub iterations: usize,
    /// Multiple of the identity that is added to the divergence's Hessian.
    pub damping: f64,
    /// The most steps of the line search.
    pub backtracks: usize,
    /// What the step is multiplied by when it is refused.
    pub shrink: f64,
}

/// What pays the samples before the adaptation for what they led to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Exploration {
    /// Nothing.
    None,
    /// E-MAML (Stadie et al. 2018): the return after the adaptation, less the
    /// mean over the other tasks, weighs the scores of all samples before it.
    ///
    /// Needs the inner surrogate `log-prob`: the Hessians of the others already
    /// hold how the sampling depends on the policy, which the term would add a
    /// second time. Needs `vpg` or `trpo`, which take the gradient once, where the
    /// samples came from: the term has neither an importance ratio nor a clip, and
    /// further epochs of `ppo` would follow it without bounds.
    EMaml {
        /// Weight of the term, c; less has less variance.
        ///
        /// Where advantages are not normalized and γλ = 1, 1 is what the gradient
        /// of the return asks for. Below γλ = 1 the term follows the discounted
        /// return, in whose gradient step t counts γ^t times, beside policy
        /// gradients in which every step counts alike, and no weight removes the
        /// bias. Where they are normalized, each task's policy loss is divided by
        /// its own deviation of the advantages, the term by one for all tasks, the
        /// root of the mean over the tasks of their squares: then 1 gives it that
        /// weight on the whole, not task by task.
        coefficient: f64,
    },
}

/// What is subtracted from returns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Baseline {
    /// Nothing.
    None,
    /// Least squares on functions of observation and time, for every task and
    /// rollout anew (Duan et al. 2016, arXiv 1604.06778). With `bootstrap` the
    /// returns hold its own value of what the time limit cut off, and it knows
    /// no time: see [`LinearBaseline`](crate::LinearBaseline).
    Linear {
        /// Ridge of the least squares; grows tenfold while they are singular or,
        /// with `bootstrap`, say what no rewards like those seen can come to.
        ridge: f64,
    },
    /// A network of the observation and the share of the episode that has
    /// passed, trained across tasks on the samples of each update.
    Value {
        /// Units of each hidden layer.
        hidden: Vec<usize>,
        /// The nonlinearity.
        activation: Activation,
        /// What makes steps of its gradients.
        optimizer: OptimizerConfig,
        /// Step size of the optimizer.
        learning_rate: f64,
        /// Largest norm of its gradient; a longer one is scaled down. `inf` for
        /// no bound.
        max_gradient_norm: f64,
        /// Passes over all samples of an update, a step each.
        epochs: usize,
    },
}

/// The policy's network and how it begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyNetwork {
    /// Units of each hidden layer.
    pub hidden: Vec<usize>,
    /// The nonlinearity.
    pub activation: Activation,
    /// Standard deviation of continuous actions at first, in half-widths of their
    /// box; of no effect on discrete ones.
    pub std: f64,
    /// The least standard deviation, likewise; at least 400 times the largest
    /// spacing of f32 numbers in the box, 5e-5 in one around 0, so that a
    /// log-probability is exact to 1e-5.
    pub min_std: f64,
}

/// How the agent is evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvaluationSettings {
    /// Gradient steps.
    pub steps: usize,
    /// Step size of each; the last one holds for all that follow it. Learned
    /// rates are used in their place.
    pub rates: Vec<f64>,
    /// Trials of each task per gradient step.
    pub trajectories: usize,
}

/// Everything that decides what an agent learns, apart from the environment
/// and the seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MamlConfig {
    /// How many updates; with 0 the policy stays as it begins, for comparison.
    pub updates: u64,
    /// Tasks of an update.
    pub tasks: usize,
    /// Trials of each task per rollout.
    pub trajectories: usize,
    /// How far gradients flow through the adaptation; of no effect on Reptile.
    pub order: Order,
    /// Whether the value of an episode's final observation stands for what the
    /// time limit cut off, which takes a baseline, and of a linear one γ < 1. The
    /// published implementations take the time limit for the end.
    pub bootstrap: bool,
    /// Whether advantages are brought to mean 0 and standard deviation 1 within
    /// each task and rollout. Where all episodes earned the same step by step, to
    /// within rounding, they are 0 with `false`, too. What a network's value stands
    /// for at the time limit counts as earned by the last step.
    pub normalize_advantages: bool,
    /// Largest norm of the whole gradient; a longer one is scaled down.
    pub max_gradient_norm: f64,
    /// Step size of the optimizer.
    pub learning_rate: Schedule,
    /// Discount and trace decay.
    pub gae: Gae,
    /// How the policy adapts to a task.
    pub inner: Inner,
    /// Of which adapted policies; `last-step` where none is given.
    #[serde(default, skip_serializing_if = "MetaObjective::is_last")]
    pub objective: MetaObjective,
    /// How meta-gradients become updates.
    pub outer: Outer,
    /// What pays the samples before the adaptation.
    pub exploration: Exploration,
    /// What is subtracted from returns.
    pub baseline: Baseline,
    /// The policy's network.
    pub policy: PolicyNetwork,
    /// What makes steps of gradients.
    pub optimizer: OptimizerConfig,
    /// How the agent is evaluated.
    pub evaluation: EvaluationSettings,
}

/// The rate of a step, counted from 0, from a list whose last one stays.
pub(crate) fn rate_of(rates: &[f64], step: usize) -> f64 {
    rates
        .get(step)
        .or(rates.last())
        .copied()
        .unwrap_or_default()
}
