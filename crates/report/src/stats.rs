//! How sure means are: the one place where intervals are worked out.

use rl_core::{Exact, Moments};
use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// A mean with its standard error and its 95 % interval.
///
/// Intervals of sums and differences of independent estimates are joined by the
/// root of the summed squares of their half-widths (Zou and Donner 2008,
/// "Construction of confidence limits about effect measures").
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Its standard error: 0 for an exact value, NaN where a single observation
    /// tells none.
    pub standard_error: f64,
    /// From the mean to either end of the interval; 0 and NaN likewise.
    pub half_width: f64,
}

impl Estimate {
    /// A value that is known.
    pub fn exact(value: f64) -> Self {
        Self {
            mean: value,
            standard_error: 0.0,
            half_width: 0.0,
        }
    }

    /// The mean of so many independent samples, with Student's t interval.
    pub fn sampled(mean: f64, standard_error: f64, samples: u64) -> Self {
        let standard_error = match samples {
            0 | 1 => f64::NAN,
            _ => standard_error,
        };
        Self {
            mean,
            standard_error,
            half_width: t_quantile_975(samples.saturating_sub(1)) * standard_error,
        }
    }

    /// The mean moved by so many deviations of a normal distribution whose 95 % interval is
    /// its own; by nothing where that is not known.
    pub(crate) fn redrawn(&self, deviations: f64) -> f64 {
        match self.half_width.is_finite() {
            true => self.mean + deviations * self.half_width / NORMAL_975,
            false => self.mean,
        }
    }

    /// A reference value of an environment, if there is one.
    pub fn of(reference: &Exact) -> Option<Self> {
        match reference {
            Exact::Known { value } => Some(Self::exact(*value)),
            Exact::Estimated {
                value,
                standard_error,
                samples,
            } => Some(Self::sampled(*value, *standard_error, *samples)),
            Exact::Unknown { .. } => None,
        }
    }

    /// The mean of independent estimates; `None` without any.
    pub fn averaged(estimates: &[Self]) -> Option<Self> {
        let n = estimates.len() as f64;
        let root = |pick: fn(&Self) -> f64| {
            let squares: f64 = estimates.iter().map(|one| pick(one).powi(2)).sum();
            squares.sqrt() / n
        };
        (!estimates.is_empty()).then(|| Self {
            mean: estimates.iter().map(|one| one.mean).sum::<f64>() / n,
            standard_error: root(|one| one.standard_error),
            half_width: root(|one| one.half_width),
        })
    }

    /// The mean over seeds, each with its error over the tasks that it was
    /// measured on; `None` without any.
    ///
    /// Every seed draws tasks of its own, so that what the means owe to their
    /// tasks is part of how far they lie apart. A few means can lie closer by
    /// chance than their tasks allow: error and interval are the larger ones of
    /// Student's t over seeds and of the tasks alone. (Had the seeds met the same
    /// tasks, the error over these would not shrink with the number of seeds.)
    pub fn over_seeds(seeds: &[Self]) -> Option<Self> {
        let of_tasks = Self::averaged(seeds)?;
        let means: Moments = seeds.iter().map(|seed| seed.mean).collect();
        let of_seeds = Self::sampled(of_tasks.mean, means.standard_error(), means.count());
        // One seed has no spread, and NaN gives way to the other number.
        Some(Self {
            mean: of_tasks.mean,
            standard_error: of_seeds.standard_error.max(of_tasks.standard_error),
            half_width: of_seeds.half_width.max(of_tasks.half_width),
        })
    }

    /// The ends of the 95 % interval; `None` where there is none.
    pub fn interval(&self) -> Option<[f64; 2]> {
        let ends = [self.mean - self.half_width, self.mean + self.half_width];
        ends[0].is_finite().then_some(ends)
    }

    /// Whether two means are too close to say which is larger: closer than the
    /// half-width of their difference, or that is not known.
    pub fn is_level_with(&self, other: &Self) -> bool {
        let apart = (self.mean - other.mean).abs();
        let both = self.half_width.hypot(other.half_width);
        apart.is_finite() && (both.is_nan() || apart <= both)
    }
}

/// The 97.5 % quantile of the standard normal distribution.
const NORMAL_975: f64 = 1.959_963_984_540_054;

