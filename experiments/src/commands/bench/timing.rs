//! Timed iterations.

use lab::failure::Failure;
use serde_json::{Map, Value, json};
use std::time::Instant;

/// Iterations before anything is measured.
pub(super) const WARM_UP: usize = 2;
/// Rounds of iterations.
pub(super) const ROUNDS: usize = 5;
/// Seconds of a round, at least, and its iterations, at most.
const ROUND_SECONDS: f64 = 0.2;
const ROUND_ITERATIONS: usize = 200;

/// Seconds of each iteration of a round.
pub(super) fn round(
    mut iteration: impl FnMut() -> Result<(), Failure>,
) -> Result<Vec<f64>, Failure> {
    let (begun, mut times) = (Instant::now(), Vec::new());
    loop {
        let start = Instant::now();
        iteration()?;
        times.push(start.elapsed().as_secs_f64());
        let enough = begun.elapsed().as_secs_f64() >= ROUND_SECONDS;
        if enough || times.len() >= ROUND_ITERATIONS {
            return Ok(times);
        }
    }
}

/// The middle one; the mean of the middle two of an even number.
pub(super) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match numbers.len() % 2 {
        1 => numbers[middle],
        _ => 0.5 * (numbers[middle - 1] + numbers[middle]),
    }
}

/// A positive number with three digits that count, or all before the point.
pub(super) fn digits(number: f64) -> String {
    let whole = number.log10().floor().clamp(-9.0, 2.0);
    format!("{number:.*}", (2.0 - whole) as usize)
}

/// Seconds in a unit that leaves digits to see: `1.23 s`, `45.6 ms`, `7.89 µs`.
pub(super) fn brief(seconds: f64) -> String {
    match seconds {
        s if s >= 0.9995 => format!("{} s", digits(s)),
        s if s >= 0.9995e-3 => format!("{} ms", digits(s * 1e3)),
        s => format!("{} µs", digits(s * 1e6)),
    }
}

/// `1 worker`, `2 workers`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Seconds of an iteration by what they were spent on.
pub(super) struct Split(pub(super) Vec<(&'static str, f64)>);

impl Split {
    /// The shares of the whole, for people.
    pub(super) fn text(&self) -> String {
        let whole: f64 = self.0.iter().map(|(_, seconds)| seconds).sum();
        let parts = self.0.iter().map(|(name, seconds)| {
            let share = 100.0 * seconds / whole;
            format!("{name} {share:.1} %")
        });
        parts.collect::<Vec<_>>().join(", ")
    }

    /// The seconds by name.
    pub(super) fn json(&self) -> Map<String, Value> {
        let parts = self.0.iter();
        parts
            .map(|(name, seconds)| ((*name).to_owned(), json!(seconds)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5);
    }

    #[test]
    fn times_keep_their_digits_however_short() {
        let brief: Vec<String> = [123.4, 1.234, 0.0123, 0.000_045_61, 7e-6].map(brief).into();
        assert_eq!(brief, ["123 s", "1.23 s", "12.3 ms", "45.6 µs", "7.00 µs"]);
        assert_eq!(
            [0.0123, 0.5, 1234.5].map(digits),
            ["0.0123", "0.500", "1234"]
        );
        assert_eq!(counted(1, "worker"), "1 worker");
        assert_eq!(counted(2, "worker"), "2 workers");
    }

    #[test]
    fn a_round_has_at_least_one_iteration_and_an_end() {
        let mut done = 0;
        let times = round(|| {
            done += 1;
            Ok(())
        });
        assert_eq!(times.unwrap().len(), ROUND_ITERATIONS);
        assert_eq!(done, ROUND_ITERATIONS);
        assert!(round(|| Err(Failure::usage("no"))).is_err());
    }
}
