//! Combining models: a library of policies as one policy.
//!
//! | name | what it does | it needs |
//! |---|---|---|
//! | `expert-sampling` | with every episode follows one policy, drawn by the posterior over tasks and the task's own as soon as that is certain (Strens 2000; Bayesian policy reuse: Rosman et al. 2016) | a policy of each task, and the posterior |
//! | `expert-held` | the same, but what was drawn is held to the episode's end, as by an agent that is told nothing but the draw (Rakelly et al. 2019) | the same |
//! | `expert-mixture` | draws every action from the mean of the policies' probabilities, weighted by the posterior | the same |
//! | `qmdp` | takes the action of the highest mean value, weighted by the posterior, as if the task were known from the next step on (Littman et al. 1995) | values of actions in each task, and the posterior |
//! | `exp4` | draws every action from the mean of the policies' probabilities, in exponential weights of what they would have earned (Auer et al. 2002) | policies |
//! | `majority` | takes the action that most policies think the best | policies |
//!
//! Two more are teachers of others: [`Weighted`] follows one of several policies in each
//! trial, and [`AnnealedNoise`] disturbs a policy ever less.
//!
//! Where an environment knows its tasks ([`rl_core::KnownTasks`]), [`experts`] is the
//! library of the policies that are best in each of them, and [`exact_rewards`] what the
//! first four rules earn, their own chance averaged instead of drawn.
//!
//! This crate must not know of any environment, network, thread or file.

mod combined;
mod exact;
mod exp4;
mod expert;
mod informed;
mod majority;
mod mixture;
mod noise;
mod qmdp;
mod rule;
mod sampling;
mod weighted;

pub use combined::Combined;
pub use exact::{exact_rewards, exact_rewards_of};
pub use expert::experts;
pub use noise::AnnealedNoise;
pub use rule::{ByPosterior, Rule, RuleInfo, rules};
pub use weighted::Weighted;
