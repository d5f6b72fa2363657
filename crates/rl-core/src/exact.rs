//! Exact reference values of a task distribution.

use serde::Serialize;

/// A value that is exact, estimated with a standard error, or out of reach.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Exact {
    /// The value; `standard_error` is 0 where it is exact.
    Known {
        /// The value.
        value: f64,
        /// Its standard error, where it comes from sampled tasks.
        standard_error: f64,
    },
    /// Why there is no value.
    Unknown {
        /// The reason, as a clause: "needs 3 TB of memory".
        why: String,
    },
}

impl Exact {
    /// An exact value.
    pub fn value(value: f64) -> Self {
        Self::Known {
            value,
            standard_error: 0.0,
        }
    }

    /// No value, and why.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown { why: why.into() }
    }

    /// The value, if there is one.
    pub fn get(&self) -> Option<f64> {
        match self {
            Self::Known { value, .. } => Some(*value),
            Self::Unknown { .. } => None,
        }
    }
}

/// Expected returns of a whole trial, over the task distribution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExactValues {
    /// Of the best agent that does not know its task.
    pub bayes_optimal: Exact,
    /// Of the best agent that knows its task.
    pub known_task_optimum: Exact,
    /// Of an agent that acts uniformly at random.
    pub random: Exact,
    /// Expected reward of the best agent that does not know its task, step by
    /// step of a trial, where it was computed: their sum is `bayes_optimal`,
    /// and sums over part of them are those of an episode, or what regret so
    /// far is measured from. `[trial_steps]`
    pub bayes_optimal_rewards: Option<Vec<f64>>,
}

/// Why a subset of the tasks has no exact solution.
pub(crate) const OF_A_SUBSET: &str = "exact solutions are of all tasks of an environment, and \
                                      these are some of them";

impl ExactValues {
    fn unknown(why: &str) -> Self {
        Self {
            bayes_optimal: Exact::unknown(why),
            known_task_optimum: Exact::unknown(why),
            random: Exact::unknown(why),
            bayes_optimal_rewards: None,
        }
    }

    /// None, since they are of all tasks.
    pub(crate) fn of_a_subset() -> Self {
        Self::unknown(OF_A_SUBSET)
    }
}

impl Default for ExactValues {
    fn default() -> Self {
        Self::unknown("this environment gives no exact value")
    }
}
