//! What several runs on several tasks come to, and how sure that is (Agarwal et al. 2021,
//! "Deep reinforcement learning at the edge of the statistical precipice").

use crate::gap::Gap;
use crate::stats::Estimate;
use rl_core::rand::RngExt as _;
use rl_core::rand_distr::{Distribution as _, StandardNormal};
use rl_core::{Domain, Purpose, Stream, StreamKey};
use std::cmp::Ordering;

/// Resamples of an interval.
const RESAMPLES: u64 = 2000;

/// Scores of one method on each task.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores(Vec<OnTask>);

/// What the runs of a method earned on a task, and the gap that it is a share of, if it
/// is one. The ends of the gap are the same for all runs, and so are their errors.
#[derive(Clone, Debug, PartialEq)]
struct OnTask {
    runs: Vec<Estimate>,
    gap: Option<Gap>,
}

/// A number over runs and tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// The mean of the middle half of all scores: the interquartile mean.
    Iqm,
    /// The median over tasks of the mean over runs.
    Median,
    /// The mean over tasks of the mean over runs.
    Mean,
    /// How far scores fall short of 1 on average, those above counted as 1.
    OptimalityGap,
}

/// A number with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The number.
    pub value: f64,
    /// The ends of the interval; NaN where a run was measured on a single task, which says
    /// nothing of how sure that is.
    pub ends: [f64; 2],
}

impl Interval {
    /// The ends of the interval, where it is known.
    pub(crate) fn known(&self) -> Option<[f64; 2]> {
        self.ends[0].is_finite().then_some(self.ends)
    }
}

impl Aggregate {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Iqm, Self::Median, Self::Mean, Self::OptimalityGap];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Iqm => "interquartile mean",
            Self::Median => "median",
            Self::Mean => "mean",
            Self::OptimalityGap => "optimality gap",
        }
    }

    /// Of scores of runs on each task, `[tasks][runs]`.
    fn of(self, scores: &[Vec<f64>]) -> f64 {
        let all = || scores.iter().flatten().copied();
        match self {
            Self::Iqm => middle_half(all().collect()),
            Self::Median => median(scores.iter().map(|runs| mean(runs)).collect()),
            Self::Mean => mean(&scores.iter().map(|runs| mean(runs)).collect::<Vec<_>>()),
            Self::OptimalityGap => {
                1.0 - mean(&all().map(|score| score.min(1.0)).collect::<Vec<_>>())
            }
        }
    }
}

impl OnTask {
    /// The scores, each run's by what it earned and the gap.
    fn scores(&self, gap: Option<&Gap>, mut earned: impl FnMut(&Estimate) -> f64) -> Vec<f64> {
        let score = |run: &Estimate| match gap {
            Some(gap) => gap.share(Estimate::exact(earned(run))).mean,
            None => earned(run),
        };
        self.runs.iter().map(score).collect()
    }
}

impl Scores {
    /// Scores of runs on each task, `[tasks][runs]`, each with its error over the tasks
    /// that it was measured on.
    pub fn new(scores: Vec<Vec<Estimate>>) -> Self {
        let task = |runs| OnTask { runs, gap: None };
        Self(scores.into_iter().map(task).collect())
    }

    /// Shares of a gap on each task by the returns of its runs.
    pub fn shares(tasks: Vec<(Vec<Estimate>, Gap)>) -> Self {
        let task = |(runs, gap)| OnTask {
            runs,
            gap: Some(gap),
        };
        Self(tasks.into_iter().map(task).collect())
    }

    /// How many runs there are on each task.
    pub fn runs(&self) -> usize {
        self.0.first().map_or(0, |task| task.runs.len())
    }

    /// Whether enough runs are on either side that no chance of one in twenty could set
    /// them all apart: of n and m runs on a task, all orders are alike likely where both
    /// methods are the same, and 2 of them are as far apart as can be in every task (Mann and
    /// Whitney 1947).
    pub fn can_tell(&self, other: &Self) -> bool {
        let tasks = self.0.iter().zip(&other.0);
        let orders = tasks.map(|(own, other)| {
            let (n, m) = (own.runs.len(), other.runs.len());
            (1..=m).fold(1.0, |orders, k| orders * (n + k) as f64 / k as f64)
        });
        2.0 / orders.product::<f64>() <= 0.05
    }

    /// Whether it is known how sure each run is over its own tasks.
    fn are_measured(&self) -> bool {
        let mut runs = self.0.iter().flat_map(|task| &task.runs);
        runs.all(|run| run.half_width.is_finite())
    }

    /// What was earned, instead of shares of it.
    fn earned(&self) -> Self {
        Self::new(self.0.iter().map(|task| task.runs.clone()).collect())
    }

    /// The scores themselves, `[tasks][runs]`.
    pub(crate) fn values(&self) -> Vec<Vec<f64>> {
        let scores = |task: &OnTask| task.scores(task.gap.as_ref(), |run| run.mean);
        self.0.iter().map(scores).collect()
    }

