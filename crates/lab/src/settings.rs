//! Settings between TOML and the vocabulary that they are declared in.

use rl_core::{Setting, Settings, Value};
use toml::Table;

/// Checks what was set in a table, and fills in the rest.
///
/// # Errors
/// Names the first key that does not exist or whose value is not allowed, with
/// `place` (as in `environment`) in front.
pub fn checked(place: &str, settings: &[Setting], set: &Table) -> Result<Settings, String> {
    let set = set
        .iter()
        .map(|(key, value)| (key.clone(), from_toml(value)));
    Settings::new(settings, set).map_err(|fault| fault.below(place).into())
}

/// All settings as a table.
pub fn table(settings: &Settings) -> Table {
    let entry = |(name, value): (&str, &Value)| (name.to_owned(), to_toml(value));
    settings.iter().map(entry).collect()
}

/// A value of TOML's.
pub fn from_toml(value: &toml::Value) -> Value {
    match value {
        toml::Value::Integer(number) => Value::Whole((*number).into()),
        toml::Value::Float(number) => Value::Real(*number),
        toml::Value::String(word) => Value::Word(word.clone()),
        other => Value::Other(other.to_string()),
    }
}

/// A value as TOML has it.
pub fn to_toml(value: &Value) -> toml::Value {
    match value {
        // What a setting allows is no larger than TOML's numbers.
        Value::Whole(number) => toml::Value::Integer(*number as i64),
        Value::Real(number) => toml::Value::Float(*number),
        Value::Word(word) | Value::Other(word) => toml::Value::String(word.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: [Setting; 3] = [
        Setting::count("arms", 5, 1..=9, "arms to choose from"),
        Setting::number("noise", 0.5, 0.0..=1.0, "deviation"),
        Setting::choice("level", &["easy", "hard"], "how hard"),
    ];

    fn read(text: &str) -> Result<Settings, String> {
        checked("environment", &SETTINGS, &text.parse().unwrap())
    }

    #[test]
    fn a_table_is_completed_and_keeps_the_types_of_its_settings() {
        let found = table(&read("noise = 1").unwrap());
        let wanted: Table = "arms = 5\nnoise = 1.0\nlevel = \"easy\"".parse().unwrap();
        assert_eq!(found, wanted);
    }

    #[test]
    fn errors_name_the_place_and_the_value_as_it_was_written() {
        let whole = "allowed: a whole number, 1 to 9";
        let cases = [
            (
                "amrs = 5",
                "environment.amrs: no such key; did you mean 'arms'?".to_owned(),
            ),
            ("arms = 10", format!("environment.arms = 10; {whole}")),
            ("arms = -1", format!("environment.arms = -1; {whole}")),
            ("arms = \"5\"", format!("environment.arms = \"5\"; {whole}")),
            ("arms = [5]", format!("environment.arms = [5]; {whole}")),
            ("arms = true", format!("environment.arms = true; {whole}")),
            (
                "noise = nan",
                "environment.noise = nan; allowed: a number, 0 to 1".to_owned(),
            ),
            (
                "level = \"x\"",
                "environment.level = \"x\"; allowed: one of easy, hard".to_owned(),
            ),
        ];
        for (text, message) in cases {
            assert_eq!(read(text).unwrap_err(), message);
        }
    }
}
