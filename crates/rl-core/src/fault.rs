//! Errors of settings: one text for all that is refused.

use crate::names::suggestion;

/// Why a setting cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// There is none of this name.
    #[error("{key}: no such key; {help}")]
    Unknown {
        /// What was asked for.
        key: String,
        /// What there is.
        help: String,
    },
    /// Its value is not allowed.
    #[error("{key} = {value}; allowed: {allowed}")]
    Refused {
        /// The setting.
        key: String,
        /// Its value.
        value: String,
        /// What is allowed.
        allowed: String,
    },
}

impl SettingError {
    /// A value that is not allowed.
    pub fn refused(
        key: impl Into<String>,
        value: impl ToString,
        allowed: impl Into<String>,
    ) -> Self {
        Self::Refused {
            key: key.into(),
            value: value.to_string(),
            allowed: allowed.into(),
        }
    }

    /// A setting that there is not, where these are.
    pub fn unknown<'a>(key: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Unknown {
            key: key.to_owned(),
            help: suggestion(key, known),
        }
    }

    /// The setting's name, as far as it is known.
    pub fn key(&self) -> &str {
        match self {
            Self::Unknown { key, .. } | Self::Refused { key, .. } => key,
        }
    }

    /// The same, where the setting stands below a place: `a.b` for `b` below `a`.
    #[must_use]
    pub fn below(mut self, place: &str) -> Self {
        let (Self::Unknown { key, .. } | Self::Refused { key, .. }) = &mut self;
        *key = format!("{place}.{key}");
        self
    }
}

impl From<SettingError> for String {
    fn from(error: SettingError) -> Self {
        error.to_string()
    }
}

/// A specification that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("environment '{env}': {fault}")]
pub struct SpecError {
    /// The environment's name.
    pub env: String,
    /// The field at fault, its value and what is allowed.
    pub fault: SettingError,
}

impl SpecError {
    /// A field of an environment's that is set to what is not allowed.
    pub fn new(env: &str, field: &str, value: impl ToString, allowed: &str) -> Self {
        Self {
            env: env.to_owned(),
            fault: SettingError::refused(field, value, allowed),
        }
    }
}

impl From<SpecError> for String {
    fn from(error: SpecError) -> Self {
        error.to_string()
    }
}
