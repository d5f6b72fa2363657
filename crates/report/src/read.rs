//! Run directories, read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use record::{Document, Reader, Stream};
use rl_core::{Exact, Picture};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::stats::Estimate;
use crate::{ReportError, Result, Watch};

/// How deep [`load`] looks for runs below a given folder: `runs/<name>/seed-0`.
const DEPTH: usize = 2;

/// One training of one seed, as its files tell it.
#[derive(Debug)]
pub struct Run {
    pub(crate) path: PathBuf,
    pub(crate) config: String,
    /// The same but for the seed: values by dotted keys.
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) environment: Map<String, Value>,
    /// What the algorithm says of itself, where the run says what it is.
    pub(crate) algorithm: Algorithm,
    pub(crate) metrics: Vec<Metrics>,
    pub(crate) evaluations: Vec<Evaluation>,
    /// Wall clock of the training so far.
    pub(crate) seconds: Option<f64>,
    pub(crate) comparison: Option<Comparison>,
    pub(crate) pictures: Option<Pictures>,
}

/// An algorithm's words for itself, in `environment.json`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Algorithm {
    /// What it is called.
    pub(crate) title: String,
    /// What there is to draw of its rows.
    pub(crate) metrics: Vec<Metric>,
}

/// A column of `metrics.jsonl` that is drawn.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Metric {
    pub(crate) key: String,
    pub(crate) title: String,
    pub(crate) unit: String,
}

/// One row of `metrics.jsonl`.
#[derive(Debug, Deserialize)]
pub(crate) struct Metrics {
    pub(crate) update: u64,
    pub(crate) env_steps: u64,
    /// Everything else, by name; `null` stands for a number that was not finite.
    #[serde(flatten)]
    pub(crate) values: Map<String, Value>,
}

/// One row of `timing.jsonl`.
#[derive(Debug, Deserialize)]
struct Timing {
    #[serde(deserialize_with = "record::null_as_nan")]
    seconds: f64,
}

/// One row of `eval.jsonl`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Evaluation {
    pub(crate) update: u64,
    pub(crate) env_steps: u64,
    pub(crate) tasks: u64,
    pub(crate) actions: String,
    #[serde(deserialize_with = "record::null_as_nan")]
    pub(crate) mean_return: f64,
    #[serde(deserialize_with = "record::null_as_nan")]
    pub(crate) standard_error: f64,
}

/// The contents of `comparison.json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Comparison {
    pub(crate) algorithm: String,
    pub(crate) environment: String,
    pub(crate) settings: Map<String, Value>,
    pub(crate) seed: u64,
    pub(crate) tasks: u64,
    pub(crate) distinct_tasks: Option<u64>,
    pub(crate) actions: String,
    pub(crate) env_steps: u64,
    pub(crate) steps_per_trial: usize,
    #[serde(default, deserialize_with = "record::optional_nulls_as_nan")]
    pub(crate) optimum: Option<Vec<f64>>,
    pub(crate) exact: ExactValues,
    pub(crate) learners: Vec<Learner>,
    /// Of agents that learn a task by gradient steps.
    pub(crate) adaptation: Option<Adaptation>,
}

/// What gradient steps on fresh tasks led to.
#[derive(Debug, Deserialize)]
pub(crate) struct Adaptation {
    pub(crate) tasks: u64,
    /// Trials per gradient step and task.
    pub(crate) trajectories: u64,
    /// After 0, 1, 2, … gradient steps.
    #[serde(deserialize_with = "record::nulls_as_nan")]
    pub(crate) mean_return: Vec<f64>,
    #[serde(deserialize_with = "record::nulls_as_nan")]
    pub(crate) standard_error: Vec<f64>,
}

/// The contents of `pictures.json`: the trained agent at work.
#[derive(Debug, Deserialize)]
pub(crate) struct Pictures {
    pub(crate) actions: String,
    pub(crate) tasks: Vec<TaskScenes>,
}

/// What is shown of one task.
#[derive(Debug, Deserialize)]
pub(crate) struct TaskScenes {
    /// Which of the fresh ones, from 0.
    pub(crate) task: u64,
    pub(crate) scenes: Vec<Scene>,
}

/// One picture of the agent in its task.
#[derive(Debug, Deserialize)]
pub(crate) struct Scene {
    /// Which episode of its trial, from 0.
    pub(crate) episode: u64,
    /// How many there were before, of an agent that adapts.
    pub(crate) gradient_steps: Option<u64>,
    /// What each of the episodes drawn earned.
    #[serde(deserialize_with = "record::nulls_as_nan")]
    pub(crate) earned: Vec<f64>,
    pub(crate) picture: Picture,
}

/// Reference values of the task distribution.
#[derive(Debug, Deserialize)]
pub(crate) struct ExactValues {
    pub(crate) bayes_optimal: Exact,
    pub(crate) known_task_optimum: Exact,
    pub(crate) random: Exact,
    /// Of the Bayes-optimal agent, at each step of a trial.
    #[serde(default, deserialize_with = "record::optional_nulls_as_nan")]
    pub(crate) bayes_optimal_rewards: Option<Vec<f64>>,
}

