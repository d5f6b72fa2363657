//! One run from wherever it stands to its end: update, row, checkpoint,
//! evaluation on fresh tasks; and the comparison last.

use crate::beliefs;
use crate::comparison::{Contest, measure, word};
use crate::config::RunConfig;
use crate::deviation;
use crate::failure::{Exit, Failure};
use crate::indices;
use crate::invocation::{program, quoted, replay_command, resume_command};
use crate::launch::{self, CONFIG, config_of, prepare};
use crate::learners::Player;
use crate::observer::{Progress, Work};
use crate::panics::caught;
use crate::pictures;
use crate::ranks::{COMPARED, Lead};
use crate::session::Session;
use agent::{LearnError, Training, Update};
use record::schema::{Comparison, Deviations, EvalRow, MetricsRow, TimingRow};
use record::{Checkpoint, Document, Reader, RecordError, RunDir, Stream, fingerprint};
use rl_core::Tree;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::json;
use serde_json::value::RawValue;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A run that has come to its end.
pub struct Finished {
    /// The run's folder.
    pub path: PathBuf,
    /// Wall clock, over all sessions.
    pub seconds: f64,
    /// Of those, until the last update was done.
    pub training_seconds: f64,
    /// What the agent came to, beside the other learners.
    pub comparison: Comparison,
    /// How it differs from the Bayes-optimal policy, where that is known.
    pub deviations: Option<Deviations>,
}

/// Takes a run to its end, from its newest checkpoint or from the start.
///
/// # Errors
/// [`Failure::stopped`] if it was interrupted, or the disk gave out; `folder`,
/// the run's own or the one around all seeds of a command, can then be resumed.
pub fn drive(session: &Session<'_>, path: &Path, folder: &Path) -> Result<Finished, Failure> {
    let go_on = resume_command(folder);
    let run = RunDir::open(path).map_err(|error| launch::resumed_with(&go_on, error.into()))?;
    drive_open(session, run, &go_on)
}

/// [`drive`] of a run that is open; a message that it was stopped says that `go_on` goes on
/// with it.
///
/// # Errors
/// As [`drive`].
pub(crate) fn drive_open(
    session: &Session<'_>,
    run: RunDir,
    go_on: &str,
) -> Result<Finished, Failure> {
    let driven = (|| {
        let config = config_of(session, &run)?;
        let (others, training) = prepare(session, &config)?;
        let mut drive = Drive::new(session, go_on, (run, config, training));
        drive.restore()?;
        drive.train(None)?;
        drive.finish(&others)
    })();
    driven.map_err(|failure| launch::resumed_with(go_on, failure))
}

/// [`drive_open`] until so many updates are done, after which the run is saved as if it had
/// been stopped: it may be driven on to the result that it would have had. One that is as far
/// or further stays as it is.
///
/// # Errors
/// As [`drive`].
pub(crate) fn drive_until(
    session: &Session<'_>,
    run: RunDir,
    go_on: &str,
    update: u64,
) -> Result<(), Failure> {
    let driven = (|| {
        let config = config_of(session, &run)?;
        let training = launch::start(session, &config)?;
        let mut drive = Drive::new(session, go_on, (run, config, training));
        drive.restore()?;
        drive.train(Some(update))
    })();
    driven.map_err(|failure| launch::resumed_with(go_on, failure))
}

/// A run that was driven to its end before.
///
/// # Errors
/// If it is not finished, or its files cannot be read.
pub fn finished(path: &Path) -> Result<Finished, Failure> {
    let run = Reader::open(path)?;
    let comparison: Option<Comparison> = run.document(Document::Comparison)?;
    let comparison = comparison.ok_or_else(|| {
        let place = path.display();
        Failure::config(format!(
            "{place} is not finished; go on with it: {}",
            resume_command(path)
        ))
    })?;
    let timing: Vec<TimingRow> = run.rows(Stream::Timing)?;
    let seconds = timing.last().map_or(0.0, |row| row.seconds);
    Ok(Finished {
        path: path.to_path_buf(),
        seconds,
        training_seconds: seconds,
        comparison,
        deviations: run.document(Document::Deviations)?,
    })
}

