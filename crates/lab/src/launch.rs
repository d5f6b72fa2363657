//! A run before its first update: its folder, its configuration, and the
//! training and the opponents that this asks for.

use crate::config::RunConfig;
use crate::failure::{Exit, Failure};
use crate::folders::{holds_seeds, path_of, runs_in};
use crate::invocation::resume_command;
use crate::learners::Player;
use crate::oracles::solutions;
use crate::panics::caught;
use crate::session::Session;
use crate::teachers::TeacherSpec;
use agent::{Algorithm, Input, LearnError, MakeLearner, Place, Setup, Training};
use record::schema::{Comparison, LearnerKind};
use record::{Checkpoint, Claim, Document, Existing, RecordError, RunDir};
use rl_core::{Footprint, PolicyFactory, Random};
use rollout::{RolloutError, evaluation_footprint};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Makes the folder of a run, ready to be driven.
pub fn create(
    session: &Session<'_>,
    path: &Path,
    config: &RunConfig,
    existing: Existing,
) -> Result<(), Failure> {
    begin(session, claim(path, existing)?, config)
}

/// Locks the folder of a run to be. Nothing in it is changed yet.
pub fn claim(path: &Path, existing: Existing) -> Result<Claim, Failure> {
    match Claim::take(path, existing) {
        Err(RecordError::Exists { .. }) => Err(exists(path)),
        claim => Ok(claim?),
    }
}

/// Begins a run in a folder that is free for it.
pub fn begin(session: &Session<'_>, claim: Claim, config: &RunConfig) -> Result<(), Failure> {
    let path = claim.path().to_path_buf();
    let text = config.to_text()?;
    let begun = (|| describe(session, config, &claim.begin(&text)?))();
    begun.map_err(|failure| resumable(&path, failure))
}

/// Writes what is trained, and on what machine.
pub fn describe(session: &Session<'_>, config: &RunConfig, run: &RunDir) -> Result<(), Failure> {
    let described = session.describe(config.seed, algorithm(session, config)?);
    Ok(run.write_document(Document::Environment, &described)?)
}

/// What a full disk ends can be resumed where the run, or the folder of several
/// seeds, has been begun.
pub fn resumable(path: &Path, failure: Failure) -> Failure {
    match RunDir::is_begun(path) || holds_seeds(path) {
        true => resumed_with(&resume_command(path), failure),
        false => failure,
    }
}

/// What a full disk ends, with what goes on with it: a command, or words in place of one.
pub fn resumed_with(go_on: &str, mut failure: Failure) -> Failure {
    if failure.exit == Exit::FullDisk {
        failure.exit = Exit::Stopped;
        failure.message += &format!("; go on with: {go_on}");
    }
    failure
}

/// Refuses to touch a folder that holds a run.
pub fn refuse_existing(path: &Path) -> Result<(), Failure> {
    match RunDir::is_begun(path) {
        true => Err(exists(path)),
        false => Ok(()),
    }
}

/// Refuses to replace a run that the new one is made of: by which option it would be replaced,
/// and which ones choose another folder.
///
/// # Errors
/// Names the run.
pub fn refuse_own_sources(
    replaced: &[PathBuf],
    config: &RunConfig,
    (replace, choose): (&str, &str),
) -> Result<(), Failure> {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let sources: Vec<PathBuf> = config.made_of().map(whole).collect();
    // The agents of several runs go by the folder around them.
    let is_source = |run: &&PathBuf| {
        let run = whole(run);
        let mut sources = sources.iter();
        sources.any(|source| source.starts_with(&run) || run.starts_with(source))
    };
    match replaced.iter().find(is_source) {
        None => Ok(()),
        Some(run) => Err(Failure::usage(format!(
            "{replace} would replace {}, which this run is made of; choose another {choose}",
            run.display()
        ))),
    }
}

