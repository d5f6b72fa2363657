//! Expectation and spread of estimators.

use super::Audit;
use super::data_sets::DataSets;
use super::estimator::{Estimator, Outlook, Probe};
use super::exact::add;
use crate::exploration::beyond_others;
use rl_core::rand::RngExt as _;
use rl_core::{Domain, Moments, Purpose, Stream, StreamKey};

/// What an estimator gives on average.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// Of the estimate. `[parameters]`
    pub mean: Vec<f64>,
    /// Standard error of each number in `mean`; 0 where it is exact.
    /// `[parameters]`
    pub standard_error: Vec<f64>,
    /// Whether it was computed by enumeration rather than from random data.
    pub exact: bool,
}

/// How much single estimates differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    /// Mean of the estimates drawn. `[parameters]`
    pub mean: Vec<f64>,
    /// Unbiased standard deviation of each of their numbers. `[parameters]`
    pub standard_deviation: Vec<f64>,
    /// How many were drawn.
    pub estimates: usize,
}

/// How much work to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Expectations are exact where a task has at most so many data sets.
    pub data_sets: usize,
    /// Random data sets per task for other expectations, at least 2.
    pub integrated: usize,
    /// Estimates drawn for the spread, at least 2.
    pub estimates: usize,
}

/// What random numbers are for.
#[derive(Clone, Copy)]
enum Use {
    Expectation = 0,
    Spread = 1,
}

impl Audit {
    /// The estimator's expectation at a point with `count` episodes before the
    /// adaptation of each task, at least 1. That over the episodes after it is
    /// always exact, so their number does not matter.
    pub fn expectation(
        &self,
        point: usize,
        estimator: Estimator,
        count: usize,
        effort: Effort,
    ) -> Expectation {
        let sets = DataSets::number(self.tasks[0].episodes.len(), count);
        match sets <= effort.data_sets {
            true => self.enumerated(point, estimator, count),
            false => self.integrated(point, estimator, count, effort.integrated),
        }
    }

    fn enumerated(&self, point: usize, estimator: Estimator, count: usize) -> Expectation {
        let theta = &self.points[point];
        let mut mean = vec![0.0; theta.len()];
        for exact in self.exact() {
            let mut probe = Probe::new(exact, estimator, theta);
            let chances = probe.chances.clone();
            for (chance, set) in DataSets::new(&chances, count) {
                probe.adapt(&set);
                let gradient = probe.integrated(0.0);
                add(&mut mean, chance / self.tasks.len() as f64, &gradient);
            }
        }
        Expectation {
            standard_error: vec![0.0; mean.len()],
            mean,
            exact: true,
        }
    }

