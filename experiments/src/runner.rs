//! One run from wherever it stands to its end: update, row, checkpoint,
//! evaluation on fresh tasks; and the comparison last.

use crate::algorithm::Training;
use crate::comparison::{Comparison, Contest, Player, measure, word};
use crate::config::RunConfig;
use crate::console::{Event, fixed};
use crate::failure::{Exit, Failure};
use crate::invocation::{program, quoted, resume_command};
use crate::launch::{config_of, opponents, start};
use crate::pictures;
use crate::progress::{Progress, Stages};
use crate::results;
use crate::session::Session;
use crate::split::Generalization;
use record::{Checkpoint, Document, RunDir, Stream};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Where a checkpoint's state keeps the configuration it is of.
const CONFIG: &str = "config";

/// A row of `timing.jsonl`.
#[derive(Serialize, Deserialize)]
struct Timing {
    update: u64,
    seconds: f64,
}

/// A row of `eval.jsonl`.
#[derive(Serialize, Deserialize)]
struct EvalRow {
    update: u64,
    env_steps: u64,
    tasks: usize,
    actions: String,
    #[serde(deserialize_with = "record::null_as_nan")]
    mean_return: f64,
    #[serde(deserialize_with = "record::null_as_nan")]
    standard_error: f64,
    /// The same on each part of the tasks, where they are split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    split: Option<Generalization>,
    /// Mean return after 0, 1, 2, … gradient steps, of an agent that adapts.
    #[serde(
        default,
        deserialize_with = "record::optional_nulls_as_nan",
        skip_serializing_if = "Option::is_none"
    )]
    adaptation: Option<Vec<f64>>,
}

/// A run that has come to its end.
pub(crate) struct Finished {
    pub(crate) path: PathBuf,
    /// Wall clock, over all sessions.
    pub(crate) seconds: f64,
    /// Of those, until the last update was done.
    pub(crate) training_seconds: f64,
    pub(crate) comparison: Comparison,
}

/// Takes a run to its end, from its newest checkpoint or from the start.
///
/// # Errors
/// [`Failure::stopped`] if it was interrupted, or the disk gave out; the run
/// can then be resumed.
pub(crate) fn drive(session: &Session<'_>, path: &Path) -> Result<Finished, Failure> {
    let run = RunDir::open(path)?;
    let config = config_of(session, &run)?;
    let others = opponents(session, &config)?;
    let training = start(session, &config)?;
    let mut drive = Drive {
        session,
        run,
        config,
        training,
        before: 0.0,
        start: Instant::now(),
        evaluated: None,
    };
    drive.restore()?;
    drive.train()?;
    drive.finish(&others)
}

struct Drive<'a> {
    session: &'a Session<'a>,
    run: RunDir,
    config: RunConfig,
    training: Box<dyn Training>,
    /// Seconds of earlier sessions.
    before: f64,
    start: Instant,
    /// The update of the last evaluation.
    evaluated: Option<u64>,
}