/// Refuses the name of a run that the configuration of another one could not say; `option`
/// is what gave it.
///
/// # Errors
/// If it is no text.
pub fn expect_text(option: &str, run: &Path) -> Result<(), Failure> {
    match run.to_str() {
        Some(_) => Ok(()),
        None => Err(Failure::usage(format!(
            "{option} {}: config.toml says where a run begins, and this name is no text (UTF-8); \
             rename the folder, or give a link to it that is named in text",
            run.display()
        ))),
    }
}

fn exists(path: &Path) -> Failure {
    // One of several seeds is resumed with the others of its command.
    let group = path.parent().filter(|folder| holds_seeds(folder));
    let (place, resume) = (path.display(), resume_command(group.unwrap_or(path)));
    Failure::usage(format!(
        "{place} holds a run already; go on with it: {resume}, replace it: --overwrite, \
         or keep it and choose another folder: --runs"
    ))
}

/// Starts a training and throws it away, to find out what cannot work.
pub fn rehearse(session: &Session<'_>, config: &RunConfig) -> Result<(), Failure> {
    prepare(session, config).map(drop)
}

/// Finds out whether a training can begin from the run that its configuration names.
///
/// # Errors
/// As [`begin_from`].
pub fn check_beginning(session: &Session<'_>, config: &RunConfig) -> Result<(), Failure> {
    match &config.from {
        None => Ok(()),
        Some(_) => {
            let mut training = start(session, config)?;
            // What is passed over is said where the training itself begins.
            begin_with(session, config, training.as_mut()).map(drop)
        }
    }
}

/// Gives a training what the run learned that its configuration begins from, if there
/// is one.
///
/// # Errors
/// If that run has no checkpoint, or is of another network.
pub fn begin_from(
    session: &Session<'_>,
    config: &RunConfig,
    training: &mut dyn Training,
) -> Result<(), Failure> {
    let passed_over = begin_with(session, config, training)?;
    say_passed_over(session, &passed_over);
    Ok(())
}

/// [`begin_from`], which says nothing: what was passed over.
fn begin_with(
    session: &Session<'_>,
    config: &RunConfig,
    training: &mut dyn Training,
) -> Result<Vec<RecordError>, Failure> {
    let Some(from) = &config.from else {
        return Ok(Vec::new());
    };
    // Of the runs of several seeds, the one of its own seed.
    let path = match holds_seeds(from) {
        true => path_of(from, config.seed),
        false => from.clone(),
    };
    let place = format!("from = {}", path.display());
    let begun = (|| {
        let run = record::Reader::open(&path)?;
        let other = config_of(session, &run)?;
        expect_alike(&other, config)?;
        expect_kept(&other, config)?;
        let (_, checkpoint, passed_over) = newest_of(&run)?;
        let by = format!("algorithm '{}'", config.algorithm);
        let begun = caught(&by, || {
            training.begin_from(&checkpoint.tree).map_err(|error| {
                Failure::config(format!(
                    "{error}: '{}' there and '{}' here must be of one trunk, with as many \
                     inputs and actions",
                    other.algorithm, config.algorithm
                ))
            })
        });
        begun.map(|()| passed_over)
    })();
    begun.map_err(|failure: Failure| failure.within(place))
}

/// Refuses to begin from an agent that sees, does or is told something else: numbers of
/// the same network would mean other things.
fn expect_alike(other: &RunConfig, config: &RunConfig) -> Result<(), Failure> {
    let spaces = other.built.factory.spec();
    let here = config.built.factory.spec();
    // An index reads each arm alike, however many there are.
    let same_actions = spaces.action == here.action || other.environment == config.environment;
    if spaces.observation != here.observation || !same_actions {
        return Err(Failure::config(format!(
            "it observes {:?} and acts in {:?}, and here are {:?} and {:?}; begin from a run in \
             an environment alike",
            spaces.observation, spaces.action, here.observation, here.action
        )));
    }
    match other.told == config.told {
        true => Ok(()),
        false => Err(Failure::config(format!(
            "it is told {:?} beside what is observed, and here it is {:?}; let inputs be alike",
            other.told, config.told
        ))),
    }
}