struct Drive<'a> {
    session: &'a Session<'a>,
    /// What goes on with the run if it is stopped: a command, or words in place of one.
    go_on: &'a str,
    run: RunDir,
    config: RunConfig,
    training: Box<dyn Training>,
    /// Seconds of earlier sessions.
    before: f64,
    start: Instant,
    /// The update of the last evaluation.
    evaluated: Option<u64>,
    /// The update of the newest checkpoint.
    saved: Option<u64>,
    /// The state after the last update that was whole, and which that was: what a
    /// failure leaves behind may be neither this state nor the next.
    state: (u64, Tree),
}

/// A training as it is, unless nothing could go on from it.
pub(crate) fn state_of(training: &dyn Training) -> Result<Tree, Failure> {
    let tree = training.checkpoint()?;
    tree.expect_storable().map_err(LearnError::from)?;
    Ok(tree)
}

/// Refuses an update that was none: a training that stays where it is would go on
/// for ever, and rows that are not one after the other could not be gone on from.
pub(crate) fn expect_one_more(
    training: &dyn Training,
    done: u64,
    update: &Update,
) -> Result<(), LearnError> {
    let (now, steps) = (training.updates_done(), training.env_steps());
    if now != done + 1 {
        return Err(LearnError::Bug(format!(
            "`update` was called after update {done}, and `updates_done` is {now} then; it must \
             be {}",
            done + 1
        )));
    }
    let row = update.row.get();
    match serde_json::from_str::<MetricsRow>(row) {
        Ok(read) if read.update == now && read.env_steps == steps && !row.contains('\n') => Ok(()),
        _ => Err(LearnError::Bug(format!(
            "the row of update {now} is {row}; it must be a JSON object in one line, with \
             \"update\": {now} and \"env_steps\": {steps}"
        ))),
    }
}

/// The branch of a training's state that holds its parameters.
const PARAMS: &str = "params";

/// The hash of all parameters of a training's state: of its branch `params`, or of the whole
/// state where it has none.
pub fn params_blake3(state: &Tree) -> String {
    let params = state.branch(PARAMS);
    match params.is_empty() {
        true => fingerprint(state),
        false => fingerprint(&params),
    }
}

/// The row of `metrics.jsonl` of an update, which may say the hash of all parameters
/// after it.
///
/// # Errors
/// If it is no row, which is a bug.
pub(crate) fn row_of(
    config: &RunConfig,
    (number, update): (u64, &Update),
    state: &Tree,
) -> Result<Box<RawValue>, Failure> {
    let hashed = |interval: &NonZeroU64| number.is_multiple_of(interval.get());
    if !config.checkpoint.hash.as_ref().is_some_and(hashed) {
        return Ok(update.row.clone());
    }
    let hash = params_blake3(state);
    // As text, so that no number of the row is written otherwise than before.
    let row = update.row.get().trim_end();
    let row = row.strip_suffix('}').unwrap_or(row);
    let row = RawValue::from_string(format!("{row},\"params_blake3\":\"{hash}\"}}"));
    row.map_err(Failure::internal)
}

/// A training whose agent is tried on fresh tasks.
pub(crate) struct Evaluating<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) config: &'a RunConfig,
    pub(crate) training: &'a dyn Training,
}

impl Evaluating<'_> {
    /// The row of `eval.jsonl`.
    pub(crate) fn row(&self) -> Result<EvalRow, Failure> {
        let actions = self.config.evaluation.actions;
        let tasks = self.config.evaluation.interval_tasks.get();
        let update = self.training.updates_done();
        let label = &format!("evaluation after update {update}");
        let met = self
            .session
            .observer
            .begin(Work::Evaluation { label, tasks });
        let watch = |more| met.met(more);
        let measured = measure(self.session, self.config, self.training, (tasks, watch))?;
        Ok(EvalRow {
            update,
            env_steps: self.training.env_steps(),
            tasks,
            actions: word(actions).to_owned(),
            mean_return: measured.result.mean_return,
            standard_error: measured.result.standard_error,
            split: measured.result.split,
            adaptation: measured.adaptation.map(|adaptation| adaptation.mean_return),
        })
    }
}

