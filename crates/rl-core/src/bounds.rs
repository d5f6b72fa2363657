//! Ranges of numbers that say in words what they allow.

use crate::fault::SettingError;
use std::fmt::{self, Display};
use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::ops::RangeBounds;

/// What a number may be: from one end to another, each with or without the end
/// itself. NaN is in none.
///
/// ```
/// use rl_core::Bounds;
///
/// const TILE: Bounds<usize> = Bounds::closed(1, 64);
/// assert!(TILE.check("rl2.tile", 8_usize).is_ok());
/// let error = TILE.check("rl2.tile", 0_usize).unwrap_err();
/// assert_eq!(error.to_string(), "rl2.tile = 0; allowed: 1 to 64");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds<T> {
    low: Bound<T>,
    high: Bound<T>,
}

impl<T: Copy> Bounds<T> {
    /// Both ends are in it.
    pub const fn closed(low: T, high: T) -> Self {
        Self {
            low: Included(low),
            high: Included(high),
        }
    }

    /// Neither end is in it.
    pub const fn open(low: T, high: T) -> Self {
        Self {
            low: Excluded(low),
            high: Excluded(high),
        }
    }

    /// From here on, with no end.
    pub const fn at_least(low: T) -> Self {
        Self {
            low: Included(low),
            high: Unbounded,
        }
    }
}

impl Bounds<f64> {
    /// 0 to 1: probabilities, discounts.
    pub const UNIT: Self = Self::closed(0.0, 1.0);
    /// Between 0 and 1, which are not in it.
    pub const INSIDE_UNIT: Self = Self::open(0.0, 1.0);
    /// 0 to 1 without the 1: decays.
    pub const BELOW_ONE: Self = Self {
        low: Included(0.0),
        high: Excluded(1.0),
    };
    /// Above 0; infinity, which stands for no limit, is in it.
    pub const ABOVE_ZERO: Self = Self {
        low: Excluded(0.0),
        high: Unbounded,
    };
    /// Any that is finite.
    pub const FINITE: Self = Self::open(f64::NEG_INFINITY, f64::INFINITY);
    /// Finite and above 0.
    pub const POSITIVE: Self = Self::open(0.0, f64::INFINITY);
    /// Finite and at least 0.
    pub const NOT_NEGATIVE: Self = Self {
        low: Included(0.0),
        high: Excluded(f64::INFINITY),
    };
    /// What an f32 holds as a number above 0 of full precision, and its inverse too.
    pub const SCALE: Self = Self::closed(1e-30, 1e30);
}

impl<T: Copy> Bounds<T> {
    /// The lowest and the highest number, or those that it is between; `None` where there is
    /// no such end.
    pub fn ends(&self) -> (Option<T>, Option<T>) {
        let number = |end| match end {
            Included(number) | Excluded(number) => Some(number),
            Unbounded => None,
        };
        (number(self.low), number(self.high))
    }
}

impl<T: Copy + PartialOrd> Bounds<T> {
    /// Whether a number is in it.
    pub fn contains(&self, number: T) -> bool {
        (self.low, self.high).contains(&number)
    }

    /// Passes a number that is in it; `key` is what was set to it.
    ///
    /// # Errors
    /// Names the key, its value and what is allowed.
    pub fn check<V>(&self, key: impl Into<String>, value: V) -> Result<(), SettingError>
    where
        V: Copy + Display + Into<T>,
        Self: Display,
    {
        if self.contains(value.into()) {
            return Ok(());
        }
        Err(SettingError::refused(key, value, self.to_string()))
    }
}

impl Display for Bounds<usize> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_words(formatter, self.low, self.high, usize::to_string)
    }
}

impl Display for Bounds<u64> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_words(formatter, self.low, self.high, u64::to_string)
    }
}

impl Display for Bounds<f64> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.low, self.high) {
            (Excluded(f64::NEG_INFINITY), Excluded(f64::INFINITY)) => {
                formatter.write_str("a finite number")
            }
            (Included(low), Excluded(f64::INFINITY)) => {
                write!(formatter, "a finite number, at least {}", short(&low))
            }
            (Excluded(low), Excluded(f64::INFINITY)) => {
                write!(formatter, "a finite number above {}", short(&low))
            }
            (low, high) => write_words(formatter, low, high, short),
        }
    }
}

