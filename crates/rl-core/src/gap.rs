//! How much of what can be gained a return has gained.

/// The way from the return of a random agent to the best one that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    random: f64,
    best: f64,
    errors: [f64; 2],
}

impl Gap {
    /// From random to the best, each a mean return with its standard error, 0
    /// where it is exact; `None` if the best is not above random by more than
    /// rounding.
    pub fn new(random: (f64, f64), best: (f64, f64)) -> Option<Self> {
        let gap = Self {
            random: random.0,
            best: best.0,
            errors: [random.1, best.1],
        };
        let relative = gap.width() / best.0.abs().max(random.0.abs());
        (relative > 1e-9).then_some(gap)
    }

    fn width(&self) -> f64 {
        self.best - self.random
    }

    /// The share of the way to a mean return: 0 for random, 1 for the best.
    pub fn share(&self, mean_return: f64) -> f64 {
        (mean_return - self.random) / self.width()
    }

    /// The standard error that those of the two ends give a share. To first
    /// order, with independent ends, share = (x − r) / (b − r) changes by
    /// −(1 − share) / (b − r) with r and by −share / (b − r) with b.
    pub fn error_of_ends(&self, share: f64) -> f64 {
        let [random, best] = self.errors;
        ((1.0 - share) * random).hypot(share * best) / self.width()
    }

    /// The share of the way to a mean return with its standard error, and the
    /// share's own, to first order.
    pub fn measure(&self, (mean_return, standard_error): (f64, f64)) -> (f64, f64) {
        let share = self.share(mean_return);
        let own = standard_error / self.width();
        (share, own.hypot(self.error_of_ends(share)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_runs_from_random_to_the_best() {
        let gap = Gap::new((5.0, 0.0), (7.0, 0.0)).unwrap();
        assert_eq!(gap.measure((5.0, 0.0)), (0.0, 0.0));
        assert_eq!(gap.measure((7.0, 0.0)), (1.0, 0.0));
        assert_eq!(gap.measure((6.5, 0.2)), (0.75, 0.1));
        let negative = Gap::new((-80.0, 0.0), (-4.0, 0.0)).unwrap();
        assert_eq!(negative.share(-42.0), 0.5);
    }

    /// The first-order error is the error that independent deviations of all
    /// three numbers have, each by finite differences.
    #[test]
    fn errors_of_all_three_numbers_count() {
        let (random, best, own) = ((2.0, 0.03), (6.0, 0.05), (7.0, 0.02));
        let share = |dr: f64, db: f64, dx: f64| {
            let gap = Gap::new((random.0 + dr, 0.0), (best.0 + db, 0.0)).unwrap();
            gap.share(own.0 + dx)
        };
        let h = 1e-5;
        let slopes = [
            (share(h, 0.0, 0.0) - share(-h, 0.0, 0.0)) / (2.0 * h) * random.1,
            (share(0.0, h, 0.0) - share(0.0, -h, 0.0)) / (2.0 * h) * best.1,
            (share(0.0, 0.0, h) - share(0.0, 0.0, -h)) / (2.0 * h) * own.1,
        ];
        let wanted = slopes.iter().map(|part| part * part).sum::<f64>().sqrt();
        let (_, found) = Gap::new(random, best).unwrap().measure(own);
        assert!((found - wanted).abs() < 1e-8, "{found}, not {wanted}");
    }

    #[test]
    fn where_nothing_can_be_gained_there_is_no_gap() {
        for best in [5.0, 4.0, 5.0 + 1e-12, f64::NAN] {
            assert_eq!(Gap::new((5.0, 0.0), (best, 0.0)), None, "{best}");
        }
    }
}
