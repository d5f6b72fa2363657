//! Learners by name, for command lines and tables.

use crate::{bandit, tabular};
use rl_core::PolicyFactory;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Which numbers a [`Key`] may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Any in its range.
    Real,
    /// The whole ones in its range.
    Count,
}

/// A number that a learner takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key {
    /// As typed.
    pub name: &'static str,
    /// Which numbers it may be.
    pub kind: KeyKind,
    /// The value where none is given.
    pub default: f64,
    /// The lowest value allowed.
    pub low: f64,
    /// The highest value allowed.
    pub high: f64,
    /// What it is, in a few words.
    pub meaning: &'static str,
}

impl Key {
    /// A key of any number in a range, both ends allowed.
    pub(crate) const fn real(
        name: &'static str,
        default: f64,
        [low, high]: [f64; 2],
        meaning: &'static str,
    ) -> Self {
        Self {
            name,
            kind: KeyKind::Real,
            default,
            low,
            high,
            meaning,
        }
    }

    /// A key of a whole number in a range, both ends allowed.
    pub(crate) const fn count(
        name: &'static str,
        default: u32,
        [low, high]: [u32; 2],
        meaning: &'static str,
    ) -> Self {
        Self {
            name,
            kind: KeyKind::Count,
            default: default as f64,
            low: low as f64,
            high: high as f64,
            meaning,
        }
    }

    /// Whether the learner can take this value.
    fn allows(&self, value: f64) -> bool {
        let whole = self.kind == KeyKind::Real || value.fract() == 0.0;
        whole && (self.low..=self.high).contains(&value)
    }
}

/// Where a learner can act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// In any environment.
    Any,
    /// Where actions are finitely many; it takes every one for an arm.
    Bandit,
    /// Where observations tell a state, of finitely many, and actions are
    /// finitely many.
    Tabular,
}

/// A learner that [`learner`] makes.
#[derive(Clone, Copy, Debug)]
pub struct LearnerInfo {
    /// As typed.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Where it can act.
    pub family: Family,
    /// The numbers it takes.
    pub keys: &'static [Key],
    /// Makes it, given a value for each key.
    pub(crate) build: fn(&[f64]) -> Box<dyn PolicyFactory>,
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
    #[error("learner '{learner}': {key} is {value}; allowed: {numbers}{low} to {high}")]
    Range {
        /// The learner.
        learner: &'static str,
        /// The key.
        key: &'static str,
        /// Its value.
        value: f64,
        /// `whole numbers ` where others are not allowed.
        numbers: &'static str,
        /// The lowest value allowed.
        low: f64,
        /// The highest value allowed.
        high: f64,
    },
}

/// The bandit learners, then the tabular ones.
static LEARNERS: LazyLock<Vec<LearnerInfo>> =
    LazyLock::new(|| [bandit::LEARNERS.as_slice(), tabular::LEARNERS.as_slice()].concat());

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
            known: LEARNERS
                .iter()
                .map(|info| info.name)
                .collect::<Vec<_>>()
                .join(", "),
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
        if !key.allows(value) {
            return Err(LearnerError::Range {
                learner: info.name,
                key: key.name,
                value,
                numbers: match key.kind {
                    KeyKind::Real => "",
                    KeyKind::Count => "whole numbers ",
                },
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
            for (number, key) in info.keys.iter().enumerate() {
                assert!(key.allows(key.default));
                for value in [key.low, key.high] {
                    let mut values: Vec<_> = info.keys.iter().map(|key| key.default).collect();
                    values[number] = value;
                    let values: Vec<_> = values.iter().map(f64::to_string).collect();
                    let wanted = format!("{}({})", info.name, values.join(", "));
                    assert_eq!(name(info.name, &[(key.name, value)]), Ok(wanted));
                }
            }
        }
    }

    #[test]
    fn errors_say_what_is_allowed() {
        let names: Vec<_> = learners().iter().map(|info| info.name).collect();
        assert_eq!(
            error("tompson", &[]),
            format!("unknown learner 'tompson'; there are: {}", names.join(", "))
        );
        assert!(names.starts_with(&["random", "greedy", "epsilon-greedy"]));
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
        assert_eq!(
            error("ots", &[("samples", 2.5)]),
            "learner 'ots': samples is 2.5; allowed: whole numbers 1 to 1000"
        );
        assert!(error("ucb1", &[("c", f64::NAN)]).contains("c is NaN"));
        assert!(error("ucb1", &[("c", f64::INFINITY)]).contains("c is inf"));
    }
}