    /// The same with runs drawn with replacement on each task by itself.
    fn resampled(&self, rng: &mut Stream) -> Vec<Vec<f64>> {
        let draw = |runs: Vec<f64>| {
            let one = |_| runs[rng.random_range(0..runs.len())];
            (0..runs.len()).map(one).collect()
        };
        self.values().into_iter().map(draw).collect()
    }

    /// The same with each return and the ends of each gap, which all runs share, drawn anew
    /// within the errors that their tasks leave them.
    fn redrawn(&self, rng: &mut Stream) -> Vec<Vec<f64>> {
        let mut normal = || -> f64 { StandardNormal.sample(&mut *rng) };
        let scores = |task: &OnTask| {
            let gap = task.gap.map(|gap| gap.redrawn(&mut normal));
            task.scores(gap.as_ref(), |run| run.redrawn(normal()))
        };
        self.0.iter().map(scores).collect()
    }

    /// A number over all scores.
    pub fn aggregate(&self, aggregate: Aggregate) -> Interval {
        interval(&[self], |scores| aggregate.of(scores[0]))
    }

    /// The probability that a run of this method has a higher score than one of another on
    /// the same task, mean over tasks; equal scores count half (Mann and Whitney 1947).
    pub fn probability_above(&self, other: &Self) -> Interval {
        // Who is above whom is the same for whatever gap both are shares of.
        let [own, other] = [self, other].map(Self::earned);
        interval(&[&own, &other], |scores| {
            let tasks = scores[0].iter().zip(scores[1].iter());
            let tasks: Vec<f64> = tasks.map(|(own, other)| above(own, other)).collect();
            mean(&tasks)
        })
    }

    /// The performance profile: the share of all runs whose score is above a threshold.
    pub fn share_above(&self, threshold: f64) -> Interval {
        interval(&[self], |scores| {
            let above = |score: &f64| f64::from(u8::from(*score > threshold));
            mean(&scores[0].iter().flatten().map(above).collect::<Vec<_>>())
        })
    }
}

/// A statistic of some methods with its percentile interval by the stratified bootstrap:
/// runs are drawn with replacement on each task by itself (Efron 1979; Agarwal et al.
/// 2021, section 4.1). A few runs can lie closer by chance than the tasks that they were
/// measured on allow: the interval reaches as far as the wider one of the bootstrap's and
/// that of scores drawn anew within their own errors.
fn interval(methods: &[&Scores], statistic: impl Fn(&[&[Vec<f64>]]) -> f64) -> Interval {
    let of = |scores: Vec<Vec<Vec<f64>>>| {
        let scores: Vec<&[Vec<f64>]> = scores.iter().map(Vec::as_slice).collect();
        statistic(&scores)
    };
    let ends = |draw: fn(&Scores, &mut Stream) -> Vec<Vec<f64>>, lane| {
        let mut rng = StreamKey::new(0, Domain::HeldOut, 0).lane(Purpose::Resample, lane);
        let one = |_| {
            of(methods
                .iter()
                .map(|method| draw(method, &mut rng))
                .collect())
        };
        let mut drawn: Vec<f64> = (0..RESAMPLES).map(one).collect();
        drawn.sort_by(f64::total_cmp);
        [0.025, 0.975].map(|share| quantile(&drawn, share))
    };
    let value = of(methods.iter().map(|method| method.values()).collect());
    // A few runs of a task each may agree by chance, and nothing else would bound that.
    if !methods.iter().all(|method| method.are_measured()) {
        return Interval {
            value,
            ends: [f64::NAN; 2],
        };
    }
    let (runs, tasks) = (ends(Scores::resampled, 0), ends(Scores::redrawn, 1));
    Interval {
        value,
        ends: [
            runs[0].min(tasks[0]).min(value),
            runs[1].max(tasks[1]).max(value),
        ],
    }
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    quantile(&numbers, 0.5)
}

/// The mean without a quarter of the numbers, rounded down, at either end.
fn middle_half(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let cut = numbers.len() / 4;
    mean(&numbers[cut..numbers.len() - cut])
}

/// Of sorted numbers, between neighbours in proportion.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = share * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

/// The share of pairs in which the first is larger, equal ones counted half.
fn above(own: &[f64], others: &[f64]) -> f64 {
    let against = |own: &f64| {
        let one = |other: &f64| match own.partial_cmp(other) {
            Some(Ordering::Greater) => 1.0,
            Some(Ordering::Equal) => 0.5,
            // What is not finite was refused before.
            Some(Ordering::Less) | None => 0.0,
        };
        mean(&others.iter().map(one).collect::<Vec<_>>())
    };
    mean(&own.iter().map(against).collect::<Vec<_>>())
}

#[cfg(test)]
#[path = "scores_tests.rs"]
mod tests;