/// The 97.5 % quantile of Student's t; NaN without a degree of freedom.
fn t_quantile_975(degrees: u64) -> f64 {
    // The search for it need not end with very many degrees, where the expansion
    // by Abramowitz and Stegun (1964, 26.7.5) is right to ten digits.
    if degrees > 1000 {
        let (z, n) = (NORMAL_975, degrees as f64);
        let first = (z.powi(3) + z) / 4.0;
        let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
        return z + first / n + second / n.powi(2);
    }
    let distribution = StudentsT::new(0.0, 1.0, degrees as f64);
    distribution.map_or(f64::NAN, |t| t.inverse_cdf(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64, tolerance: f64) -> bool {
        (a - b).abs() < tolerance
    }

    #[test]
    fn t_quantiles_match_published_tables() {
        for (degrees, quantile) in [
            (1, 12.706_204_736),
            (2, 4.302_652_730),
            (3, 3.182_446_305),
            (4, 2.776_445_105),
            (5, 2.570_581_836),
            (9, 2.262_157_163),
            (10, 2.228_138_852),
            (29, 2.045_229_642),
            (100, 1.983_971_519),
            (1000, 1.962_339_081),
            (1001, 1.962_336_706),
            (99_999, 1.959_987_7),
            (u64::MAX, 1.959_963_985),
        ] {
            let found = t_quantile_975(degrees);
            assert!(close(found, quantile, 1e-7), "{degrees}: {found}");
        }
    }

    #[test]
    fn one_observation_has_no_interval() {
        for samples in [0, 1] {
            let one = Estimate::sampled(4.0, 0.0, samples);
            assert!(one.standard_error.is_nan() && one.half_width.is_nan());
            assert_eq!(one.interval(), None);
        }
        let two = Estimate::sampled(0.5, 0.5, 2);
        assert!(close(two.interval().unwrap()[1], 0.5 + 6.353_102_368, 1e-8));
        assert_eq!(Estimate::exact(2.0).interval(), Some([2.0, 2.0]));
    }

    fn seeds(means: &[f64], standard_error: f64) -> Vec<Estimate> {
        let seed = |mean: &f64| Estimate::sampled(*mean, standard_error, 100_000);
        means.iter().map(seed).collect()
    }

    #[test]
    fn seeds_that_lie_apart_have_students_interval() {
        // Mean 3, standard deviation √2.5, so 2.776 · √0.5.
        let over = Estimate::over_seeds(&seeds(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.1)).unwrap();
        assert_eq!(over.mean, 3.0);
        assert!(close(over.standard_error, 0.5_f64.sqrt(), 1e-12));
        assert!(close(over.half_width, 1.963_243_161, 1e-8));
    }

    #[test]
    fn seeds_are_never_surer_than_their_tasks() {
        // The quickstart: 0.0071 / √5 over tasks, and a third of that over seeds.
        let means = [6.64734, 6.64404, 6.6477, 6.65127, 6.64719];
        let over = Estimate::over_seeds(&seeds(&means, 0.0071)).unwrap();
        let least = 0.0071 / 5.0_f64.sqrt();
        assert!(close(over.standard_error, least, 1e-12), "{over:?}");
        assert!(
            close(over.half_width, 1.959_987_7 * least, 1e-8),
            "{over:?}"
        );
        // One seed keeps its own error, and a seed of one task has none.
        let one = seeds(&[1.0], 0.1);
        assert_eq!(Estimate::over_seeds(&one), Some(one[0]));
        let single = Estimate::sampled(1.0, 0.0, 1);
        assert_eq!(Estimate::over_seeds(&[single]).unwrap().interval(), None);
        assert_eq!(Estimate::over_seeds(&[]), None);
    }

    #[test]
    fn independent_errors_are_averaged() {
        let parts = [0.3, 0.4].map(|error| Estimate::sampled(5.0, error, u64::MAX));
        let mean = Estimate::averaged(&parts).unwrap();
        assert!(close(mean.standard_error, 0.25, 1e-12));
        assert!(close(mean.half_width, 0.25 * 1.959_963_985, 1e-8));
    }

    #[test]
    fn numbers_are_ranked_beyond_their_combined_error() {
        let of = |mean, error| Estimate::sampled(mean, error, u64::MAX);
        let one = of(1.0, 0.03);
        // 1.96 times the root of 0.03² + 0.04² is 0.098.
        assert!(one.is_level_with(&of(1.097, 0.04)));
        assert!(!one.is_level_with(&of(1.099, 0.04)));
        assert!(!one.is_level_with(&of(f64::NAN, 0.04)));
        // What one task says ranks nobody.
        assert!(one.is_level_with(&Estimate::sampled(9.0, 0.0, 1)));
    }
}
