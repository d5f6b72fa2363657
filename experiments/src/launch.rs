//! A run before its first update: its folder, its configuration, and the
//! training and the opponents that this asks for.

use crate::algorithm::{Setup, Training};
use crate::comparison::Player;
use crate::config::RunConfig;
use crate::failure::{Exit, Failure};
use crate::group::Group;
use crate::invocation::resume_command;
use crate::learners::LearnerSpec;
use crate::session::Session;
use record::{Checkpoint, Claim, Document, Existing, RecordError, RunDir};
use std::path::Path;
use std::sync::Arc;

/// Makes the folder of a run, ready to be driven.
pub(crate) fn create(
    session: &Session<'_>,
    path: &Path,
    config: &RunConfig,
    existing: Existing,
) -> Result<(), Failure> {
    begin(session, claim(path, existing)?, config)
}

/// Locks the folder of a run to be. Nothing in it is changed yet.
pub(crate) fn claim(path: &Path, existing: Existing) -> Result<Claim, Failure> {
    match Claim::take(path, existing) {
        Err(RecordError::Exists { .. }) => Err(exists(path)),
        claim => Ok(claim?),
    }
}

/// Begins a run in a folder that is free for it.
pub(crate) fn begin(
    session: &Session<'_>,
    claim: Claim,
    config: &RunConfig,
) -> Result<(), Failure> {
    let path = claim.path().to_path_buf();
    let begun = claim
        .begin(&config.to_text()?)
        .and_then(|run| describe(session, config, &run));
    begun.map_err(|error| resumable(&path, error.into()))
}

/// Writes on what machine a run is trained.
pub(crate) fn describe(
    session: &Session<'_>,
    config: &RunConfig,
    run: &RunDir,
) -> record::Result<()> {
    run.write_document(Document::Environment, &session.describe(config.seed))
}

/// What a full disk ends can be resumed where the run, or the folder of several
/// seeds, has been begun.
pub(crate) fn resumable(path: &Path, mut failure: Failure) -> Failure {
    let begun = RunDir::is_begun(path) || Group::is_in(path);
    if failure.exit == Exit::FullDisk && begun {
        failure.exit = Exit::Stopped;
        failure.message += &format!("; go on with: {}", resume_command(path));
    }
    failure
}

/// Refuses to touch a folder that holds a run.
pub(crate) fn refuse_existing(path: &Path) -> Result<(), Failure> {
    match RunDir::is_begun(path) {
        true => Err(exists(path)),
        false => Ok(()),
    }
}

fn exists(path: &Path) -> Failure {
    let (place, resume) = (path.display(), resume_command(path));
    Failure::usage(format!(
        "{place} holds a run already; go on with it: {resume}, replace it: --overwrite, \
         or keep it and choose another folder: --runs"
    ))
}

/// Starts a training and throws it away, to find out what cannot work.
pub(crate) fn rehearse(session: &Session<'_>, config: &RunConfig) -> Result<(), Failure> {
    opponents(session, config)?;
    start(session, config)?;
    Ok(())
}

/// A training at its start.
pub(crate) fn start(
    session: &Session<'_>,
    config: &RunConfig,
) -> Result<Box<dyn Training>, Failure> {
    let entry = session
        .registry
        .algorithm(&config.algorithm)
        .map_err(Failure::config)?;
    let setup = Setup {
        env: config.training_env(),
        settings: &config.settings,
        seed: config.seed,
        pool: Arc::clone(&session.pool),
        device: session.device,
    };
    entry.start(setup).map_err(|mut failure| {
        failure.message = config.origin.of(&failure.message);
        failure
    })
}

/// The configuration that a run was started with.
pub(crate) fn config_of(session: &Session<'_>, run: &record::Reader) -> Result<RunConfig, Failure> {
    let place = run.path().join("config.toml");
    RunConfig::resolve(
        session.registry,
        &place.display().to_string(),
        &run.config()?,
        &[],
    )
}

/// Where a checkpoint's state keeps the configuration that it is of.
pub(crate) const CONFIG: &str = "config";

/// Puts a training where a checkpoint of its run left it.
///
/// # Errors
/// If the configuration was edited since, or the checkpoint is of no update that
/// this training has.
pub(crate) fn restore(
    run: &record::Reader,
    config: &RunConfig,
    training: &mut dyn Training,
    (update, checkpoint): (u64, &Checkpoint),
) -> Result<(), Failure> {
    refuse_edited(run, config, checkpoint)?;
    let total = training.updates();
    if update > total {
        return Err(Failure::config(format!(
            "{}: its newest checkpoint is of update {update}, and the training has {total}: it is \
             of another run; move checkpoints/{update:08} away",
            run.path().display()
        )));
    }
    training.restore(update, checkpoint)
}

/// Refuses a configuration that is not the one that the checkpoint is of: no
/// run of one configuration could have had the result.
fn refuse_edited(
    run: &record::Reader,
    config: &RunConfig,
    checkpoint: &Checkpoint,
) -> Result<(), Failure> {
    let before = checkpoint.state[CONFIG].as_str().unwrap_or_default();
    // As it is understood, and to the letter, which is what reports check.
    let (meant, written) = (config.to_text()?, run.config()?);
    let after = match before == written {
        true if before == meant => return Ok(()),
        true => meant,
        false => written,
    };
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (before, after) = (lines(before), lines(&after));
    let only = |these: &[String], others: &[String]| {
        let only = these.iter().filter(|line| !others.contains(line));
        let only: Vec<_> = only.map(|line| format!("'{line}'")).collect();
        match only.is_empty() {
            true => "other lines".to_owned(),
            false => only.join(", "),
        }
    };
    let (was, is) = (only(&before, &after), only(&after, &before));
    let place = run.path().join("config.toml");
    Err(Failure::config(format!(
        "{}: changed since the run was begun, from {was} to {is}; change it back, or train anew \
         from it with another --runs",
        place.display()
    )))
}

/// The learners to compare with, made before the training so that one that
/// cannot play is found out at once.
pub(crate) fn opponents(session: &Session<'_>, config: &RunConfig) -> Result<Vec<Player>, Failure> {
    let make = |spec: &LearnerSpec| spec.make(&config.built, &session.oracles);
    let made = config.learners.iter().map(make);
    made.collect::<Result<_, String>>().map_err(|message| {
        let message = format!("evaluation.learners: {message}");
        Failure::config(config.origin.of(&message))
    })
}
