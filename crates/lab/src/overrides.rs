//! `key=value` on the command line: dotted keys into a table, TOML values.

use crate::numbers;
use rl_core::nearest;
use std::fmt::{self, Display};
use toml::{Table, Value};

/// One `key=value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// The dotted key.
    pub key: String,
    /// What it is set to, as far as that can be told without what was there.
    pub value: Value,
    /// How that was typed.
    text: String,
}

/// As it was typed.
impl Display for Override {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}={}", self.key, self.text)
    }
}

impl Override {
    /// Reads `key=value`. A value that is no TOML is taken as text, so that
    /// words need no quotes.
    ///
    /// # Errors
    /// If there is no `=` or no key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((key, value)) = text.split_once('=') else {
            return Err(format!(
                "'{text}' is not of the form key=value, as in rl2.lanes=512"
            ));
        };
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() || key.split('.').any(str::is_empty) {
            return Err(format!(
                "'{text}': the key is not of the form a.b.c, as in rl2.lanes=512"
            ));
        }
        let parsed = toml_value(value).or_else(|| toml_value(&numbers::in_toml(value)));
        Ok(Self {
            key: key.to_owned(),
            value: parsed.unwrap_or_else(|| Value::String(value.to_owned())),
            text: value.to_owned(),
        })
    }

    /// The value in the place of another one: a word stays a word, also where it
    /// reads like a number, and `1e3` is a whole number where one stands.
    pub fn instead_of(&self, other: &Value) -> Value {
        let bare = !matches!(
            self.value,
            Value::String(_) | Value::Array(_) | Value::Table(_)
        );
        match other {
            Value::String(_) if bare => Value::String(self.text.clone()),
            _ => like(&self.value, other),
        }
    }

    /// Reads several.
    ///
    /// # Errors
    /// Of the first that is malformed, sets a key a second time, or replaces the
    /// table that a key was set in.
    pub fn parse_all(texts: &[String]) -> Result<Vec<Self>, String> {
        let mut all: Vec<Self> = Vec::new();
        for text in texts {
            let one = Self::parse(text)?;
            if all.iter().any(|other| other.key == one.key) {
                return Err(format!("{text}: {} is set twice; set it once", one.key));
            }
            if let Some(lost) = all.iter().find(|other| is_below(&other.key, &one.key)) {
                return Err(format!(
                    "{text} replaces {}, which {lost} set before; give {lost} after it",
                    one.key
                ));
            }
            all.push(one);
        }
        Ok(all)
    }

    /// Sets a key that exists already.
    ///
    /// # Errors
    /// If it does not: names the nearest one that does. If it is a whole number, and
    /// the value is one beyond all that TOML has.
    pub fn apply(&self, table: &mut Table) -> Result<(), String> {
        let mut parts = self.key.split('.');
        let last = parts.next_back().unwrap_or_default();
        let parent = parts.try_fold(&mut *table, |table, part| {
            table.get_mut(part).and_then(Value::as_table_mut)
        });
        match parent.and_then(|parent| parent.get_mut(last)) {
            // As a float it would be another number than was typed.
            Some(Value::Integer(_)) if numbers::is_beyond(&self.text) => Err(format!(
                "{}: allowed: a whole number, {} to {}",
                self.key,
                i64::MIN,
                i64::MAX
            )),
            Some(value) => {
                *value = self.instead_of(value);
                Ok(())
            }
            None => Err(unknown(&self.key, table)),
        }
    }
}

/// Whether a dotted key is in the table of another one.
fn is_below(key: &str, table: &str) -> bool {
    key.strip_prefix(table)
        .is_some_and(|rest| rest.starts_with('.'))
}

/// The value of a text that is TOML.
fn toml_value(text: &str) -> Option<Value> {
    let mut table: Table = format!("value = {text}").parse().ok()?;
    (table.len() == 1).then(|| table.remove("value"))?
}

/// A value with numbers as another one has them, at any depth: whole where they
/// can be.
fn like(value: &Value, other: &Value) -> Value {
    match (value, other) {
        (Value::Float(number), Value::Integer(_)) => {
            numbers::integer(*number).map_or(value.clone(), Value::Integer)
        }
        (Value::Array(items), Value::Array(others)) => {
            let first = others.first();
            let item = |item| first.map_or_else(|| Value::clone(item), |first| like(item, first));
            Value::Array(items.iter().map(item).collect())
        }
        (Value::Table(table), Value::Table(others)) => {
            let entry = |(key, value): (&String, &Value)| {
                let other = others.get(key);
                let value = other.map_or_else(|| value.clone(), |other| like(value, other));
                (key.clone(), value)
            };
            Value::Table(table.iter().map(entry).collect())
        }
        _ => value.clone(),
    }
}

