//! The one vocabulary of settings: a name, a meaning, a default, a range, and
//! the error of a value outside of it.
//!
//! Whoever takes a setting declares it once, as a constant [`Setting`]: its
//! constructor checks by it, and whoever asks for it by name (a command line, a
//! file, a table) reads, completes and lists by it.

use crate::bounds::Bounds;
use crate::fault::{SettingError, SpecError};
use std::fmt::{self, Display};
use std::ops::RangeInclusive;

/// What a setting is set to.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Whole(i128),
    /// A real number.
    Real(f64),
    /// A word.
    Word(String),
    /// What no setting can be, as it was written.
    Other(String),
}

impl Value {
    /// The number, whole or not.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(number) => Some(*number as f64),
            Self::Real(number) => Some(*number),
            Self::Word(_) | Self::Other(_) => None,
        }
    }

    fn count(&self) -> Option<usize> {
        match self {
            Self::Whole(number) => usize::try_from(*number).ok(),
            _ => None,
        }
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Self {
        Self::Whole(count as i128)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<&str> for Value {
    fn from(word: &str) -> Self {
        Self::Word(word.to_owned())
    }
}

/// As it is written in a file.
impl Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => write!(formatter, "{number}"),
            Self::Real(number) if number.is_nan() => formatter.write_str("nan"),
            // Debug keeps the point of 1.0.
            Self::Real(number) => write!(formatter, "{number:?}"),
            Self::Word(word) => write!(formatter, "{word:?}"),
            Self::Other(text) => formatter.write_str(text),
        }
    }
}

/// What a setting can be, and what it is unless set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A whole number.
    Count {
        /// What it is unless set.
        default: usize,
        /// What is allowed.
        bounds: Bounds<usize>,
    },
    /// A real number.
    Number {
        /// What it is unless set.
        default: f64,
        /// What is allowed.
        bounds: Bounds<f64>,
    },
    /// One of several words; unless set the first.
    Choice(&'static [&'static str]),
}

/// One setting that there is.
///
/// ```
/// use rl_core::Setting;
///
/// const ARMS: Setting = Setting::count("arms", 5, 2..=100, "arms to choose from");
/// assert!(ARMS.check("my-bandit", 5).is_ok());
/// let error = ARMS.check("my-bandit", 1).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "environment 'my-bandit': arms = 1; allowed: a whole number, 2 to 100"
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// Its name, as in `arms=5`.
    pub name: &'static str,
    /// What it can be, and what it is unless set.
    pub kind: Kind,
    /// What it means, with its unit.
    pub meaning: &'static str,
}

impl Setting {
    /// A whole number; both ends of the range are allowed.
    pub const fn count(
        name: &'static str,
        default: usize,
        range: RangeInclusive<usize>,
        meaning: &'static str,
    ) -> Self {
        let bounds = Bounds::closed(*range.start(), *range.end());
        Self {
            name,
            kind: Kind::Count { default, bounds },
            meaning,
        }
    }

    /// A real number; both ends of the range are allowed.
    pub const fn number(
        name: &'static str,
        default: f64,
        range: RangeInclusive<f64>,
        meaning: &'static str,
    ) -> Self {
        let bounds = Bounds::closed(*range.start(), *range.end());
        Self {
            name,
            kind: Kind::Number { default, bounds },
            meaning,
        }
    }

    /// One of several words; the first is the default.
    pub const fn choice(
        name: &'static str,
        words: &'static [&'static str],
        meaning: &'static str,
    ) -> Self {
        Self {
            name,
            kind: Kind::Choice(words),
            meaning,
        }
    }

    /// What it is unless set.
    pub fn default(&self) -> Value {
        match self.kind {
            Kind::Count { default, .. } => default.into(),
            Kind::Number { default, .. } => default.into(),
            Kind::Choice(words) => words.first().copied().unwrap_or_default().into(),
        }
    }

    /// What is allowed, in words.
    pub fn allowed(&self) -> String {
        match self.kind {
            Kind::Count { bounds, .. } => format!("a whole number, {bounds}"),
            Kind::Number { bounds, .. } => format!("a number, {bounds}"),
            Kind::Choice(words) => format!("one of {}", words.join(", ")),
        }
    }

    /// A value as the setting takes it.
    ///
    /// # Errors
    /// If it is not allowed: names the setting, the value and what is allowed.
    pub fn accept(&self, value: Value) -> Result<Value, SettingError> {
        let fits = match (self.kind, &value) {
            (Kind::Count { bounds, .. }, _) => value.count().is_some_and(|n| bounds.contains(n)),
            (Kind::Number { bounds, .. }, _) => value.number().is_some_and(|x| bounds.contains(x)),
            (Kind::Choice(words), Value::Word(word)) => words.contains(&word.as_str()),
            (Kind::Choice(_), _) => false,
        };
        match (self.kind, value.number()) {
            (Kind::Number { .. }, Some(number)) if fits => Ok(number.into()),
            _ if fits => Ok(value),
            _ => Err(SettingError::refused(self.name, value, self.allowed())),
        }
    }

    /// Passes a value that the environment of this name may be made with.
    ///
    /// # Errors
    /// Names the environment, the setting, its value and what is allowed.
    pub fn check(&self, env: &str, value: impl Into<Value>) -> Result<(), SpecError> {
        let accepted = self.accept(value.into());
        accepted.map(drop).map_err(|fault| SpecError {
            env: env.to_owned(),
            fault,
        })
    }
}