impl Drive<'_> {
    /// Goes to the newest checkpoint, and drops the rows of what came after.
    fn restore(&mut self) -> Result<(), Failure> {
        let latest = self.run.latest_checkpoint()?;
        for damage in &latest.damaged {
            self.session
                .console
                .note(format!("passing over a checkpoint: {damage}"));
        }
        let update = match &latest.newest {
            Some((update, checkpoint)) => {
                self.refuse_edited(checkpoint)?;
                self.training.restore(*update, checkpoint)?;
                *update
            }
            None => 0,
        };
        self.run.truncate_after(update)?;
        let timing: Vec<Timing> = self.run.rows(Stream::Timing)?;
        self.before = timing.last().map_or(0.0, |row| row.seconds);
        let rows: Vec<EvalRow> = self.run.rows(Stream::Eval)?;
        self.evaluated = rows.last().map(|row| row.update);
        if latest.newest.is_none() {
            // So that a run killed at any instant has a place to go on from.
            self.save()?;
        }
        Ok(())
    }

    /// Refuses a configuration that is not the one that the checkpoint is of: no
    /// run of one configuration could have had the result.
    fn refuse_edited(&self, checkpoint: &Checkpoint) -> Result<(), Failure> {
        let before = checkpoint.state[CONFIG].as_str().unwrap_or_default();
        let after = self.config.to_text()?;
        if before == after {
            return Ok(());
        }
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let (before, after) = (lines(before), lines(&after));
        let only = |these: &[String], others: &[String]| {
            let only = these.iter().filter(|line| !others.contains(line));
            only.map(|line| format!("'{line}'"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let (was, is) = (only(&before, &after), only(&after, &before));
        let place = self.run.path().join("config.toml");
        Err(Failure::config(format!(
            "{}: changed since the run was begun, from {was} to {is}; change it back to resume, \
             or train anew from it with another --runs",
            place.display()
        )))
    }

    fn train(&mut self) -> Result<(), Failure> {
        let total = self.training.updates();
        let (mut done, env_steps) = (self.training.updates_done(), self.training.env_steps());
        let label = format!("{} seed {}", self.config.algorithm, self.config.seed);
        let mut progress = Progress::new(&label, total, done, env_steps);
        loop {
            let due = done.is_multiple_of(self.config.evaluation.interval.get()) || done == total;
            if due && self.evaluated != Some(done) {
                let row = match self.evaluate(done) {
                    Err(failure) if self.called_off(&failure) => {
                        self.save()?;
                        return Err(self.stopped_after(done));
                    }
                    row => row.map_err(|failure| self.saved(failure))?,
                };
                self.session.console.emit(Event::Evaluation, &row)?;
                progress.note(format!(
                    "{label}: update {done}/{total}  return on fresh tasks {} ± {}{}",
                    fixed(row.mean_return, 4),
                    fixed(row.standard_error, 4),
                    results::parts(row.split.as_ref())
                ));
            }
            if done == total {
                return Ok(());
            }
            if self.session.interrupt.asked() {
                self.save()?;
                return Err(self.stopped_after(done));
            }
            let update = self
                .training
                .update()
                .map_err(|failure| self.saved(failure))?;
            done = self.training.updates_done();
            self.append(Stream::Metrics, &update.row)?;
            let timing = Timing {
                update: done,
                seconds: self.seconds(),
            };
            self.append(Stream::Timing, &timing)?;
            progress.update(done, self.training.env_steps(), update.mean_return);
            if done.is_multiple_of(self.config.checkpoint.interval.get()) || done == total {
                self.save()?;
            }
        }
    }

    /// The comparison with the other learners, and its file.
    fn finish(self, others: &[Player]) -> Result<Finished, Failure> {
        let path = self.run.path().to_path_buf();
        let timing: Vec<Timing> = self.run.rows(Stream::Timing)?;
        let training_seconds = timing.last().map_or(0.0, |row| row.seconds);
        let compared: Option<Comparison> = self.run.document(Document::Comparison)?;
        let env_steps = self.training.env_steps();
        if let Some(comparison) = compared.filter(|done| done.env_steps == env_steps) {
            if !pictures::are_in(&self.run) {
                self.draw();
            }
            return Ok(Finished {
                path,
                seconds: training_seconds,
                training_seconds,
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
        let stages = Stages::new(&label, 1 + others.len());
        let before = |index, name: &str| match self.session.interrupt.asked() {
            true => Err(self.stopped_after(self.training.updates_done())),
            false => {
                stages.begin(index, name);
                Ok(())
            }
        };
        let comparison = contest.run(self.session, before);
        let comparison = comparison.map_err(|failure| match self.called_off(&failure) {
            true => self.stopped_after(self.training.updates_done()),
            false => self.saved(failure),
        })?;
        self.run
            .write_document(Document::Comparison, &comparison)
            .map_err(|error| self.stopped(&error.to_string()))?;
        self.draw();
        Ok(Finished {
            path,
            seconds: self.seconds(),
            training_seconds,
            comparison,
        })
    }

    /// Draws the agent at work. What was measured holds without it, so that a
    /// failure to draw is noted and no more.
    fn draw(&self) {
        if let Err(why) = pictures::write(&self.run, &self.config, self.training.as_ref()) {
            let path = self.run.path().display();
            let console = self.session.console;
            console.note(format!("{path}: no pictures of the agent: {why}"));
        }
    }

    fn evaluate(&mut self, update: u64) -> Result<EvalRow, Failure> {
        let actions = self.config.evaluation.actions;
        let tasks = self.config.evaluation.interval_tasks.get();
        let agent = self.training.as_ref();
        let measured = measure(self.session, &self.config, agent, (tasks, |_| ()))?;
        let row = EvalRow {
            update,
            env_steps: self.training.env_steps(),
            tasks,
            actions: word(actions).to_owned(),
            mean_return: measured.result.mean_return,
            standard_error: measured.result.standard_error,
            split: measured.result.split,
            adaptation: measured.adaptation.map(|adaptation| adaptation.mean_return),
        };
        self.append(Stream::Eval, &row)?;
        self.evaluated = Some(update);
        Ok(row)
    }

    fn append(&self, stream: Stream, row: &impl Serialize) -> Result<(), Failure> {
        let appended = self.run.append(stream, row);
        appended.map_err(|error| self.stopped(&error.to_string()))
    }

    fn save(&self) -> Result<(), Failure> {
        let mut checkpoint = self.training.checkpoint()?;
        checkpoint.state[CONFIG] = self.config.to_text()?.into();
        let update = self.training.updates_done();
        let saved = self.run.save_checkpoint(update, &checkpoint);
        let saved = saved.and_then(|()| self.run.prune_checkpoints(self.config.checkpoint.keep));
        saved.map_err(|error| self.stopped(&error.to_string()))
    }

    fn stopped(&self, why: &str) -> Failure {
        let resume = resume_command(self.run.path());
        Failure::stopped(format!("{why}; go on with: {resume}"))
    }

    /// Stopped by a signal, when so many updates were done.
    fn stopped_after(&self, done: u64) -> Failure {
        let total = self.training.updates();
        self.stopped(&format!("stopped after update {done} of {total}"))
    }

    /// Whether it was a signal that ended an evaluation.
    fn called_off(&self, failure: &Failure) -> bool {
        failure.exit == Exit::Stopped && self.session.interrupt.asked()
    }

    /// A failure of the training itself, and what can be done about it.
    fn saved(&self, mut failure: Failure) -> Failure {
        if failure.exit == Exit::Internal {
            let path = self.run.path();
            failure.message += &match failure.repeats {
                true => format!(
                    "\nTo resume would repeat it; train anew with a changed setting: {} train {} \
                     KEY=VALUE --runs FOLDER",
                    program(),
                    quoted(&path.join("config.toml"))
                ),
                false => format!(
                    "\nWhat was done before is saved; go on with: {}",
                    resume_command(path)
                ),
            };
        }
        failure
    }

    fn seconds(&self) -> f64 {
        self.before + self.start.elapsed().as_secs_f64()
    }
}
