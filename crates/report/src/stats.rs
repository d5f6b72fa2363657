//! Means over seeds and their intervals.

use std::f64::consts::PI;

/// Half-width of a 95 % interval in standard errors, for many samples.
pub(crate) const NORMAL_95: f64 = 1.959_963_984_540_054;

/// A mean with the ends of its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    pub(crate) mean: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Interval {
    /// An interval around a mean whose standard error is known from many samples.
    pub(crate) fn around(mean: f64, standard_error: f64) -> Self {
        let half = NORMAL_95 * standard_error;
        Self {
            mean,
            low: mean - half,
            high: mean + half,
        }
    }

    /// Student's t interval of the mean of a few samples, one per seed; `None`
    /// below two of them.
    pub(crate) fn of(samples: &[f64]) -> Option<Self> {
        if samples.len() < 2 {
            return None;
        }
        let n = samples.len() as f64;
        let mean = samples.iter().sum::<f64>() / n;
        let squares: f64 = samples.iter().map(|x| (x - mean).powi(2)).sum();
        let standard_error = (squares / (n - 1.0) / n).sqrt();
        let half = t_quantile_975(samples.len() - 1) * standard_error;
        Some(Self {
            mean,
            low: mean - half,
            high: mean + half,
        })
    }
}

/// The mean of values that several seeds measured, with its standard error.
/// Equal values are one measurement seen several times, as when all seeds meet
/// the same held-out tasks; others are taken as independent.
pub(crate) fn pool(measured: &[(f64, f64)]) -> Option<(f64, f64)> {
    let (first, rest) = measured.split_first()?;
    if rest.iter().all(|other| other == first) {
        return Some(*first);
    }
    let n = measured.len() as f64;
    let mean = measured.iter().map(|(value, _)| value).sum::<f64>() / n;
    let squares: f64 = measured.iter().map(|(_, error)| error * error).sum();
    Some((mean, squares.sqrt() / n))
}

/// The 97.5 % quantile of Student's t, by bisection of its distribution.
fn t_quantile_975(degrees: usize) -> f64 {
    let (mut low, mut high) = (1.9, 12.8);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if central_t_probability(middle, degrees) < 0.95 {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// The probability that |T| < t, for Student's T with whole degrees of freedom
/// (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4).
fn central_t_probability(t: f64, degrees: usize) -> f64 {
    let angle = (t / (degrees as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let odd = !degrees.is_multiple_of(2);
    // The series 1 + (1/2)c² + (1·3)/(2·4)c⁴ ..., or c + (2/3)c³ ... for odd.
    let mut term = if odd { cosine } else { 1.0 };
    let mut sum = if degrees == 1 { 0.0 } else { term };
    let mut k = if odd { 2.0 } else { 1.0 };
    let terms = if odd {
        (degrees.max(3) - 3) / 2
    } else {
        degrees / 2 - 1
    };
    for _ in 0..terms {
        term *= cosine * cosine * k / (k + 1.0);
        sum += term;
        k += 2.0;
    }
    match odd {
        true => 2.0 / PI * (angle + sine * sum),
        false => sine * sum,
    }
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
        ] {
            let found = t_quantile_975(degrees);
            assert!(close(found, quantile, 1e-8), "{degrees}: {found}");
        }
        assert!(close(t_quantile_975(1_000_000), NORMAL_95, 1e-5));
    }

    #[test]
    fn the_interval_of_five_seeds() {
        // Mean 3, standard deviation sqrt(2.5), so 2.776 * sqrt(0.5).
        let interval = Interval::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert_eq!(interval.mean, 3.0);
        assert!(close(interval.high - 3.0, 1.963_243_161, 1e-8));
        assert!(close(3.0 - interval.low, 1.963_243_161, 1e-8));
        assert_eq!(Interval::of(&[1.0]), None);
    }

    #[test]
    fn the_interval_of_two_seeds_and_of_a_standard_error() {
        let interval = Interval::of(&[0.0, 1.0]).unwrap();
        assert!(close(interval.high, 0.5 + 12.706_204_736 * 0.5, 1e-8));
        let interval = Interval::around(10.0, 0.5);
        assert!(close(interval.low, 9.020_018, 1e-6));
    }

    #[test]
    fn pooling_knows_one_measurement_from_several() {
        assert_eq!(pool(&[]), None);
        assert_eq!(pool(&[(5.0, 0.1), (5.0, 0.1)]), Some((5.0, 0.1)));
        let (mean, error) = pool(&[(5.0, 0.3), (6.0, 0.4)]).unwrap();
        assert_eq!(mean, 5.5);
        assert!(close(error, 0.25, 1e-12));
    }
}
