//! Reference values of an environment, and how much of the way from random to
//! Bayes-optimal a return is.

use rl_core::{EnvFactory, Exact, Gap};
use serde::{Deserialize, Serialize};

/// A reference value, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Reference {
    /// The value; its standard error is 0 where it is exact.
    Known {
        /// The value.
        value: f64,
        /// Its standard error.
        standard_error: f64,
    },
    /// The reason, as a clause.
    Unknown {
        /// The reason.
        why: String,
    },
}

impl From<Exact> for Reference {
    fn from(exact: Exact) -> Self {
        match exact {
            Exact::Known {
                value,
                standard_error,
            } => Self::Known {
                value,
                standard_error,
            },
            Exact::Unknown { why } => Self::Unknown { why },
        }
    }
}

impl Reference {
    /// The value, if there is one.
    pub(crate) fn value(&self) -> Option<f64> {
        self.pair().map(|(value, _)| value)
    }

    /// Why there is no value, if there is none.
    pub(crate) fn why(&self) -> Option<&str> {
        match self {
            Self::Known { .. } => None,
            Self::Unknown { why } => Some(why),
        }
    }

    fn pair(&self) -> Option<(f64, f64)> {
        match self {
            Self::Known {
                value,
                standard_error,
            } => Some((*value, *standard_error)),
            Self::Unknown { .. } => None,
        }
    }
}

/// Reference values of an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct References {
    /// Of the best agent that does not know its task.
    pub(crate) bayes_optimal: Reference,
    /// Of the best agent that knows its task.
    pub(crate) known_task_optimum: Reference,
    /// Of an agent that acts uniformly at random.
    pub(crate) random: Reference,
    /// Expected reward of the best agent that does not know its task, at each
    /// step of a trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bayes_optimal_rewards: Option<Vec<f64>>,
}

impl References {
    /// Asks the environment, which may take time.
    pub(crate) fn of(env: &dyn EnvFactory) -> Self {
        let values = env.exact_values();
        Self {
            bayes_optimal: values.bayes_optimal.into(),
            known_task_optimum: values.known_task_optimum.into(),
            random: values.random.into(),
            bayes_optimal_rewards: values.bayes_optimal_rewards,
        }
    }

    /// How much of the way from random to Bayes-optimal a mean return is, with
    /// its 95 % interval; `None` where one of the two is not known.
    pub(crate) fn gap_closed(&self, mean: f64, standard_error: f64) -> Option<GapClosed> {
        let gap = Gap::new(self.random.pair()?, self.bayes_optimal.pair()?)?;
        let (share, error) = gap.measure((mean, standard_error));
        Some(GapClosed {
            share,
            interval: [share - 1.96 * error, share + 1.96 * error],
        })
    }
}

/// How much of the way from random to Bayes-optimal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct GapClosed {
    /// 0 for random, 1 for Bayes-optimal.
    pub(crate) share: f64,
    /// 95 % interval.
    pub(crate) interval: [f64; 2],
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(optimal: f64, random: f64) -> References {
        References {
            bayes_optimal: Exact::value(optimal).into(),
            known_task_optimum: Exact::unknown("it is not").into(),
            random: Exact::value(random).into(),
            bayes_optimal_rewards: None,
        }
    }

    #[test]
    fn the_gap_runs_from_random_to_bayes_optimal() {
        let exact = references(7.0, 5.0);
        let closed = |mean| exact.gap_closed(mean, 0.1).unwrap();
        assert_eq!(closed(5.0).share, 0.0);
        assert_eq!(closed(7.0).share, 1.0);
        let half = closed(6.0);
        assert_eq!(half.share, 0.5);
        assert!((half.interval[1] - 0.5 - 1.96 * 0.05).abs() < 1e-12);
        assert!((half.interval[0] + half.interval[1] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn without_both_ends_there_is_no_gap() {
        let mut exact = references(7.0, 5.0);
        exact.random = Exact::unknown("it is not").into();
        assert_eq!(exact.gap_closed(6.0, 0.1), None);
        assert_eq!(references(5.0, 5.0).gap_closed(5.0, 0.1), None);
    }
}