/// What a learner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Trained,
    Classical,
    Oracle,
}

/// One learner of a comparison.
#[derive(Debug, Deserialize)]
pub(crate) struct Learner {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    #[serde(deserialize_with = "record::null_as_nan")]
    pub(crate) mean_return: f64,
    #[serde(deserialize_with = "record::null_as_nan")]
    pub(crate) standard_error: f64,
    /// On each part of the tasks, where some were kept from the training.
    pub(crate) split: Option<Split>,
    #[serde(default, deserialize_with = "record::optional_nulls_as_nan")]
    pub(crate) regret: Option<Vec<f64>>,
    #[serde(default, deserialize_with = "record::optional_nulls_as_nan")]
    pub(crate) regret_se: Option<Vec<f64>>,
}

/// A learner on the tasks of a training and on those that were kept from it.
#[derive(Debug, Deserialize)]
pub(crate) struct Split {
    pub(crate) trained: OnPart,
    pub(crate) unseen: OnPart,
}

/// A learner on one part of the tasks.
#[derive(Debug, Deserialize)]
pub(crate) struct OnPart {
    /// How many tasks the part has.
    pub(crate) distinct: u64,
    #[serde(deserialize_with = "record::null_as_nan")]
    pub(crate) mean_return: f64,
    #[serde(deserialize_with = "record::null_as_nan")]
    pub(crate) standard_error: f64,
}

impl Evaluation {
    /// The mean return and its error over tasks.
    pub(crate) fn estimate(&self) -> Estimate {
        Estimate::sampled(self.mean_return, self.standard_error, self.tasks)
    }
}

impl Adaptation {
    /// Returns after 0, 1, 2, … gradient steps, and their errors over tasks.
    pub(crate) fn estimates(&self) -> impl Iterator<Item = Estimate> {
        let pairs = self.mean_return.iter().zip(&self.standard_error);
        pairs.map(|(mean, error)| Estimate::sampled(*mean, *error, self.tasks))
    }
}

impl Comparison {
    /// Calls the trained agent what its algorithm calls itself.
    fn call(&mut self, title: &str) {
        if title.is_empty() {
            return;
        }
        let trained = |learner: &&mut Learner| learner.kind == Kind::Trained;
        for learner in self.learners.iter_mut().filter(trained) {
            title.clone_into(&mut learner.name);
        }
        title.clone_into(&mut self.algorithm);
    }

    /// The agent that the run trained.
    pub(crate) fn trained(&self) -> Option<&Learner> {
        self.learners
            .iter()
            .find(|learner| learner.kind == Kind::Trained)
    }

    /// What a learner earned, by its name.
    pub(crate) fn mean_return(&self, name: &str) -> Option<Estimate> {
        let learner = self.learners.iter().find(|learner| learner.name == name)?;
        Some(self.over_tasks(learner.mean_return, learner.standard_error))
    }

    /// A mean over the tasks of the comparison.
    pub(crate) fn over_tasks(&self, mean: f64, standard_error: f64) -> Estimate {
        Estimate::sampled(mean, standard_error, self.tasks)
    }

    /// What is inconsistent about it.
    fn fault(&self) -> Option<String> {
        let steps = self.steps_per_trial;
        let wrong = |what: &str, list: &Option<Vec<f64>>| match list {
            Some(list) if list.len() != steps => Some(format!(
                "{what} has {} numbers, and steps_per_trial is {steps}",
                list.len()
            )),
            _ => None,
        };
        if steps == 0 {
            return Some("steps_per_trial is 0, and a trial has at least one step".to_string());
        }
        if self.trained().is_none() {
            return Some("none of the learners has the kind \"trained\"".to_string());
        }
        if let Some(adaptation) = &self.adaptation
            && (adaptation.mean_return.is_empty()
                || adaptation.mean_return.len() != adaptation.standard_error.len())
        {
            return Some(format!(
                "the adaptation has {} means and {} standard errors, and has to have as many of \
                 both, at least one",
                adaptation.mean_return.len(),
                adaptation.standard_error.len()
            ));
        }
        let of_learners = self.learners.iter().find_map(|learner| {
            wrong(&format!("the regret of {}", learner.name), &learner.regret).or_else(|| {
                wrong(
                    &format!("regret_se of {}", learner.name),
                    &learner.regret_se,
                )
            })
        });
        of_learners
            .or_else(|| wrong("the optimum", &self.optimum))
            .or_else(|| {
                let rewards = &self.exact.bayes_optimal_rewards;
                wrong("bayes_optimal_rewards", rewards)
            })
    }
}

