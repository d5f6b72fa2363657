//! Learned optimizers: rules by which gradients become steps, with parameters that are
//! learned over many functions, such that few steps lead far on a new one.
//!
//! One update reads top to bottom in [`Trainer`]: draw functions, unroll the rule on them
//! window by window, and after each window improve it. What a [`Rule`] does at a step, and
//! the gradient of what many steps led to, is in [`Tile`], all of it analytic and generic
//! over the float, so that tests check in f64 the very code that trains in f32. Members of
//! the family are settings, not copies: see [`Config`].
//!
//! | method | settings that make it |
//! |---|---|
//! | learning to learn by gradient descent (Andrychowicz et al. 2016) | `rule.kind = "lstm"`, `training.kind = "gradient"` of order `first` |
//! | LSTM meta-learner (Ravi and Larochelle 2017) | `rule.kind = "gated"`, `start = "learned"`, `loss = "last"` |
//! | MAML (Finn et al. 2017) | `rule.kind = "plain"`, `start = "learned"`, order `exact` |
//! | first-order MAML | the same of order `first` |
//! | Meta-SGD (Li et al. 2017) | as MAML with `rule.learned = "per-parameter"` |
//! | Reptile (Nichol et al. 2018) | `training.kind = "reptile"` |
//! | evolution strategies | `training.kind = "es"` |
//! | persistent evolution strategies (Vicol et al. 2021) | `training.kind = "pes"` |
//!
//! [`audit`] has all of these ways to a gradient on problems whose gradient is known.
//!
//! This crate must not know any particular environment, files, or the clock: functions are
//! [`rl_core::Objective`]s.

mod algorithm;
pub mod audit;
mod config;
mod course;
mod memory;
mod policy;
mod rule;
mod trainer;

pub use algorithm::ALGORITHM;
pub use config::{
    Config, Counted, GradientOrder, LearnedRate, Perturbation, RuleConfig, Start, TrainingConfig,
};
pub use course::{Counting, Course, Order, Outcome, Recorder, Tile};
pub use rule::Rule;
pub use trainer::{Metrics, Trainer};
