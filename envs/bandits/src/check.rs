//! Checks of settings, with errors that say what is allowed.

use rl_core::SpecError;
use std::ops::RangeInclusive;

/// The settings of one environment.
pub(crate) struct Settings {
    pub(crate) env: &'static str,
}

impl Settings {
    /// Refuses a whole number outside a range, which `allowed` puts in words.
    pub(crate) fn count(
        &self,
        field: &'static str,
        value: usize,
        range: RangeInclusive<usize>,
        allowed: &'static str,
    ) -> Result<(), SpecError> {
        match range.contains(&value) {
            true => Ok(()),
            false => Err(self.error(field, value.to_string(), allowed)),
        }
    }

    /// Refuses a real number outside a range, and NaN.
    pub(crate) fn number(
        &self,
        field: &'static str,
        value: f64,
        range: RangeInclusive<f64>,
        allowed: &'static str,
    ) -> Result<(), SpecError> {
        match range.contains(&value) {
            true => Ok(()),
            false => Err(self.error(field, value.to_string(), allowed)),
        }
    }

    pub(crate) fn error(
        &self,
        field: &'static str,
        value: String,
        allowed: &'static str,
    ) -> SpecError {
        SpecError {
            env: self.env.into(),
            field,
            value,
            allowed,
        }
    }
}
