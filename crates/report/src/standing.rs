//! Where each learner stands: returns, regrets, and the share of the gap to the
//! optimum that it closed.

use record::schema::{Comparison, Generalization, LearnerKind, LearnerResult, OnPart};

use crate::measure::Measure;
use crate::read::{after_each_step, over_tasks};
use crate::references::{Gap, References};
use crate::setting::Setting;
use crate::stats::Estimate;

/// One learner, over all seeds.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) name: String,
    pub(crate) kind: LearnerKind,
    pub(crate) mean_return: Measure,
    /// On tasks that were trained on, and on those that never were; where all
    /// were, there are no such parts.
    pub(crate) parts: Option<[Measure; 2]>,
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
        self.kind == LearnerKind::Classical && !self.is_random()
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
    /// The smallest and largest number of tasks that a seed was compared on.
    pub(crate) tasks: (u64, u64),
    /// How many tasks were trained on and how many never, where some were not.
    pub(crate) parts: Option<[u64; 2]>,
    /// How many different ones there are, where their number is finite.
    pub(crate) distinct_tasks: Option<u64>,
    pub(crate) actions: String,
    pub(crate) steps_per_trial: usize,
}

impl Standings {
    /// `None` if no run of the setting has been compared yet.
    pub(crate) fn of(setting: &Setting<'_>) -> Option<Self> {
        let comparisons: Vec<&Comparison> = setting.comparisons().collect();
        let first = *comparisons.first()?;
        let references = References::of(&comparisons);
        let gap = references.gap();
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
        let tasks = comparisons.iter().map(|comparison| comparison.tasks as u64);
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
            parts: first
                .trained()
                .and_then(|learner| learner.split.as_ref())
                .map(|split| [split.trained.distinct, split.unseen.distinct]),
            distinct_tasks: first.distinct_tasks,
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
            .find(|learner| learner.kind == LearnerKind::Trained)
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

/// All learners that every seed was compared with, in the order of the file.
fn names<'a>(comparisons: &[&'a Comparison]) -> Vec<(&'a str, LearnerKind)> {
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
    kind: LearnerKind,
    comparisons: &[&Comparison],
    gap: Option<&Gap>,
) -> Option<Standing> {
    let rows: Vec<(&Comparison, &LearnerResult)> = comparisons
        .iter()
        .filter_map(|c| Some((*c, c.learners.iter().find(|l| l.name == name)?)))
        .collect();
    let combine = |measured: Vec<Estimate>| match kind {
        LearnerKind::Trained => Measure::over_seeds(&measured),
        _ => {
            let sampled: Vec<Measure> = measured.into_iter().map(Measure::Sampled).collect();
            Measure::pooled(&sampled)
        }
    };
    let returns = rows
        .iter()
        .map(|(c, l)| over_tasks(c, l.mean_return, l.standard_error));
    let mean_return = combine(returns.collect())?;
    let steps = rows
        .iter()
        .map(|(_, learner)| learner.regret.as_ref().map_or(0, Vec::len))
        .min()?;
    let regret = (0..steps).filter_map(|step| {
        let at = rows.iter().filter_map(|(c, l)| regret_at(c, l, step));
        combine(at.collect())
    });
    let part = |pick: fn(&Generalization) -> &OnPart| {
        let on_part = rows.iter().filter_map(|(c, l)| {
            let part = pick(l.split.as_ref()?);
            Some(over_tasks(c, part.mean_return, part.standard_error))
        });
        combine(on_part.collect())
    };
    let parts = part(|split| &split.trained).zip(part(|split| &split.unseen));
    Some(Standing {
        name: name.to_string(),
        kind,
        mean_return,
        parts: parts.map(|(trained, unseen)| [trained, unseen]),
        regret: regret.collect(),
        share: gap.map(|gap| gap.measure(mean_return)),
    })
}

fn adaptation(comparisons: &[&Comparison]) -> Vec<Measure> {
    let adapted = comparisons.iter().filter_map(|c| c.adaptation.as_ref());
    let adapted: Vec<Vec<Estimate>> = adapted.map(|a| after_each_step(a).collect()).collect();
    let lengths = adapted.iter().map(Vec::len);
    let after = |step: usize| {
        Measure::over_seeds(&adapted.iter().map(|after| after[step]).collect::<Vec<_>>())
    };
    (0..lengths.min().unwrap_or(0)).filter_map(after).collect()
}

fn regret_at(comparison: &Comparison, learner: &LearnerResult, step: usize) -> Option<Estimate> {
    let regret = *learner.regret.as_ref()?.get(step)?;
    let errors = learner.regret_se.as_ref();
    let error = errors.and_then(|errors| errors.get(step)).copied();
    Some(over_tasks(comparison, regret, error.unwrap_or(f64::NAN)))
}

fn seed_result(comparison: &Comparison, gap: Option<&Gap>) -> Option<SeedResult> {
    let trained = comparison.trained()?;
    let own = over_tasks(comparison, trained.mean_return, trained.standard_error);
    let mean_return = Measure::Sampled(own);
    let regret = regret_at(comparison, trained, comparison.steps_per_trial - 1);
    Some(SeedResult {
        seed: comparison.seed,
        mean_return,
        regret: regret.map(Measure::Sampled),
        share: gap.map(|gap| gap.measure(mean_return)),
    })
}