/// Refuses what was learned in tasks that are kept back here. What two environments have in
/// common is not known, unless they are set alike.
fn expect_kept(other: &RunConfig, config: &RunConfig) -> Result<(), Failure> {
    let alike =
        other.environment == config.environment && other.built.settings == config.built.settings;
    let (there, here) = (other.evaluation.split, config.evaluation.split);
    match config.parts.is_none() || (alike && there.keeps(here)) {
        true => Ok(()),
        false => Err(Failure::config(
            "evaluation.split: its agent may have been trained on the tasks that are kept back \
             here; take a run in the same environment that keeps at least these, or leave the \
             split out",
        )),
    }
}

/// A run's agent as its newest checkpoint left it.
///
/// # Errors
/// If there is no intact checkpoint, it does not fit, or the agent is told something else
/// beside what is observed.
pub fn agent(
    session: &Session<'_>,
    run: &record::Reader,
    told: &[Input],
) -> Result<Box<dyn Training>, Failure> {
    let config = config_of(session, run)?;
    if config.told != told {
        return Err(Failure::config(format!(
            "the agent of {} is told {:?} beside what is observed, and here it would be {told:?}; \
             let both have the same of \"time-left\", \"statistics\", \"arrival\" and \"noise\" among \
             their inputs",
            run.path().display(),
            config.told
        )));
    }
    let mut training = start_to_act(session, &config)?;
    let (update, checkpoint, passed_over) = newest_of(run)?;
    say_passed_over(session, &passed_over);
    restore(run, &config, training.as_mut(), (update, &checkpoint))?;
    Ok(training)
}

/// The newest intact checkpoint of a run.
///
/// # Errors
/// If there is none, or the run is finished and its last one is damaged.
pub(crate) fn newest_checkpoint(run: &record::Reader) -> Result<(u64, Checkpoint), Failure> {
    let (update, checkpoint, _) = newest_of(run)?;
    Ok((update, checkpoint))
}

/// [`newest_checkpoint`], and what is wrong with the newer ones.
pub(crate) fn newest_of(
    run: &record::Reader,
) -> Result<(u64, Checkpoint, Vec<RecordError>), Failure> {
    let (latest, path) = (run.latest_checkpoint()?, run.path().display());
    let Some((update, checkpoint)) = latest.newest else {
        return Err(match latest.damaged.first() {
            None => Failure::usage(format!("{path} has no checkpoint yet; train it first")),
            Some(damage) => Failure::config(format!("{path} has no intact checkpoint: {damage}")),
        });
    };
    // What a finished run came to is written beside it, and is not this agent's.
    if let Some(damage) = latest.damaged.first()
        && run.document::<Comparison>(Document::Comparison)?.is_some()
    {
        return Err(Failure::config(format!(
            "{path} is finished, and its newest intact checkpoint is of update {update}: {damage}; \
             make the last one again: {}",
            resume_command(run.path())
        )));
    }
    Ok((update, checkpoint, latest.damaged))
}

fn say_passed_over(session: &Session<'_>, passed_over: &[RecordError]) {
    for damage in passed_over {
        session.observer.note(&passing_over(damage));
    }
}

/// What is said of a damaged checkpoint where an older one is taken.
pub fn passing_over(damage: &RecordError) -> String {
    format!("passing over a checkpoint: {damage}")
}

