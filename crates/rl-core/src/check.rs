//! Checks of settings, with errors that say what is allowed.

use crate::spec::SpecError;
use std::ops::RangeInclusive;

/// Checks the settings of one environment when it is made.
///
/// ```
/// let check = rl_core::Check::of("my-bandit");
/// assert!(check.count("arms", 5, 2..=100, "2 to 100").is_ok());
/// let error = check.count("arms", 1, 2..=100, "2 to 100").unwrap_err();
/// assert_eq!(error.to_string(), "environment 'my-bandit': arms is 1; allowed: 2 to 100");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    env: &'a str,
}

impl<'a> Check<'a> {
    /// For the environment of this name.
    pub fn of(env: &'a str) -> Self {
        Self { env }
    }

    /// Passes a whole number within a range, which `allowed` puts in words.
    ///
    /// # Errors
    /// Names the environment, the field, its value and what is allowed.
    pub fn count(
        &self,
        field: &'static str,
        value: usize,
        range: RangeInclusive<usize>,
        allowed: &'static str,
    ) -> Result<(), SpecError> {
        self.within(field, value, range, allowed)
    }

    /// Passes a real number within a range, and never NaN.
    ///
    /// # Errors
    /// As [`Check::count`].
    pub fn number(
        &self,
        field: &'static str,
        value: f64,
        range: RangeInclusive<f64>,
        allowed: &'static str,
    ) -> Result<(), SpecError> {
        self.within(field, value, range, allowed)
    }

    fn within<T: PartialOrd + ToString>(
        &self,
        field: &'static str,
        value: T,
        range: RangeInclusive<T>,
        allowed: &'static str,
    ) -> Result<(), SpecError> {
        match range.contains(&value) {
            true => Ok(()),
            false => Err(self.error(field, value.to_string(), allowed)),
        }
    }

    /// The error of a value that is not allowed.
    pub fn error(&self, field: &'static str, value: String, allowed: &'static str) -> SpecError {
        SpecError {
            env: self.env.into(),
            field,
            value,
            allowed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_within_and_nan_is_nowhere() {
        let check = Check::of("toy");
        for (value, good) in [(1, false), (2, true), (4, true), (5, false)] {
            assert_eq!(check.count("n", value, 2..=4, "2 to 4").is_ok(), good);
        }
        for (value, good) in [(-0.1, false), (0.0, true), (1.0, true), (f64::NAN, false)] {
            assert_eq!(check.number("x", value, 0.0..=1.0, "0 to 1").is_ok(), good);
        }
        let error = check
            .number("x", f64::NAN, 0.0..=1.0, "0 to 1")
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "environment 'toy': x is NaN; allowed: 0 to 1"
        );
    }
}
