//! Learners by name, for command lines and tables.

use crate::{bandit, descent, tabular};
use rl_core::{PolicyFactory, Setting, Settings, Value, suggestion};
use std::collections::BTreeMap;
use std::sync::LazyLock;

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
    /// Where a function of parameters is shown, with its gradient.
    Descent,
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
    pub settings: &'static [Setting],
    /// Makes it, given a value for each setting.
    pub(crate) build: fn(&[f64]) -> Box<dyn PolicyFactory>,
}

impl LearnerInfo {
    /// The learner with these settings, which are its own.
    pub fn make(&self, settings: &Settings) -> Box<dyn PolicyFactory> {
        let values: Vec<f64> = settings.iter().filter_map(|(_, v)| v.number()).collect();
        (self.build)(&values)
    }
}

/// The bandit learners, the tabular ones, then those that descend.
static LEARNERS: LazyLock<Vec<LearnerInfo>> = LazyLock::new(|| {
    let families = [
        bandit::LEARNERS.as_slice(),
        tabular::LEARNERS.as_slice(),
        descent::LEARNERS.as_slice(),
    ];
    families.concat()
});

/// All learners.
pub fn learners() -> &'static [LearnerInfo] {
    &LEARNERS
}

/// The learner of a name, with the given numbers and defaults for the rest.
///
/// # Errors
/// If there is no such learner, it takes no such number, or a number is out of
/// range: names what there is, or is allowed.
pub fn learner(
    name: &str,
    params: &BTreeMap<String, f64>,
) -> Result<Box<dyn PolicyFactory>, String> {
    let Some(info) = LEARNERS.iter().find(|info| info.name == name) else {
        let help = suggestion(name, LEARNERS.iter().map(|info| info.name));
        return Err(format!("no learner '{name}'; {help}"));
    };
    let set = params.iter().map(|(key, value)| {
        let whole = value.fract() == 0.0 && value.abs() < 1e15;
        let value = match whole {
            true => Value::Whole(*value as i128),
            false => Value::Real(*value),
        };
        (key.clone(), value)
    });
    let settings = Settings::new(info.settings, set);
    let settings = settings.map_err(|fault| fault.below(name))?;
    Ok(info.make(&settings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rl_core::Kind;

    type Params<'a> = &'a [(&'a str, f64)];

    fn name(learner: &str, params: Params<'_>) -> Result<String, String> {
        let params = params.iter().map(|(key, value)| ((*key).into(), *value));
        super::learner(learner, &params.collect()).map(|factory| factory.name())
    }

    /// The ends of what a setting may be.
    fn ends(setting: &Setting) -> [f64; 2] {
        let ends_of = |range: String| -> Vec<f64> {
            let words = range.split(" to ");
            words.map(|word| word.parse().unwrap()).collect()
        };
        let both = match setting.kind {
            Kind::Count { bounds, .. } => ends_of(bounds.to_string()),
            Kind::Number { bounds, .. } => ends_of(bounds.to_string()),
            Kind::Choice(words) => panic!("{words:?} are no numbers"),
        };
        both.try_into().unwrap()
    }

    #[test]
    fn every_learner_is_made_by_its_name() {
        for info in learners() {
            assert!(name(info.name, &[]).unwrap().starts_with(info.name));
            let usual: Vec<f64> = info
                .settings
                .iter()
                .filter_map(|s| s.default().number())
                .collect();
            assert_eq!(usual.len(), info.settings.len());
            for (number, setting) in info.settings.iter().enumerate() {
                assert!(setting.accept(setting.default()).is_ok());
                for value in ends(setting) {
                    let mut values = usual.clone();
                    values[number] = value;
                    let values: Vec<_> = values.iter().map(f64::to_string).collect();
                    let wanted = format!("{}({})", info.name, values.join(", "));
                    assert_eq!(name(info.name, &[(setting.name, value)]), Ok(wanted));
                }
            }
        }
    }

    #[test]
    fn errors_say_what_is_allowed() {
        let error = |learner: &str, params: Params<'_>| name(learner, params).unwrap_err();
        let cases: [(&str, Params<'_>, &str); 6] = [
            (
                "tompson",
                &[],
                "no learner 'tompson'; did you mean 'thompson'?",
            ),
            (
                "ucb1",
                &[("c", 0.2), ("k", 1.0)],
                "ucb1.k: no such key; did you mean 'c'?",
            ),
            (
                "greedy",
                &[("epsilon", 0.1)],
                "greedy.epsilon: no such key; there are none",
            ),
            (
                "epsilon-greedy",
                &[("epsilon", 1.5)],
                "epsilon-greedy.epsilon = 1.5; allowed: a number, 0 to 1",
            ),
            (
                "ots",
                &[("samples", 2.5)],
                "ots.samples = 2.5; allowed: a whole number, 1 to 1000",
            ),
            (
                "ots",
                &[("samples", 0.0)],
                "ots.samples = 0; allowed: a whole number, 1 to 1000",
            ),
        ];
        for (learner, params, message) in cases {
            assert_eq!(error(learner, params), message);
        }
        assert!(error("ucb1", &[("c", f64::NAN)]).contains("c = nan"));
        assert!(error("ucb1", &[("c", f64::INFINITY)]).contains("c = inf"));
    }
}
