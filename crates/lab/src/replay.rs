//! A part of a training once more, as it was: to see a failure again, or whether this
//! machine computes what another one did. The run stays as it is.

use crate::comparison::Contest;
use crate::config::RunConfig;
use crate::failure::Failure;
use crate::launch::{self, config_of};
use crate::learners::Player;
use crate::observer::Work;
use crate::panics::caught;
use crate::runner::{Evaluating, expect_one_more, row_of, state_of};
use crate::session::Session;
use agent::Training;
use record::schema::{Comparison, EvalRow};
use record::{Checkpoint, Document, Reader, RecordError, Stream};
use serde_json::value::RawValue;
use std::path::Path;

/// What became of it.
#[derive(Debug)]
pub struct Replayed {
    /// The update whose checkpoint it began from.
    pub from: u64,
    /// How many updates there are now, which it is as well where the next one failed.
    pub update: u64,
    /// Updates whose row was compared with the run's.
    pub compared: usize,
    /// What failed, and how; `None` if nothing did.
    pub failure: Option<Failure>,
}

/// Does an update of a run again, from the newest checkpoint before it on; without
/// one, what `resume` would do next: the evaluation that is due and the update after
/// the newest checkpoint, and after the last update the comparison with other learners. An
/// evaluation that the run has not done is done after it.
///
/// # Errors
/// If there is no such update or checkpoint, the configuration was changed since, or a
/// row is not the one that the run has.
pub fn replay(
    session: &Session<'_>,
    path: &Path,
    update: Option<u64>,
) -> Result<Replayed, Failure> {
    let run = Reader::open(path)?;
    let config = config_of(session, &run)?;
    let mut training = launch::start(session, &config)?;
    let (from, checkpoint) = checkpoint_before(&run, update)?;
    launch::restore(&run, &config, training.as_mut(), (from, &checkpoint))?;
    let total = training.updates();
    let to = update.unwrap_or(total.min(from + 1));
    if to == 0 || to > total {
        let message = format!("--update {to}: the training has updates 1 to {total}");
        return Err(Failure::usage(message));
    }
    let compared: Option<Comparison> = run.document(Document::Comparison)?;
    let others = match update.is_none() && from == total && compared.is_none() {
        true => Some(launch::opponents(session, &config)?),
        false => None,
    };
    let evaluations: Vec<EvalRow> = run.rows(Stream::Eval)?;
    // Refused before anything is done again, where they are another update's.
    let rows = run.metrics_of(from + 1..=to)?;
    let replay = Replay {
        session,
        config,
        first: from + 1,
        rows,
        others,
        evaluated: evaluations.iter().map(|row| row.update).collect(),
        asked: update.is_some(),
    };
    replay.from(from, to, training.as_mut())
}

/// The newest whole checkpoint, or the newest before an update.
fn checkpoint_before(run: &Reader, update: Option<u64>) -> Result<(u64, Checkpoint), Failure> {
    let all = run.checkpoints()?;
    let before = |at: &&u64| update.is_none_or(|update| **at < update);
    let mut damage = None;
    for &at in all.iter().rev().filter(before) {
        match run.load_checkpoint(at) {
            Ok(checkpoint) => return Ok((at, checkpoint)),
            Err(error @ RecordError::DamagedCheckpoint { .. }) => damage = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    let place = run.path().display();
    Err(match (damage, update) {
        (Some(damage), _) => Failure::config(format!("{place} has no intact checkpoint: {damage}")),
        (None, Some(update)) if !all.is_empty() => {
            let first = all[0];
            Failure::usage(format!(
                "{place} keeps no checkpoint before update {update}, the first is of {first}; \
                 allowed: --update {} or more",
                first + 1
            ))
        }
        (None, _) => Failure::usage(format!("{place} has no checkpoint yet; train it first")),
    })
}

struct Replay<'a> {
    session: &'a Session<'a>,
    config: RunConfig,
    /// The first update that is done again.
    first: u64,
    /// The rows that the run has of it and of those after it.
    rows: Vec<Box<RawValue>>,
    /// Whom the agent is to be compared with after the last update.
    others: Option<Vec<Player>>,
    /// After which updates it has been evaluated.
    evaluated: Vec<u64>,
    /// Whether an update was named.
    asked: bool,
}

impl Replay<'_> {
    fn from(&self, from: u64, to: u64, training: &mut dyn Training) -> Result<Replayed, Failure> {
        let label = format!("{} seed {}", self.config.algorithm, self.config.seed);
        let progress = self.session.observer.begin(Work::Training {
            label: &label,
            seed: self.config.seed,
            total: to,
            done: from,
            env_steps: training.env_steps(),
        });
        let (mut update, mut compared) = (from, 0);
        let failure = loop {
            // Of an update in the middle, the evaluation changes nothing.
            let counts = update == to || (update == from && !self.asked);
            if counts && let Err(failure) = self.evaluate(update, training) {
                break Some(failure);
            }
            if update == to {
                break self.contest(training).err();
            }
            match self.update(update, training) {
                Err(failure) => break Some(failure),
                Ok((row, mean_return)) => {
                    update += 1;
                    compared += usize::from(self.compare(update, &row)?);
                    progress.updated(update, training.env_steps(), mean_return);
                }
            }
        };
        Ok(Replayed {
            from,
            update,
            compared,
            failure,
        })
    }

    /// Evaluates the agent where the run has not done it yet, though it was due.
    fn evaluate(&self, update: u64, training: &dyn Training) -> Result<(), Failure> {
        let evaluation = &self.config.evaluation;
        let due = update.is_multiple_of(evaluation.interval.get()) || update == training.updates();
        if !due || self.evaluated.contains(&update) {
            return Ok(());
        }
        let by = format!("algorithm '{}', the evaluation", self.config.algorithm);
        let evaluating = Evaluating {
            session: self.session,
            config: &self.config,
            training,
        };
        caught(&by, || evaluating.row()).map(drop)
    }

    /// Compares the agent with the other learners, where the run has yet to do it.
    fn contest(&self, training: &dyn Training) -> Result<(), Failure> {
        let Some(others) = &self.others else {
            return Ok(());
        };
        let contest = Contest {
            config: &self.config,
            others,
            agent: training,
        };
        let by = format!("algorithm '{}', the comparison", self.config.algorithm);
        caught(&by, || contest.run(self.session, |_, _| Ok(()))).map(drop)
    }

    fn update(
        &self,
        done: u64,
        training: &mut dyn Training,
    ) -> Result<(Box<RawValue>, f64), Failure> {
        let by = format!("algorithm '{}', the update", self.config.algorithm);
        caught(&by, || {
            let update = training.update()?;
            expect_one_more(training, done, &update)?;
            let row = row_of(&self.config, (done + 1, &update), &state_of(training)?)?;
            Ok((row, update.mean_return))
        })
    }

    /// Compares a row with the run's; whether that has one.
    fn compare(&self, update: u64, row: &RawValue) -> Result<bool, Failure> {
        let index = usize::try_from(update - self.first).ok();
        let Some(before) = index.and_then(|index| self.rows.get(index)) else {
            return Ok(false);
        };
        match before.get() == row.get() {
            true => Ok(true),
            false => Err(Failure::internal(format!(
                "the row of update {update} is not the one that the run has; another build, C \
                 library or machine computes other bits:\n  now {row}\n  was {before}"
            ))),
        }
    }
}
