//! Learners without networks, by name: the classical ones, and the exact
//! solution of the environment.

use crate::comparison::{LearnerKind, Player};
use crate::names::suggestion;
use crate::oracles::Oracles;
use crate::registry::Built;
use crate::settings::{Key, Kind, Settings, number_of};
use std::sync::Arc;
use toml::{Table, Value};

/// The exact solution, which the environment gives.
const BAYES_OPTIMAL: &str = "bayes-optimal";

/// What there is to know of a learner.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) keys: Vec<Key>,
}

/// All learners.
pub(crate) fn all() -> Vec<About> {
    let classical = classical::learners().iter().map(|info| About {
        name: info.name,
        summary: info.summary,
        keys: info.keys.iter().map(key).collect(),
    });
    let exact = About {
        name: BAYES_OPTIMAL,
        summary: "plays the exact solution, where the environment can give it",
        keys: Vec::new(),
    };
    classical.chain([exact]).collect()
}

fn key(key: &classical::Key) -> Key {
    Key {
        name: key.name.to_owned(),
        meaning: key.meaning.to_owned(),
        kind: Kind::Number {
            default: key.default,
            range: key.low..=key.high,
        },
    }
}

/// The learner of a name.
///
/// # Errors
/// Names the nearest one.
pub(crate) fn find(name: &str) -> Result<About, String> {
    let all = all();
    let help = suggestion(name, all.iter().map(|about| about.name));
    let found = all.into_iter().find(|about| about.name == name);
    found.ok_or_else(|| format!("no learner '{name}'; {help}"))
}

/// A learner as it was asked for, with all its parameters.
#[derive(Debug)]
pub(crate) struct LearnerSpec {
    about: About,
    params: Settings,
}

impl LearnerSpec {
    /// Checks a name and parameters; those not given have their defaults.
    ///
    /// # Errors
    /// Names the nearest learner or key, or what is allowed; parameters have
    /// `place` in front.
    pub(crate) fn new(place: &str, name: &str, params: &Table) -> Result<Self, String> {
        let about = find(name)?;
        let params = Settings::new(place, &about.keys, params)?;
        Ok(Self { about, params })
    }

    /// Reads `{ name = "ucb1", c = 0.2 }`, which stands at `place`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(crate) fn read(place: &str, table: &Table) -> Result<Self, String> {
        let mut params = table.clone();
        match params.remove("name") {
            Some(Value::String(name)) => {
                let spec = Self::new(place, &name, &params);
                spec.map_err(|message| match message.starts_with(place) {
                    true => message,
                    false => format!("{place}.name: {message}"),
                })
            }
            Some(other) => Err(format!("{place}.name = {other}; allowed: text in quotes")),
            None => Err(format!(
                "{place}.name is missing, as in {{ name = \"thompson\" }}"
            )),
        }
    }

    /// The counterpart of [`Self::read`], complete.
    pub(crate) fn to_table(&self) -> Table {
        let name = Value::String(self.about.name.to_owned());
        let named = Table::from_iter([("name".to_owned(), name)]);
        named
            .into_iter()
            .chain(self.params.table().clone())
            .collect()
    }

    /// The learner, for an environment.
    ///
    /// # Errors
    /// If it cannot act there: why.
    pub(crate) fn make(&self, built: &Built, oracles: &Oracles) -> Result<Player, String> {
        let (env, name) = (&built.factory, self.about.name);
        let refuse = |why| format!("'{name}' cannot act in '{}': {why}", env.spec().name);
        if name == BAYES_OPTIMAL {
            let policy = oracles.policy(built).map_err(refuse)?;
            let kind = LearnerKind::Oracle;
            return Ok(Player { kind, policy });
        }
        let params = self.params.table().iter();
        let params = params.filter_map(|(key, value)| Some((key.clone(), number_of(value)?)));
        let policy = classical::learner(name, &params.collect()).map_err(|e| e.to_string())?;
        // So that what cannot act is found out before a long training.
        policy.make(env.spec(), 1).map_err(refuse)?;
        Ok(Player {
            kind: LearnerKind::Classical,
            policy: Arc::from(policy),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Table, String> {
        let table: Table = text.parse().unwrap();
        LearnerSpec::read("evaluation.learners.0", &table).map(|spec| spec.to_table())
    }

    #[test]
    fn parameters_are_completed_and_checked() {
        let table = read("name = \"ucb1\"").unwrap();
        assert!(table.contains_key("c"), "{table}");
        assert_eq!(
            read("name = \"ucb1\"\nc = 1").unwrap()["c"],
            Value::Float(1.0)
        );
        let message = |text: &str| read(text).unwrap_err();
        assert_eq!(
            message("name = \"tomson\""),
            "evaluation.learners.0.name: no learner 'tomson'; did you mean 'thompson'?"
        );
        assert!(message("name = \"ucb1\"\nk = 1").starts_with("evaluation.learners.0.k: no such"));
        assert!(message("name = \"ucb1\"\nc = -1").starts_with("evaluation.learners.0.c = -1"));
        assert!(message("c = 1").contains("name is missing"));
    }
}
