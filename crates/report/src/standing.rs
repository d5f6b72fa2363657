//! Where each learner stands: returns, regrets, and the share of the gap to the
//! optimum that it closed.

use crate::read::{Adaptation, Comparison, Exact, ExactValues, Kind, Learner};
use crate::setting::Setting;
use crate::stats::{Interval, NORMAL_95, pool};

/// A measured number and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Measure {
    /// Known without sampling.
    Exact(f64),
    /// A mean with its standard error over tasks.
    Sampled(f64, f64),
    /// A mean with its 95 % interval over seeds.
    Seeds(Interval),
}

impl Measure {
    pub(crate) fn mean(self) -> f64 {
        match self {
            Self::Exact(mean) | Self::Sampled(mean, _) => mean,
            Self::Seeds(interval) => interval.mean,
        }
    }

    /// The mean and the ends of its 95 % interval.
    pub(crate) fn interval(self) -> Interval {
        match self {
            Self::Exact(mean) => Interval::around(mean, 0.0),
            Self::Sampled(mean, error) => Interval::around(mean, error),
            Self::Seeds(interval) => interval,
        }
    }

    /// What its number of decimals should show.
    pub(crate) fn uncertainty(self) -> f64 {
        match self {
            Self::Exact(_) => 0.0,
            Self::Sampled(_, error) => error,
            Self::Seeds(interval) => (interval.high - interval.low) / 2.0,
        }
    }

    fn pair(self) -> (f64, f64) {
        (self.mean(), self.uncertainty())
    }

    /// One value per seed becomes their mean and interval; a single one keeps
    /// its own standard error.
    fn over_seeds(measured: &[(f64, f64)]) -> Option<Self> {
        let values: Vec<f64> = measured.iter().map(|(value, _)| *value).collect();
        match (Interval::of(&values), measured) {
            (Some(interval), _) => Some(Self::Seeds(interval)),
            (None, [(value, error)]) => Some(Self::Sampled(*value, *error)),
            _ => None,
        }
    }

    fn pooled(measured: &[(f64, f64)]) -> Option<Self> {
        match pool(measured)? {
            (value, 0.0) => Some(Self::Exact(value)),
            (value, error) => Some(Self::Sampled(value, error)),
        }
    }
}

/// One learner, over all seeds.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) mean_return: Measure,
    /// After each step of a trial; empty if unknown.
    pub(crate) regret: Vec<Measure>,
    /// Share of the gap that it closed, `None` if there is no gap.
    pub(crate) share: Option<Measure>,
}

impl Standing {
    pub(crate) fn is_random(&self) -> bool {
        self.name == "random"
    }

    /// Whether it plays without knowing its task, and not at random.
    pub(crate) fn is_classical(&self) -> bool {
        self.kind == Kind::Classical && !self.is_random()
    }

    /// The regret of a whole trial.
    pub(crate) fn final_regret(&self) -> Option<Measure> {
        self.regret.last().copied()
    }
}

/// The trained agent of one seed.
#[derive(Clone, Debug)]
pub(crate) struct SeedResult {
    pub(crate) seed: u64,
    pub(crate) mean_return: Measure,
    pub(crate) regret: Option<Measure>,
    pub(crate) share: Option<Measure>,
}

/// Returns between which shares are counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Gap {
    ends: rl_core::Gap,
    pub(crate) to: Target,
}

/// What the far end of the gap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    BayesOptimal,
    KnownTask,
}

impl Target {
    /// "Bayes-optimal", for a sentence.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::BayesOptimal => "Bayes-optimal",
            Self::KnownTask => "the known-task optimum",
        }
    }
}

impl Gap {
    /// The share of a sampled return. Its error carries those of both ends, to
    /// first order.
    fn measure(&self, mean_return: Measure) -> Measure {
        match mean_return {
            Measure::Seeds(Interval { mean, low, high }) => {
                let share = self.ends.share(mean);
                let ends = NORMAL_95 * self.ends.error_of_ends(share);
                Measure::Seeds(Interval {
                    mean: share,
                    low: share - (share - self.ends.share(low)).hypot(ends),
                    high: share + (self.ends.share(high) - share).hypot(ends),
                })
            }
            Measure::Exact(_) | Measure::Sampled(..) => {
                match self.ends.measure(mean_return.pair()) {
                    (share, 0.0) => Measure::Exact(share),
                    (share, error) => Measure::Sampled(share, error),
                }
            }
        }
    }
}

