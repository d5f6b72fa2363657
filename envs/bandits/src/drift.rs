//! Random walks between 0 and 1 that belong to a task.

use rl_core::Stream;
use rl_core::rand::{RngExt as _, SeedableRng as _};
use rl_core::rand_distr::StandardNormal;

/// A walk of normal steps, reflected at 0 and 1. It is not stored: whoever
/// follows it makes it anew from its seed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walk {
    pub(crate) start: f64,
    /// The standard deviation of a step.
    pub(crate) volatility: f64,
    pub(crate) seed: u64,
}

/// Where a walk is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Drift {
    pub(crate) at: f64,
    steps: u64,
}

impl Walk {
    pub(crate) fn begin(&self) -> Drift {
        Drift {
            at: self.start,
            steps: 0,
        }
    }

    #[inline]
    pub(crate) fn advance(&self, drift: &mut Drift) {
        let seed = self.seed.wrapping_add(drift.steps);
        let step: f64 = Stream::seed_from_u64(seed).sample(StandardNormal);
        drift.at = reflected(drift.at + self.volatility * step);
        drift.steps += 1;
    }

    /// Every place of the walk, from its start.
    pub(crate) fn path(&self) -> impl Iterator<Item = f64> {
        let step = |drift: &Drift| {
            let mut next = *drift;
            self.advance(&mut next);
            Some(next)
        };
        std::iter::successors(Some(self.begin()), step).map(|drift| drift.at)
    }
}

/// A number folded into 0 to 1, as by mirrors at both.
fn reflected(number: f64) -> f64 {
    let folded = number.rem_euclid(2.0);
    folded.min(2.0 - folded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rl_core::Moments;

    #[test]
    fn mirrors() {
        for (number, wanted) in [
            (0.25, 0.25),
            (-0.25, 0.25),
            (1.25, 0.75),
            (2.5, 0.5),
            (-3.25, 0.75),
        ] {
            assert!((reflected(number) - wanted).abs() < 1e-15, "{number}");
        }
    }

    /// Steps have the volatility, and a uniform place stays uniform.
    #[test]
    fn steps_are_normal_and_places_uniform() {
        let (mut steps, mut better) = (Moments::default(), Moments::default());
        for seed in 0..4000 {
            let mut rng = Stream::seed_from_u64(seed);
            let walk = Walk {
                start: rng.random(),
                volatility: 0.1,
                seed: rng.random(),
            };
            let path: Vec<f64> = walk.path().take(50).collect();
            assert_eq!(path[0], walk.start);
            better.push(path[49].max(1.0 - path[49]));
            // Far from both mirrors, a step is a plain one.
            if (path[20] - 0.5).abs() < 0.1 {
                steps.push((path[21] - path[20]).powi(2));
            }
        }
        assert!((better.mean() - 0.75).abs() < 3.0 * better.standard_error());
        assert!((steps.mean() - 0.01).abs() < 3.0 * steps.standard_error());
        assert!(steps.count() > 500);
    }
}
