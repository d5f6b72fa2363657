//! How long a rank waits for another one.

use std::time::{Duration, Instant};

/// Beside what the user says, so many times the longest that anything took so far: what
/// this rank computes itself the others may take as long for, or a few times longer.
const SLACK: u32 = 10;
/// What waiting adds at most: a hiccup of the network must not have all ranks wait for
/// hours for one that is lost later.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How long this rank waits, from what it has seen.
#[derive(Debug)]
pub(crate) struct Patience {
    /// What there is of it at least.
    least: Duration,
    longest: Duration,
    /// When the ranks have last heard of each other.
    heard: Option<Instant>,
}

impl Patience {
    pub(crate) fn new(least: Duration) -> Self {
        Self {
            least,
            longest: Duration::ZERO,
            heard: None,
        }
    }

    /// How long to wait in an exchange that begins now.
    pub(crate) fn begin(&mut self, now: Instant) -> Duration {
        if let Some(heard) = self.heard {
            self.longest = self.longest.max(now - heard);
        }
        self.least
            .saturating_add(self.longest.saturating_mul(SLACK))
    }

    /// That exchange has ended.
    pub(crate) fn end(&mut self, began: Instant, now: Instant) {
        self.longest = self.longest.max((now - began).min(LONGEST_WAIT));
        self.heard = Some(now);
    }

    /// A word was heard for which ranks wait however long it takes.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn who_computes_long_waits_long() {
        let (mut patience, start) = (Patience::new(seconds(60)), Instant::now());
        assert_eq!(patience.begin(start), seconds(60));
        patience.end(start, start + seconds(1));
        assert_eq!(patience.begin(start + seconds(1)), seconds(70));
        // What it computes itself counts, and what comes between updates does not.
        assert_eq!(patience.begin(start + seconds(101)), seconds(1060));
        patience.heard(start + seconds(9000));
        assert_eq!(patience.begin(start + seconds(9001)), seconds(1060));
    }

    #[test]
    fn a_hiccup_adds_minutes_and_no_more() {
        let (mut patience, start) = (Patience::new(seconds(60)), Instant::now());
        patience.end(start, start + seconds(5000));
        assert_eq!(patience.begin(start + seconds(5000)), seconds(660));
    }
}
