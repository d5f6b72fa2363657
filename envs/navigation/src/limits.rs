//! What the settings of an environment may be.

use rl_core::{Check, SpecError};

/// Which values a setting may have.
pub(crate) struct Limit {
    /// The setting's name.
    pub(crate) field: &'static str,
    /// The lowest value.
    pub(crate) least: usize,
    /// The highest value.
    pub(crate) most: usize,
    /// Both in words.
    pub(crate) allowed: &'static str,
}

/// Steps of an episode.
pub(crate) const HORIZON: Limit = Limit {
    field: "horizon",
    least: 1,
    most: 1_000_000,
    allowed: "1 to 1000000",
};

/// Episodes of a trial. With the longest horizon, 4,000 of them are the most
/// that a trial's steps can be counted for.
pub(crate) const EPISODES: Limit = Limit {
    field: "episodes",
    least: 1,
    most: 4_000,
    allowed: "1 to 4000",
};

impl Limit {
    /// Passes a value that is allowed.
    ///
    /// # Errors
    /// Names the environment, the setting, its value and what is allowed.
    pub(crate) fn check(&self, env: &str, value: usize) -> Result<(), SpecError> {
        Check::of(env).count(self.field, value, self.least..=self.most, self.allowed)
    }

    /// The error of a value that is not allowed.
    pub(crate) fn refuse(&self, env: &str, value: usize) -> SpecError {
        Check::of(env).error(self.field, value.to_string(), self.allowed)
    }
}