    /// From random data sets, less a control variate of expectation 0: what the
    /// shares of episodes in the data set do to the estimate to first order.
    /// What remains falls like 1 / `count`, as the bias itself does. E-MAML's
    /// scores are paid the return less what it would be to first order; what
    /// that takes from the expectation is added back. What remains of it falls
    /// like 1 / √`count`.
    fn integrated(
        &self,
        point: usize,
        estimator: Estimator,
        count: usize,
        repeats: usize,
    ) -> Expectation {
        let theta = &self.points[point];
        let mut probes: Vec<Probe<'_>> = self.probes(estimator, theta);
        let slopes: Vec<Vec<Vec<f64>>> = probes.iter_mut().map(Probe::slopes).collect();
        let outlooks: Vec<Outlook> = probes.iter().map(Probe::outlook).collect();
        let link = |(probe, outlook): (&Probe<'_>, &Outlook)| probe.link(outlook);
        let links: Vec<Vec<f64>> = probes.iter().zip(&outlooks).map(link).collect();
        let chances: Vec<Vec<f64>> = probes.iter().map(|probe| probe.chances.clone()).collect();
        let mut moments = vec![Moments::default(); theta.len()];
        let mut stream = self.stream(point, count, Use::Expectation);
        for _ in 0..repeats {
            let mut mean = vec![0.0; theta.len()];
            for (index, probe) in probes.iter_mut().enumerate() {
                let set = draw(&chances[index], count, &mut stream);
                probe.adapt(&set);
                let gradient = probe.integrated(probe.expected(&outlooks[index]));
                let share = 1.0 / self.tasks.len() as f64;
                add(&mut mean, share, &gradient);
                if estimator.pays() {
                    add(&mut mean, share, &links[index]);
                }
                for (slope, p) in slopes[index].iter().zip(&chances[index]) {
                    add(&mut mean, share * p, slope);
                }
                for episode in set {
                    add(&mut mean, -share / count as f64, &slopes[index][episode]);
                }
            }
            let both = moments.iter_mut().zip(mean);
            both.for_each(|(moments, value)| moments.push(value));
        }
        Expectation {
            mean: moments.iter().map(Moments::mean).collect(),
            standard_error: moments.iter().map(Moments::standard_error).collect(),
            exact: false,
        }
    }

    /// Draws estimates at a point, each from `count` episodes before and
    /// `count` after the adaptation of every task, at least 1.
    pub fn spread(
        &self,
        point: usize,
        estimator: Estimator,
        count: usize,
        effort: Effort,
    ) -> Spread {
        let theta = &self.points[point];
        let mut probes = self.probes(estimator, theta);
        let mut moments = vec![Moments::default(); theta.len()];
        let mut stream = self.stream(point, count, Use::Spread);
        for _ in 0..effort.estimates {
            let earned: Vec<f64> = probes
                .iter_mut()
                .enumerate()
                .map(|(index, probe)| self.live(index, probe, count, &mut stream))
                .collect();
            let mut mean = vec![0.0; theta.len()];
            for (probe, paid) in probes.iter_mut().zip(beyond_others(&earned)) {
                let share = 1.0 / self.tasks.len() as f64;
                add(&mut mean, share, &probe.gradient(paid));
            }
            let both = moments.iter_mut().zip(mean);
            both.for_each(|(moments, value)| moments.push(value));
        }
        let deviations = moments.iter().map(Moments::standard_deviation);
        Spread {
            standard_deviation: deviations.collect(),
            mean: moments.iter().map(Moments::mean).collect(),
            estimates: effort.estimates,
        }
    }

    /// Episodes before the adaptation, the adaptation, episodes after it;
    /// returns what those earned per step.
    fn live(&self, task: usize, probe: &mut Probe<'_>, count: usize, stream: &mut Stream) -> f64 {
        let set = draw(&probe.chances, count, stream);
        probe.adapt(&set);
        let set = draw(&probe.chances_after(), count, stream);
        probe.look(&set);
        let gamma = self.credit.gamma;
        let earned = set
            .iter()
            .map(|episode| self.tasks[task].earned(*episode, gamma));
        earned.sum::<f64>() / count as f64
    }

    fn probes(&self, estimator: Estimator, theta: &[f64]) -> Vec<Probe<'_>> {
        let exact = self.exact();
        exact.map(|e| Probe::new(e, estimator, theta)).collect()
    }

    /// All estimators meet the same random numbers.
    fn stream(&self, point: usize, count: usize, purpose: Use) -> Stream {
        let key = StreamKey {
            rollout: purpose as u64,
            ..StreamKey::new(self.seed, Domain::HeldOut, count as u64)
        };
        key.lane(Purpose::Action, point as u64)
    }
}

/// Draws episodes by their probabilities.
fn draw(chances: &[f64], count: usize, stream: &mut Stream) -> Vec<usize> {
    let sums: Vec<f64> = chances
        .iter()
        .scan(0.0, |sum, chance| {
            *sum += chance;
            Some(*sum)
        })
        .collect();
    let last = chances.len() - 1;
    let one = |_| {
        let uniform: f64 = stream.random();
        sums.partition_point(|sum| *sum <= uniform).min(last)
    };
    (0..count).map(one).collect()
}
