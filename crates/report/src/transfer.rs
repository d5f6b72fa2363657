//! How much sooner a new task is learned: medians over tasks, of which some may not be
//! learned at all.

use rl_core::rand::RngExt as _;
use rl_core::{Domain, Purpose, StreamKey};

/// Resamples of the tasks that intervals are made of.
const RESAMPLES: usize = 10_000;

/// How long one task took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrival {
    /// Steps until it was learned.
    After(f64),
    /// Steps in which it was not, when they ended.
    NotIn(f64),
}

impl Arrival {
    /// Steps until the task was learned, if it was.
    pub fn steps(self) -> Option<f64> {
        match self {
            Self::After(steps) => Some(steps),
            Self::NotIn(_) => None,
        }
    }

    /// What it took at least: all steps that were lived.
    fn least(self) -> f64 {
        let (Self::After(steps) | Self::NotIn(steps)) = self;
        steps
    }
}

/// How long several tasks took, in their order.
pub type Arrivals = [Arrival];

/// The median, where tasks that were not learned come after all others. It is known if
/// more than half of the tasks were learned; otherwise it is not within the median of
/// what was lived in each.
pub fn median(arrivals: &Arrivals) -> Arrival {
    let steps = |arrival: &Arrival| arrival.steps().unwrap_or(f64::INFINITY);
    let known = middle(arrivals.iter().map(steps).collect());
    match known.is_finite() && !arrivals.is_empty() {
        true => Arrival::After(known),
        false => Arrival::NotIn(middle(arrivals.iter().map(|a| a.least()).collect())),
    }
}

/// The median of numbers; 0 of none.
fn middle(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let half = numbers.len() / 2;
    match numbers.len() % 2 {
        _ if numbers.is_empty() => 0.0,
        1 => numbers[half],
        _ => 0.5 * (numbers[half - 1] + numbers[half]),
    }
}

/// One way to begin beside learning from scratch, on the same tasks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reduction {
    /// One minus the ratio of the medians: the share of the training time that is saved.
    /// Where the median from scratch is not known, what was lived there stands for it, so that
    /// this is the least that it can be; minus infinity where the way's own is not known.
    pub share: f64,
    /// The lower end of the 95 % percentile interval of that over resampled tasks, pairs
    /// kept together; likewise a bound.
    pub low: f64,
    /// The upper end; `None` where resamples that reach so far have an unknown median from
    /// scratch, since nothing is known of how much they save then.
    pub high: Option<f64>,
    /// Whether the median from scratch is not known.
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
    pub fn new(way: &Arrivals, scratch: &Arrivals, seed: u64) -> Option<Self> {
        assert_eq!(way.len(), scratch.len(), "the tasks are the same");
        if way.is_empty() {
            return None;
        }
        let mut rng = StreamKey::new(seed, Domain::HeldOut, 0).lane(Purpose::Resample, 0);
        let tasks = way.len();
        let (mut ours, mut theirs) = (way.to_vec(), scratch.to_vec());
        let (mut least, mut most) = (Vec::new(), Vec::new());
        for _ in 0..RESAMPLES {
            for place in 0..tasks {
                let drawn = rng.random_range(0..tasks);
                (ours[place], theirs[place]) = (way[drawn], scratch[drawn]);
            }
            let (ours, theirs) = (median(&ours), median(&theirs));
            let share = share(ours, theirs);
            least.push(share);
            // Any share is possible where a known median stands beside one that is not.
            let open = ours.steps().is_some() && theirs.steps().is_none();
            most.push(if open { f64::INFINITY } else { share });
        }
        let quantile = |shares: &mut Vec<f64>, p: f64| {
            shares.sort_by(f64::total_cmp);
            shares[((RESAMPLES - 1) as f64 * p).round() as usize]
        };
        let (ours, theirs) = (median(way), median(scratch));
        let saved = ours.steps().map(|steps| theirs.least() - steps);
        Some(Self {
            share: share(ours, theirs),
            low: quantile(&mut least, 0.025),
            high: Some(quantile(&mut most, 0.975)).filter(|high| *high < f64::INFINITY),
            at_least: theirs.steps().is_none(),
            saved: saved.filter(|saved| *saved > 0.0),
        })
    }

    /// After how many new tasks the steps that went before them are saved: those over what
    /// each task saves; `None` if nothing is saved.
    pub fn break_even(&self, spent: f64) -> Option<f64> {
        self.saved.map(|saved| spent / saved)
    }
}

