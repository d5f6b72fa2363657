//! How much sooner a new task is learned: medians over tasks, of which some may not be
//! learned at all.

use rl_core::rand::RngExt as _;
use rl_core::{Domain, Purpose, StreamKey};

/// Resamples of the tasks that intervals are made of.
const RESAMPLES: usize = 10_000;

/// Steps until each of several tasks was learned, `None` where it was not within the
/// budget.
pub type Arrivals = [Option<f64>];

/// The median of what is known to be at most the budget or beyond it; `None` if it is
/// beyond, which is when less than half of the tasks were learned.
pub fn median(arrivals: &Arrivals) -> Option<f64> {
    let mut sorted: Vec<f64> = arrivals
        .iter()
        .map(|steps| steps.unwrap_or(f64::INFINITY))
        .collect();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    let middle = match sorted.len() % 2 {
        _ if sorted.is_empty() => return None,
        1 => sorted[half],
        _ => 0.5 * (sorted[half - 1] + sorted[half]),
    };
    middle.is_finite().then_some(middle)
}

/// One way to begin beside learning from scratch, on the same tasks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reduction {
    /// One minus the ratio of the medians: the share of the training time that is saved.
    /// Where the median from scratch is beyond the budget, the budget stands for it, so that
    /// this is the least that it can be; minus infinity where less than half of the tasks were
    /// learned.
    pub share: f64,
    /// The 95 % percentile interval of that over resampled tasks, pairs kept together.
    pub interval: [f64; 2],
    /// Whether the median from scratch is beyond the budget.
    pub at_least: bool,
    /// Steps saved in each task: the difference of the medians, likewise a bound; `None` if
    /// none are.
    pub saved: Option<f64>,
}

impl Reduction {
    /// Compares two ways on the same tasks, in their order.
    ///
    /// # Panics
    /// If the tasks are not as many.
    pub fn new(way: &Arrivals, scratch: &Arrivals, (budget, seed): (f64, u64)) -> Option<Self> {
        assert_eq!(way.len(), scratch.len(), "the tasks are the same");
        if way.is_empty() {
            return None;
        }
        let share = |way: &Arrivals, scratch: &Arrivals| {
            let from = median(scratch).unwrap_or(budget);
            median(way).map_or(f64::NEG_INFINITY, |steps| 1.0 - steps / from)
        };
        let mut rng = StreamKey::new(seed, Domain::HeldOut, 0).lane(Purpose::Shuffle, 0);
        let tasks = way.len();
        let (mut ours, mut theirs) = (way.to_vec(), scratch.to_vec());
        let mut shares: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                for place in 0..tasks {
                    let drawn = rng.random_range(0..tasks);
                    (ours[place], theirs[place]) = (way[drawn], scratch[drawn]);
                }
                share(&ours, &theirs)
            })
            .collect();
        shares.sort_by(f64::total_cmp);
        let quantile = |p: f64| shares[((RESAMPLES - 1) as f64 * p).round() as usize];
        let from = median(scratch);
        let saved = median(way).map(|steps| from.unwrap_or(budget) - steps);
        Some(Self {
            share: share(way, scratch),
            interval: [quantile(0.025), quantile(0.975)],
            at_least: from.is_none(),
            saved: saved.filter(|saved| *saved > 0.0),
        })
    }

    /// After how many new tasks the steps that went before them are saved: those over what
    /// each task saves; `None` if nothing is saved.
    pub fn break_even(&self, spent: f64) -> Option<f64> {
        self.saved.map(|saved| spent / saved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_what_is_beyond_the_budget() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[Some(3.0), None, Some(1.0)]), Some(3.0));
        assert_eq!(median(&[Some(3.0), None, None]), None);
        assert_eq!(median(&[Some(3.0), Some(1.0)]), Some(2.0));
        // Between a known number and one beyond the budget there is none.
        assert_eq!(median(&[Some(3.0), None]), None);
    }

    #[test]
    fn a_reduction_is_of_medians_and_never_more_than_is_known() {
        let scratch = [100.0, 200.0, 400.0].map(Some);
        let way = [10.0, 20.0, 30.0].map(Some);
        let found = Reduction::new(&way, &scratch, (1000.0, 0)).unwrap();
        assert_eq!((found.share, found.at_least), (0.9, false));
        assert_eq!(found.saved, Some(180.0));
        assert_eq!(found.break_even(1800.0), Some(10.0));
        assert!(found.interval[0] <= 0.9 && 0.9 <= found.interval[1]);
        // The tasks of a pair are drawn together.
        assert!(found.interval[0] >= 0.9 && found.interval[1] <= 0.925);
        // What is slower reduces nothing, and what does not arrive neither.
        let slower = Reduction::new(&scratch, &way, (1000.0, 0)).unwrap();
        assert_eq!(slower.share, -9.0);
        assert_eq!((slower.saved, slower.break_even(1.0)), (None, None));
        let never = Reduction::new(&[None, None, Some(1.0)], &scratch, (1000.0, 0)).unwrap();
        assert_eq!(never.share, f64::NEG_INFINITY);
        // Only the budget is known of who never learned from scratch.
        let unknown = Reduction::new(&way, &[None, None, None], (1000.0, 0)).unwrap();
        assert_eq!((unknown.share, unknown.at_least), (0.98, true));
        assert_eq!(unknown.saved, Some(980.0));
    }

    #[test]
    fn intervals_hold_where_tasks_differ() {
        let scratch: Vec<_> = (1..=40).map(|task| Some(f64::from(task) * 100.0)).collect();
        let way: Vec<_> = (1..=40)
            .rev()
            .map(|task| Some(f64::from(task) * 10.0))
            .collect();
        let found = Reduction::new(&way, &scratch, (1e9, 1)).unwrap();
        let [low, high] = found.interval;
        assert!(low < found.share && found.share < high, "{found:?}");
        assert!(0.7 < low && high < 0.97, "{found:?}");
        assert_eq!(Reduction::new(&way, &scratch, (1e9, 1)), Some(found));
    }
}
