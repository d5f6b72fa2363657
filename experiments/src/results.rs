//! The results of runs, as a table and as JSON.

use crate::console::{Console, Event, Table, duration, fixed, path_text, percent, short};
use lab::comparison::estimate;
use lab::failure::Failure;
use lab::references::{fields, gap_closed};
use lab::runner::Finished;
use record::schema::{
    Adaptation, Comparison, Deviation, Deviations, Difference, Generalization, LearnerKind,
    LearnerResult, OnPart, OverTrials,
};
use report::{Estimate, share_decimals};
use rl_core::{Exact, ExactValues};
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt;
use std::path::{Path, PathBuf};

/// The last line of `train --json` and of the quickstart.
#[derive(Serialize)]
pub(crate) struct Summary {
    pub(crate) seed: u64,
    pub(crate) seconds: f64,
    pub(crate) training_seconds: f64,
    pub(crate) env_steps: u64,
    /// None where nothing was trained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) env_steps_per_second: Option<f64>,
    pub(crate) tasks: usize,
    pub(crate) mean_return: f64,
    pub(crate) standard_error: f64,
    /// The same on each part of the tasks, where they are split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) split: Option<Generalization>,
    #[serde(flatten)]
    pub(crate) references: Map<String, Value>,
    pub(crate) gap_closed: Option<f64>,
    pub(crate) gap_closed_interval: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) adaptation: Option<Adaptation>,
    /// Beside the Bayes-optimal policy, over whole trials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deviation: Option<Deviation>,
    #[serde(serialize_with = "path_text")]
    pub(crate) run: PathBuf,
    #[serde(serialize_with = "path_text")]
    pub(crate) report: PathBuf,
}

impl Summary {
    /// What a run came to.
    ///
    /// # Errors
    /// If its comparison was tampered with.
    pub(crate) fn new(finished: &Finished, report: &Path) -> Result<Self, Failure> {
        let comparison = &finished.comparison;
        let agent = comparison.trained().ok_or_else(|| {
            let path = finished.path.join("comparison.json");
            Failure::config(format!(
                "{}: no learner is of the kind 'trained'",
                path.display()
            ))
        })?;
        let exact = &comparison.exact;
        let gap = gap_closed(exact, estimate(agent, comparison.tasks));
        Ok(Self {
            seed: comparison.seed,
            seconds: finished.seconds,
            training_seconds: finished.training_seconds,
            env_steps: comparison.env_steps,
            env_steps_per_second: (comparison.env_steps > 0)
                .then(|| comparison.env_steps as f64 / finished.training_seconds),
            tasks: comparison.tasks,
            mean_return: agent.mean_return,
            standard_error: agent.standard_error,
            split: agent.split.clone(),
            references: fields(exact),
            gap_closed: gap.map(|gap| gap.mean),
            gap_closed_interval: gap.and_then(|gap| gap.interval()),
            adaptation: comparison.adaptation.clone(),
            deviation: finished.deviations.as_ref().map(|it| it.whole.clone()),
            run: finished.path.clone(),
            report: report.to_path_buf(),
        })
    }
}

impl Summary {
    /// The mean return over the tasks.
    pub(crate) fn estimate(&self) -> Estimate {
        Estimate::sampled(self.mean_return, self.standard_error, self.tasks as u64)
    }
}

/// A learner's line of JSON.
#[derive(Serialize)]
pub(crate) struct LearnerLine<'a> {
    pub(crate) learner: &'a str,
    pub(crate) kind: LearnerKind,
    pub(crate) seed: u64,
    pub(crate) tasks: usize,
    pub(crate) mean_return: f64,
    pub(crate) standard_error: f64,
    /// The same on each part of the tasks, where they are split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) split: Option<&'a Generalization>,
    pub(crate) gap_closed: Option<f64>,
    pub(crate) regret: Option<f64>,
}

impl<'a> LearnerLine<'a> {
    /// What a learner came to.
    pub(crate) fn new(comparison: &Comparison, result: &'a LearnerResult) -> Self {
        let exact = &comparison.exact;
        let gap = gap_closed(exact, estimate(result, comparison.tasks));
        Self {
            learner: &result.name,
            kind: result.kind,
            seed: comparison.seed,
            tasks: comparison.tasks,
            mean_return: result.mean_return,
            standard_error: result.standard_error,
            split: result.split.as_ref(),
            gap_closed: gap.map(|gap| gap.mean),
            regret: result.regret.as_ref().and_then(|row| row.last().copied()),
        }
    }
}

