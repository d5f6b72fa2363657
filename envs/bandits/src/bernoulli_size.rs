//! How large the dynamic program of a Bernoulli bandit is, found without
//! making it.

use rl_core::{Cost, Known};

/// Time per state and arm, in seconds: 5 to 15 ns were measured on one core of
/// a server of 2023. Good for an order of magnitude anywhere.
const TIME_PER_ARM: f64 = 1e-8;

/// Where there are more arms than this, most are alike: a state takes no
/// longer.
const DIFFERENT_ARMS: f64 = 10.0;

/// What the counting itself may take: at most about this many multiplications,
/// a few hundredths of a second.
const COUNTING_LIMIT: f64 = 5e7;

/// Numbers of states, where a state is a multiset of the arms' counts of
/// successes and failures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Size {
    arms: f64,
    /// States before the last pull, the widest layer.
    pub(crate) widest: f64,
    /// States before every pull, together.
    pub(crate) total: f64,
    /// Whether the numbers are exact, and not lower bounds.
    pub(crate) exact: bool,
}

/// What is wanted of the dynamic program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The value of the first state: two layers of values are in memory.
    Value,
    /// The best arm in every state, one byte each.
    Policy,
    /// The same with the value of every state: what each arm is worth.
    Advantages,
}

/// Values of more states are not kept: 256 MB of them.
const MOST_VALUES: f64 = 32e6;

impl Size {
    /// Counts the states of `arms` arms and `pulls` pulls. Takes little time
    /// and memory for any numbers.
    pub(crate) fn of(arms: usize, pulls: usize) -> Self {
        let (k, n) = (arms as f64, pulls as f64);
        if n * n * k * (k.ln() + 1.0) <= COUNTING_LIMIT {
            Self::counted(arms, pulls)
        } else {
            Self::bounded(k, n)
        }
    }

    /// Multisets of k kinds, whose generating function by pulls is h_k in
    /// Newton's identity j h_j = Σ_i p_i h_{j−i}, with the power sums
    /// p_i(x) = Σ_m (m+1) x^(i m): there are m+1 kinds of arms of m pulls.
    fn counted(arms: usize, pulls: usize) -> Self {
        let mut h = vec![0.0; (arms + 1) * pulls]; // [arms + 1][pulls]
        h[0] = 1.0;
        for j in 1..=arms {
            let (known, rest) = h.split_at_mut(j * pulls);
            let sum = &mut rest[..pulls];
            for i in 1..=j {
                let source = &known[(j - i) * pulls..(j - i + 1) * pulls];
                for (m, start) in (0..pulls).step_by(i).enumerate() {
                    let kinds = (m + 1) as f64;
                    for (to, from) in sum[start..].iter_mut().zip(source) {
                        *to += kinds * from;
                    }
                }
            }
            sum.iter_mut().for_each(|count| *count /= j as f64);
        }
        let layers = &h[arms * pulls..];
        Self {
            arms: arms as f64,
            widest: layers[pulls - 1],
            total: layers.iter().sum(),
            exact: true,
        }
    }

    /// At most k! states of distinguishable arms are one state here, so there
    /// are at least C(t+2k−1, 2k−1) / k! after t pulls, and no fewer for more
    /// arms: the largest of these bounds is taken.
    fn bounded(arms: f64, pulls: f64) -> Self {
        let after = pulls - 1.0;
        let (mut k, mut log) = (1.0, pulls.ln());
        while k < arms && log < 1e4 {
            let more = (after + 2.0 * k + 1.0) / (2.0 * k + 1.0) * (after + 2.0 * k) / (2.0 * k);
            let growth = more / (k + 1.0);
            if growth <= 1.0 {
                break;
            }
            log += growth.ln();
            k += 1.0;
        }
        let widest = log.exp();
        Self {
            arms,
            widest,
            total: widest * (after + 2.0 * k) / (2.0 * k),
            exact: false,
        }
    }

