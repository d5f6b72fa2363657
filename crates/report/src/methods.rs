//! Methods against each other, over environments and seeds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use record::schema::Comparison;
use record::write_atomically;

use crate::figures::Figure;
use crate::figures::methods::{self, Line, Standing};
use crate::markup::{csv_file, markdown_cell};
use crate::read::Run;
use crate::references::{Gap, References};
use crate::scores::{Aggregate, Interval, Scores};
use crate::setting::{self, Setting};
use crate::standing::Standings;
use crate::statistics;
use crate::stats::Estimate;
use crate::text::{count, display_name, fixed, listed, plain};
use crate::{PNG_SCALE, ReportError, Result};

/// Seeds that a method needs in every environment.
pub(crate) const LEAST_SEEDS: usize = 3;
/// Seeds from which on a bootstrap over them is about as wide as it should be.
const MANY_SEEDS: usize = 10;
/// Points of a performance profile and of a learning curve.
const POINTS: usize = 40;

/// One way to train, in one or several environments.
#[derive(Debug)]
pub struct Method {
    /// What it is called.
    pub name: String,
    /// Its runs.
    pub runs: Vec<Run>,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScoreOf {
    /// The share of the gap from random to the best that was closed.
    Gap,
    /// The mean return, which is the same thing in one environment alone.
    Return,
}

impl ScoreOf {
    /// The aggregates that such scores have: returns have no 1 to fall short of, and so no
    /// optimality gap.
    pub fn aggregates(self) -> impl Iterator<Item = Aggregate> {
        let has = move |of: &Aggregate| self == Self::Gap || *of != Aggregate::OptimalityGap;
        Aggregate::ALL.into_iter().filter(has)
    }
}

/// What methods come to beside each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// The methods, in the order given.
    pub methods: Vec<MethodScores>,
    /// Each two of them.
    pub pairs: Vec<Pair>,
    /// What was compared, in a sentence.
    pub caption: String,
    /// The files that were written.
    pub files: Vec<PathBuf>,
}

/// Two methods beside each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// One of them.
    pub method: String,
    /// The other, which comes after it.
    pub other: String,
    /// The probability that a run of the first is above one of the second.
    pub above: Interval,
    /// Whether there are [runs enough](Scores::can_tell) to tell them apart.
    pub enough: bool,
}

/// What one method comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodScores {
    /// What it is called.
    pub name: String,
    /// Environment steps of a training, mean over all.
    pub env_steps: f64,
    /// The [aggregates of such scores](ScoreOf::aggregates), in their order.
    pub aggregates: Vec<(Aggregate, Interval)>,
}

/// A method on one environment.
pub(crate) struct OnTask<'a> {
    /// What the environment is, with its settings.
    key: String,
    pub(crate) title: String,
    setting: Setting<'a>,
    /// What the scores are shares of; `None` if they are returns.
    gap: Option<Gap>,
    returns: Vec<Estimate>,
}

/// A method on all of them, in one order for all methods.
pub(crate) struct Measured<'a> {
    pub(crate) name: &'a str,
    pub(crate) tasks: Vec<OnTask<'a>>,
}

/// Compares methods that were trained in the same environments, and writes
/// `compare.md`, `compare.csv`, three figures and a page with all of it, `compare.html`.
///
/// # Errors
/// [`ReportError::NotComparable`] if a method has fewer than three seeds or another number
/// of them in an environment, two configurations of one environment, a run that is not
/// compared with other learners yet, or other environments than the first one; if the share
/// of the gap is asked for where none is known, or returns of several environments; and if
/// the folder is not writable.
pub fn compare(methods: &[Method], score: ScoreOf, out: &Path) -> Result<Compared> {
    let measured = methods.iter().map(|method| Measured::of(method, score));
    let mut measured = measured.collect::<Result<Vec<_>>>()?;
    align(&mut measured)?;
    on_one_gap(&mut measured)?;
    let Some(first) = measured.first() else {
        return Err(ReportError::Empty);
    };
    if score == ScoreOf::Return && first.tasks.len() > 1 {
        let tasks: Vec<String> = first.tasks.iter().map(|task| task.title.clone()).collect();
        return Err(not_comparable(format!(
            "returns of {} are not of one kind; compare shares of the gap, or one environment at a time",
            listed(&tasks)
        )));
    }
    let scores: Vec<Scores> = measured.iter().map(Measured::scores).collect();
    let mut compared = Compared::of(&measured, &scores, score);
    compared.write(&measured, &scores, score, out)?;
    Ok(compared)
}