impl<'a> Drive<'a> {
    fn new(
        session: &'a Session<'a>,
        go_on: &'a str,
        (run, config, training): (RunDir, RunConfig, Box<dyn Training>),
    ) -> Self {
        Self {
            session,
            go_on,
            run,
            config,
            training,
            before: 0.0,
            start: Instant::now(),
            evaluated: None,
            saved: None,
            state: (0, Tree::default()),
        }
    }

    /// Goes to the newest checkpoint, and drops the rows of what came after.
    fn restore(&mut self) -> Result<(), Failure> {
        let latest = self.run.latest_checkpoint()?;
        let note = |text: String| self.session.observer.note(&text);
        if let Some((update, checkpoint)) = &latest.newest {
            for damage in &latest.damaged {
                note(launch::passing_over(damage));
            }
            let (run, training) = (&self.run, self.training.as_mut());
            launch::restore(run, &self.config, training, (*update, checkpoint))?;
            self.saved = Some(*update);
        } else {
            launch::begin_from(self.session, &self.config, self.training.as_mut())?;
        }
        for (stream, rows) in self.run.rewind(&latest)? {
            let (file, place) = (stream.file_name(), self.run.path().display());
            note(format!(
                "{place}: {file}: rows after the checkpoint, which are taken off: {rows}"
            ));
        }
        let described: Option<IgnoredAny> = self.run.document(Document::Environment)?;
        if described.is_none() {
            launch::describe(self.session, &self.config, &self.run)?;
        }
        let timing: Vec<TimingRow> = self.run.rows(Stream::Timing)?;
        self.before = timing.last().map_or(0.0, |row| row.seconds);
        let rows: Vec<EvalRow> = self.run.rows(Stream::Eval)?;
        self.evaluated = rows.last().map(|row| row.update);
        let state = caught(&self.by("the checkpoint"), || {
            state_of(self.training.as_ref())
        })?;
        self.state = (self.training.updates_done(), state);
        match latest.newest {
            Some(_) => self.prune(),
            // So that a run killed at any instant has a place to go on from.
            None => self.save(),
        }
    }

    /// Trains to the end, or until so many updates are done.
    fn train(&mut self, until: Option<u64>) -> Result<(), Failure> {
        let total = self.training.updates();
        let end = until.map_or(total, |until| until.min(total));
        if self.training.updates_done() < end {
            self.lead().begin(&self.config, &self.state.1)?;
        }
        let (mut done, env_steps) = (self.training.updates_done(), self.training.env_steps());
        let label = format!("{} seed {}", self.config.algorithm, self.config.seed);
        let progress = self.session.observer.begin(Work::Training {
            label: &label,
            seed: self.config.seed,
            total,
            done,
            env_steps,
        });
        loop {
            let due = done.is_multiple_of(self.config.evaluation.interval.get()) || done == total;
            if due && self.evaluated != Some(done) {
                self.evaluate_after(done, progress.as_ref())?;
            }
            let over = done >= end;
            if (over || self.session.stop.asked()) && self.saved != Some(done) {
                self.compare(done)?;
                self.save()?;
            }
            if over {
                return Ok(());
            }
            if self.session.stop.asked() {
                return Err(self.stopped_after(done));
            }
            let by = self.by("the update");
            let (lead, training) = (self.lead(), &mut self.training);
            let updated = caught(&by, || {
                lead.update()?;
                let update = training.update()?;
                expect_one_more(training.as_ref(), done, &update)?;
                let state = state_of(training.as_ref())?;
                let row = row_of(&self.config, (done + 1, &update), &state)?;
                Ok((row, update.mean_return, state))
            });
            let (row, mean_return) = match updated {
                Ok((row, mean_return, state)) => {
                    self.state = (done + 1, state);
                    (row, mean_return)
                }
                Err(failure) => {
                    // All ranks have left the update together, and hear what comes next.
                    if failure.exit == Exit::Stopped && self.saved != Some(done) {
                        self.compare(done)?;
                    }
                    return Err(self.failed(done, failure));
                }
            };
            done += 1;
            self.append(Stream::Metrics, &row)?;
            let timing = TimingRow {
                update: done,
                seconds: self.seconds(),
            };
            self.append(Stream::Timing, &timing)?;
            progress.updated(done, self.training.env_steps(), mean_return);
            if self.is_scheduled(done) || done.is_multiple_of(COMPARED) {
                self.compare(done)?;
            }
            if self.is_scheduled(done) {
                self.save()?;
            }
        }
    }

