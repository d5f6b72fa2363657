//! The rules, by name.

use crate::combined::{Combining, Size};
use crate::exp4::Exp4;
use crate::informed::Posterior;
use crate::majority::Majority;
use crate::mixture::Mixture;
use crate::qmdp::Qmdp;
use crate::sampling::Sampling;
use rl_core::{KnownTasks, Setting, Settings};
use std::sync::Arc;

/// How several policies act as one; the introduction of this crate has what each does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// By the posterior over tasks: it needs a policy of each.
    ByPosterior(ByPosterior),
    /// Their mean at every step, in exponential weights.
    Exp4 {
        /// What the published learning rate is multiplied by.
        rate: f64,
    },
    /// The action that most of them think the best.
    Majority,
}

/// The rules that infer the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByPosterior {
    /// One policy for every episode, drawn by the posterior, until the task is certain.
    Sampling,
    /// One policy for every episode, drawn by the posterior and held throughout it.
    Held,
    /// Their mean at every step, weighted by the posterior.
    Mixture,
    /// The action of the highest mean value, weighted by the posterior.
    Qmdp,
}

/// A rule that can be asked for by name where an environment knows its tasks.
#[derive(Clone, Copy, Debug)]
pub struct RuleInfo {
    /// As typed.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// The numbers it takes.
    pub settings: &'static [Setting],
    rule: fn(&Settings) -> Rule,
}

impl RuleInfo {
    /// The rule with these settings, which are its own.
    pub fn rule(&self, settings: &Settings) -> Rule {
        (self.rule)(settings)
    }
}

const RATE: Setting = Setting::number(
    "rate",
    1.0,
    1e-6..=1e6,
    "what the published learning rate is multiplied by",
);

/// Those that combine the policies that are best in each of an environment's tasks.
pub fn rules() -> &'static [RuleInfo] {
    &[
        RuleInfo {
            name: "expert-sampling",
            summary: "follows the best policy of one task, drawn by the posterior with every \
                      episode, and that of the task as soon as it is certain",
            settings: &[],
            rule: |_| Rule::ByPosterior(ByPosterior::Sampling),
        },
        RuleInfo {
            name: "expert-held",
            summary: "follows the best policy of one task, drawn by the posterior with every \
                      episode and held to its end, whatever it sees",
            settings: &[],
            rule: |_| Rule::ByPosterior(ByPosterior::Held),
        },
        RuleInfo {
            name: "expert-mixture",
            summary: "acts as the mean of the best policies of all tasks, weighted by the \
                      posterior",
            settings: &[],
            rule: |_| Rule::ByPosterior(ByPosterior::Mixture),
        },
        RuleInfo {
            name: "qmdp",
            summary: "takes the action of the highest value, the mean over tasks by the posterior",
            settings: &[],
            rule: |_| Rule::ByPosterior(ByPosterior::Qmdp),
        },
        RuleInfo {
            name: "exp4",
            summary: "acts as the mean of the best policies of all tasks, in exponential weights \
                      of what each earns",
            settings: &[RATE],
            rule: |settings| Rule::Exp4 {
                rate: settings.number(RATE.name).unwrap_or(1.0),
            },
        },
    ]
}

impl Rule {
    /// What it is called in tables.
    pub fn name(self) -> String {
        match self {
            Self::ByPosterior(ByPosterior::Sampling) => "expert-sampling".into(),
            Self::ByPosterior(ByPosterior::Held) => "expert-held".into(),
            Self::ByPosterior(ByPosterior::Mixture) => "expert-mixture".into(),
            Self::ByPosterior(ByPosterior::Qmdp) => "qmdp".into(),
            Self::Exp4 { rate } => format!("exp4({rate})"),
            Self::Majority => "majority".into(),
        }
    }
}

/// A rule with all that it needs beside policies.
pub(crate) enum Ready {
    ByPosterior(ByPosterior, Arc<dyn KnownTasks>),
    Exp4 { rate: f64 },
    Majority,
}

impl Ready {
    /// The rule at work.
    pub(crate) fn start(&self, size: Size) -> Box<dyn Combining> {
        let numbers = || vec![0.0; size.actions];
        match self {
            Self::ByPosterior(rule, tasks) => {
                let posterior = Posterior::new(Arc::clone(tasks), size.lanes);
                match rule {
                    ByPosterior::Sampling | ByPosterior::Held => Box::new(Sampling {
                        posterior,
                        held: *rule == ByPosterior::Held,
                        drawn: vec![0; size.lanes],
                    }),
                    ByPosterior::Mixture => Box::new(Mixture { posterior }),
                    ByPosterior::Qmdp => Box::new(Qmdp {
                        posterior,
                        values: numbers(),
                    }),
                }
            }
            Self::Exp4 { rate } => Box::new(Exp4::new(*rate, size)),
            Self::Majority => Box::new(Majority {
                votes: numbers(),
                sums: numbers(),
            }),
        }
    }
}