/// Where settings are from: a preset or a file, and who sets others.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The preset or the file.
    pub source: String,
    /// What else is set.
    pub overrides: Vec<Override>,
    /// Where it is, as in "on the command line".
    pub set: &'static str,
}

impl Origin {
    /// A message about settings, which begins with the key at fault, with where
    /// that is from in front.
    pub fn of(&self, message: &str) -> String {
        let part = |c: char| c.is_alphanumeric() || "._-".contains(c);
        let words = message
            .split(|c| !part(c))
            .map(|word| word.trim_matches('.'));
        let at_fault = words.clone().next().unwrap_or_default();
        let sets = |one: &&Override| one.key == at_fault || is_below(at_fault, &one.key);
        if let Some(one) = self.overrides.iter().find(sets) {
            return format!("{one} {}: {message}", self.set);
        }
        // A value of the file can be at odds with one of those.
        let named = |one: &&Override| {
            is_below(&one.key, at_fault) || words.clone().any(|word| word == one.key)
        };
        let named: Vec<String> = self
            .overrides
            .iter()
            .filter(named)
            .map(Override::to_string)
            .collect();
        match named.is_empty() {
            true => format!("{}: {message}", self.source),
            false => {
                let named = named.join(" ");
                format!("{} with {named} {}: {message}", self.source, self.set)
            }
        }
    }
}

