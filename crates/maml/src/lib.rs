//! MAML (Finn et al. 2017, arXiv 1703.03400) and its family: policies whose
//! initial parameters are learned such that a few steps of policy gradient on a
//! task make them good at it.
//!
//! One update reads top to bottom in [`Trainer`]: collect and adapt in turn, in
//! all tasks, then improve. What one task says of the meta-parameters, all of
//! it analytic, is in [`Learner`]: the adaptation θₖ₊₁ = θₖ − αₖ ∘ ∇Lₖ(θₖ) with
//! its Jacobian as products in [`Adaptation`], losses as weights of scores in
//! [`Surrogate`] and [`Objective`]. It is generic over the float, so that tests
//! check in f64 the very code that trains in f32. Members of the family are
//! settings, not copies: see [`MamlConfig`].
//!
//! | method | settings that make it |
//! |---|---|
//! | MAML | `order = "second"`, `inner.surrogate = "log-prob"`, `outer.kind = "trpo"` or `"vpg"` |
//! | first-order MAML | `order = "first"` |
//! | Reptile | `outer.kind = "reptile"` |
//! | ANIL | `inner.adapt = "head"` |
//! | Meta-SGD | `inner.learned = "per-parameter"` |
//! | gated steps of an LSTM | `inner.rule.kind = "gated"` |
//! | E-MAML | `exploration.kind = "e-maml"`, `inner.surrogate = "log-prob"`, `outer.kind = "vpg"` or `"trpo"` |
//! | DiCE | `inner.surrogate = "dice"` |
//! | ProMP | `inner.surrogate = "ratio"`, `outer.kind = "ppo"` with a KL penalty |
//! | multi-task policy gradient | `inner.steps = 0` |
//!
//! This crate must not know any particular environment, files, or the clock.

mod adaptation;
mod algorithm;
pub mod audit;
mod config;
mod credit;
mod encoding;
mod evaluate;
mod exploration;
mod fault;
mod learner;
mod linear;
mod memory;
mod meta;
mod metrics;
mod outer;
mod policy;
mod samples;
mod surrogate;
mod task;
mod trainer;
mod trust;
mod validate;
mod value;

pub use adaptation::{Adaptation, GatedSteps, Level, Rule, Way};
pub use algorithm::ALGORITHM;
pub use config::{
    Adapt, Baseline, EvaluationSettings, Exploration, GateInputs, Gated, Inner, InnerRule,
    KlPenalty, LearnedRates, MamlConfig, MetaObjective, Order, Outer, PolicyNetwork, Surrogate,
    TrustRegion, Uniform,
};
pub use encoding::Encoding;
pub use evaluate::{AdaptationCurve, Adapted};
pub use learner::{Learner, TaskLoss, Terms};
pub use linear::{CutOff, LinearBaseline};
pub use memory::footprint;
pub use meta::{Meta, MetaShape};
pub use metrics::{Metrics, Phase};
pub use nets::{Schedule, Shape};
pub use samples::{ActionRows, Samples};
pub use surrogate::{Loss, Objective};
pub use trainer::Trainer;
pub use trust::{Solution, conjugate_gradient};
