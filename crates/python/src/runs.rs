//! The folders of runs, as Python reads them.

use crate::attended::attended;
use crate::convert::{python, raised, refused};
use lab::failure::Failure;
use lab::folders::{common_folder, runs_in};
use lab::stop::Stop;
use pyo3::prelude::*;
use record::schema::Comparison;
use record::{Document, Reader, Stream};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// The runs of a folder: itself, or one for each seed.
#[pyfunction]
fn runs(path: PathBuf) -> PyResult<Vec<PathBuf>> {
    runs_in(&path).map_err(raised)
}

/// The rows of one of a run's streams: `metrics`, `timing` or `eval`.
#[pyfunction]
fn rows<'py>(py: Python<'py>, path: PathBuf, stream: &str) -> PyResult<Bound<'py, PyAny>> {
    let stream = match stream {
        "metrics" => Stream::Metrics,
        "timing" => Stream::Timing,
        "eval" => Stream::Eval,
        other => return Err(refused(format!("no rows {other:?}"))),
    };
    let read = Reader::open(path).and_then(|run| run.rows::<Map<String, Value>>(stream));
    python(py, &read.map_err(|error| raised(error.into()))?)
}

/// What a finished run's agent came to beside other learners; `None` before.
#[pyfunction]
fn comparison(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyAny>> {
    let read = Reader::open(path).and_then(|run| run.document::<Comparison>(Document::Comparison));
    python(py, &read.map_err(|error| raised(error.into()))?)
}

/// Its configuration, the text of a TOML file.
#[pyfunction]
fn config(path: PathBuf) -> PyResult<String> {
    let read = Reader::open(path).and_then(|run| run.config());
    read.map_err(|error| raised(error.into()))
}

/// Writes the report of the runs of some folders, and returns the path of its page.
#[pyfunction]
#[pyo3(signature = (folders, out))]
fn write_report(py: Python<'_>, folders: Vec<PathBuf>, out: Option<PathBuf>) -> PyResult<PathBuf> {
    attended(py, None, move |voice| {
        let stop = Stop::default();
        voice.may_stop(&stop);
        stop.at_once(|| written(&folders, out))
    })
}

fn written(folders: &[PathBuf], out: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let mut paths = Vec::new();
    for folder in folders {
        paths.extend(runs_in(folder)?);
    }
    let out = out.unwrap_or_else(|| common_folder(&paths));
    let runs = report::load(&paths, &mut |_| ())?;
    Ok(report::write(&runs, &out, &mut |_| ())?.html)
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(runs, module)?)?;
    module.add_function(wrap_pyfunction!(rows, module)?)?;
    module.add_function(wrap_pyfunction!(comparison, module)?)?;
    module.add_function(wrap_pyfunction!(config, module)?)?;
    module.add_function(wrap_pyfunction!(write_report, module)?)
}