fn not_comparable(why: String) -> ReportError {
    ReportError::NotComparable { why }
}

impl<'a> Measured<'a> {
    fn of(method: &'a Method, score: ScoreOf) -> Result<Self> {
        let name = &method.name;
        let mut tasks: Vec<OnTask<'a>> = Vec::new();
        for setting in setting::group_anywhere(&method.runs) {
            let task = OnTask::of(setting, name, score)?;
            if let Some(other) = tasks.iter().find(|other| other.key == task.key) {
                let runs = [other, &task].map(|task| task.setting.folder.clone());
                return Err(not_comparable(format!(
                    "{name} has two configurations in {}: {} and {}; give each a name of its own, \
                     as in A=runs/a B=runs/b",
                    task.title, runs[0], runs[1]
                )));
            }
            tasks.push(task);
        }
        let seeds = tasks.first().map_or(0, |task| task.returns.len());
        if let Some(other) = tasks.iter().find(|task| task.returns.len() != seeds) {
            return Err(not_comparable(format!(
                "{name} has {} in {} and {} in {}; every environment needs as many",
                count(seeds, "seed"),
                tasks[0].title,
                count(other.returns.len(), "seed"),
                other.title
            )));
        }
        Ok(Self { name, tasks })
    }

    pub(crate) fn scores(&self) -> Scores {
        scores_of((self.tasks.iter()).map(|task| (task.returns.clone(), task.gap)))
    }

    fn runs(&self) -> impl Iterator<Item = &&'a Run> {
        self.tasks.iter().flat_map(|task| &task.setting.runs)
    }
}

impl<'a> OnTask<'a> {
    pub(crate) fn of(setting: Setting<'a>, method: &str, score: ScoreOf) -> Result<Self> {
        let title = setting.title();
        let unfinished = setting.runs.iter().find(|run| run.comparison.is_none());
        if let Some(run) = unfinished {
            return Err(not_comparable(format!(
                "{} is not compared with other learners yet, which happens when training ends; resume it",
                run.path().display()
            )));
        }
        if !setting.repeated.is_empty() {
            return Err(not_comparable(format!(
                "{method} has a seed twice in {title}: again in {}; the same seed twice is not two \
                 independent measurements, so name the folders of one of them",
                listed(&setting.repeated)
            )));
        }
        let standings = Standings::of(&setting).filter(|standings| !standings.seeds.is_empty());
        let first = setting.comparisons().next();
        let (Some(standings), Some(first)) = (standings, first) else {
            return Err(not_comparable(format!("{title} has no trained agent")));
        };
        let title = title_of(first);
        let seeds = standings.seeds.len();
        if seeds < LEAST_SEEDS {
            return Err(not_comparable(format!(
                "{method} has {} in {title}; an interval over runs needs at least {LEAST_SEEDS}: \
                 train more of them (--seeds {LEAST_SEEDS})",
                count(seeds, "seed")
            )));
        }
        let gap = match score {
            ScoreOf::Return => None,
            ScoreOf::Gap => Some(standings.gap.ok_or_else(|| {
                not_comparable(format!(
                    "{title} has no gap that is known from random to the best; compare mean returns (--score return)"
                ))
            })?),
        };
        let own = standings.seeds.iter();
        let returns: Vec<Estimate> = own.map(|seed| seed.mean_return.estimate()).collect();
        let one_task = |run: &&&Run| run.comparison.as_ref().is_some_and(|c| c.tasks == 1);
        if let Some(run) = setting.runs.iter().find(one_task) {
            return Err(not_comparable(format!(
                "{} was compared on one task, which says nothing of how sure its return is; train it \
                 with evaluation.tasks = 2 or more",
                run.path().display()
            )));
        }
        if returns.iter().any(|earned| !earned.mean.is_finite()) {
            return Err(not_comparable(format!(
                "{method} has a run in {title} whose return is not finite; its training has diverged, \
                 so leave the setting out or train it with a smaller step size"
            )));
        }
        Ok(Self {
            key: key_of(first),
            title,
            gap,
            returns,
            setting,
        })
    }

