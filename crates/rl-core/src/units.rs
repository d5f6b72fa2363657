//! Amounts in the unit that fits them.

use std::fmt;

/// A number of bytes in the largest unit that leaves at least 1 of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bytes(pub f64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1e6, "MB"), (1e9, "GB"), (1e12, "TB"), (1e15, "PB")];
        f.write_str(&with_unit(self.0, &units))
    }
}

/// `number` in the largest unit that leaves at least 1 of it; beyond a million
/// of the largest unit, its power of ten.
pub(crate) fn with_unit(number: f64, units: &[(f64, &str)]) -> String {
    let fits = |&&(size, _): &&(f64, &str)| number >= size;
    let &(size, unit) = units.iter().rev().find(fits).unwrap_or(&units[0]);
    let count = number / size;
    if count < 1e6 {
        let digits = usize::from(count < 9.95);
        format!("{count:.digits$} {unit}")
    } else if count.is_finite() {
        format!("10^{:.0} {unit}", count.log10())
    } else {
        format!("more than 10^300 {unit}")
    }
}
