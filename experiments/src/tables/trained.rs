//! Cells of trained agents, from finished runs.

use crate::console::Console;
use crate::tables::cell::Value;
use crate::tables::plan::{Measure, Row};
use lab::folders::common_folder;
use lab::registry::{Registry, completed};
use record::schema::{Comparison, LearnerResult, TimingRow};
use record::{Document, Reader, RecordError, Stream};
use report::Estimate;
use rl_core::Moments;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// How deep runs are looked for: `runs/<algorithm>/<name>/seed-0`.
const DEPTH: usize = 3;

/// A finished run.
struct Run {
    path: PathBuf,
    /// Its configuration without the seed.
    config: toml::Table,
    comparison: Comparison,
    /// Wall clock of its training, in seconds, if that was written down.
    seconds: Option<f64>,
}

impl Run {
    /// The network in words, `gru 64` or `transformer 2 × 64`: what its configuration has
    /// as its trunk.
    fn network(&self) -> Option<String> {
        let algorithm = self.config.get(&self.comparison.algorithm)?;
        let trunk = algorithm.get("trunk")?;
        let kind = trunk.get("kind")?.as_str()?;
        let hidden = match trunk.get("hidden") {
            None => return Some(kind.to_owned()),
            Some(toml::Value::Array(widths)) => {
                let widths = widths.iter().map(toml::Value::to_string);
                widths.collect::<Vec<_>>().join(" ")
            }
            Some(width) => width.to_string(),
        };
        Some(match trunk.get("layers") {
            Some(layers) => format!("{kind} {layers} × {hidden}"),
            None => format!("{kind} {hidden}"),
        })
    }
}

/// The finished runs of a folder.
pub(crate) struct Runs {
    runs: Vec<Run>,
}

impl Runs {
    /// Reads what is there, and says on standard error what cannot be read. A
    /// folder that does not exist has no runs.
    pub(crate) fn read(folder: &Path, console: &Console) -> Self {
        let mut paths = Vec::new();
        find(folder, DEPTH, &mut paths);
        let mut runs = Vec::new();
        for path in paths {
            match read_one(&path) {
                Ok(Some(run)) => runs.push(run),
                Ok(None) => {}
                Err(why) => console.note(format!("passing over {}: {why}", path.display())),
            }
        }
        Self { runs }
    }

    /// The mean over seeds of an algorithm's runs in a row's environment. Of
    /// runs with several configurations those with most seeds are taken, then
    /// those that trained longest, then the first by path.
    pub(crate) fn value(
        &self,
        registry: &Registry,
        algorithm: &str,
        row: &Row,
        measure: Measure,
    ) -> Value {
        let mut groups: Vec<BTreeMap<u64, &Run>> = Vec::new();
        let fits = |run: &&Run| {
            run.comparison.algorithm == algorithm && same_environment(registry, run, row)
        };
        for run in self.runs.iter().filter(fits) {
            let seed = run.comparison.seed;
            let alike = |group: &&mut BTreeMap<u64, &Run>| {
                group.values().all(|other| other.config == run.config)
            };
            match groups.iter_mut().find(alike) {
                Some(group) => drop(group.entry(seed).or_insert(run)),
                None => groups.push(BTreeMap::from([(seed, run)])),
            }
        }
        let rank = |group: &BTreeMap<u64, &Run>| {
            let steps = group.values().map(|run| run.comparison.env_steps).min();
            (group.len(), steps)
        };
        let mut best: Option<&BTreeMap<u64, &Run>> = None;
        for group in &groups {
            if best.is_none_or(|best| rank(group) > rank(best)) {
                best = Some(group);
            }
        }
        best.and_then(|group| over_seeds(group, measure))
            .unwrap_or(Value::NotTrained)
    }
}

fn over_seeds(group: &BTreeMap<u64, &Run>, measure: Measure) -> Option<Value> {
    let (mut means, mut deviations) = (Vec::new(), Moments::default());
    let mut seconds = Some(Moments::default());
    let mut tasks = usize::MAX;
    for run in group.values() {
        let own = run.comparison.tasks;
        let (mean, error) = pick(run.comparison.trained()?, measure)?;
        means.push(Estimate::sampled(mean, error, own as u64));
        deviations.push(error * (own as f64).sqrt());
        seconds = seconds.zip(run.seconds).map(|(mut sum, own)| {
            sum.push(own);
            sum
        });
        tasks = tasks.min(own);
    }
    let first = group.values().next()?;
    let paths: Vec<PathBuf> = group.values().map(|run| run.path.clone()).collect();
    let over_seeds = Estimate::over_seeds(&means)?;
    Some(Value::Trained {
        mean: over_seeds.mean,
        standard_error: over_seeds.standard_error,
        standard_deviation: deviations.mean(),
        tasks,
        seeds: group.keys().copied().collect(),
        network: first.network(),
        env_steps: first.comparison.env_steps,
        seconds: seconds.map(|seconds| seconds.mean()),
        runs: common_folder(&paths),
    })
}

/// A learner's mean and its standard error over tasks.
fn pick(result: &LearnerResult, measure: Measure) -> Option<(f64, f64)> {
    let last = |row: &Option<Vec<f64>>| row.as_ref().and_then(|row| row.last().copied());
    match measure {
        Measure::Return => Some((result.mean_return, result.standard_error)),
        Measure::Regret => Some((last(&result.regret)?, last(&result.regret_se)?)),
    }
}

/// Whether a run was of a row's environment. Settings that a run's file does
/// not name have their defaults.
fn same_environment(registry: &Registry, run: &Run, row: &Row) -> bool {
    let comparison = &run.comparison;
    let settings = || -> Option<toml::Table> {
        let set = toml::Table::try_from(&comparison.settings).ok()?;
        let entry = registry.environment(&comparison.environment).ok()?;
        completed(entry, &set).ok()
    };
    comparison.environment == row.environment
        && settings().is_some_and(|settings| settings == row.built.settings)
}

/// A run, if it is finished.
fn read_one(path: &Path) -> Result<Option<Run>, String> {
    let text = |error: RecordError| error.to_string();
    let reader = Reader::open(path).map_err(text)?;
    reader.verify().map_err(text)?;
    let Some(comparison) = reader.document(Document::Comparison).map_err(text)? else {
        return Ok(None);
    };
    let config = reader.config().map_err(text)?;
    let mut config: toml::Table = config
        .parse()
        .map_err(|error| format!("config.toml: {error}"))?;
    config.remove("seed");
    let timing: Vec<TimingRow> = reader.rows(Stream::Timing).map_err(text)?;
    Ok(Some(Run {
        seconds: timing
            .last()
            .map(|row| row.seconds)
            .filter(|s| s.is_finite()),
        path: path.to_path_buf(),
        config,
        comparison,
    }))
}

/// The run directories in a folder, in the order of their names.
fn find(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    if Reader::open(folder).is_ok() {
        found.push(folder.to_path_buf());
    } else if depth > 0 {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        folders.sort();
        for folder in folders.iter().filter(|path| path.is_dir()) {
            find(folder, depth - 1, found);
        }
    }
}