/// All settings of one thing, each of them set and within its range.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    values: Vec<(&'static str, Value)>,
}

impl Settings {
    /// Checks what was set, and fills in the rest.
    ///
    /// # Errors
    /// Names the first that does not exist or whose value is not allowed.
    pub fn new(
        settings: &[Setting],
        set: impl IntoIterator<Item = (String, Value)>,
    ) -> Result<Self, SettingError> {
        let mut set: Vec<(String, Value)> = set.into_iter().collect();
        let names = || settings.iter().map(|setting| setting.name);
        let known = |key: &str| names().any(|name| name == key);
        if let Some((key, _)) = set.iter().find(|(key, _)| !known(key)) {
            return Err(SettingError::unknown(key, names()));
        }
        let values = settings.iter().map(|setting| {
            let place = set.iter().position(|(key, _)| key == setting.name);
            let value = match place {
                None => setting.default(),
                Some(place) => setting.accept(set.swap_remove(place).1)?,
            };
            Ok((setting.name, value))
        });
        let values = values.collect::<Result<_, _>>()?;
        Ok(Self { values })
    }

    /// All of them, by name, in the order in which they were declared.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.values.iter().map(|(name, value)| (*name, value))
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.iter().find(|(key, _)| *key == name).map(|(_, v)| v)
    }

    /// A whole number.
    ///
    /// # Errors
    /// If no such setting was declared with [`Setting::count`].
    pub fn count(&self, name: &str) -> Result<usize, String> {
        let count = self.get(name).and_then(Value::count);
        count.ok_or_else(|| undeclared(name, "count"))
    }

    /// A real number.
    ///
    /// # Errors
    /// If no such setting was declared with [`Setting::number`].
    pub fn number(&self, name: &str) -> Result<f64, String> {
        match self.get(name) {
            Some(Value::Real(number)) => Ok(*number),
            _ => Err(undeclared(name, "number")),
        }
    }

    /// One of several words.
    ///
    /// # Errors
    /// If no such setting was declared with [`Setting::choice`].
    pub fn choice(&self, name: &str) -> Result<&str, String> {
        match self.get(name) {
            Some(Value::Word(word)) => Ok(word),
            _ => Err(undeclared(name, "choice")),
        }
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

    const SETTINGS: [Setting; 3] = [
        Setting::count("arms", 5, 1..=9, "arms to choose from"),
        Setting::number("noise", 0.5, 0.0..=1.0, "deviation"),
        Setting::choice("level", &["easy", "hard"], "how hard"),
    ];

    fn settings(key: &str, value: impl Into<Value>) -> Result<Settings, SettingError> {
        Settings::new(&SETTINGS, [(key.to_owned(), value.into())])
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        let found = settings("noise", 1_usize).unwrap();
        assert_eq!(found.count("arms"), Ok(5));
        assert_eq!(found.number("noise"), Ok(1.0));
        assert_eq!(found.choice("level"), Ok("easy"));
        let undeclared = found.count("noise").unwrap_err();
        assert!(undeclared.contains(".count(\"noise\""), "{undeclared}");
        let names: Vec<_> = found.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["arms", "noise", "level"]);
    }

    #[test]
    fn errors_name_key_value_and_range() {
        let whole = "allowed: a whole number, 1 to 9";
        let cases: [(&str, Value, String); 9] = [
            ("arms", 10_usize.into(), format!("arms = 10; {whole}")),
            ("arms", Value::Whole(-1), format!("arms = -1; {whole}")),
            ("arms", 2.5.into(), format!("arms = 2.5; {whole}")),
            ("arms", "5".into(), format!("arms = \"5\"; {whole}")),
            (
                "arms",
                Value::Other("[1]".into()),
                format!("arms = [1]; {whole}"),
            ),
            (
                "noise",
                f64::NAN.into(),
                "noise = nan; allowed: a number, 0 to 1".into(),
            ),
            (
                "noise",
                2.0.into(),
                "noise = 2.0; allowed: a number, 0 to 1".into(),
            ),
            (
                "level",
                "x".into(),
                "level = \"x\"; allowed: one of easy, hard".into(),
            ),
            (
                "amrs",
                5_usize.into(),
                "amrs: no such key; did you mean 'arms'?".into(),
            ),
        ];
        for (key, value, message) in cases {
            let error = settings(key, value).unwrap_err();
            assert_eq!(error.to_string(), message);
            let placed = error.below("environment").to_string();
            assert_eq!(placed, format!("environment.{message}"));
        }
        assert!(settings("arms", usize::MAX).is_err());
    }
}