fn unknown(key: &str, table: &Table) -> String {
    let mut paths = Vec::new();
    collect(table, "", &mut paths);
    // Tables that the key would be in are not what was meant by it.
    let inside = |path: &&str| {
        key.strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    let others = paths
        .iter()
        .map(String::as_str)
        .filter(|path| !inside(path));
    if let Some(near) = nearest(key, others) {
        return format!("{key}: no such key; did you mean '{near}'?");
    }
    // The keys beside it, at the deepest level that exists.
    let (mut level, mut prefix) = (table, String::new());
    for part in key.split('.') {
        let Some(deeper) = level.get(part).and_then(Value::as_table) else {
            break;
        };
        (level, prefix) = (deeper, format!("{prefix}{part}."));
    }
    let there: Vec<String> = level.keys().map(|key| format!("{prefix}{key}")).collect();
    format!("{key}: no such key; there are {}", there.join(", "))
}

fn collect(table: &Table, prefix: &str, paths: &mut Vec<String>) {
    for (key, value) in table {
        let path = format!("{prefix}{key}");
        if let Value::Table(inner) = value {
            collect(inner, &format!("{path}."), paths);
        }
        paths.push(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        "[rl2]\nlanes = 4\ntrunk = {kind = \"gru\", hidden = 8}\n[evaluation]\nactions = \"sample\""
            .parse()
            .unwrap()
    }

    fn apply(text: &str) -> Result<Table, String> {
        let mut table = table();
        Override::parse(text)?.apply(&mut table)?;
        Ok(table)
    }

    #[test]
    fn values_keep_their_types() {
        let value = |text: &str| Override::parse(text).unwrap().value;
        assert_eq!(value("a=3"), Value::Integer(3));
        assert_eq!(value("a=3e-4"), Value::Float(3e-4));
        assert_eq!(value("a=true"), Value::Boolean(true));
        assert_eq!(value("a=greedy"), Value::String("greedy".into()));
        assert_eq!(value("a=\"3\""), Value::String("3".into()));
        assert_eq!(value("a=1\nb=2"), Value::String("1\nb=2".into()));
        assert!(value("a=[1, 2]").is_array());
        let table = apply("rl2.trunk={kind=\"lstm\",hidden=48}").unwrap();
        assert_eq!(table["rl2"]["trunk"]["hidden"], Value::Integer(48));
        assert_eq!(table["rl2"]["lanes"], Value::Integer(4));
    }

    #[test]
    fn a_number_that_toml_has_not_is_not_taken_for_another() {
        for beyond in ["9223372036854775808", "-9_223_372_036_854_775_809"] {
            let found = apply(&format!("rl2.lanes={beyond}")).unwrap_err();
            let wanted = "rl2.lanes: allowed: a whole number, -9223372036854775808 to \
                          9223372036854775807";
            assert_eq!(found, wanted);
        }
        let most = apply("rl2.lanes=9223372036854775807").unwrap();
        assert_eq!(most["rl2"]["lanes"], Value::Integer(i64::MAX));
    }

    /// Numbers as people type them, and words that read like numbers.
    #[test]
    fn what_was_there_says_what_is_meant() {
        let set = |there: &str, text: &str| {
            let mut table: Table = format!("x = {there}").parse().unwrap();
            Override::parse(&format!("x={text}"))?.apply(&mut table)?;
            Ok::<String, String>(table["x"].to_string())
        };
        let cases = [
            ("0.5", ".001", "0.001"),
            ("0.5", "1.", "1.0"),
            ("0.5", "-.5e-3", "-0.0005"),
            ("0.5", "+1_000.", "1000.0"),
            ("0.5", "1e3", "1000.0"),
            ("5", "1e3", "1000"),
            ("5", "1_000", "1000"),
            ("5", "2.5e3", "2500"),
            ("5", "1.", "1"),
            ("5", "0.5", "0.5"),
            ("5", "1e300", &Value::Float(1e300).to_string()),
            ("[1, 2]", "[1e2, 64.]", "[100, 64]"),
            (
                "{a = 1, b = 0.5}",
                "{a = 1e2, b = .5}",
                "{ a = 100, b = 0.5 }",
            ),
            ("\"word\"", "nan", "\"nan\""),
            ("\"word\"", "inf", "\"inf\""),
            ("\"word\"", "true", "\"true\""),
            ("\"word\"", "007", "\"007\""),
            ("\"word\"", "1.", "\"1.\""),
            ("\"word\"", "[1]", "[1]"),
            ("0.5", "inf", "inf"),
            ("0.5", "v1.", "\"v1.\""),
            ("[\"a\"]", "[\".5\", 'x 1. y']", "[\".5\", \"x 1. y\"]"),
        ];
        for (there, text, wanted) in cases {
            assert_eq!(
                set(there, text).as_deref(),
                Ok(wanted),
                "{text} for {there}"
            );
        }
    }

    #[test]
    fn a_table_does_not_undo_what_was_set_in_it() {
        let all = |texts: [&str; 2]| Override::parse_all(&texts.map(str::to_owned));
        let table = "rl2.trunk={kind=\"lstm\",hidden=4}";
        let lost = all(["rl2.trunk.hidden=3", table]).unwrap_err();
        assert!(lost.ends_with("give rl2.trunk.hidden=3 after it"), "{lost}");
        assert_eq!(all([table, "rl2.trunk.hidden=3"]).unwrap().len(), 2);
        assert_eq!(all(["rl2.trunks=3", "rl2.trunk=4"]).unwrap().len(), 2);
    }

    #[test]
    fn a_message_says_who_set_the_key_at_fault() {
        let overrides = ["rl2.lanes=9", "rl2.trunk={}", "environment.arms=3"];
        let origin = Origin {
            source: "preset x".to_owned(),
            overrides: Override::parse_all(&overrides.map(str::to_owned)).unwrap(),
            set: "on the command line",
        };
        let cases = [
            (
                "rl2.lanes = 9; allowed: 8",
                "rl2.lanes=9 on the command line",
            ),
            (
                "rl2.trunk.kind is missing",
                "rl2.trunk={} on the command line",
            ),
            ("rl2.tile = 9; allowed: 8", "preset x"),
            (
                "rl2.tile = 8; allowed: a divisor of rl2.lanes = 9",
                "preset x with rl2.lanes=9 on the command line",
            ),
            (
                "environment: too large",
                "preset x with environment.arms=3 on the command line",
            ),
        ];
        for (message, origin_of_it) in cases {
            assert_eq!(origin.of(message), format!("{origin_of_it}: {message}"));
        }
    }

    #[test]
    fn unknown_keys_are_refused_with_the_nearest() {
        let message = |text: &str| apply(text).unwrap_err();
        assert_eq!(
            message("lanes=2"),
            "lanes: no such key; did you mean 'rl2.lanes'?"
        );
        assert_eq!(
            message("rl2.lans=2"),
            "rl2.lans: no such key; did you mean 'rl2.lanes'?"
        );
        assert_eq!(
            message("rl2.trunk.x=2"),
            "rl2.trunk.x: no such key; there are rl2.trunk.kind, rl2.trunk.hidden"
        );
        assert_eq!(
            message("rl2.trunk.epochs=2"),
            "rl2.trunk.epochs: no such key; there are rl2.trunk.kind, rl2.trunk.hidden"
        );
        assert!(message("rl2.lanes").contains("key=value"));
        assert!(message("=2").contains("a.b.c"));
        assert!(message("a..b=2").contains("a.b.c"));
    }
}
