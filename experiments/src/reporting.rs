//! Reports, written where the runs are.

use crate::progress::Waiting;
use lab::failure::Failure;
use lab::launch;
use report::Written;
use std::path::{Path, PathBuf};

/// Writes figures, tables and the HTML page of some runs into a folder.
///
/// # Errors
/// If a run's files are damaged, or the folder is not writable.
pub(crate) fn write(runs: &[PathBuf], out: &Path) -> Result<Written, Failure> {
    let writing = Waiting::on(format!("report in {}", out.display()));
    let mut watch = |what: &str| writing.begin(what);
    let runs = report::load(runs, &mut watch)?;
    Ok(report::write(&runs, out, &mut watch)?)
}

/// The report of runs that are finished, which `resume` would write as well.
///
/// # Errors
/// As [`write`].
pub(crate) fn of_finished(runs: &[PathBuf], folder: &Path) -> Result<Written, Failure> {
    write(runs, folder).map_err(|failure| launch::resumable(folder, failure))
}
