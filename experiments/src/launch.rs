//! A run before its first update: its folder, its configuration, and the
//! training and the opponents that this asks for.

use crate::algorithm::{Setup, Training};
use crate::comparison::Player;
use crate::config::RunConfig;
use crate::failure::Failure;
use crate::invocation::resume_command;
use crate::learners::LearnerSpec;
use crate::session::Session;
use record::{Document, Existing, RecordError, RunDir};
use std::path::Path;
use std::sync::Arc;

/// Makes the folder of a run, ready to be driven.
pub(crate) fn create(
    session: &Session<'_>,
    path: &Path,
    config: &RunConfig,
    existing: Existing,
) -> Result<(), Failure> {
    let run = match RunDir::create(path, &config.to_text()?, existing) {
        Err(RecordError::Exists { .. }) => return Err(exists(path)),
        run => run?,
    };
    Ok(run.write_document(Document::Environment, &session.describe(config.seed))?)
}

/// Refuses to touch a folder that holds a run.
pub(crate) fn refuse_existing(path: &Path) -> Result<(), Failure> {
    match record::Reader::open(path) {
        Ok(_) => Err(exists(path)),
        Err(_) => Ok(()),
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
