//! Curves over training: every seed's, their mean, and its band.

use std::collections::BTreeMap;

use crate::stats::Estimate;

/// One value of one seed. Values of different seeds with one `key` belong
/// together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) key: u64,
    /// Environment steps.
    pub(crate) x: f64,
    /// Exact where it has no error of its own.
    pub(crate) y: Estimate,
}

/// What the band of a curve is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Band {
    /// Student's t interval over so many seeds.
    Seeds(usize),
    /// The single seed's own interval over tasks.
    Evaluation,
    /// There is none.
    None,
}

/// One point of a mean curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mean {
    pub(crate) x: f64,
    pub(crate) y: Estimate,
}

/// Seeds' curves and their mean.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Curve {
    pub(crate) seeds: Vec<Vec<(f64, f64)>>,
    /// Where all seeds have a value. Averaging over those that got so far would
    /// bend the curve wherever one of them ends.
    pub(crate) mean: Vec<Mean>,
    pub(crate) band: Band,
}

impl Curve {
    /// Joins seeds; values that are not finite are left out, and seeds without
    /// any value too. `None` if nothing is left.
    pub(crate) fn of(seeds: &[Vec<Sample>]) -> Option<Self> {
        let seeds: Vec<Vec<Sample>> = seeds
            .iter()
            .map(|samples| {
                samples
                    .iter()
                    .copied()
                    .filter(|s| s.y.mean.is_finite())
                    .collect()
            })
            .filter(|samples: &Vec<Sample>| !samples.is_empty())
            .collect();
        let mut by_key: BTreeMap<u64, Vec<Sample>> = BTreeMap::new();
        for sample in seeds.iter().flatten() {
            by_key.entry(sample.key).or_default().push(*sample);
        }
        let together = by_key
            .values()
            .filter(|samples| samples.len() == seeds.len());
        let mean: Vec<Mean> = together.filter_map(|samples| mean(samples)).collect();
        let sampled = seeds
            .iter()
            .flatten()
            .any(|sample| sample.y.half_width > 0.0);
        let band = match seeds.len() {
            0 => return None,
            1 if sampled => Band::Evaluation,
            1 => Band::None,
            seeds => Band::Seeds(seeds),
        };
        let line = |samples: &Vec<Sample>| samples.iter().map(|s| (s.x, s.y.mean)).collect();
        Some(Self {
            seeds: seeds.iter().map(line).collect(),
            mean,
            band,
        })
    }

    /// All values of the seeds and of their mean.
    pub(crate) fn values(&self) -> impl Iterator<Item = f64> {
        let seeds = self.seeds.iter().flatten().map(|(_, y)| *y);
        seeds.chain(self.mean.iter().map(|mean| mean.y.mean))
    }

    /// The ends of the band. With two seeds it is so wide that it must not
    /// decide what an axis shows.
    pub(crate) fn band_ends(&self) -> impl Iterator<Item = f64> {
        self.mean
            .iter()
            .filter_map(|mean| mean.y.interval())
            .flatten()
    }

    /// The largest x.
    pub(crate) fn end(&self) -> f64 {
        let last = self.seeds.iter().filter_map(|seed| seed.last());
        last.map(|(x, _)| *x).fold(0.0, f64::max)
    }

    /// Where a label of the curve belongs: its last mean, or the last value of
    /// the first seed where the seeds never meet.
    pub(crate) fn last(&self) -> Option<(f64, f64)> {
        let mean = self.mean.last().map(|mean| (mean.x, mean.y.mean));
        mean.or_else(|| self.seeds.first()?.last().copied())
    }
}

fn mean(samples: &[Sample]) -> Option<Mean> {
    let n = samples.len() as f64;
    let values: Vec<Estimate> = samples.iter().map(|sample| sample.y).collect();
    Some(Mean {
        x: samples.iter().map(|sample| sample.x).sum::<f64>() / n,
        y: Estimate::over_seeds(&values)?,
    })
}

/// Averages neighbours so that about `bins` points remain, whose errors are not
/// known. Seeds that are
/// binned with the same `last` key stay comparable.
pub(crate) fn thin(samples: impl IntoIterator<Item = Sample>, bins: u64, last: u64) -> Vec<Sample> {
    let per_bin = last.div_ceil(bins).max(1);
    let mut thinned: Vec<(Sample, f64)> = Vec::new();
    let finite = |sample: &Sample| sample.y.mean.is_finite();
    for sample in samples.into_iter().filter(finite) {
        let key = sample.key.saturating_sub(1) / per_bin;
        match thinned.last_mut() {
            Some((bin, count)) if bin.key == key => {
                bin.x += sample.x;
                bin.y.mean += sample.y.mean;
                *count += 1.0;
            }
            _ => thinned.push((Sample { key, ..sample }, 1.0)),
        }
    }
    thinned
        .into_iter()
        .map(|(bin, count)| Sample {
            x: bin.x / count,
            y: Estimate::exact(bin.y.mean / count),
            ..bin
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(key: u64, y: f64) -> Sample {
        let x = 100.0 * key as f64;
        let y = Estimate::sampled(y, 0.5, u64::MAX);
        Sample { key, x, y }
    }

    #[test]
    fn the_mean_ends_where_a_seed_ends() {
        let seeds = [
            vec![sample(1, 1.0), sample(2, 2.0), sample(3, 3.0)],
            vec![sample(1, 3.0), sample(2, f64::NAN), sample(3, 5.0)],
        ];
        let curve = Curve::of(&seeds).unwrap();
        assert_eq!(curve.band, Band::Seeds(2));
        let mean: Vec<(f64, f64)> = curve.mean.iter().map(|m| (m.x, m.y.mean)).collect();
        assert_eq!(mean, [(100.0, 2.0), (300.0, 4.0)]);
        assert!((curve.mean[0].y.half_width - 12.706_204_736).abs() < 1e-8);
        assert_eq!(curve.end(), 300.0);
        assert_eq!(curve.seeds[1].len(), 2);
    }

    #[test]
    fn one_seed_has_the_band_of_its_evaluation() {
        let curve = Curve::of(&[vec![sample(1, 1.0)], vec![]]).unwrap();
        assert_eq!(curve.band, Band::Evaluation);
        assert!((curve.mean[0].y.half_width - 0.979_982).abs() < 1e-6);
        assert_eq!(Curve::of(&[vec![sample(1, f64::NAN)]]), None);
    }

    #[test]
    fn thinning_averages_neighbours() {
        let samples: Vec<Sample> = (1..=6).map(|key| sample(key, key as f64)).collect();
        let thinned = thin(samples.iter().copied(), 3, 6);
        let points: Vec<(u64, f64, f64)> = thinned.iter().map(|s| (s.key, s.x, s.y.mean)).collect();
        assert_eq!(points, [(0, 150.0, 1.5), (1, 350.0, 3.5), (2, 550.0, 5.5)]);
        assert_eq!(thin(samples, 100, 6).len(), 6);
    }
}