    /// What its first run was set to; those of its other seeds are set alike.
    pub(crate) fn settings(&self) -> Option<&BTreeMap<String, String>> {
        self.setting.runs.first().map(|run| &run.settings)
    }

    /// The most environment steps of its runs.
    fn steps(&self) -> u64 {
        let steps = self.setting.runs.iter().map(|run| run.env_steps());
        steps.max().unwrap_or(0)
    }

    /// Returns of all runs after so many environment steps at most; `None` where one was
    /// not evaluated yet.
    fn after(&self, steps: f64) -> Option<Vec<Estimate>> {
        let runs = self.setting.runs.iter().map(|run| {
            let mut evaluations = run.evaluations.iter();
            let last = evaluations.rfind(|row| row.env_steps as f64 <= steps)?;
            Some(Estimate::from(last))
        });
        runs.collect()
    }
}

pub(crate) fn key_of(comparison: &Comparison) -> String {
    let settings = serde_json::Value::Object(comparison.settings.clone());
    format!("{} {settings}", comparison.environment)
}

pub(crate) fn title_of(comparison: &Comparison) -> String {
    let settings = comparison.settings.iter();
    let settings: Vec<String> = settings
        .map(|(key, value)| format!("{} {}", key.replace('_', " "), plain(value)))
        .collect();
    let name = display_name(&comparison.environment);
    match settings.is_empty() {
        true => name,
        false => format!("{name} ({})", settings.join(", ")),
    }
}

