//! Reference values of a task distribution.

use crate::stats::Moments;
use serde::{Deserialize, Deserializer, Serialize};

/// A value that is exact, estimated from samples, or out of reach.
///
/// In JSON, numbers are `{"value", "standard_error"}`, with `samples` where they
/// are estimated, and what is not known is `{"why"}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub enum Exact {
    /// Known up to rounding.
    Known {
        /// The value.
        value: f64,
    },
    /// A mean over sampled tasks or trials.
    Estimated {
        /// The mean.
        value: f64,
        /// Its standard error.
        standard_error: f64,
        /// How many were sampled.
        samples: u64,
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
        Self::Known { value }
    }

    /// The mean of samples.
    pub fn estimated(samples: &Moments) -> Self {
        Self::Estimated {
            value: samples.mean(),
            standard_error: samples.standard_error(),
            samples: samples.count(),
        }
    }

    /// No value, and why.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown { why: why.into() }
    }

    /// The value, exact or estimated, if there is one.
    pub fn get(&self) -> Option<f64> {
        match self {
            Self::Known { value } | Self::Estimated { value, .. } => Some(*value),
            Self::Unknown { .. } => None,
        }
    }

    /// The standard error of an estimate, 0 for an exact value.
    pub fn standard_error(&self) -> Option<f64> {
        match self {
            Self::Known { .. } => Some(0.0),
            Self::Estimated { standard_error, .. } => Some(*standard_error),
            Self::Unknown { .. } => None,
        }
    }

    /// Why there is no value, if there is none.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Unknown { why } => Some(why),
            Self::Known { .. } | Self::Estimated { .. } => None,
        }
    }
}

/// How an [`Exact`] is written.
#[derive(Serialize, Deserialize)]
struct Fields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    standard_error: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    samples: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl From<Exact> for Fields {
    fn from(exact: Exact) -> Self {
        let why = match &exact {
            Exact::Unknown { why } => Some(why.clone()),
            // JSON has no such number, and a comparison with it means nothing.
            Exact::Known { value } | Exact::Estimated { value, .. } => {
                (!value.is_finite()).then(|| format!("the environment gives {value}"))
            }
        };
        let samples = match exact {
            Exact::Estimated { samples, .. } => Some(samples),
            _ => None,
        };
        match why {
            Some(_) => Self {
                value: None,
                standard_error: None,
                samples: None,
                why,
            },
            None => Self {
                value: exact.get(),
                standard_error: exact.standard_error(),
                samples,
                why,
            },
        }
    }
}

impl TryFrom<Fields> for Exact {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        let standard_error = fields.standard_error.unwrap_or(f64::NAN);
        match (fields.value, fields.why) {
            (None, None) => Err("a reference value needs `value`, or `why` there is none"),
            (_, Some(why)) => Ok(Self::Unknown { why }),
            (Some(value), None) => Ok(match fields.samples {
                // Files of before do not say how many samples there were: many.
                None if standard_error == 0.0 => Self::Known { value },
                samples => Self::Estimated {
                    value,
                    standard_error,
                    samples: samples.unwrap_or(u64::MAX),
                },
            }),
        }
    }
}

/// The name of the expected return of a whole trial of the best policy without memory:
/// one that chooses by no more than the present observation, by the same rule in every
/// step, if need be at random. What an agent earns beyond it, it remembered.
pub const MEMORYLESS_OPTIMUM: &str = "memoryless_optimum";

/// Expected returns of a whole trial, over the task distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    #[serde(
        default,
        deserialize_with = "nulls_as_nan",
        skip_serializing_if = "Option::is_none"
    )]
    pub bayes_optimal_rewards: Option<Vec<f64>>,
}

/// JSON has no number that is not finite, and `null` in its place.
fn nulls_as_nan<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<f64>>, D::Error> {
    let list: Option<Vec<Option<f64>>> = Option::deserialize(from)?;
    Ok(list.map(|list| list.into_iter().map(|x| x.unwrap_or(f64::NAN)).collect()))
}

/// Why a subset of the tasks has no exact solution.
pub(crate) const OF_A_SUBSET: &str = "exact solutions are of all tasks of an environment, and \
                                      these are some of them";

impl ExactValues {
    /// None of them, and why.
    pub fn unknown(why: &str) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Exact, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// An estimate stays one, even if all samples were the same.
    #[test]
    fn what_was_sampled_is_not_exact_afterwards() {
        let estimated = Exact::estimated(&[2.0, 2.0, 2.0].into_iter().collect());
        for exact in [Exact::value(2.0), estimated, Exact::unknown("too large")] {
            let text = serde_json::to_string(&exact).unwrap();
            assert_eq!(read(&text).unwrap(), exact, "{text}");
        }
        let before = read(r#"{"value": 218.4, "standard_error": 0.07}"#).unwrap();
        assert!(matches!(before, Exact::Estimated { .. }), "{before:?}");
        let before = read(r#"{"value": 6.66, "standard_error": 0.0}"#).unwrap();
        assert_eq!(before, Exact::value(6.66));
    }

    #[test]
    fn what_is_no_number_is_a_reason() {
        let text = serde_json::to_string(&Exact::value(f64::NAN)).unwrap();
        assert_eq!(
            read(&text).unwrap().why(),
            Some("the environment gives NaN")
        );
        assert!(read("{}").is_err());
    }
}