impl Run {
    /// Where the run is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn read(path: &Path) -> Result<Self> {
        let reader = Reader::open(path)?;
        reader.verify()?;
        let environment: Option<Map<String, Value>> = reader.document(Document::Environment)?;
        let mut environment = environment.unwrap_or_default();
        let algorithm: Algorithm = environment
            .remove("algorithm")
            .and_then(|value| serde_json::from_value(value).ok())
            .unwrap_or_default();
        let mut comparison: Option<Comparison> = reader.document(Document::Comparison)?;
        if let Some(comparison) = &mut comparison {
            comparison.call(&algorithm.title);
        }
        if let Some(why) = comparison.as_ref().and_then(Comparison::fault) {
            return Err(ReportError::Inconsistent {
                path: path.join(Document::Comparison.file_name()),
                why,
            });
        }
        let timing: Vec<Timing> = reader.rows(Stream::Timing)?;
        let config = reader.config()?;
        Ok(Self {
            path: path.to_path_buf(),
            settings: settings(&config),
            config,
            environment,
            algorithm,
            metrics: reader.rows(Stream::Metrics)?,
            evaluations: reader.rows(Stream::Eval)?,
            seconds: timing
                .last()
                .map(|row| row.seconds)
                .filter(|s| s.is_finite()),
            comparison,
            pictures: reader.document(Document::Pictures)?,
        })
    }

    /// Environment steps so far.
    pub(crate) fn env_steps(&self) -> u64 {
        let trained = self.metrics.last().map_or(0, |row| row.env_steps);
        let evaluated = self.evaluations.last().map_or(0, |row| row.env_steps);
        let compared = self
            .comparison
            .as_ref()
            .map_or(0, |comparison| comparison.env_steps);
        trained.max(evaluated).max(compared)
    }

    /// The seed, from the comparison or the folder's name.
    pub(crate) fn seed(&self) -> Option<u64> {
        match &self.comparison {
            Some(comparison) => Some(comparison.seed),
            None => trailing_number(&file_name(&self.path)),
        }
    }
}

/// What a configuration sets besides the seed: values by dotted keys. What is
/// not TOML has one key, the whole of it.
fn settings(config: &str) -> BTreeMap<String, String> {
    let Ok(mut table) = config.parse::<toml::Table>() else {
        return BTreeMap::from([("configuration".to_string(), config.to_string())]);
    };
    table.remove("seed");
    let mut settings = BTreeMap::new();
    flatten("", &table, &mut settings);
    settings
}

fn flatten(prefix: &str, table: &toml::Table, settings: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let key = format!("{prefix}{key}");
        match value {
            toml::Value::Table(inner) => flatten(&format!("{key}."), inner, settings),
            value => drop(settings.insert(key, value.to_string())),
        }
    }
}

/// Reads runs: each path is a run directory, a folder of them (`seed-0`,
/// `seed-1`, ...), or a folder of such folders. A run that is given twice is
/// read once.
///
/// # Errors
/// [`ReportError::NoRuns`] if a path holds no run, and the error of whatever
/// file is damaged, with its path and line.
pub fn load(paths: &[PathBuf], watch: Watch<'_>) -> Result<Vec<Run>> {
    let mut folders = Vec::new();
    for path in paths {
        let before = folders.len();
        find(path, DEPTH, &mut folders)?;
        if folders.len() == before {
            return Err(ReportError::NoRuns { path: path.clone() });
        }
    }
    let mut seen = BTreeSet::new();
    folders.retain(|folder| seen.insert(fs::canonicalize(folder).unwrap_or(folder.clone())));
    let read = |folder: &PathBuf| {
        watch(&format!("reading {}", folder.display()));
        Run::read(folder)
    };
    folders.iter().map(read).collect()
}

/// Collects the run directories at or below a path, in the order of their names.
fn find(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    if Reader::open(path).is_ok() {
        found.push(path.to_path_buf());
        return Ok(());
    }
    if depth == 0 || !path.is_dir() {
        return Ok(());
    }
    let unreadable = |source| ReportError::Io {
        path: path.to_path_buf(),
        source,
    };
    let mut folders = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let folder = entry.map_err(unreadable)?.path();
        if folder.is_dir() && !file_name(&folder).starts_with('.') {
            folders.push(folder);
        }
    }
    // seed-2 comes before seed-10.
    folders.sort_by_key(|folder| (trailing_number(&file_name(folder)), folder.clone()));
    for folder in folders {
        find(&folder, depth - 1, found)?;
    }
    Ok(())
}

/// The last part of a path, as text.
pub(crate) fn file_name(path: &Path) -> String {
    // "." and ".." have no name of their own.
    let name = |path: &Path| {
        path.file_name()
            .map(|name| name.to_string_lossy().into_owned())
    };
    name(path)
        .or_else(|| name(&fs::canonicalize(path).ok()?))
        .unwrap_or_default()
}

/// The number at the end of "seed-12".
fn trailing_number(name: &str) -> Option<u64> {
    let digits = name
        .rsplit(|character: char| !character.is_ascii_digit())
        .next()?;
    digits.parse().ok()
}