/// Prints learners side by side, best first, and the reference values.
///
/// # Errors
/// If standard output is closed.
pub(crate) fn print(console: &Console, comparison: &Comparison) -> Result<(), Failure> {
    for result in &comparison.learners {
        console.emit(Event::Learner, &LearnerLine::new(comparison, result))?;
    }
    if console.json() {
        return comparison
            .lead
            .iter()
            .try_for_each(|lead| print_difference(console, lead));
    }
    let title = Title {
        environment: &comparison.environment,
        settings: &comparison.settings,
        seed: comparison.seed,
        tasks: (comparison.tasks, comparison.distinct_tasks),
    };
    console.say(title)?;
    console.say("")?;
    let mut order: Vec<&LearnerResult> = comparison.learners.iter().collect();
    order.sort_by(|a, b| b.mean_return.total_cmp(&a.mean_return));
    let mut table = Table::new(&COLUMNS);
    for result in order {
        table.row(row(result, comparison.tasks, &comparison.exact));
        if result.kind == LearnerKind::Trained {
            table.mark();
        }
    }
    table.print(console)?;
    print_split(console, &comparison.learners)?;
    if let Some(adaptation) = &comparison.adaptation {
        console.say("")?;
        print_adaptation(console, adaptation, comparison.distinct_tasks)?;
    }
    console.say("")?;
    if let Some(lead) = &comparison.lead {
        print_difference(console, lead)?;
    }
    for line in references(&comparison.exact) {
        console.say(console.dim(&line))?;
    }
    Ok(())
}

/// Prints how learners do on each part of the tasks, where they are split.
///
/// # Errors
/// If standard output is closed.
fn print_split(console: &Console, learners: &[LearnerResult]) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for result in learners {
        rows.extend(result.split.as_ref().map(|split| (result, split)));
    }
    let Some((_, Generalization { trained, unseen })) = rows.first() else {
        return Ok(());
    };
    console.say("")?;
    console.say(format!(
        "tasks to train on: {}, kept back: {}; {} draws from each",
        trained.distinct, unseen.distinct, trained.tasks
    ))?;
    let mut table = Table::new(&["learner", "to train on", "± s.e.", "kept back", "± s.e."]);
    for (result, Generalization { trained, unseen }) in rows {
        let numbers = [trained, unseen].map(|part| [part.mean_return, part.standard_error]);
        let numbers = numbers.as_flattened().iter();
        let cells = numbers.map(|number| fixed(*number, 4));
        table.row([result.name.clone()].into_iter().chain(cells).collect());
        if result.kind == LearnerKind::Trained {
            table.mark();
        }
    }
    table.print(console)
}

/// The returns on both parts of the tasks, at the end of a line.
pub(crate) fn parts(split: Option<&Generalization>) -> String {
    let Some(Generalization { trained, unseen }) = split else {
        return String::new();
    };
    let part = |words, part: &OnPart| {
        let OnPart {
            distinct,
            mean_return,
            standard_error,
            ..
        } = part;
        let (mean, error) = (fixed(*mean_return, 4), fixed(*standard_error, 4));
        format!("{mean} ± {error} on {words} ({distinct})")
    };
    let (trained, unseen) = (
        part("tasks to train on", trained),
        part("those kept back", unseen),
    );
    format!("; {trained}, {unseen}")
}

/// Prints by how much a learner is ahead of another.
///
/// # Errors
/// If standard output is closed.
pub(crate) fn print_difference(console: &Console, one: &Difference) -> Result<(), Failure> {
    console.emit(Event::Difference, one)?;
    let Difference {
        learner,
        over,
        mean,
        standard_error,
    } = one;
    console.say(format!(
        "{learner} − {over}, on the same tasks: {} ± {}",
        fixed(*mean, 4),
        fixed(*standard_error, 4)
    ))
}

/// Prints what each gradient step on fresh tasks led to.
///
/// # Errors
/// If standard output is closed.
pub(crate) fn print_adaptation(
    console: &Console,
    adaptation: &Adaptation,
    distinct: Option<u64>,
) -> Result<(), Failure> {
    let Adaptation {
        tasks,
        trajectories,
        mean_return,
        standard_error,
    } = adaptation;
    console.say(format!(
        "adaptation to {}, {trajectories} trials of each per gradient step",
        fresh(*tasks, distinct)
    ))?;
    let mut table = Table::new(&["gradient steps", "mean return", "± s.e."]);
    for (step, (mean, error)) in mean_return.iter().zip(standard_error).enumerate() {
        let cells = [step.to_string(), fixed(*mean, 4), fixed(*error, 4)];
        table.row(cells.to_vec());
    }
    table.print(console)
}

