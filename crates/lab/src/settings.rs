//! Settings of environments: what there is to set, and what was set.

use agent::suggestion;
use std::ops::RangeInclusive;
use toml::{Table, Value};

/// One setting that an environment has.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Its name, as in `arms=5`.
    pub name: String,
    /// What it means, with its unit.
    pub meaning: String,
    /// What it can be, and what it is unless set.
    pub kind: Kind,
}

/// What a setting can be, and what it is unless set.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A whole number.
    Count {
        /// What it is unless set.
        default: usize,
        /// What is allowed.
        range: RangeInclusive<usize>,
    },
    /// A real number.
    Number {
        /// What it is unless set.
        default: f64,
        /// What is allowed.
        range: RangeInclusive<f64>,
    },
    /// One of several words.
    Choice {
        /// What it is unless set.
        default: String,
        /// What is allowed.
        words: Vec<String>,
    },
}

impl Kind {
    /// What the setting is unless set.
    pub fn default(&self) -> Value {
        match self {
            Self::Count { default, .. } => Value::Integer(*default as i64),
            Self::Number { default, .. } => Value::Float(*default),
            Self::Choice { default, .. } => Value::String(default.clone()),
        }
    }

    /// What is allowed, in words.
    pub fn allowed(&self) -> String {
        match self {
            Self::Count { range, .. } => {
                format!("a whole number, {} to {}", range.start(), range.end())
            }
            Self::Number { range, .. } => format!("a number, {} to {}", range.start(), range.end()),
            Self::Choice { words, .. } => format!("one of {}", words.join(", ")),
        }
    }

    /// The value as this setting takes it, if it is allowed.
    fn accept(&self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Self::Count { range, .. }, Value::Integer(value)) => {
                let count = usize::try_from(*value).ok()?;
                range.contains(&count).then_some(Value::Integer(*value))
            }
            (Self::Number { range, .. }, Value::Integer(_) | Value::Float(_)) => {
                let number = number_of(value)?;
                range.contains(&number).then_some(Value::Float(number))
            }
            (Self::Choice { words, .. }, Value::String(word)) => {
                words.contains(word).then(|| value.clone())
            }
            _ => None,
        }
    }
}

/// A number, whole or not.
pub fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        _ => None,
    }
}

/// All settings of one environment, each of them set and within its range.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    table: Table,
}

impl Settings {
    /// Checks what was set, and fills in the rest.
    ///
    /// # Errors
    /// Names the first key that does not exist or whose value is not allowed,
    /// with `place` (as in `environment`) in front.
    pub fn new(place: &str, keys: &[Key], set: &Table) -> Result<Self, String> {
        let names = || keys.iter().map(|key| key.name.as_str());
        if let Some(unknown) = set.keys().find(|name| names().all(|key| key != *name)) {
            let help = suggestion(unknown, names());
            return Err(format!("{place}.{unknown}: no such key; {help}"));
        }
        let mut table = Table::new();
        for key in keys {
            let value = match set.get(&key.name) {
                None => key.kind.default(),
                Some(value) => key.kind.accept(value).ok_or_else(|| {
                    let (name, allowed) = (&key.name, key.kind.allowed());
                    format!("{place}.{name} = {value}; allowed: {allowed}")
                })?,
            };
            table.insert(key.name.clone(), value);
        }
        Ok(Self { table })
    }

    /// All of them.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// A whole number.
    ///
    /// # Errors
    /// If no such key was declared with
    /// [`EnvironmentEntry::count`](crate::EnvironmentEntry::count).
    pub fn count(&self, name: &str) -> Result<usize, String> {
        let value = self.table.get(name).and_then(Value::as_integer);
        let count = value.and_then(|value| usize::try_from(value).ok());
        count.ok_or_else(|| undeclared(name, "count"))
    }

    /// A real number.
    ///
    /// # Errors
    /// If no such key was declared with
    /// [`EnvironmentEntry::number`](crate::EnvironmentEntry::number).
    pub fn number(&self, name: &str) -> Result<f64, String> {
        let value = self.table.get(name).and_then(Value::as_float);
        value.ok_or_else(|| undeclared(name, "number"))
    }

    /// One of several words.
    ///
    /// # Errors
    /// If no such key was declared with
    /// [`EnvironmentEntry::choice`](crate::EnvironmentEntry::choice).
    pub fn choice(&self, name: &str) -> Result<&str, String> {
        let value = self.table.get(name).and_then(Value::as_str);
        value.ok_or_else(|| undeclared(name, "choice"))
    }
}

fn undeclared(name: &str, kind: &str) -> String {
    format!(
        "the registry entry reads '{name}', but declares no such key; add .{kind}(\"{name}\", ...)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Vec<Key> {
        let key = |name: &str, kind| Key {
            name: name.into(),
            meaning: String::new(),
            kind,
        };
        let words = vec!["easy".to_owned(), "hard".to_owned()];
        vec![
            key(
                "arms",
                Kind::Count {
                    default: 5,
                    range: 1..=9,
                },
            ),
            key(
                "noise",
                Kind::Number {
                    default: 0.5,
                    range: 0.0..=1.0,
                },
            ),
            key(
                "level",
                Kind::Choice {
                    default: "easy".into(),
                    words,
                },
            ),
        ]
    }

    fn settings(text: &str) -> Result<Settings, String> {
        Settings::new("environment", &keys(), &text.parse().unwrap())
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        let found = settings("noise = 1").unwrap();
        assert_eq!(found.count("arms"), Ok(5));
        assert_eq!(found.number("noise"), Ok(1.0));
        assert_eq!(found.choice("level"), Ok("easy"));
        assert!(
            found
                .count("noise")
                .unwrap_err()
                .contains(".count(\"noise\"")
        );
    }

    #[test]
    fn errors_name_key_value_and_range() {
        let cases = [
            (
                "amrs = 5",
                "environment.amrs: no such key; did you mean 'arms'?",
            ),
            (
                "arms = 10",
                "environment.arms = 10; allowed: a whole number, 1 to 9",
            ),
            (
                "arms = -1",
                "environment.arms = -1; allowed: a whole number, 1 to 9",
            ),
            (
                "arms = \"5\"",
                "environment.arms = \"5\"; allowed: a whole number, 1 to 9",
            ),
            (
                "noise = nan",
                "environment.noise = nan; allowed: a number, 0 to 1",
            ),
            (
                "level = \"x\"",
                "environment.level = \"x\"; allowed: one of easy, hard",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(settings(text).unwrap_err(), message);
        }
    }
}
