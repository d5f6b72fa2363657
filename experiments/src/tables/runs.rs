//! Trained runs that a table is made of: each in a folder of its own, which the same
//! command goes on with.

use lab::config::RunConfig;
use lab::failure::{Exit, Failure};
use lab::launch;
use lab::runner::{self, Finished};
use lab::session::Session;
use record::schema::Comparison;
use record::{Claim, Document, Existing, Reader, RunDir};
use std::path::{Path, PathBuf};

/// A run that a table needs.
pub(super) struct Run {
    /// What it is called on the terminal.
    pub(super) label: String,
    /// Its folder.
    pub(super) path: PathBuf,
    /// What it is to be.
    pub(super) config: RunConfig,
    /// What to ask for to have it made anew: `--overwrite --only chain-10:gru`.
    pub(super) anew: String,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    Missing,
    /// It is there, and is to be made anew.
    Replaced,
    Begun,
    Finished,
}

/// A run that was driven to its end; `None` if it was not. What is damaged is an error.
pub(super) fn finished(path: &Path) -> Result<Option<Finished>, Failure> {
    let comparison: Option<Comparison> = Reader::open(path)?.document(Document::Comparison)?;
    comparison.map(|_| runner::finished(path)).transpose()
}

/// Trains what is not trained yet. `forget` takes away what is made anew beside the runs,
/// once nothing can refuse that any more.
///
/// # Errors
/// [`Failure::stopped`] if it was interrupted; what was trained is kept. If a folder holds
/// a run of other settings, cannot be used, or is another process's; nothing is changed then.
pub(super) fn train(
    session: &Session<'_>,
    (table, runs): (&str, &[Run]),
    overwrite: bool,
    forget: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let total = runs.len();
    let within =
        |run: &Run, failure: Failure| failure.within(format!("table {table}, {}", run.label));
    // Whatever cannot be is found out before anything is made, and what is to be made anew
    // is begun anew before anything is trained, so that the command can be gone on with
    // without --overwrite.
    let mut seen: Vec<&Path> = Vec::new();
    let mut standing = Vec::new();
    for run in runs {
        let stands = run
            .stands(overwrite)
            .map_err(|failure| within(run, failure))?;
        // Seeds differ in nothing that could not be.
        let group = run.path.parent().unwrap_or(&run.path);
        if stands != Stands::Finished && !seen.contains(&group) {
            seen.push(group);
            launch::rehearse(session, &run.config).map_err(|failure| within(run, failure))?;
        }
        standing.push(stands);
    }
    let claims = claims(runs.iter().zip(&standing), &within)?;
    forget()?;
    for (run, claim) in claims {
        let begun = launch::begin(session, claim, &run.config);
        begun.map_err(|failure| within(run, failure))?;
    }
    for (index, (run, stands)) in runs.iter().zip(standing).enumerate() {
        if stands == Stands::Finished {
            continue;
        }
        let stopped = || Failure::stopped(format!("stopped after {index} of {total} runs"));
        if session.stop.asked() {
            return Err(stopped());
        }
        let note = format!("{table} [{}/{total}] {}", index + 1, run.label);
        session.observer.note(&note);
        let driven = runner::drive(session, &run.path, &run.path);
        driven.map_err(|failure| match failure.exit {
            Exit::Stopped if session.stop.asked() => stopped(),
            _ => within(run, failure),
        })?;
    }
    Ok(())
}

/// Locks the folders of the runs that are to be begun, or none of them.
fn claims<'a>(
    runs: impl Iterator<Item = (&'a Run, &'a Stands)>,
    within: &impl Fn(&Run, Failure) -> Failure,
) -> Result<Vec<(&'a Run, Claim)>, Failure> {
    let existing = |stands: &Stands| match stands {
        Stands::Missing => Some(Existing::Refuse),
        Stands::Replaced => Some(Existing::Overwrite),
        Stands::Begun | Stands::Finished => None,
    };
    let begun = runs.filter_map(|(run, stands)| Some((run, existing(stands)?)));
    let mut order: Vec<(&Run, Existing)> = begun.collect();
    // What is there first: it may be another's, and then no folder is made.
    order.sort_by_key(|(_, existing)| *existing == Existing::Refuse);
    let claim = |(run, existing): (&'a Run, Existing)| {
        let claim = launch::claim(&run.path, existing);
        Ok((run, claim.map_err(|failure| within(run, failure))?))
    };
    order.into_iter().map(claim).collect()
}

impl Run {
    /// How it stands; nothing of it is changed but what a kill cut short.
    fn stands(&self, overwrite: bool) -> Result<Stands, Failure> {
        if !RunDir::is_begun(&self.path) {
            return Ok(Stands::Missing);
        }
        if overwrite {
            return Ok(Stands::Replaced);
        }
        if RunDir::open(&self.path)?.config()? != self.config.to_text()? {
            return Err(Failure::usage(format!(
                "{} is a run of other settings; {} makes it anew, --out chooses another folder",
                self.path.display(),
                self.anew
            )));
        }
        Ok(match finished(&self.path)? {
            Some(_) => Stands::Finished,
            None => Stands::Begun,
        })
    }
}