/// The opponents and a training at its start, once it is known that memory can
/// hold the whole run.
pub fn prepare(
    session: &Session<'_>,
    config: &RunConfig,
) -> Result<(Vec<Player>, Box<dyn Training>), Failure> {
    let (env, place) = (&config.built.factory, &config.origin.source);
    // Before a teacher is made, which may be an exact solution: that is computed beside it.
    let alone = footprint_with(session, config, &nobody)?;
    session.room.check(place, &alone)?;
    session.oracles.beside(&alone);
    let needed = footprint(session, config)?;
    session
        .room
        .check(place, &needed.clone().and(taught_by(config)))?;
    session.oracles.beside(&needed);
    let others = opponents(session, config)?;
    let training = start(session, config)?;
    let work = (config.evaluation.tasks.get(), session.pool.workers());
    let agent = guarded(config, || Ok(training.policy(config.evaluation.actions)))?;
    let policies = others.iter().map(|player| &player.policy).chain([&agent]);
    let evaluations =
        policies.map(|policy| evaluation_footprint(env.as_ref(), policy.as_ref(), work));
    let largest = evaluations.fold(Footprint::new(), Footprint::or);
    let learners = 1 + others.len();
    let results = Footprint::new().with(
        format!("results of {learners} learners"),
        learners as f64 * env.spec().trial_steps() as f64 * RESULT_BYTES,
        "the environment's steps per trial",
    );
    let kept = match others.iter().any(|other| other.kind == LearnerKind::Oracle) {
        true => solutions(&config.built),
        false => taught_by(config),
    };
    let all = needed.and(largest).and(results).and(kept);
    session.room.check(place, &all)?;
    Ok((others, training))
}

/// The exact solutions that a training's teachers are made of.
fn taught_by(config: &RunConfig) -> Footprint {
    match config.teachers.values().any(TeacherSpec::is_exact) {
        true => solutions(&config.built),
        false => Footprint::new(),
    }
}

/// Refuses an evaluation of an agent that memory cannot hold.
///
/// # Errors
/// How much it needs and how much there is.
pub fn check_evaluation(
    session: &Session<'_>,
    config: &RunConfig,
    agent: &dyn Training,
    tasks: usize,
) -> Result<(), Failure> {
    let policy = guarded(config, || Ok(agent.policy(config.evaluation.actions)))?;
    let work = (tasks, session.pool.workers());
    let env = config.built.factory.as_ref();
    let needed = evaluation_footprint(env, policy.as_ref(), work);
    let training = footprint_with(session, config, &nobody)?;
    session.oracles.beside(&training);
    session
        .room
        .check(&config.origin.source, &needed.and(training))
}

/// Whether memory can hold something beside a training and its exact solutions.
pub(crate) fn has_room(
    session: &Session<'_>,
    config: &RunConfig,
    needed: Footprint,
) -> Result<bool, Failure> {
    let beside = footprint_with(session, config, &nobody)?.and(solutions(&config.built));
    let room = session.room.check("", &needed.and(beside));
    Ok(room.is_ok())
}

/// How many trainings of a configuration memory holds at once, of so many: one at least, of
/// which [`rehearse`] tells whether it can be.
///
/// # Errors
/// If a setting is out of range.
pub fn side_by_side(
    session: &Session<'_>,
    config: &RunConfig,
    most: usize,
) -> Result<usize, Failure> {
    let (one, taught) = (footprint(session, config)?, taught_by(config));
    let fits = |count: &usize| {
        let all = format!("{count} trainings side by side");
        let all = Footprint::new().with(all, *count as f64 * one.bytes(), "--workers");
        let room = session.room.check("", &all.and(taught.clone()));
        room.is_ok()
    };
    Ok((1..=most).rev().find(fits).unwrap_or(1))
}

/// Of each step a learner's results hold four numbers, which are written with
/// about twenty digits each.
const RESULT_BYTES: f64 = 4.0 * (8.0 + 2.0 * 20.0);

/// A training at its start, once it is known that memory can hold it.
pub fn start(session: &Session<'_>, config: &RunConfig) -> Result<Box<dyn Training>, Failure> {
    let learner = |key: &str| teacher(session, config, key);
    start_with(session, config, &learner)
}

