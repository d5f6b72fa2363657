//! What an exact computation would take, found without making it.

use crate::units::{Bytes, with_unit};

/// Memory that a computation may take, in bytes: 2 GiB.
const MEMORY_LIMIT: f64 = (2_u64 << 30) as f64;

/// Time that it may take, in seconds: 5 minutes.
const TIME_LIMIT: f64 = 300.0;

/// What an exact solution takes: environments refuse what nobody would wait
/// for, at once and in words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Bytes of memory.
    pub bytes: f64,
    /// Seconds on one core.
    pub seconds: f64,
    /// How well both are known.
    pub known: Known,
}

/// How well a [`Cost`] is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It takes about as much.
    About,
    /// It takes as much or more.
    AtLeast,
    /// It takes as much or less.
    AtMost,
}

impl Cost {
    /// Refuses what takes more than 2 GiB of memory or 5 minutes.
    ///
    /// # Errors
    /// How much it would take and what to do, as a clause.
    pub fn affordable(self, computation: &str, advice: &str) -> Result<(), String> {
        if self.bytes <= MEMORY_LIMIT && self.seconds <= TIME_LIMIT {
            return Ok(());
        }
        let about = match self.known {
            Known::About => "about",
            Known::AtLeast => "at least",
            Known::AtMost => "up to",
        };
        Err(format!(
            "{computation} needs {about} {} of memory and {} on one core; it is attempted up to \
             2 GiB and 5 minutes: {advice}",
            Bytes(self.bytes),
            time(self.seconds),
        ))
    }
}

fn time(seconds: f64) -> String {
    let units = [
        (1.0, "seconds"),
        (60.0, "minutes"),
        (3600.0, "hours"),
        (86_400.0, "days"),
        (31_557_600.0, "years"),
    ];
    with_unit(seconds, &units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_how_much() {
        let cost = |bytes, seconds| Cost {
            bytes,
            seconds,
            known: match seconds < 1e6 {
                true => Known::About,
                false => Known::AtMost,
            },
        };
        assert!(cost(2e9, 200.0).affordable("it", "no").is_ok());
        let why = cost(3.1e12, 7200.0).affordable("the search", "take less");
        let why = why.unwrap_err();
        assert!(why.contains("the search needs about 3.1 TB of memory and 2.0 hours"));
        assert!(why.ends_with("take less"));
        assert!(cost(0.0, 301.0).affordable("it", "no").is_err());
        let why = cost(1e40, f64::INFINITY)
            .affordable("it", "no")
            .unwrap_err();
        assert_eq!(Bytes(2.6e10).to_string(), "26 GB");
        assert!(why.contains("up to 10^25 PB") && why.contains("more than 10^300 years"));
    }
}
