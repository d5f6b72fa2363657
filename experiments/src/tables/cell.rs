//! What a cell of a table holds, and how it compares with what is published.

use crate::console::{fixed, path_text};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use toml::Table;

/// How parameters were chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tuned {
    /// How many there were to choose from.
    pub(crate) candidates: usize,
    /// Tuning tasks that the last ones were compared on.
    pub(crate) tasks: usize,
    /// The parameters that differed among them.
    pub(crate) keys: Vec<String>,
}

/// What is known of a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Value {
    /// A learner on fresh tasks.
    Measured {
        mean: f64,
        /// Of the mean, over tasks.
        standard_error: f64,
        /// Of a single trial.
        standard_deviation: f64,
        tasks: usize,
        learner: String,
        parameters: Table,
        /// How its parameters were chosen, if there was a choice.
        tuned: Option<Tuned>,
    },
    /// What the environment itself knows.
    Exact { mean: f64 },
    /// What the environment itself estimates from sampled tasks.
    Estimated { mean: f64, standard_error: f64 },
    /// The environment gives no such value.
    Unknown { why: String },
    /// Trained agents on fresh tasks, the mean over seeds.
    Trained {
        mean: f64,
        /// Over seeds, and not below that over their tasks.
        standard_error: f64,
        /// Of a single trial.
        standard_deviation: f64,
        /// Fresh tasks of each seed.
        tasks: usize,
        seeds: Vec<u64>,
        /// The network, in words.
        network: Option<String>,
        /// Environment steps that the first of them was trained for.
        env_steps: u64,
        /// Wall clock of a training, in seconds; the mean over seeds, where it is known of
        /// all of them.
        seconds: Option<f64>,
        /// The folder around the runs.
        #[serde(serialize_with = "path_text")]
        runs: PathBuf,
    },
    /// No finished run was found.
    NotTrained,
    /// Only published values are shown.
    Published,
    /// It was not asked for yet.
    Missing,
}

/// A mean with its standard error and that of a single trial, if any.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) mean: f64,
    pub(crate) standard_error: f64,
    pub(crate) standard_deviation: Option<f64>,
}

impl Value {
    /// The number in it.
    pub(crate) fn estimate(&self) -> Option<Estimate> {
        match *self {
            Self::Measured {
                mean,
                standard_error,
                standard_deviation,
                ..
            }
            | Self::Trained {
                mean,
                standard_error,
                standard_deviation,
                ..
            } => Some(Estimate {
                mean,
                standard_error,
                standard_deviation: Some(standard_deviation),
            }),
            Self::Exact { mean } => Some(Estimate {
                mean,
                standard_error: 0.0,
                standard_deviation: None,
            }),
            Self::Estimated {
                mean,
                standard_error,
            } => Some(Estimate {
                mean,
                standard_error,
                standard_deviation: None,
            }),
            Self::Unknown { .. } | Self::NotTrained | Self::Published | Self::Missing => None,
        }
    }

    /// Our mean less the published one, in standard errors of the difference.
    /// The published mean's own error is that of `paper_tasks` trials with our
    /// standard deviation.
    pub(crate) fn distance(&self, paper: f64, paper_tasks: u64) -> Option<f64> {
        let estimate = self.estimate()?;
        let theirs = estimate.standard_deviation? / (paper_tasks as f64).sqrt();
        let error = theirs.hypot(estimate.standard_error);
        (error > 0.0).then(|| (estimate.mean - paper) / error)
    }

    /// The learner that was chosen and its parameters, in words; nothing where
    /// there was no choice.
    pub(crate) fn chosen(&self) -> Option<String> {
        let Self::Measured {
            learner,
            parameters,
            tuned: Some(tuned),
            ..
        } = self
        else {
            return None;
        };
        let pairs = parameters
            .iter()
            .filter(|(key, _)| tuned.keys.contains(key))
            .map(|(key, value)| format!("{key}={value}"));
        let pairs = pairs.collect::<Vec<_>>().join(" ");
        Some(match pairs.is_empty() {
            true => learner.clone(),
            false => pairs,
        })
    }
}

impl Estimate {
    /// The mean and its error with as many decimals as the error makes sense
    /// of; an exact value has four.
    pub(crate) fn text(&self) -> String {
        match self.standard_error {
            error if error > 0.0 => {
                let decimals = (1.0 - error.log10().floor()).clamp(0.0, 4.0) as usize;
                let mean = fixed(self.mean, decimals);
                format!("{mean} ± {error:.decimals$}")
            }
            error if error.is_nan() => format!("{} ± –", fixed(self.mean, 4)),
            _ => fixed(self.mean, 4),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(mean: f64, standard_error: f64, standard_deviation: f64) -> Value {
        Value::Measured {
            mean,
            standard_error,
            standard_deviation,
            tasks: 100,
            learner: "ucb1".to_owned(),
            parameters: "c = 0.2\nd = 1".parse().unwrap(),
            tuned: Some(Tuned {
                candidates: 11,
                tasks: 50,
                keys: vec!["c".to_owned()],
            }),
        }
    }

    #[test]
    fn the_distance_counts_both_errors() {
        // 20 / √100 = 2 of theirs and 1.5 of ours are 2.5 together.
        let value = measured(80.0, 1.5, 20.0);
        assert_eq!(value.distance(75.0, 100), Some(2.0));
        assert_eq!(value.distance(90.0, 100), Some(-4.0));
        let exact = Value::Exact { mean: 80.0 };
        assert_eq!(exact.distance(75.0, 100), None);
        assert_eq!(Value::NotTrained.distance(75.0, 100), None);
    }

    #[test]
    fn numbers_have_the_decimals_that_their_error_warrants() {
        let text = |mean, error| measured(mean, error, 1.0).estimate().unwrap().text();
        assert_eq!(text(6.65123, 0.0045), "6.6512 ± 0.0045");
        assert_eq!(text(78.346, 0.11), "78.35 ± 0.11");
        assert_eq!(text(1939.56, 2.1), "1939.6 ± 2.1");
        assert_eq!(text(1939.56, 21.0), "1940 ± 21");
        assert_eq!(text(6.659_99, 0.0), "6.6600");
        assert_eq!(measured(1.0, 1.0, 1.0).chosen().unwrap(), "c=0.2");
    }

    #[test]
    fn cells_survive_the_file() {
        let value = measured(6.65, 0.1, 2.0);
        let line = serde_json::to_string(&value).unwrap();
        assert!(line.contains(r#""kind":"measured""#), "{line}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
    }
}