/// A training at its start whose agent is only to act: nobody has to teach it, so that
/// its teacher may be gone.
pub fn start_to_act(
    session: &Session<'_>,
    config: &RunConfig,
) -> Result<Box<dyn Training>, Failure> {
    start_with(session, config, &nobody)
}

/// In place of a teacher that is not needed.
fn nobody(_: &str) -> Result<Arc<dyn PolicyFactory>, LearnError> {
    Ok(Arc::new(Random))
}

fn start_with(
    session: &Session<'_>,
    config: &RunConfig,
    learner: &MakeLearner<'_>,
) -> Result<Box<dyn Training>, Failure> {
    let needed = footprint_with(session, config, learner)?;
    session.room.check(&config.origin.source, &needed)?;
    let start = algorithm(session, config)?.start;
    let training = guarded(config, || {
        let training = start(setup(session, config, learner))?;
        match session.pool.ranks().size() {
            1 => Ok(training),
            _ => training.expect_shared().map(|()| training),
        }
    })?;
    match training.updates_done() {
        0 => Ok(training),
        done => Err(Failure::internal(format!(
            "algorithm '{}' starts with `updates_done` of {done}; it must be 0",
            config.algorithm
        ))),
    }
}

/// Checks the algorithm's settings for themselves.
///
/// # Errors
/// Names the key at fault, its value and what is allowed.
pub fn check_settings(session: &Session<'_>, config: &RunConfig) -> Result<(), Failure> {
    let check = algorithm(session, config)?.check;
    guarded(config, || check(&setup(session, config, &nobody)))
}

/// Refuses a training that memory cannot hold, as far as that is known before there is a
/// teacher or anything else of it.
///
/// # Errors
/// How much it needs and how much there is.
pub fn check_room(session: &Session<'_>, config: &RunConfig) -> Result<(), Failure> {
    let alone = footprint_with(session, config, &nobody)?;
    session.room.check(&config.origin.source, &alone)
}

/// What the training takes of memory.
fn footprint(session: &Session<'_>, config: &RunConfig) -> Result<Footprint, Failure> {
    let learner = |key: &str| teacher(session, config, key);
    footprint_with(session, config, &learner)
}

fn footprint_with(
    session: &Session<'_>,
    config: &RunConfig,
    learner: &MakeLearner<'_>,
) -> Result<Footprint, Failure> {
    let footprint = algorithm(session, config)?.footprint;
    guarded(config, || footprint(&setup(session, config, learner)))
}

/// The learner that one of the algorithm's settings names.
fn teacher(
    session: &Session<'_>,
    config: &RunConfig,
    key: &str,
) -> Result<Arc<dyn PolicyFactory>, LearnError> {
    let (spec, algorithm) = (config.teachers.get(key), &config.algorithm);
    let spec = spec.ok_or_else(|| {
        let wanted = "a learner, as in { name = \"ucb1\", c = 0.2 }";
        let set = config.settings.get(key);
        let set = set.map_or_else(|| "missing".to_owned(), ToString::to_string);
        LearnError::config(format!("{algorithm}.{key}"), set, wanted)
    })?;
    let made = expect_untold(session, config, spec)
        .map_err(|failure| failure.within(format!("{algorithm}.{key}")))
        .and_then(|()| spec.make(session, &config.built));
    made.map_err(not_taught)
}

/// [`expect_kept`] of all runs whose agents a teacher is made of.
fn expect_untold(
    session: &Session<'_>,
    config: &RunConfig,
    teacher: &TeacherSpec,
) -> Result<(), Failure> {
    if config.parts.is_none() {
        return Ok(());
    }
    for folder in teacher.runs() {
        for path in runs_in(folder)? {
            let other = config_of(session, &record::Reader::open(&path)?)?;
            expect_kept(&other, config).map_err(|failure| failure.within(path.display()))?;
        }
    }
    Ok(())
}

