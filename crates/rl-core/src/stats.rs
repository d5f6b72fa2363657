//! Mean and standard error.

/// Running count, mean and sum of squared deviations (Welford 1962).
///
/// The result depends on the order of the samples in the last bits: push them
/// in a fixed order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// Adds one sample.
    pub fn push(&mut self, sample: f64) {
        self.count += 1;
        let delta = sample - self.mean;
        self.mean += delta / self.count as f64;
        self.squares += delta * (sample - self.mean);
    }

    /// Adds the samples of another (Chan et al. 1979). Merge in a fixed order.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let count = self.count + other.count;
        let delta = other.mean - self.mean;
        let share = other.count as f64 / count as f64;
        self.squares += other.squares + delta * delta * self.count as f64 * share;
        self.mean += delta * share;
        self.count = count;
    }

    /// How many samples there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean, 0 if there is none.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Their unbiased standard deviation, 0 below two samples.
    pub fn standard_deviation(&self) -> f64 {
        if self.count < 2 {
            return 0.0;
        }
        (self.squares / (self.count - 1) as f64).sqrt()
    }

    /// The standard error of the mean; NaN below two samples, which do not tell
    /// how far apart samples are.
    pub fn standard_error(&self) -> f64 {
        if self.count < 2 {
            return f64::NAN;
        }
        self.standard_deviation() / (self.count as f64).sqrt()
    }
}

impl Extend<f64> for Moments {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, samples: I) {
        for sample in samples {
            self.push(sample);
        }
    }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(samples: I) -> Self {
        let mut moments = Self::default();
        moments.extend(samples);
        moments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_values() {
        let moments: Moments = [1.0, 2.0, 3.0, 4.0].into_iter().collect();
        assert_eq!(moments.mean(), 2.5);
        assert!((moments.standard_deviation() - (5.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!((moments.standard_error() - (5.0_f64 / 12.0).sqrt()).abs() < 1e-12);
        let single: Moments = [1.0].into_iter().collect();
        assert!(Moments::default().standard_error().is_nan() && single.standard_error().is_nan());
    }

    #[test]
    fn merging_equals_pushing() {
        let samples = [0.5, -1.0, 4.0, 2.5, 9.0];
        let whole: Moments = samples.into_iter().collect();
        for cut in 0..=samples.len() {
            let mut left: Moments = samples[..cut].iter().copied().collect();
            left.merge(&samples[cut..].iter().copied().collect());
            assert_eq!(left.count(), whole.count());
            assert!((left.mean() - whole.mean()).abs() < 1e-12);
            assert!((left.standard_error() - whole.standard_error()).abs() < 1e-12);
        }
    }
}