/// Puts the environments of all methods into the order of the first one's.
fn align(measured: &mut [Measured<'_>]) -> Result<()> {
    let Some((first, rest)) = measured.split_first_mut() else {
        return Ok(());
    };
    for other in rest {
        let lacks = |has: &[OnTask<'_>], of: &[OnTask<'_>]| {
            let lacking = of
                .iter()
                .find(|task| has.iter().all(|own| own.key != task.key));
            lacking.map(|task| task.title.clone())
        };
        let lacking = [
            (lacks(&other.tasks, &first.tasks), other.name, first.name),
            (lacks(&first.tasks, &other.tasks), first.name, other.name),
        ];
        for (title, without, with) in lacking {
            if let Some(title) = title {
                return Err(not_comparable(format!(
                    "{without} has no runs in {title}, where {with} has; train it there too, or leave that out"
                )));
            }
        }
        let place = |task: &OnTask<'_>| first.tasks.iter().position(|own| own.key == task.key);
        other.tasks.sort_by_key(place);
    }
    Ok(())
}

/// Shares of the gaps, or returns where there are none.
fn scores_of(tasks: impl Iterator<Item = (Vec<Estimate>, Option<Gap>)> + Clone) -> Scores {
    let shares = tasks
        .clone()
        .map(|(returns, gap)| Some((returns, gap?.ends)));
    match shares.collect::<Option<Vec<_>>>() {
        Some(shares) => Scores::shares(shares),
        None => Scores::new(tasks.map(|(returns, _)| returns).collect()),
    }
}

/// One gap for all methods in an environment, of what all their runs know of its ends: as
/// far as that is sampled, each run knows another number. The value of the Bayes-optimal
/// agent bounds none that adapts to a task by training on it, and so beside one of these the
/// gap ends at the known-task optimum.
pub(crate) fn on_one_gap(measured: &mut [Measured<'_>]) -> Result<()> {
    let tasks = measured.first().map_or(0, |first| first.tasks.len());
    for task in 0..tasks {
        let all: Vec<&Comparison> = (measured.iter())
            .flat_map(|one| one.tasks[task].setting.comparisons())
            .collect();
        let gap = References::of(&all).gap();
        for Measured { tasks, .. } in &mut *measured {
            let OnTask {
                gap: own, title, ..
            } = &mut tasks[task];
            if own.is_none() {
                continue;
            }
            if gap.is_none() {
                return Err(not_comparable(format!(
                    "{title} has no gap that is known for all of these; compare mean returns \
                     (--score return)"
                )));
            }
            *own = gap;
        }
    }
    Ok(())
}

fn method_scores(measured: &Measured<'_>, scores: &Scores, score: ScoreOf) -> MethodScores {
    let steps: Vec<f64> = measured.runs().map(|run| run.env_steps() as f64).collect();
    MethodScores {
        name: measured.name.to_owned(),
        env_steps: steps.iter().sum::<f64>() / steps.len() as f64,
        aggregates: (score.aggregates())
            .map(|aggregate| (aggregate, scores.aggregate(aggregate)))
            .collect(),
    }
}

fn pairs(measured: &[Measured<'_>], scores: &[Scores]) -> Vec<Pair> {
    let named: Vec<(&str, &Scores)> = measured.iter().map(|one| one.name).zip(scores).collect();
    let pairs = named.iter().enumerate().flat_map(|(index, own)| {
        let others = named[index + 1..].iter();
        others.map(move |other| (own, other))
    });
    pairs
        .map(|((method, own), (other, others))| Pair {
            method: (*method).to_owned(),
            other: (*other).to_owned(),
            above: own.probability_above(others),
            enough: own.can_tell(others),
        })
        .collect()
}

fn caption(measured: &[Measured<'_>], score: ScoreOf) -> String {
    let tasks: Vec<String> = (measured.iter().take(1))
        .flat_map(|first| first.tasks.iter().map(|task| task.title.clone()))
        .collect();
    let seeds = |one: &Measured<'_>| one.tasks[0].returns.len();
    let fewest = measured.iter().map(seeds).min().unwrap_or(0);
    let most = measured.iter().map(seeds).max().unwrap_or(0);
    let seeds = match fewest == most {
        true => count(fewest, "seed"),
        false => format!("{fewest} to {most} seeds"),
    };
    let mut ends = (measured.iter().take(1)).flat_map(|first| {
        first
            .tasks
            .iter()
            .filter_map(|task| task.gap.map(|gap| gap.to))
    });
    let end = ends.next().filter(|end| ends.all(|other| other == *end));
    let what = match (score, end) {
        (ScoreOf::Gap, Some(end)) => format!("Shares of the gap from random to {}", end.words()),
        (ScoreOf::Gap, None) => "Shares of the gap from random to the best that is known".into(),
        (ScoreOf::Return, _) => "Mean returns".to_owned(),
    };
    let few = match fewest < MANY_SEEDS {
        true => ", which is too narrow where seeds are few, as here",
        false => "",
    };
    format!(
        "{what}, {seeds} in {}; 95 % intervals by the stratified bootstrap over seeds{few}; never \
         narrower than the errors over tasks.",
        listed(&tasks)
    )
}

/// A number with its interval, as text.
pub(crate) fn shown(of: &Interval, decimals: usize) -> String {
    let [low, high] = of.ends.map(|end| fixed(end, decimals));
    format!("{} [{low}, {high}]", fixed(of.value, decimals))
}

impl Pair {
    /// What the probability says, as far as its interval and the number of runs go.
    pub(crate) fn verdict(&self) -> &'static str {
        match self.above.ends {
            [low, high] if low <= 0.5 && high >= 0.5 => "not told apart",
            _ if !self.enough => "too few runs to tell",
            [low, _] if low > 0.5 => "better",
            _ => "worse",
        }
    }
}

/// Decimals that show what the intervals leave open.
fn decimals(methods: &[MethodScores]) -> usize {
    let widths = methods.iter().flat_map(|method| &method.aggregates);
    let widths = widths
        .map(|(_, of)| of.ends[1] - of.ends[0])
        .filter(|width| *width > 0.0);
    let least = widths.fold(1.0, f64::min);
    (1.0 - least.log10()).ceil().clamp(2.0, 6.0) as usize
}

impl Compared {
    /// What methods come to that were measured in the same environments.
    pub(crate) fn of(measured: &[Measured<'_>], scores: &[Scores], score: ScoreOf) -> Self {
        Self {
            methods: (measured.iter().zip(scores))
                .map(|(measured, scores)| method_scores(measured, scores, score))
                .collect(),
            pairs: pairs(measured, scores),
            caption: caption(measured, score),
            files: Vec::new(),
        }
    }

    /// What the columns of [`rows`](Self::rows) are called: the method, and each aggregate.
    pub fn columns(&self) -> Vec<&'static str> {
        let aggregates = self.methods.iter().take(1).flat_map(|one| &one.aggregates);
        (std::iter::once("method"))
            .chain(aggregates.map(|(aggregate, _)| aggregate.name()))
            .collect()
    }

    /// What is shown of each method: its name and its aggregates.
    pub fn rows(&self) -> Vec<Vec<String>> {
        let decimals = decimals(&self.methods);
        let row = |method: &MethodScores| {
            let numbers = (method.aggregates.iter()).map(|(_, of)| shown(of, decimals));
            [method.name.clone()].into_iter().chain(numbers).collect()
        };
        self.methods.iter().map(row).collect()
    }

    /// What is shown of each pair, in a sentence.
    pub fn sentences(&self) -> Vec<String> {
        let sentence = |pair: &Pair| {
            let Pair {
                method,
                other,
                above,
                ..
            } = pair;
            format!(
                "a run of {method} is above one of {other} with probability {}: {}",
                shown(above, 2),
                pair.verdict()
            )
        };
        self.pairs.iter().map(sentence).collect()
    }

    /// All aggregates where there is more than one method, the performance profile, and
    /// the aggregate while training where that was evaluated.
    pub(crate) fn figures(
        &self,
        measured: &[Measured<'_>],
        scores: &[Scores],
        score: ScoreOf,
    ) -> Result<Vec<Figure>> {
        let standings: Vec<Standing<'_>> = (self.methods.iter())
            .map(|method| Standing {
                name: &method.name,
                aggregates: &method.aggregates,
            })
            .collect();
        let mut figures = Vec::new();
        if standings.len() > 1 {
            figures.push(methods::aggregates(&standings, &self.caption)?);
        }
        figures.push(methods::profile(&profile(measured, scores), score)?);
        let efficiency = efficiency(measured);
        if efficiency.iter().any(|line| !line.points.is_empty()) {
            let steps = steps_of(measured);
            figures.push(methods::efficiency(&efficiency, steps, score)?);
        }
        Ok(figures)
    }

    fn markdown(&self) -> String {
        let names = self.columns();
        let mut text = format!(
            "{}\n\n| {} |\n|---|{}\n",
            self.caption,
            names.join(" | "),
            "--:|".repeat(names.len() - 1)
        );
        for row in self.rows() {
            let cells: Vec<String> = row.iter().map(|cell| markdown_cell(cell)).collect();
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        for sentence in self.sentences() {
            let _ = write!(text, "\n{}.\n", markdown_cell(&sentence));
        }
        text
    }

    fn csv(&self) -> Vec<u8> {
        let line = |method: &str, other: &str, statistic: &str, of: &Interval| {
            let numbers = [of.value, of.ends[0], of.ends[1]].map(|number| number.to_string());
            let [value, low, high] = numbers;
            [
                method.to_owned(),
                other.to_owned(),
                statistic.to_owned(),
                value,
                low,
                high,
            ]
        };
        let single = self.methods.iter().flat_map(|method| {
            let named = method.aggregates.iter();
            named.map(|(aggregate, of)| line(&method.name, "", aggregate.name(), of))
        });
        let above = |pair: &Pair| {
            let statistic = "probability of being above";
            line(&pair.method, &pair.other, statistic, &pair.above)
        };
        let lines: Vec<[String; 6]> = single.chain(self.pairs.iter().map(above)).collect();
        csv_file(
            ["method", "other", "statistic", "value", "low", "high"],
            lines,
        )
    }

    fn write(
        &mut self,
        measured: &[Measured<'_>],
        scores: &[Scores],
        score: ScoreOf,
        out: &Path,
    ) -> Result<()> {
        let unusable = |source| ReportError::Io {
            path: out.to_path_buf(),
            source,
        };
        std::fs::create_dir_all(out).map_err(unusable)?;
        let figures = self.figures(measured, scores, score)?;
        let page = statistics::page(self, measured, &figures);
        let mut files = vec![
            ("compare.html".to_owned(), page.into_bytes()),
            ("compare.md".to_owned(), self.markdown().into_bytes()),
            ("compare.csv".to_owned(), self.csv()),
        ];
        for Figure { name, canvas, .. } in figures {
            files.push((format!("{name}.svg"), canvas.svg().into_bytes()));
            files.push((format!("{name}.png"), canvas.png(PNG_SCALE)?));
        }
        for (name, bytes) in files {
            let path = out.join(name);
            write_atomically(&path, &bytes)?;
            self.files.push(path);
        }
        Ok(())
    }
}

/// The share of runs above each threshold, from the lowest score to the highest.
fn profile(measured: &[Measured<'_>], scores: &[Scores]) -> Vec<Line> {
    let all = || scores.iter().flat_map(Scores::values).flatten();
    let low = all().fold(f64::INFINITY, f64::min);
    let high = all().fold(f64::NEG_INFINITY, f64::max);
    let beyond = 0.02 * (high - low).max(1e-3);
    let (low, high) = (low - beyond, high + beyond);
    let at = |point: usize| low + (high - low) * point as f64 / POINTS as f64;
    let line = |(one, scores): (&Measured<'_>, &Scores)| Line {
        name: one.name.to_owned(),
        points: (0..=POINTS)
            .map(|point| (at(point), scores.share_above(at(point))))
            .collect(),
    };
    measured.iter().zip(scores).map(line).collect()
}

/// The most steps of any method in a single environment; none in several.
fn steps_of(measured: &[Measured<'_>]) -> Option<f64> {
    let single = measured.iter().all(|one| one.tasks.len() == 1);
    let steps = measured
        .iter()
        .flat_map(|one| &one.tasks)
        .map(OnTask::steps);
    single.then(|| steps.max().unwrap_or(0) as f64)
}

/// The interquartile mean after each share of the steps of the longest training in the
/// same environment.
fn efficiency(measured: &[Measured<'_>]) -> Vec<Line> {
    let tasks = measured.first().map_or(0, |first| first.tasks.len());
    let longest = |task: usize| {
        let steps = measured.iter().map(|one| one.tasks[task].steps());
        steps.max().unwrap_or(0) as f64
    };
    let longest: Vec<f64> = (0..tasks).map(longest).collect();
    let line = |one: &Measured<'_>| {
        let ends = one
            .tasks
            .iter()
            .zip(&longest)
            .map(|(task, most)| task.steps() as f64 / most);
        let end = ends.fold(1.0, f64::min);
        let shares = (0..=POINTS).map(|point| point as f64 / POINTS as f64);
        let shares = shares.filter(|share| *share <= end + 1e-9);
        let point = |share: f64| {
            let tasks = one.tasks.iter().zip(&longest);
            let returns = tasks.map(|(task, most)| Some((task.after(share * most)?, task.gap)));
            let scores = scores_of(returns.collect::<Option<Vec<_>>>()?.into_iter());
            Some((share, scores.aggregate(Aggregate::Iqm)))
        };
        Line {
            name: one.name.to_owned(),
            points: shares.filter_map(point).collect(),
        }
    };
    measured.iter().map(line).collect()
}