/// The gap that an agent closed by what its actions lose, whose error is much smaller
/// than that of what it earns; `None` where the ends of the gap are not known exactly.
pub(crate) fn closed_by_actions(exact: &ExactValues, found: &Deviations) -> Option<Estimate> {
    let Exact::Known { value: best } = exact.bayes_optimal else {
        return None;
    };
    let OverTrials {
        mean,
        standard_error,
    } = found.whole.cost;
    let earned = Estimate::sampled(best - mean, standard_error, found.tasks as u64);
    gap_closed(exact, earned)
}

/// Prints how an agent differs from the Bayes-optimal policy.
///
/// # Errors
/// If standard output is closed.
pub(crate) fn print_deviations(
    console: &Console,
    exact: &ExactValues,
    found: &Deviations,
) -> Result<(), Failure> {
    console.say("")?;
    console.say(format!(
        "beside the Bayes-optimal policy, on {}, {} actions; ± is one standard error",
        fresh(found.tasks, found.distinct_tasks),
        found.actions
    ))?;
    console.say("")?;
    let mut table = Table::new(&[
        "steps",
        "agreement",
        "where one is best",
        "distance (nats)",
        "value lost",
    ]);
    for part in &found.parts {
        table.row(deviation_row(part));
    }
    table.row(deviation_row(&found.whole));
    table.mark();
    table.print(console)?;
    console.say("")?;
    if let Some(closed) = closed_by_actions(exact, found) {
        let places = share_decimals(&closed).max(2);
        let share = |share: f64| fixed(100.0 * share, places);
        let ends = closed.interval().map_or(String::new(), |[low, high]| {
            format!(" (95 % interval {} to {} %)", share(low), share(high))
        });
        let closed = share(closed.mean);
        console.say(format!(
            "gap closed, by what actions lose: {closed} %{ends}"
        ))?;
    }
    for line in [
        "agreement: steps whose action was one of the best, and among those with a single best \
         one",
        "distance: −ln of the probability that the agent's distribution gives to the best actions",
        "value lost: by the actions of a trial; in all, what the agent earns less than the \
         Bayes-optimal policy",
    ] {
        console.say(console.dim(line))?;
    }
    if found.parts.iter().any(|part| part.agreement.mean.is_nan()) {
        console.say(console.dim("–: no trial came as far"))?;
    }
    Ok(())
}

fn deviation_row(part: &Deviation) -> Vec<String> {
    let number = |it: &OverTrials, (scale, decimals): (f64, usize)| {
        let text = |number: f64| fixed(scale * number, decimals);
        match it.mean.is_nan() {
            true => text(it.mean),
            false => format!("{} ± {}", text(it.mean), text(it.standard_error)),
        }
    };
    let share = |it: &OverTrials| match number(it, (100.0, 2)) {
        nothing if it.mean.is_nan() => nothing,
        percent => format!("{percent} %"),
    };
    vec![
        match part.first == part.last {
            true => part.first.to_string(),
            false => format!("{}–{}", part.first, part.last),
        },
        share(&part.agreement),
        share(&part.agreement_where_one_is_best),
        number(&part.distance, (1.0, 4)),
        number(&part.cost, (1.0, 5)),
    ]
}

/// What a table of learners is of.
pub(crate) struct Title<'a> {
    pub(crate) environment: &'a str,
    pub(crate) settings: &'a Map<String, Value>,
    pub(crate) seed: u64,
    /// How many were drawn, and how many different ones there are.
    pub(crate) tasks: (usize, Option<u64>),
}

/// "10000 fresh tasks", "200 fresh tasks of 21 different ones", or "1000 draws of a single
/// task".
pub(crate) fn fresh(tasks: usize, distinct: Option<u64>) -> String {
    match distinct {
        None => format!("{tasks} fresh tasks"),
        Some(1) => format!("{tasks} draws of a single task"),
        Some(all) => format!("{tasks} fresh tasks of {all} different ones"),
    }
}

impl fmt::Display for Title<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self.settings.iter();
        let pairs = pairs.map(|(key, value)| format!("{key} = {value}"));
        let settings = pairs.collect::<Vec<_>>().join(", ");
        let Self {
            environment,
            seed,
            tasks: (tasks, distinct),
            ..
        } = self;
        let tasks = fresh(*tasks, *distinct);
        write!(
            f,
            "{environment} ({settings}), seed {seed}: mean over {tasks}"
        )
    }
}

/// Columns of a table of learners.
pub(crate) const COLUMNS: [&str; 5] = ["learner", "mean return", "± s.e.", "regret", "gap closed"];

