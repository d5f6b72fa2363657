//! Settings that change over a run.

use rl_core::{Bounds, SettingError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a setting moves from its first to its last value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// In a straight line.
    Linear,
    /// Along half a cosine: slowly at both ends.
    Cosine,
}

/// A setting that goes from one value to another over the updates of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Value at the first update.
    pub from: f64,
    /// Value at the last update.
    pub to: f64,
    /// The way between.
    pub shape: Shape,
}

impl Schedule {
    /// The value at an update, counted from 0, of `updates`; after the last one
    /// it stays where it is.
    pub fn at(&self, update: u64, updates: u64) -> f64 {
        let progress = update as f64 / updates.saturating_sub(1).max(1) as f64;
        let progress = progress.min(1.0);
        let share = match self.shape {
            Shape::Linear => progress,
            Shape::Cosine => 0.5 - 0.5 * (std::f64::consts::PI * progress).cos(),
        };
        self.from + (self.to - self.from) * share
    }

    /// What either end may be.
    pub const RATE: Bounds<f64> = Bounds::NOT_NEGATIVE;

    /// Checks both ends, which no optimizer could follow elsewhere.
    ///
    /// # Errors
    /// Names the first end that is out of range.
    pub fn validate(&self) -> Result<(), SettingError> {
        Self::RATE.check("from", self.from)?;
        Self::RATE.check("to", self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_meet_both_ends() {
        for shape in [Shape::Linear, Shape::Cosine] {
            let schedule = Schedule {
                from: 3.0,
                to: 1.0,
                shape,
            };
            assert_eq!(schedule.at(0, 11), 3.0);
            assert!((schedule.at(10, 11) - 1.0).abs() < 1e-12);
            assert!((schedule.at(5, 11) - 2.0).abs() < 1e-12);
            assert_eq!(schedule.at(0, 1), 3.0);
            assert_eq!(schedule.at(11, 11), schedule.at(10, 11));
        }
        let cosine = Schedule {
            from: 0.0,
            to: 1.0,
            shape: Shape::Cosine,
        };
        assert!(cosine.at(1, 11) < 0.05, "slow at the start");
    }
}
