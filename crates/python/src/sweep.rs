//! Settings that a search of Python's chooses.

use crate::attended::attended;
use crate::convert::{overrides, python, raised};
use crate::registry::registry;
use crate::training::Ear;
use lab::failure::{Exit, Failure};
use lab::folders::path_of;
use lab::launch;
use lab::session::Session;
use lab::sweep::{Standing, Sweep, begin, beside, climb, score};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What goes on with a run that was stopped; to resume it by itself would take it beyond its
/// rung.
const AGAIN: &str = "the same setting, asked about again";

/// What a sweep's file lets a search choose, in Optuna's words by dotted key, and over how
/// many rungs.
#[pyfunction]
fn sweep_space(py: Python<'_>, spec: PathBuf) -> PyResult<(Bound<'_, PyAny>, usize)> {
    let sweep = py.detach(|| read(&spec)).map_err(raised)?;
    Ok((python(py, &sweep.space())?, sweep.rung_count()))
}

/// Trains a setting with every seed of a sweep, as far as a rung, and returns what it comes
/// to there. `hear` is called with events on the way.
#[pyfunction]
fn sweep_try<'py>(
    py: Python<'py>,
    what: (PathBuf, Bound<'_, PyDict>, usize),
    runs: PathBuf,
    workers: usize,
    hear: &Bound<'_, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let (spec, values, rung) = what;
    let words = overrides(&values)?;
    let found = attended(py, Some(hear), move |voice| {
        let (registry, ear) = (registry(), Ear::of(voice));
        let session = Session::new(&registry, &ear, workers, "cpu")?;
        voice.may_stop(&session.stop);
        let tried = tried(&session, &read(&spec)?, (&words, rung), &runs);
        tried.map_err(|failure| match failure.exit {
            Exit::Stopped if session.stop.asked() => Failure::stopped(format!(
                "stopped; what was trained is saved; go on with: {AGAIN}"
            )),
            _ => failure,
        })
    })?;
    python(py, &found)
}

/// Where the runs of a sweep's file lie unless it is said.
#[pyfunction]
fn sweep_runs(spec: PathBuf) -> PathBuf {
    beside(&spec)
}

fn read(spec: &Path) -> Result<Sweep, Failure> {
    let place = spec.display().to_string();
    let text = record::read_text(spec)
        .map_err(|error| Failure::file(format!("cannot read {place}: {error}"), &error))?;
    Sweep::read(&place, &text)
}

fn tried(
    session: &Session<'_>,
    sweep: &Sweep,
    (words, rung): (&[String], usize),
    runs: &Path,
) -> Result<Value, Failure> {
    let attempt = sweep.attempt(session.registry, words)?;
    let folder = runs.join(&attempt.name);
    // What cannot work is said before anything is trained.
    if let Some(config) = attempt.configs.first() {
        let path = path_of(&folder, config.seed);
        let rungs = sweep.rungs(config);
        let asked = &rungs[rung.min(rungs.len() - 1)];
        if score(&path, &config.to_text()?, asked)?.is_none() {
            sweep.check_rungs(session, &attempt)?;
            launch::rehearse(session, config)?;
        }
    }
    let mut scores = Vec::new();
    for config in &attempt.configs {
        let path = path_of(&folder, config.seed);
        begin(session, &path, config)?;
        let mut reached = None;
        for one in sweep.rungs(config).iter().take(rung + 1) {
            let score = climb(session, &path, one, AGAIN)?;
            let failed = score.failure.is_some();
            reached = Some(score);
            // Who diverged comes no further.
            if failed {
                break;
            }
        }
        scores.extend(reached);
    }
    let updates = scores.iter().map(|score| score.update).max();
    let standing = Standing::of(0, scores);
    Ok(json!({
        "values": attempt.values,
        "rung": rung,
        "updates": updates,
        "seeds": standing.scores.len(),
        "mean_return": standing.mean.mean,
        "standard_error": standing.mean.standard_error,
        "failure": standing.failure(),
        "runs": folder.to_string_lossy(),
    }))
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(sweep_runs, module)?)?;
    module.add_function(wrap_pyfunction!(sweep_space, module)?)?;
    module.add_function(wrap_pyfunction!(sweep_try, module)?)
}
