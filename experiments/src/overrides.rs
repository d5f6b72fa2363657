//! `key=value` on the command line: dotted keys into a table, TOML values.

use crate::names::nearest;
use toml::{Table, Value};

/// One `key=value`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Override {
    /// The dotted key.
    pub(crate) key: String,
    /// What it is set to.
    pub(crate) value: Value,
}

impl Override {
    /// Reads `key=value`. A value that is no TOML is taken as text, so that
    /// words need no quotes.
    ///
    /// # Errors
    /// If there is no `=` or no key.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
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
        let parsed: Option<Value> = format!("value = {value}")
            .parse()
            .ok()
            .and_then(|mut table: Table| (table.len() == 1).then(|| table.remove("value"))?);
        Ok(Self {
            key: key.to_owned(),
            value: parsed.unwrap_or_else(|| Value::String(value.to_owned())),
        })
    }

    /// Reads several.
    ///
    /// # Errors
    /// Of the first that is malformed, or sets a key a second time.
    pub(crate) fn parse_all(texts: &[String]) -> Result<Vec<Self>, String> {
        let mut all: Vec<Self> = Vec::new();
        for text in texts {
            let one = Self::parse(text)?;
            if all.iter().any(|other| other.key == one.key) {
                return Err(format!("{text}: {} is set twice; set it once", one.key));
            }
            all.push(one);
        }
        Ok(all)
    }

    /// Sets a key that exists already.
    ///
    /// # Errors
    /// If it does not: names the nearest one that does.
    pub(crate) fn apply(&self, table: &mut Table) -> Result<(), String> {
        let mut parts = self.key.split('.');
        let last = parts.next_back().unwrap_or_default();
        let parent = parts.try_fold(&mut *table, |table, part| {
            table.get_mut(part).and_then(Value::as_table_mut)
        });
        match parent.and_then(|parent| parent.get_mut(last)) {
            Some(value) => {
                *value = self.value.clone();
                Ok(())
            }
            None => Err(unknown(&self.key, table)),
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