    /// To have the other ranks do what this one does.
    fn lead(&self) -> Lead<'a> {
        Lead::of(self.session)
    }

    /// Compares what all ranks have learned. Nothing is saved if they differ: what they
    /// have done since they were compared last is of no use.
    fn compare(&self, done: u64) -> Result<(), Failure> {
        let compared = self.lead().compare(&self.state.1);
        compared.map_err(|mut failure| {
            let saved = self.saved.unwrap_or_default();
            failure.message += &format!(
                "\nThe state after update {saved} is saved, and what came after it is not; go on \
                 from there with: {}",
                self.go_on
            );
            failure.within(format!("after update {done}"))
        })
    }

    /// The comparison with the other learners, and its file.
    fn finish(self, others: &[Player]) -> Result<Finished, Failure> {
        let path = self.run.path().to_path_buf();
        let timing: Vec<TimingRow> = self.run.rows(Stream::Timing)?;
        let training_seconds = timing.last().map_or(0.0, |row| row.seconds);
        let compared: Option<Comparison> = self.run.document(Document::Comparison)?;
        let env_steps = self.training.env_steps();
        if let Some(comparison) = compared.filter(|done| done.env_steps == env_steps) {
            if !pictures::are_in(&self.run) {
                self.draw()?;
            }
            self.compare_indices()?;
            self.compare_beliefs()?;
            return Ok(Finished {
                path,
                seconds: training_seconds,
                training_seconds,
                deviations: self.compare_with_optimal(&comparison)?,
                comparison,
            });
        }
        let contest = Contest {
            config: &self.config,
            others,
            agent: self.training.as_ref(),
        };
        let label = format!(
            "{} seed {}: comparing",
            self.config.algorithm, self.config.seed
        );
        let stages = self.session.observer.begin(Work::Parts {
            label: &label,
            total: 1 + others.len(),
        });
        let total = self.training.updates();
        let before = |index, name: &str| match self.session.stop.asked() {
            true => Err(self.stopped_after(total)),
            false => {
                stages.begins(index, name);
                Ok(())
            }
        };
        let comparison = caught(&self.by("the comparison"), || {
            contest.run(self.session, before)
        });
        // The newest checkpoint is of the last update.
        let comparison = comparison.map_err(|failure| self.replayable(total, failure))?;
        self.run
            .write_document(Document::Comparison, &comparison)
            .map_err(|error| self.stopped(&error.to_string()))?;
        self.draw()?;
        self.compare_indices()?;
        self.compare_beliefs()?;
        let deviations = self.compare_with_optimal(&comparison)?;
        Ok(Finished {
            path,
            seconds: self.seconds(),
            training_seconds,
            comparison,
            deviations,
        })
    }

    /// Draws the agent at work. What was measured holds without it, so that a
    /// failure to draw is noted and no more.
    fn draw(&self) -> Result<(), Failure> {
        let drawn = (&self.config, self.training.as_ref());
        match pictures::write(&self.run, drawn, &self.session.pool) {
            Err(failure) if failure.exit == Exit::FullDisk => Err(failure),
            // What was called off is drawn when the run is resumed.
            Err(_) if self.session.stop.asked() => Err(self.stopped_after(self.training.updates())),
            Err(why) => {
                let path = self.run.path().display();
                let note = format!("{path}: no pictures of the agent: {why}");
                self.session.observer.note(&note);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Compares the agent's index of arms with the exact one, if it has any. As with
    /// pictures, a failure is noted.
    fn compare_indices(&self) -> Result<(), Failure> {
        let env = self.config.built.factory.as_ref();
        let compared = (env, self.training.as_ref());
        let compared = caught(&self.by("the comparison with the Gittins index"), || {
            indices::complete(&self.run, &self.session.pool, compared)
        });
        match compared {
            Err(failure) if matches!(failure.exit, Exit::FullDisk | Exit::Stopped) => {
                Err(self.explained(self.training.updates(), failure))
            }
            Err(why) => {
                let path = self.run.path().display();
                let note = format!("{path}: not compared with the Gittins index: {why}");
                self.session.observer.note(&note);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Compares the agent's beliefs with the exact posterior, if it has any. As with
    /// pictures, a failure is noted.
    fn compare_beliefs(&self) -> Result<(), Failure> {
        let compared = (&self.config, self.training.as_ref());
        let compared = caught(&self.by("the comparison with the exact posterior"), || {
            beliefs::complete(&self.run, self.session, compared)
        });
        match compared {
            Err(failure) if matches!(failure.exit, Exit::FullDisk | Exit::Stopped) => {
                Err(self.explained(self.training.updates(), failure))
            }
            Err(why) => {
                let path = self.run.path().display();
                let note = format!("{path}: not compared with the exact posterior: {why}");
                self.session.observer.note(&note);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Compares the agent with the Bayes-optimal policy, unless that was done or the agent
    /// adapts, and has lived in its task before. As with pictures, a failure is noted.
    fn compare_with_optimal(&self, comparison: &Comparison) -> Result<Option<Deviations>, Failure> {
        if comparison.adaptation.is_some() {
            return Ok(None);
        }
        let by = self.by("the comparison with the Bayes-optimal policy");
        let compared = (&self.config, self.training.as_ref());
        let compared = caught(&by, || {
            deviation::complete(&self.run, self.session, compared)
        });
        match compared {
            Err(failure) if matches!(failure.exit, Exit::FullDisk | Exit::Stopped) => {
                Err(self.explained(self.training.updates(), failure))
            }
            Err(why) => {
                let path = self.run.path().display();
                let note = format!("{path}: not compared with the Bayes-optimal policy: {why}");
                self.session.observer.note(&note);
                Ok(None)
            }
            Ok(deviations) => Ok(deviations),
        }
    }

    /// The evaluation that is due after an update, with its row.
    fn evaluate_after(&mut self, update: u64, progress: &dyn Progress) -> Result<(), Failure> {
        let row = match caught(&self.by("the evaluation"), || self.evaluate()) {
            Ok(row) => row,
            Err(failure) => {
                if self.saved != Some(update) {
                    self.compare(update)?;
                }
                return Err(self.failed(update, failure));
            }
        };
        self.append(Stream::Eval, &row)?;
        self.evaluated = Some(update);
        if self.saved == Some(update) {
            // Once more, for it to count the row of the evaluation.
            self.save()?;
        }
        progress.evaluated(&row)
    }

    fn evaluate(&self) -> Result<EvalRow, Failure> {
        let evaluating = Evaluating {
            session: self.session,
            config: &self.config,
            training: self.training.as_ref(),
        };
        evaluating.row()
    }

    fn append(&self, stream: Stream, row: &impl Serialize) -> Result<(), Failure> {
        let appended = self.run.append(stream, row);
        appended.map_err(|error| match error {
            RecordError::Io { .. } => self.stopped(&error.to_string()),
            // What is there is not what was written.
            error => error.into(),
        })
    }

    /// What an algorithm's own code is at, for messages.
    fn by(&self, doing: &str) -> String {
        format!("algorithm '{}', {doing}", self.config.algorithm)
    }

    /// Saves the state after the last update.
    fn save(&mut self) -> Result<(), Failure> {
        let state = json!({ CONFIG: self.config.to_text()? });
        let (update, tree) = self.state.clone();
        let checkpoint = Checkpoint { tree, state };
        let saved = self.run.save_checkpoint(update, &checkpoint);
        saved.map_err(|error| match error {
            RecordError::Unstorable { .. } => error.into(),
            error => self.stopped(&error.to_string()),
        })?;
        self.saved = Some(update);
        self.prune()
    }

    fn prune(&self) -> Result<(), Failure> {
        let scheduled = |update| self.is_scheduled(update);
        let keep = self.config.checkpoint.keep;
        let pruned = self.run.prune_checkpoints(keep, scheduled);
        pruned.map_err(|error| self.stopped(&error.to_string()))
    }

    /// Whether a run that nothing stops saves itself after an update.
    fn is_scheduled(&self, update: u64) -> bool {
        let interval = self.config.checkpoint.interval.get();
        update.is_multiple_of(interval) || update == self.training.updates()
    }

    fn stopped(&self, why: &str) -> Failure {
        if !RunDir::is_begun(self.run.path()) {
            let place = self.run.path().display();
            return Failure::usage(format!(
                "{why}; {place} was removed or renamed while the run was trained: where it was \
                 renamed, go on with `resume` there, else train anew"
            ));
        }
        Failure::stopped(format!("{why}; go on with: {}", self.go_on))
    }

    /// Stopped by a signal, when so many updates were done.
    fn stopped_after(&self, done: u64) -> Failure {
        let total = self.training.updates();
        self.stopped(&format!("stopped after update {done} of {total}"))
    }

    /// A failure of the training after `update` updates, whose state is saved
    /// first.
    fn failed(&mut self, update: u64, mut failure: Failure) -> Failure {
        // Of a rank that is gone nobody waits for this.
        let _ = self.lead().saving();
        let stored = match self.saved == Some(update) {
            true => Ok(()),
            false => self.save(),
        };
        match stored {
            Ok(()) => self.replayable(update, failure),
            Err(error) => {
                failure.message += &format!("\nThe state before it was not saved: {error}");
                failure
            }
        }
    }

    /// [`Self::explained`], with the command that shows it again.
    fn replayable(&self, update: u64, failure: Failure) -> Failure {
        let mut failure = self.explained(update, failure);
        if failure.exit == Exit::Internal
            && let Some(replay) = replay_command(self.run.path())
        {
            failure.message += &format!("\nTo see it again, and change nothing: {replay}");
        }
        failure
    }

    /// A failure after `update` updates, whose state is saved, and what can be
    /// done about it.
    fn explained(&self, update: u64, mut failure: Failure) -> Failure {
        if failure.exit == Exit::Stopped && self.session.stop.asked() {
            return self.stopped_after(update);
        }
        if failure.exit == Exit::Internal {
            let (environment, seed) = (&self.config.environment, self.config.seed);
            failure.message +=
                &format!("\nThat was in environment '{environment}' under seed {seed}.");
            failure.message += &match failure.repeats {
                true => format!(
                    "\nThe state after update {update} is saved, but to resume would repeat it; \
                     train anew with a changed setting: {} train {} KEY=VALUE --runs FOLDER",
                    program(),
                    quoted(&self.run.path().join("config.toml"))
                ),
                false => format!(
                    "\nThe state after update {update} is saved. The same failure comes again, or the \
                     run goes on once its cause is mended, with: {}",
                    self.go_on
                ),
            };
        }
        failure
    }

    fn seconds(&self) -> f64 {
        self.before + self.start.elapsed().as_secs_f64()
    }
}
