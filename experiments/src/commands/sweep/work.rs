//! Runs of a sweep that are done side by side.

use crate::cli::Jobs;
use crate::commands::train::{Trainings, side_by_side};
use crate::console::Console;
use lab::config::RunConfig;
use lab::failure::{Exit, Failure};
use lab::session::Session;
use lab::sweep::{Errand, Rung, State, begin, score, state};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A run that is to be done: where, how, and how far.
pub(super) struct Pending {
    pub(super) place: PathBuf,
    pub(super) config: RunConfig,
    /// To its end, and not scored, without one.
    pub(super) rung: Option<Rung>,
}

/// How runs are done.
pub(super) struct Work<'a> {
    pub(super) console: &'a Console,
    /// Where all of them lie.
    pub(super) folder: &'a Path,
    /// How many at a time.
    pub(super) jobs: Jobs,
    /// The command that goes on with them.
    pub(super) go_on: String,
}

impl Work<'_> {
    /// Does those runs that are not done yet.
    pub(super) fn finish(&self, session: &mut Session<'_>, all: &[Pending]) -> Result<(), Failure> {
        let mut left = Vec::new();
        for one in all {
            if !self.is_done(one)? {
                left.push(one);
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        let jobs = side_by_side(session, self.jobs, left.len(), &distinct(session, &left)?)?;
        for one in &left {
            begin(session, &self.folder.join(&one.place), &one.config)?;
        }
        let training = Trainings::at(self.console, session, jobs);
        training.on_end(format!(
            "stopped; what was done since the last checkpoints is done anew with: {}",
            self.go_on
        ));
        let errand = |one: &&Pending| Errand {
            place: one.place.to_string_lossy().into_owned(),
            rung: one.rung.clone(),
        };
        let errands: Vec<Errand> = left.iter().map(errand).collect();
        let ends = training.farm(self.folder, &errands, "runs");
        let failed = errands.iter().zip(ends);
        let failed: Vec<(&Errand, Failure)> = failed
            .filter_map(|(errand, end)| Some((errand, end.err()?)))
            .collect();
        self.result(session, &failed, all.len())
    }

    /// Whether nothing is left to do of a run.
    fn is_done(&self, one: &Pending) -> Result<bool, Failure> {
        let (path, config) = (self.folder.join(&one.place), one.config.to_text()?);
        let state = state(&path, &config)?;
        match &one.rung {
            None => Ok(state == State::Finished),
            Some(rung) => Ok(score(&path, &config, rung)?.is_some()),
        }
    }

    /// What comes of those that failed.
    fn result(
        &self,
        session: &Session<'_>,
        failed: &[(&Errand, Failure)],
        all: usize,
    ) -> Result<(), Failure> {
        let Some((_, first)) = failed.first() else {
            return Ok(());
        };
        let asked = session.stop.asked();
        let stopped = |failure: &Failure| failure.exit == Exit::Stopped;
        let own = failed
            .iter()
            .filter(|(_, failure)| !(asked && stopped(failure)));
        let mut said: Vec<String> = own
            .map(|(errand, failure)| format!("{}: {failure}", errand.place))
            .collect();
        let exit = match failed.iter().find(|(_, failure)| !stopped(failure)) {
            Some((_, failure)) if !asked => failure.exit,
            _ if asked => Exit::Stopped,
            _ => first.exit,
        };
        said.push(format!(
            "{} of {all} runs to go; go on with: {}",
            failed.len(),
            self.go_on
        ));
        Err(Failure::new(exit, said.join("\n")))
    }
}

/// The configurations of runs, each once whatever its seed: whatever cannot work is found
/// out by them before a folder is made.
fn distinct(session: &Session<'_>, runs: &[&Pending]) -> Result<Vec<RunConfig>, Failure> {
    let (mut known, mut distinct) = (BTreeSet::new(), Vec::new());
    for one in runs {
        let text = one.config.to_text()?;
        let again = RunConfig::resolve(session.registry, "the plan", &text, &[])?.with_seed(0);
        if known.insert(again.to_text()?) {
            distinct.push(again);
        }
    }
    Ok(distinct)
}
