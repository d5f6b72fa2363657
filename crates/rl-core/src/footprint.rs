//! How much memory something takes, counted before it is made.

use crate::units::Bytes;
use std::borrow::Cow;
use std::fmt;

/// How many parts an error names.
const NAMED: usize = 4;

/// One part of a [`Footprint`].
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    /// What takes it, such as `trajectories of 64 lanes`.
    pub what: String,
    /// How much, in bytes.
    pub bytes: f64,
    /// Which settings it grows with.
    pub grows_with: Cow<'static, str>,
}

/// What a computation takes of memory at its peak, part by part. Bytes are
/// `f64`, in which no product of settings overflows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Footprint {
    parts: Vec<Need>,
}

impl Footprint {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one part more, which grows with these settings.
    #[must_use]
    pub fn with(
        mut self,
        what: impl Into<String>,
        bytes: f64,
        grows_with: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.parts.push(Need {
            what: what.into(),
            bytes,
            grows_with: grows_with.into(),
        });
        self
    }

    /// Both, which are in memory at the same time.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        self
    }

    /// The larger of two, which are in memory one after the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match other.bytes() > self.bytes() {
            true => other,
            false => self,
        }
    }

    /// All parts together, in bytes.
    pub fn bytes(&self) -> f64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }

    /// The parts.
    pub fn parts(&self) -> &[Need] {
        &self.parts
    }
}

/// The sum, the largest parts and what they grow with: `2.8 GB of memory: 1.9
/// GB activations …`.
impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<&Need> = self.parts.iter().collect();
        parts.sort_by(|a, b| b.bytes.total_cmp(&a.bytes));
        write!(f, "{} of memory: ", Bytes(self.bytes()))?;
        for (index, part) in parts.iter().take(NAMED).enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let Need {
                what, grows_with, ..
            } = part;
            write!(
                f,
                "{comma}{} {what} (grows with {grows_with})",
                Bytes(part.bytes)
            )?;
        }
        match parts.get(NAMED..) {
            None | Some([]) => Ok(()),
            Some(rest) => {
                let bytes = rest.iter().map(|part| part.bytes).sum();
                write!(f, ", {} the rest", Bytes(bytes))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_the_largest_come_first() {
        let footprint = Footprint::new()
            .with("weights", 2e6, "units")
            .with("rows", 3e9, "lanes");
        assert_eq!(footprint.bytes(), 3.002e9);
        assert_eq!(
            footprint.to_string(),
            "3.0 GB of memory: 3.0 GB rows (grows with lanes), 2.0 MB weights (grows with units)"
        );
        let more = (0..4).fold(footprint.clone(), |all, _| all.with("small", 1e6, "x"));
        assert!(more.to_string().ends_with(", 2.0 MB the rest"), "{more}");
        let later = Footprint::new().with("plots", 4e9, "runs");
        assert_eq!(footprint.clone().or(later.clone()), later);
        assert_eq!(footprint.clone().and(later).bytes(), 7.002e9);
    }

    #[test]
    fn absurd_settings_do_not_wrap() {
        let most = usize::MAX as f64;
        let footprint = Footprint::new().with("rows", most * most * most, "lanes");
        assert!(footprint.bytes() > 1e57);
        let none = Footprint::new().with("rows", most.powi(20), "lanes");
        assert!(
            none.to_string().starts_with("more than 10^300 PB"),
            "{none}"
        );
    }
}
