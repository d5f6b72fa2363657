//! A measured number and how sure it is.

use crate::stats::Estimate;
use rl_core::Exact;

/// A measured number and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Measure {
    /// Known without sampling.
    Exact(f64),
    /// A mean over tasks.
    Sampled(Estimate),
    /// A mean over seeds.
    Seeds(Estimate),
}

impl Measure {
    pub(crate) fn mean(self) -> f64 {
        self.estimate().mean
    }

    /// The mean, its error and its interval.
    pub(crate) fn estimate(self) -> Estimate {
        match self {
            Self::Exact(value) => Estimate::exact(value),
            Self::Sampled(estimate) | Self::Seeds(estimate) => estimate,
        }
    }

    /// The ends of its 95 % interval; none where there is none.
    pub(crate) fn ends(self) -> impl Iterator<Item = f64> {
        self.estimate().interval().into_iter().flatten()
    }

    /// What its number of decimals should show.
    pub(crate) fn uncertainty(self) -> f64 {
        match self {
            Self::Exact(_) => 0.0,
            Self::Sampled(estimate) => estimate.standard_error,
            Self::Seeds(estimate) => estimate.half_width,
        }
    }

    /// A reference value of the environment.
    pub(crate) fn of_reference(value: &Exact) -> Option<Self> {
        match value {
            Exact::Known { value } => Some(Self::Exact(*value)),
            sampled => Estimate::of(sampled).map(Self::Sampled),
        }
    }

    /// One value per seed becomes their mean; a single one keeps its own error.
    pub(crate) fn over_seeds(measured: &[Estimate]) -> Option<Self> {
        match measured {
            [one] => Some(Self::Sampled(*one)),
            several => Estimate::over_seeds(several).map(Self::Seeds),
        }
    }

    /// One value of what does not depend on the seed. Equal values are one
    /// measurement seen several times, as when the environment estimates a
    /// reference from tasks of its own; others are independent.
    pub(crate) fn pooled(measured: &[Self]) -> Option<Self> {
        let (first, rest) = measured.split_first()?;
        if rest.iter().all(|other| other == first) {
            return Some(*first);
        }
        let estimates: Vec<Estimate> = measured.iter().map(|one| one.estimate()).collect();
        Estimate::averaged(&estimates).map(Self::Sampled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooling_knows_one_measurement_from_several() {
        let of = |mean, error| Measure::Sampled(Estimate::sampled(mean, error, 1000));
        assert_eq!(Measure::pooled(&[]), None);
        assert_eq!(Measure::pooled(&[of(5.0, 0.1); 2]), Some(of(5.0, 0.1)));
        let pooled = Measure::pooled(&[of(5.0, 0.3), of(6.0, 0.4)]).unwrap();
        assert_eq!(pooled.mean(), 5.5);
        assert!((pooled.uncertainty() - 0.25).abs() < 1e-12);
        let exact = Measure::Exact(6.66);
        assert_eq!(Measure::pooled(&[exact; 3]), Some(exact));
    }
}