    /// Bytes of memory that the dynamic program takes.
    pub(crate) fn bytes(&self, wanted: Wanted) -> f64 {
        let two_layers = 2.0 * 8.0 * self.widest;
        match wanted {
            Wanted::Value => two_layers + self.widest,
            Wanted::Policy => two_layers + self.total,
            Wanted::Advantages => two_layers + 9.0 * self.total,
        }
    }

    /// Seconds that it takes.
    fn seconds(&self) -> f64 {
        self.total * self.arms.min(DIFFERENT_ARMS) * TIME_PER_ARM
    }

    /// Refuses what takes too much memory or time.
    ///
    /// # Errors
    /// How much it would take, as a clause.
    pub(crate) fn affordable(&self, wanted: Wanted) -> Result<(), String> {
        if wanted == Wanted::Advantages && self.total > MOST_VALUES {
            return Err(format!(
                "the values of {:.0} states would be kept, and those of up to {MOST_VALUES} are",
                self.total
            ));
        }
        let cost = Cost {
            bytes: self.bytes(wanted),
            seconds: self.seconds(),
            known: match self.exact {
                true => Known::About,
                false => Known::AtLeast,
            },
        };
        cost.affordable("the dynamic program", "take fewer arms or pulls")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// All multisets of counts that can be reached, layer by layer.
    fn by_search(arms: usize, pulls: usize) -> (usize, usize) {
        let mut layer = HashSet::from([vec![(0, 0); arms]]);
        let mut total = 1;
        for _ in 1..pulls {
            let mut next = HashSet::new();
            for state in &layer {
                for arm in 0..arms {
                    for success in 0..2 {
                        let mut state: Vec<(u32, u32)> = state.clone();
                        state[arm].0 += success;
                        state[arm].1 += 1 - success;
                        state.sort_unstable();
                        next.insert(state);
                    }
                }
            }
            layer = next;
            total += layer.len();
        }
        (layer.len(), total)
    }

    #[test]
    fn states_are_counted_as_a_search_finds_them() {
        for (arms, pulls) in [(1, 1), (1, 4), (2, 1), (2, 6), (3, 7), (5, 6), (7, 7)] {
            let size = Size::of(arms, pulls);
            let (widest, total) = by_search(arms, pulls);
            assert!(size.exact);
            assert_eq!(size.widest, widest as f64, "{arms} arms, {pulls} pulls");
            assert_eq!(size.total, total as f64, "{arms} arms, {pulls} pulls");
        }
    }

    #[test]
    fn the_bound_is_below_the_count_and_not_far() {
        for (arms, pulls) in [(2, 100), (3, 100), (5, 100), (10, 100), (5, 500)] {
            let (count, bound) = (
                Size::counted(arms, pulls),
                Size::bounded(arms as f64, pulls as f64),
            );
            for (count, bound) in [(count.widest, bound.widest), (count.total, bound.total)] {
                assert!(
                    bound <= count * (1.0 + 1e-9),
                    "{arms}, {pulls}: {bound} > {count}"
                );
                assert!(bound > count / 100.0, "{arms}, {pulls}: {bound} << {count}");
            }
        }
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "it bounds a time")]
    fn sizes_out_of_reach_are_refused_at_once() {
        let refused = [
            (5, 100),
            (50, 500),
            (3, 2000),
            (1000, 1000),
            (2, 1_000_000),
            (1_000_000, 65_536),
            (2, usize::MAX),
            (usize::MAX, 100),
            (usize::MAX, usize::MAX),
        ];
        let begin = std::time::Instant::now();
        for (arms, pulls) in refused {
            let why = Size::of(arms, pulls).affordable(Wanted::Value).unwrap_err();
            assert!(why.contains("B of memory and"), "{why}");
            assert!(!why.contains("NaN") && !why.contains("inf"), "{why}");
        }
        assert!(begin.elapsed().as_secs() < 5);
    }
}