/// A learner's row of [`COLUMNS`].
pub(crate) fn row(result: &LearnerResult, tasks: usize, exact: &ExactValues) -> Vec<String> {
    let gap = gap_closed(exact, estimate(result, tasks));
    let regret = result.regret.as_ref().and_then(|row| row.last());
    let none = || "–".to_owned();
    vec![
        result.name.clone(),
        fixed(result.mean_return, 4),
        fixed(result.standard_error, 4),
        regret.map_or_else(none, |regret| fixed(*regret, 4)),
        gap.map_or_else(none, |gap| percent(gap.mean)),
    ]
}

/// Lines that say what a result can be compared with.
pub(crate) fn references(exact: &ExactValues) -> Vec<String> {
    let rows = [
        ("Bayes-optimal", &exact.bayes_optimal),
        ("knowing the task", &exact.known_task_optimum),
        ("random", &exact.random),
    ];
    let line = |(name, reference): (&str, &Exact)| match reference {
        Exact::Known { value } => format!("exact value, {name}: {}", fixed(*value, 4)),
        Exact::Estimated {
            value,
            standard_error,
            samples,
        } => format!(
            "estimate, {name}: {} ± {} (mean of {samples} samples)",
            fixed(*value, 4),
            fixed(*standard_error, 4)
        ),
        Exact::Unknown { why } => format!("exact value, {name}: none, {why}"),
    };
    let mut lines: Vec<String> = rows.into_iter().map(line).collect();
    if exact.bayes_optimal.get().is_some() && exact.random.get().is_some() {
        lines.push("gap closed: the way from random (0 %) to Bayes-optimal (100 %)".to_owned());
    }
    lines
}

/// A share of the gap, and its 95 % interval in words.
pub(crate) fn closed(share: f64, ends: Option<[f64; 2]>) -> (String, String) {
    let Some([low, high]) = ends else {
        let none = "no interval from a single task".to_owned();
        return (percent(share), none);
    };
    let places = share_decimals(&Estimate {
        mean: share,
        standard_error: f64::NAN,
        half_width: (high - low) / 2.0,
    });
    let [share, low, high] = [share, low, high].map(|part| fixed(100.0 * part, places));
    let interval = format!("95 % interval {low} to {high} %");
    (format!("{share} %"), interval)
}

/// Prints how long a run took, and where to look.
///
/// # Errors
/// If standard output is closed.
pub(crate) fn print_summary(console: &Console, summary: &Summary) -> Result<(), Failure> {
    if let Some(share) = summary.gap_closed {
        let (share, interval) = closed(share, summary.gap_closed_interval);
        console.say(format!(
            "gap closed by the trained agent: {} ({interval})",
            console.good(&share)
        ))?;
    }
    if let Some(Deviation {
        agreement, cost, ..
    }) = &summary.deviation
    {
        console.say(format!(
            "beside the Bayes-optimal policy: agrees in {} of its steps, loses {} ± {} a trial",
            percent(agreement.mean),
            fixed(cost.mean, 5),
            fixed(cost.standard_error, 5)
        ))?;
    }
    console.say(match summary.env_steps_per_second {
        None => "no training: 0 environment steps".to_owned(),
        Some(rate) => format!(
            "{} environment steps in {} ({} per second)",
            short(summary.env_steps as f64),
            duration(summary.training_seconds),
            short(rate)
        ),
    })?;
    console.say(format!("run:    {}", summary.run.display()))?;
    console.say(format!(
        "report: {}",
        console.bold(&summary.report.display().to_string())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_without_all_of_the_gap_does_not_end_there() {
        let said = |share, ends| {
            let (share, interval) = closed(share, ends);
            format!("{share} ({interval})")
        };
        let most = said(0.99969, Some([0.99957, 0.99981]));
        assert_eq!(most, "99.97 % (95 % interval 99.96 to 99.98 %)");
        let usual = said(0.9922, Some([0.9834, 1.001]));
        assert_eq!(usual, "99.2 % (95 % interval 98.3 to 100.1 %)");
        assert_eq!(
            said(1.0, Some([1.0; 2])),
            "100.0 % (95 % interval 100.0 to 100.0 %)"
        );
        assert_eq!(
            said(3.857, None),
            "385.7 % (no interval from a single task)"
        );
    }

    #[test]
    fn draws_of_few_tasks_are_counted() {
        assert_eq!(fresh(200, None), "200 fresh tasks");
        assert_eq!(fresh(200, Some(21)), "200 fresh tasks of 21 different ones");
        assert_eq!(fresh(200, Some(1)), "200 draws of a single task");
    }
}