/// One minus the ratio of two medians, or the least that it can be.
fn share(way: Arrival, scratch: Arrival) -> f64 {
    match way.steps() {
        Some(steps) => 1.0 - steps / scratch.least(),
        None => f64::NEG_INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::Arrival::{After, NotIn};
    use super::*;

    #[test]
    fn medians_of_what_was_not_learned() {
        assert_eq!(median(&[]), NotIn(0.0));
        assert_eq!(median(&[After(3.0), NotIn(2.0), After(1.0)]), After(3.0));
        assert_eq!(median(&[After(3.0), After(1.0)]), After(2.0));
        // What was lived is all that is known, also of exactly half.
        assert_eq!(median(&[After(3.0), NotIn(5.0), NotIn(9.0)]), NotIn(5.0));
        assert_eq!(median(&[After(3.0), NotIn(9.0)]), NotIn(6.0));
    }

    #[test]
    fn a_reduction_is_of_medians_and_never_more_than_is_known() {
        let scratch = [100.0, 200.0, 400.0].map(After);
        let way = [10.0, 20.0, 30.0].map(After);
        let found = Reduction::new(&way, &scratch, 0).unwrap();
        assert_eq!((found.share, found.at_least), (0.9, false));
        assert_eq!(found.saved, Some(180.0));
        assert_eq!(found.break_even(1800.0), Some(10.0));
        let high = found.high.unwrap();
        assert!(found.low <= 0.9 && 0.9 <= high);
        // The tasks of a pair are drawn together.
        assert!(found.low >= 0.9 && high <= 0.925);
        // What is slower reduces nothing, and what does not arrive neither.
        let slower = Reduction::new(&scratch, &way, 0).unwrap();
        assert_eq!(slower.share, -9.0);
        assert_eq!((slower.saved, slower.break_even(1.0)), (None, None));
        let never = [NotIn(9.0), NotIn(9.0), After(1.0)];
        let never = Reduction::new(&never, &scratch, 0).unwrap();
        assert_eq!(never.share, f64::NEG_INFINITY);
        // Only what was lived is known of who never learned from scratch.
        let unknown = Reduction::new(&way, &[NotIn(1000.0); 3], 0).unwrap();
        assert_eq!((unknown.share, unknown.at_least), (0.98, true));
        assert_eq!((unknown.saved, unknown.high), (Some(980.0), None));
        assert!(unknown.low <= 0.98 && unknown.low >= 0.97);
        let shorter = Reduction::new(&way, &[NotIn(100.0); 3], 0).unwrap();
        assert_eq!(shorter.share, 0.8);
    }

    /// A median that is known beside resamples of it that are not.
    #[test]
    fn an_interval_is_open_above_where_resamples_are_not_known() {
        let way = [After(10.0); 9];
        let mut scratch = [After(100.0); 9];
        assert_eq!(Reduction::new(&way, &scratch, 0).unwrap().high, Some(0.9));
        scratch[..4].fill(NotIn(100.0));
        let found = Reduction::new(&way, &scratch, 0).unwrap();
        assert_eq!(
            (found.share, found.at_least, found.high),
            (0.9, false, None)
        );
        assert_eq!(found.low, 0.9);
        // One of them hardly ever is the median.
        scratch[..3].fill(After(100.0));
        assert_eq!(Reduction::new(&way, &scratch, 0).unwrap().high, Some(0.9));
    }

    #[test]
    fn intervals_hold_where_tasks_differ() {
        let scratch: Vec<_> = (1..=40)
            .map(|task| After(f64::from(task) * 100.0))
            .collect();
        let way: Vec<_> = (1..=40)
            .rev()
            .map(|task| After(f64::from(task) * 10.0))
            .collect();
        let found = Reduction::new(&way, &scratch, 1).unwrap();
        let (low, high) = (found.low, found.high.unwrap());
        assert!(low < found.share && found.share < high, "{found:?}");
        assert!(0.7 < low && high < 0.97, "{found:?}");
        assert_eq!(Reduction::new(&way, &scratch, 1), Some(found));
    }
}
