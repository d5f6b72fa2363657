//! Run directories, read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use record::schema::{
    Adaptation, AlgorithmInfo, Beliefs, Comparison, Deviations, EvalRow, Indices, LearnerKind,
    LearnerResult, MetricsRow, Pictures, Provenance, TimingRow,
};
use record::{Document, Reader, Stream};

use crate::metrics::Metrics;
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
    pub(crate) provenance: Option<Provenance>,
    pub(crate) metrics: Metrics,
    pub(crate) evaluations: Vec<EvalRow>,
    pub(crate) timing: Vec<TimingRow>,
    /// Wall clock of the training so far.
    pub(crate) seconds: Option<f64>,
    pub(crate) comparison: Option<Comparison>,
    pub(crate) pictures: Option<Pictures>,
    pub(crate) deviations: Option<Deviations>,
    pub(crate) indices: Option<Indices>,
    pub(crate) beliefs: Option<Beliefs>,
}

impl From<&EvalRow> for Estimate {
    /// The mean return and its error over tasks.
    fn from(row: &EvalRow) -> Self {
        Self::sampled(row.mean_return, row.standard_error, row.tasks as u64)
    }
}

/// Returns after 0, 1, 2, … gradient steps, and their errors over tasks.
pub(crate) fn after_each_step(adaptation: &Adaptation) -> impl Iterator<Item = Estimate> {
    let Adaptation {
        tasks,
        mean_return,
        standard_error,
        ..
    } = adaptation;
    let pairs = mean_return.iter().zip(standard_error);
    pairs.map(|(mean, error)| Estimate::sampled(*mean, *error, *tasks as u64))
}

/// A mean over the tasks of a comparison.
pub(crate) fn over_tasks(comparison: &Comparison, mean: f64, standard_error: f64) -> Estimate {
    Estimate::sampled(mean, standard_error, comparison.tasks as u64)
}

/// What a learner earned, by its name.
pub(crate) fn mean_return(comparison: &Comparison, name: &str) -> Option<Estimate> {
    let mut learners = comparison.learners.iter();
    let learner = learners.find(|learner| learner.name == name)?;
    let (mean, error) = (learner.mean_return, learner.standard_error);
    Some(over_tasks(comparison, mean, error))
}

/// Calls the trained agent what its algorithm calls itself.
fn call_by_title(comparison: &mut Comparison, title: &str) {
    if title.is_empty() {
        return;
    }
    let trained = |learner: &&mut LearnerResult| learner.kind == LearnerKind::Trained;
    for learner in comparison.learners.iter_mut().filter(trained) {
        title.clone_into(&mut learner.name);
    }
    title.clone_into(&mut comparison.algorithm);
}

impl Run {
    /// Where the run is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn read(path: &Path) -> Result<Self> {
        let reader = Reader::open(path)?;
        reader.verify()?;
        Self::read_unverified(path, &reader)
    }

    /// Reads a run that goes on, whose rows may be ahead of what they are checked with: nothing
    /// but their form is.
    ///
    /// # Errors
    /// If a file is damaged, or half written.
    pub fn read_running(path: &Path) -> Result<Self> {
        Self::read_unverified(path, &Reader::open(path)?)
    }

    fn read_unverified(path: &Path, reader: &Reader) -> Result<Self> {
        let provenance: Option<Provenance> = reader.document(Document::Environment)?;
        let mut comparison: Option<Comparison> = reader.document(Document::Comparison)?;
        if let (Some(comparison), Some(provenance)) = (&mut comparison, &provenance) {
            call_by_title(comparison, &provenance.algorithm.title);
        }
        if let Some(why) = comparison.as_ref().and_then(Comparison::fault) {
            return Err(ReportError::Inconsistent {
                path: path.join(Document::Comparison.file_name()),
                why,
            });
        }
        let timing: Vec<TimingRow> = reader.rows(Stream::Timing)?;
        let mut metrics = Metrics::default();
        reader.each_row(Stream::Metrics, |row: MetricsRow| metrics.push(&row))?;
        let config = reader.config()?;
        Ok(Self {
            path: path.to_path_buf(),
            settings: settings(&config),
            config,
            provenance,
            metrics,
            evaluations: reader.rows(Stream::Eval)?,
            seconds: timing
                .last()
                .map(|row| row.seconds)
                .filter(|s| s.is_finite()),
            comparison,
            timing,
            pictures: reader.document(Document::Pictures)?,
            deviations: reader.document(Document::Deviations)?,
            indices: reader.document(Document::Indices)?,
            beliefs: reader.document(Document::Beliefs)?,
        })
    }

    /// What the algorithm says of itself, where the run says what it is.
    pub(crate) fn algorithm(&self) -> Option<&AlgorithmInfo> {
        self.provenance
            .as_ref()
            .map(|provenance| &provenance.algorithm)
    }

    /// Environment steps so far.
    pub(crate) fn env_steps(&self) -> u64 {
        let trained = self.metrics.last().map_or(0, |last| last.env_steps);
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
