//! How much of what can be gained a return has gained.

use crate::stats::Estimate;

/// The way from the return of a random agent to the best one that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    random: Estimate,
    best: Estimate,
}

impl Gap {
    /// From random to the best; `None` if the best is not above random by more
    /// than rounding.
    pub fn new(random: Estimate, best: Estimate) -> Option<Self> {
        let gap = Self { random, best };
        let relative = gap.width() / best.mean.abs().max(random.mean.abs());
        (relative > 1e-9).then_some(gap)
    }

    /// The same with each end anew within its own error; an error that is not known counts
    /// for nothing, nor do ends that change places.
    pub(crate) fn redrawn(&self, mut normal: impl FnMut() -> f64) -> Self {
        let mut anew = |end: &Estimate| Estimate::exact(end.redrawn(normal()));
        let drawn = Self {
            random: anew(&self.random),
            best: anew(&self.best),
        };
        match drawn.width() > 0.0 {
            true => drawn,
            false => *self,
        }
    }

    fn width(&self) -> f64 {
        self.best.mean - self.random.mean
    }

    /// The share of the way to a mean return: 0 for random, 1 for the best. Its
    /// error is that of the three numbers to first order, taken for
    /// independent: share = (x − r) / (b − r) changes by 1 / (b − r) with x, by
    /// −(1 − share) / (b − r) with r and by −share / (b − r) with b.
    pub fn share(&self, mean_return: Estimate) -> Estimate {
        let share = (mean_return.mean - self.random.mean) / self.width();
        let join = |of: fn(&Estimate) -> f64| {
            let ends = ((1.0 - share) * of(&self.random)).hypot(share * of(&self.best));
            of(&mean_return).hypot(ends) / self.width()
        };
        Estimate {
            mean: share,
            standard_error: join(|estimate| estimate.standard_error),
            half_width: join(|estimate| estimate.half_width),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled((mean, standard_error): (f64, f64)) -> Estimate {
        Estimate::sampled(mean, standard_error, u64::MAX)
    }

    #[test]
    fn a_share_runs_from_random_to_the_best() {
        let exact = Estimate::exact;
        let gap = Gap::new(exact(5.0), exact(7.0)).unwrap();
        assert_eq!(gap.share(exact(5.0)), exact(0.0));
        assert_eq!(gap.share(exact(7.0)), exact(1.0));
        let half = gap.share(sampled((6.5, 0.2)));
        assert_eq!((half.mean, half.standard_error), (0.75, 0.1));
        assert!((half.half_width - 0.195_996_398).abs() < 1e-8);
        let negative = Gap::new(exact(-80.0), exact(-4.0)).unwrap();
        assert_eq!(negative.share(exact(-42.0)).mean, 0.5);
        let one_task = gap.share(Estimate::sampled(6.5, 0.0, 1));
        assert_eq!((one_task.mean, one_task.interval()), (0.75, None));
    }

    /// The first-order error is the error that independent deviations of all
    /// three numbers have, each by finite differences.
    #[test]
    fn errors_of_all_three_numbers_count() {
        let (random, best, own) = ((2.0, 0.03), (6.0, 0.05), (7.0, 0.02));
        let share = |dr: f64, db: f64, dx: f64| {
            let ends = [random.0 + dr, best.0 + db].map(Estimate::exact);
            let gap = Gap::new(ends[0], ends[1]).unwrap();
            gap.share(Estimate::exact(own.0 + dx)).mean
        };
        let h = 1e-5;
        let slopes = [
            (share(h, 0.0, 0.0) - share(-h, 0.0, 0.0)) / (2.0 * h) * random.1,
            (share(0.0, h, 0.0) - share(0.0, -h, 0.0)) / (2.0 * h) * best.1,
            (share(0.0, 0.0, h) - share(0.0, 0.0, -h)) / (2.0 * h) * own.1,
        ];
        let wanted = slopes.iter().map(|part| part * part).sum::<f64>().sqrt();
        let gap = Gap::new(sampled(random), sampled(best)).unwrap();
        let found = gap.share(sampled(own)).standard_error;
        assert!((found - wanted).abs() < 1e-8, "{found}, not {wanted}");
    }

    #[test]
    fn where_nothing_can_be_gained_there_is_no_gap() {
        for best in [5.0, 4.0, 5.0 + 1e-12, f64::NAN] {
            let gap = Gap::new(Estimate::exact(5.0), Estimate::exact(best));
            assert_eq!(gap, None, "{best}");
        }
    }
}
