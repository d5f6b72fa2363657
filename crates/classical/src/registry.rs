//! Learners by name, for command lines and tables.

use crate::epsilon_greedy::EpsilonGreedy;
use crate::greedy::Greedy;
use crate::random::Random;
use crate::thompson::Thompson;
use crate::ucb1::Ucb1;
use rl_core::PolicyFactory;
use std::collections::BTreeMap;

/// A number that a learner takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key {
    /// As typed.
    pub name: &'static str,
    /// The value where none is given.
    pub default: f64,
    /// The lowest value allowed.
    pub low: f64,
    /// The highest value allowed.
    pub high: f64,
    /// What it is, in a few words.
    pub meaning: &'static str,
}

/// A learner that [`learner`] makes.
#[derive(Clone, Copy, Debug)]
pub struct LearnerInfo {
    /// As typed.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// The numbers it takes.
    pub keys: &'static [Key],
    /// Makes it, given a value for each key.
    build: fn(&[f64]) -> Box<dyn PolicyFactory>,
}

/// Why there is no such learner.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LearnerError {
    /// No learner has this name.
    #[error("unknown learner '{name}'; there are: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// All names.
        known: String,
    },
    /// The learner takes no such number.
    #[error("learner '{learner}' has no key '{key}'; {known}")]
    Key {
        /// The learner.
        learner: &'static str,
        /// What was given.
        key: String,
        /// The keys there are, as a clause.
        known: String,
    },
    /// A number is out of range.
    #[error("learner '{learner}': {key} is {value}; allowed: {low} to {high}")]
    Range {
        /// The learner.
        learner: &'static str,
        /// The key.
        key: &'static str,
        /// Its value.
        value: f64,
        /// The lowest value allowed.
        low: f64,
        /// The highest value allowed.
        high: f64,
    },
}

static LEARNERS: [LearnerInfo; 5] = [
    LearnerInfo {
        name: "random",
        summary: "acts uniformly at random, in any environment",
        keys: &[],
        build: |_| Box::new(Random),
    },
    LearnerInfo {
        name: "greedy",
        summary: "pulls the arm of the highest posterior mean",
        keys: &[],
        build: |_| Box::new(Greedy),
    },
    LearnerInfo {
        name: "epsilon-greedy",
        summary: "pulls a random arm with probability epsilon, else the greedy one",
        keys: &[Key {
            name: "epsilon",
            default: 0.1,
            low: 0.0,
            high: 1.0,
            meaning: "probability of a random arm",
        }],
        build: |values| Box::new(EpsilonGreedy { epsilon: values[0] }),
    },
    LearnerInfo {
        name: "ucb1",
        summary: "pulls the arm of the highest upper confidence bound",
        keys: &[Key {
            name: "c",
            default: 0.2,
            low: 0.0,
            high: 100.0,
            meaning: "weight of the confidence bound",
        }],
        build: |values| Box::new(Ucb1 { c: values[0] }),
    },
    LearnerInfo {
        name: "thompson",
        summary: "pulls the best arm of a draw from the Beta posteriors",
        keys: &[],
        build: |_| Box::new(Thompson),
    },
];

/// All learners.
pub fn learners() -> &'static [LearnerInfo] {
    &LEARNERS
}

/// The learner of a name, with the given numbers and defaults for the rest.
///
/// # Errors
/// If there is no such learner, it takes no such number, or a number is out of
/// range.
pub fn learner(
    name: &str,
    params: &BTreeMap<String, f64>,
) -> Result<Box<dyn PolicyFactory>, LearnerError> {
    let Some(info) = LEARNERS.iter().find(|info| info.name == name) else {
        return Err(LearnerError::Unknown {
            name: name.into(),
            known: LEARNERS.map(|info| info.name).join(", "),
        });
    };
    let unknown = |key: &&String| !info.keys.iter().any(|known| known.name == **key);
    if let Some(key) = params.keys().find(unknown) {
        let names: Vec<_> = info.keys.iter().map(|key| key.name).collect();
        return Err(LearnerError::Key {
            learner: info.name,
            key: key.clone(),
            known: match names.as_slice() {
                [] => "it has none".into(),
                names => format!("there are: {}", names.join(", ")),
            },
        });
    }
    let mut values = Vec::with_capacity(info.keys.len());
    for key in info.keys {
        let value = params.get(key.name).copied().unwrap_or(key.default);
        if !(key.low..=key.high).contains(&value) {
            return Err(LearnerError::Range {
                learner: info.name,
                key: key.name,
                value,
                low: key.low,
                high: key.high,
            });
        }
        values.push(value);
    }
    Ok((info.build)(&values))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(learner: &str, params: &[(&str, f64)]) -> Result<String, LearnerError> {
        let params = params.iter().map(|(key, value)| ((*key).into(), *value));
        super::learner(learner, &params.collect()).map(|factory| factory.name())
    }

    fn error(learner: &str, params: &[(&str, f64)]) -> String {
        name(learner, params).unwrap_err().to_string()
    }

    #[test]
    fn every_learner_is_made_by_its_name() {
        for info in learners() {
            assert!(name(info.name, &[]).unwrap().starts_with(info.name));
            for key in info.keys {
                assert!((key.low..=key.high).contains(&key.default));
                for value in [key.low, key.high] {
                    let wanted = format!("{}({value})", info.name);
                    assert_eq!(name(info.name, &[(key.name, value)]), Ok(wanted));
                }
            }
        }
    }

    #[test]
    fn errors_say_what_is_allowed() {
        assert_eq!(
            error("tompson", &[]),
            "unknown learner 'tompson'; there are: random, greedy, epsilon-greedy, ucb1, thompson"
        );
        assert_eq!(
            error("ucb1", &[("c", 0.2), ("k", 1.0)]),
            "learner 'ucb1' has no key 'k'; there are: c"
        );
        assert_eq!(
            error("greedy", &[("epsilon", 0.1)]),
            "learner 'greedy' has no key 'epsilon'; it has none"
        );
        assert_eq!(
            error("epsilon-greedy", &[("epsilon", 1.5)]),
            "learner 'epsilon-greedy': epsilon is 1.5; allowed: 0 to 1"
        );
        assert!(error("ucb1", &[("c", f64::NAN)]).contains("c is NaN"));
        assert!(error("ucb1", &[("c", f64::INFINITY)]).contains("c is inf"));
    }
}
