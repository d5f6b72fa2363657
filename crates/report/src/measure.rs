//! A measured number and how sure it is.

use crate::stats::{Interval, pool};

/// A measured number and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Measure {
    /// Known without sampling.
    Exact(f64),
    /// A mean with its standard error over tasks.
    Sampled(f64, f64),
    /// A mean with its 95 % interval over seeds.
    Seeds(Interval),
}

impl Measure {
    pub(crate) fn mean(self) -> f64 {
        match self {
            Self::Exact(mean) | Self::Sampled(mean, _) => mean,
            Self::Seeds(interval) => interval.mean,
        }
    }

    /// The mean and the ends of its 95 % interval.
    pub(crate) fn interval(self) -> Interval {
        match self {
            Self::Exact(mean) => Interval::around(mean, 0.0),
            Self::Sampled(mean, error) => Interval::around(mean, error),
            Self::Seeds(interval) => interval,
        }
    }

    /// What its number of decimals should show.
    pub(crate) fn uncertainty(self) -> f64 {
        match self {
            Self::Exact(_) => 0.0,
            Self::Sampled(_, error) => error,
            Self::Seeds(interval) => (interval.high - interval.low) / 2.0,
        }
    }

    pub(crate) fn pair(self) -> (f64, f64) {
        (self.mean(), self.uncertainty())
    }

    /// One value per seed becomes their mean and interval; a single one keeps
    /// its own standard error.
    pub(crate) fn over_seeds(measured: &[(f64, f64)]) -> Option<Self> {
        let values: Vec<f64> = measured.iter().map(|(value, _)| *value).collect();
        match (Interval::of(&values), measured) {
            (Some(interval), _) => Some(Self::Seeds(interval)),
            (None, [(value, error)]) => Some(Self::Sampled(*value, *error)),
            _ => None,
        }
    }

    pub(crate) fn pooled(measured: &[(f64, f64)]) -> Option<Self> {
        match pool(measured)? {
            (value, 0.0) => Some(Self::Exact(value)),
            (value, error) => Some(Self::Sampled(value, error)),
        }
    }
}