/// Why there is no teacher, in an algorithm's words.
fn not_taught(failure: Failure) -> LearnError {
    match failure.exit {
        Exit::Internal => LearnError::Bug(failure.message),
        Exit::Stopped => RolloutError::CalledOff.into(),
        // Nothing else than what was asked for is at fault.
        _ => LearnError::Settings(failure.message),
    }
}

/// What an algorithm makes of its settings, where what it refuses is said with its
/// origin; a panic is its own fault.
fn guarded<T>(
    config: &RunConfig,
    work: impl FnOnce() -> Result<T, LearnError>,
) -> Result<T, Failure> {
    let refused = |error: LearnError| {
        let mut failure = match error {
            LearnError::Nets(_) => Failure::config(error),
            error => error.into(),
        };
        if failure.exit == Exit::Config {
            failure.message = config.origin.of(&failure.message);
        }
        failure
    };
    let by = format!("algorithm '{}'", config.algorithm);
    caught(&by, || work().map_err(refused))
}

fn algorithm<'a>(session: &Session<'a>, config: &RunConfig) -> Result<&'a Algorithm, Failure> {
    let entry = session.registry.algorithm(&config.algorithm);
    entry.map_err(Failure::config)
}

fn setup<'a>(
    session: &Session<'_>,
    config: &'a RunConfig,
    learner: &'a MakeLearner<'a>,
) -> Setup<'a> {
    Setup {
        env: config.training_env(),
        settings: &config.settings,
        seed: config.seed,
        place: Place {
            pool: Arc::clone(&session.pool),
            device: session.device,
        },
        learner,
    }
}

/// The configuration that a run was started with.
pub fn config_of(session: &Session<'_>, run: &record::Reader) -> Result<RunConfig, Failure> {
    config_in(session, run, &[])
}

/// The same in an environment with other settings, `environment.key=value` each.
///
/// # Errors
/// If anything else is set, or the environment is none then.
pub fn config_in(
    session: &Session<'_>,
    run: &record::Reader,
    settings: &[String],
) -> Result<RunConfig, Failure> {
    let others = |set: &&String| !set.starts_with("environment.");
    if let Some(other) = settings.iter().find(others) {
        return Err(Failure::usage(format!(
            "{other}: an agent that is trained can be evaluated with other settings of its \
             environment, environment.key=value, and no others"
        )));
    }
    let place = run.path().join("config.toml");
    RunConfig::resolve(
        session.registry,
        &place.display().to_string(),
        &run.config()?,
        settings,
    )
}

/// Where a checkpoint's state keeps the configuration that it is of.
pub const CONFIG: &str = "config";

/// Puts a training where a checkpoint of its run left it.
///
/// # Errors
/// If the configuration was edited since, or the checkpoint is of no update that
/// this training has.
pub fn restore(
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
    let (name, place) = (&config.algorithm, run.path().display());
    let restored = caught(&format!("algorithm '{name}'"), || {
        training.restore(&checkpoint.tree).map_err(Failure::config)
    });
    restored.map_err(|failure| failure.within(format!("{place}: checkpoints/{update:08}")))?;
    match training.updates_done() {
        done if done == update => Ok(()),
        done => Err(Failure::internal(format!(
            "{place}: algorithm '{name}' restored the checkpoint of update {update} and says \
             that it did {done}; its `restore` must put back what `updates_done` tells"
        ))),
    }
}

/// Refuses a configuration that is not the one that the checkpoint is of: no
/// run of one configuration could have had the result.
///
/// # Errors
/// What was changed.
pub fn refuse_edited(
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
    let made = config.learners.iter().map(|one| one.make(session, config));
    made.collect::<Result<_, Failure>>().map_err(|failure| {
        let message = format!("evaluation.learners: {}", failure.message);
        Failure::config(config.origin.of(&message))
    })
}

#[cfg(test)]
#[path = "launch_tests.rs"]
mod tests;