fn write_words<T>(
    formatter: &mut fmt::Formatter<'_>,
    low: Bound<T>,
    high: Bound<T>,
    text: impl Fn(&T) -> String,
) -> fmt::Result {
    let (low, high) = (low.as_ref().map(&text), high.as_ref().map(text));
    match (low, high) {
        (Included(low), Included(high)) => write!(formatter, "{low} to {high}"),
        (Included(low), Excluded(high)) => {
            write!(formatter, "{low} up to, but not including, {high}")
        }
        (Included(low), Unbounded) => write!(formatter, "at least {low}"),
        (Excluded(low), Included(high)) => write!(formatter, "above {low}, up to {high}"),
        (Excluded(low), Excluded(high)) => write!(formatter, "above {low} and below {high}"),
        (Excluded(low), Unbounded) => write!(formatter, "above {low}"),
        (Unbounded, Included(high)) => write!(formatter, "at most {high}"),
        (Unbounded, Excluded(high)) => write!(formatter, "below {high}"),
        (Unbounded, Unbounded) => formatter.write_str("any"),
    }
}

/// A number without a row of zeros.
fn short(number: &f64) -> String {
    match number.abs() {
        0.0 | 1e-6..1e7 => number.to_string(),
        _ => format!("{number:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_in_it_or_not_and_nan_never_is() {
        let cases: [(Bounds<f64>, &[f64], &[f64]); 8] = [
            (Bounds::UNIT, &[0.0, 0.5, 1.0], &[-0.1, 1.1, f64::INFINITY]),
            (Bounds::INSIDE_UNIT, &[0.5], &[0.0, 1.0]),
            (Bounds::BELOW_ONE, &[0.0, 0.999], &[1.0, -1e-9]),
            (Bounds::ABOVE_ZERO, &[1e-300, f64::INFINITY], &[0.0, -1.0]),
            (Bounds::FINITE, &[-1e300, 0.0], &[f64::NEG_INFINITY]),
            (Bounds::POSITIVE, &[1e-300, 1e300], &[0.0, f64::INFINITY]),
            (Bounds::NOT_NEGATIVE, &[0.0, 1e300], &[-1.0, f64::INFINITY]),
            (Bounds::SCALE, &[1e-30, 1e30], &[1e-31, 0.0]),
        ];
        for (range, good, bad) in cases {
            assert!(good.iter().all(|number| range.contains(*number)), "{range}");
            assert!(!bad.iter().any(|number| range.contains(*number)), "{range}");
            assert!(!range.contains(f64::NAN), "{range}");
        }
    }

    #[test]
    fn they_say_what_they_allow() {
        let cases = [
            (Bounds::UNIT, "0 to 1"),
            (Bounds::INSIDE_UNIT, "above 0 and below 1"),
            (Bounds::BELOW_ONE, "0 up to, but not including, 1"),
            (Bounds::ABOVE_ZERO, "above 0"),
            (Bounds::FINITE, "a finite number"),
            (Bounds::POSITIVE, "a finite number above 0"),
            (Bounds::NOT_NEGATIVE, "a finite number, at least 0"),
            (Bounds::SCALE, "1e-30 to 1e30"),
            (Bounds::closed(-1e6, 2.5), "-1000000 to 2.5"),
            (Bounds::at_least(-0.5), "at least -0.5"),
        ];
        for (range, wanted) in cases {
            assert_eq!(range.to_string(), wanted);
        }
        assert_eq!(Bounds::closed(1_u64, 1 << 20).to_string(), "1 to 1048576");
        assert_eq!(Bounds::at_least(1_usize).to_string(), "at least 1");
    }

    #[test]
    fn values_are_named_as_they_were_given() {
        let error = |value: f32| Bounds::UNIT.check("gae.gamma", value).unwrap_err();
        assert_eq!(
            error(1.1).to_string(),
            "gae.gamma = 1.1; allowed: 0 to 1",
            "an f32 is not shown as the f64 that it becomes"
        );
        assert!(error(f32::NAN).to_string().contains(" = NaN"));
    }
}