/// Reference values over all seeds, `None` where not known.
#[derive(Clone, Debug, Default)]
pub(crate) struct References {
    pub(crate) bayes_optimal: Option<Measure>,
    pub(crate) known_task: Option<Measure>,
    pub(crate) random: Option<Measure>,
    /// Exact expected rewards of the Bayes-optimal agent; empty where not known.
    /// `[steps]`
    pub(crate) bayes_rewards: Vec<f64>,
    /// Why the Bayes-optimal value is not known.
    pub(crate) why_no_bayes: Option<String>,
}

/// The comparison of a setting, over all seeds that have one.
#[derive(Clone, Debug)]
pub(crate) struct Standings {
    /// Best first; the agent that was trained is among them.
    pub(crate) learners: Vec<Standing>,
    pub(crate) seeds: Vec<SeedResult>,
    /// Returns of the trained agent after 0, 1, 2, … gradient steps on a task;
    /// empty unless it adapts by them.
    pub(crate) adaptation: Vec<Measure>,
    pub(crate) references: References,
    pub(crate) gap: Option<Gap>,
    /// The smallest and largest number of held-out tasks of a seed.
    pub(crate) tasks: (u64, u64),
    pub(crate) actions: String,
    pub(crate) steps_per_trial: usize,
}

impl Standings {
    /// `None` if no run of the setting has been compared yet.
    pub(crate) fn of(setting: &Setting<'_>) -> Option<Self> {
        let comparisons: Vec<&Comparison> = setting.comparisons().collect();
        let first = *comparisons.first()?;
        let references = References::of(&comparisons);
        let gap = gap(&references);
        let mut learners: Vec<Standing> = names(&comparisons)
            .into_iter()
            .filter_map(|(name, kind)| standing(name, kind, &comparisons, gap.as_ref()))
            .collect();
        // Ties keep the order of the file; what is not a number comes last.
        let rank = |learner: &Standing| match learner.mean_return.mean() {
            mean if mean.is_nan() => f64::NEG_INFINITY,
            mean => mean,
        };
        learners.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
        let tasks = comparisons.iter().map(|comparison| comparison.tasks);
        Some(Self {
            learners,
            seeds: comparisons
                .iter()
                .filter_map(|c| seed_result(c, gap.as_ref()))
                .collect(),
            adaptation: adaptation(&comparisons),
            references,
            gap,
            tasks: (tasks.clone().min().unwrap_or(0), tasks.max().unwrap_or(0)),
            actions: first.actions.clone(),
            steps_per_trial: comparisons
                .iter()
                .map(|c| c.steps_per_trial)
                .min()
                .unwrap_or(0),
        })
    }

    /// The agent that was trained.
    pub(crate) fn trained(&self) -> Option<&Standing> {
        self.learners
            .iter()
            .find(|learner| learner.kind == Kind::Trained)
    }

    /// The share of the gap that a return closes.
    pub(crate) fn share_of(&self, mean_return: Measure) -> Option<Measure> {
        self.gap.map(|gap| gap.measure(mean_return))
    }

    /// The classical learners, best first.
    pub(crate) fn classical(&self) -> impl Iterator<Item = &Standing> {
        self.learners
            .iter()
            .filter(|learner| learner.is_classical())
    }
}

impl References {
    fn of(comparisons: &[&Comparison]) -> Self {
        let known = |pick: fn(&ExactValues) -> &Exact| -> Option<Measure> {
            let values: Option<Vec<(f64, f64)>> = comparisons
                .iter()
                .map(|comparison| pick(&comparison.exact).known())
                .collect();
            Measure::pooled(&values?)
        };
        let measured = |name: &str| {
            let values: Option<Vec<(f64, f64)>> = comparisons
                .iter()
                .map(|comparison| comparison.learners.iter().find(|l| l.name == name))
                .map(|learner| learner.map(|l| (l.mean_return, l.standard_error)))
                .collect();
            Measure::pooled(&values?)
        };
        let why = comparisons
            .iter()
            .find_map(|c| match &c.exact.bayes_optimal {
                Exact::Unknown { why } => Some(why.clone()),
                Exact::Known { .. } => None,
            });
        Self {
            bayes_optimal: known(|exact| &exact.bayes_optimal),
            known_task: known(|exact| &exact.known_task_optimum),
            random: known(|exact| &exact.random).or_else(|| measured("random")),
            bayes_rewards: comparisons
                .first()
                .and_then(|comparison| comparison.exact.bayes_optimal_rewards.clone())
                .unwrap_or_default(),
            why_no_bayes: why,
        }
    }

    /// The regret of the Bayes-optimal agent over a trial. Only two exact
    /// values give it: the optimum of the held-out tasks has an error that the
    /// exact Bayes-optimal value does not share.
    pub(crate) fn bayes_regret(&self) -> Option<f64> {
        match (self.known_task?, self.bayes_optimal?) {
            (Measure::Exact(known), Measure::Exact(bayes)) => Some(known - bayes),
            _ => None,
        }
    }

    /// The same after each step of a trial of so many steps, the optimum spread
    /// evenly over them as it is for the learners; empty where the reward of
    /// each step is not known.
    pub(crate) fn bayes_regret_curve(&self, steps: usize) -> Vec<f64> {
        let known = self.bayes_rewards.len() == steps;
        let Some(Measure::Exact(optimum)) = self.known_task.filter(|_| known) else {
            return Vec::new();
        };
        let mut earned = 0.0;
        let behind = |(step, reward): (usize, &f64)| {
            earned += reward;
            optimum * (step + 1) as f64 / steps as f64 - earned
        };
        self.bayes_rewards.iter().enumerate().map(behind).collect()
    }
}

/// From random to the best reference that is known.
fn gap(references: &References) -> Option<Gap> {
    let random = references.random?;
    let (best, to) = match (references.bayes_optimal, references.known_task) {
        (Some(bayes), _) => (bayes, Target::BayesOptimal),
        (None, Some(known)) => (known, Target::KnownTask),
        (None, None) => return None,
    };
    let ends = rl_core::Gap::new(random.pair(), best.pair())?;
    Some(Gap { ends, to })
}

/// All learners that every seed was compared with, in the order of the file.
fn names<'a>(comparisons: &[&'a Comparison]) -> Vec<(&'a str, Kind)> {
    let Some((first, rest)) = comparisons.split_first() else {
        return Vec::new();
    };
    let in_all = |name: &str| {
        rest.iter()
            .all(|c| c.learners.iter().any(|l| l.name == name))
    };
    first
        .learners
        .iter()
        .filter(|learner| in_all(&learner.name))
        .map(|learner| (learner.name.as_str(), learner.kind))
        .collect()
}

fn standing(
    name: &str,
    kind: Kind,
    comparisons: &[&Comparison],
    gap: Option<&Gap>,
) -> Option<Standing> {
    let rows: Vec<&Learner> = comparisons
        .iter()
        .filter_map(|comparison| comparison.learners.iter().find(|l| l.name == name))
        .collect();
    let combine = |measured: &[(f64, f64)]| match kind {
        Kind::Trained => Measure::over_seeds(measured),
        _ => Measure::pooled(measured),
    };
    let returns: Vec<(f64, f64)> = rows
        .iter()
        .map(|l| (l.mean_return, l.standard_error))
        .collect();
    let mean_return = combine(&returns)?;
    let steps = rows
        .iter()
        .map(|row| row.regret.as_ref().map_or(0, Vec::len))
        .min()?;
    let regret = (0..steps).filter_map(|step| {
        let at: Vec<(f64, f64)> = rows.iter().filter_map(|row| regret_at(row, step)).collect();
        combine(&at)
    });
    Some(Standing {
        name: name.to_string(),
        kind,
        mean_return,
        regret: regret.collect(),
        share: gap.map(|gap| gap.measure(mean_return)),
    })
}

fn adaptation(comparisons: &[&Comparison]) -> Vec<Measure> {
    let adapted = comparisons.iter().filter_map(|c| c.adaptation.as_ref());
    let adapted: Vec<&Adaptation> = adapted.collect();
    let lengths = adapted
        .iter()
        .map(|adaptation| adaptation.mean_return.len());
    let after = |step: usize| {
        let pair = |of: &&Adaptation| (of.mean_return[step], of.standard_error[step]);
        Measure::over_seeds(&adapted.iter().map(pair).collect::<Vec<_>>())
    };
    (0..lengths.min().unwrap_or(0)).filter_map(after).collect()
}

fn regret_at(learner: &Learner, step: usize) -> Option<(f64, f64)> {
    let regret = *learner.regret.as_ref()?.get(step)?;
    let error = learner
        .regret_se
        .as_ref()
        .and_then(|errors| errors.get(step));
    Some((regret, error.copied().unwrap_or(0.0)))
}

fn seed_result(comparison: &Comparison, gap: Option<&Gap>) -> Option<SeedResult> {
    let trained = comparison.trained()?;
    let mean_return = Measure::Sampled(trained.mean_return, trained.standard_error);
    let regret = regret_at(trained, comparison.steps_per_trial - 1);
    Some(SeedResult {
        seed: comparison.seed,
        mean_return,
        regret: regret.map(|(mean, error)| Measure::Sampled(mean, error)),
        share: gap.map(|gap| gap.measure(mean_return)),
    })
}

#[cfg(test)]
#[path = "standing_tests.rs"]
mod tests;
