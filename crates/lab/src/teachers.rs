//! Learners that an algorithm's settings name, as in
//! `teacher = { name = "gittins-finite" }`: whatever there is by name, the agent of a run,
//! and the majority of the agents of several.

use crate::ensemble::majority;
use crate::failure::Failure;
use crate::invocation::resume_command;
use crate::launch;
use crate::learners::{LearnerSpec, fitting};
use crate::registry::Built;
use crate::session::Session;
use agent::{ActMode, Input, KNOWN_TASK};
use record::schema::Comparison;
use record::{Document, Reader};
use rl_core::{EnvFactory, PolicyFactory, SettingError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::{Table, Value};

/// A trained agent, by its folder.
const RUN: &str = "run";
/// Where that is.
const PATH: &str = "path";
/// The majority of trained agents, by the folder around them.
const MAJORITY: &str = "majority";
/// Where that is.
const RUNS: &str = "runs";

/// A teacher as it was asked for, with all its parameters.
#[derive(Debug)]
pub struct TeacherSpec {
    /// Where that stands, as in `imitation.teacher`.
    place: String,
    who: Who,
    /// What its student is told beside what is observed.
    told: Vec<Input>,
}

#[derive(Debug)]
enum Who {
    Learner(LearnerSpec),
    Run(PathBuf),
    Majority(PathBuf),
    /// No policy: the algorithm has each task say what is best.
    KnownTask,
}

impl TeacherSpec {
    /// Reads `{ name = "ucb1", c = 0.2 }`, `{ name = "run", path = "runs/clone" }` or
    /// `{ name = "majority", runs = "runs/seeds" }`, which stands at `place`, for an
    /// environment.
    ///
    /// # Errors
    /// Names the nearest learner or key, or what is allowed.
    pub fn read(
        place: &str,
        table: &Table,
        (env, told): (&dyn EnvFactory, &[Input]),
    ) -> Result<Self, String> {
        let who = match table.get("name").and_then(Value::as_str) {
            Some(RUN) => Who::Run(path(place, table, PATH)?),
            Some(MAJORITY) => Who::Majority(path(place, table, RUNS)?),
            Some(KNOWN_TASK) => match table.keys().find(|key| *key != "name") {
                None => Who::KnownTask,
                Some(key) => return Err(SettingError::unknown(key, ["name"]).below(place).into()),
            },
            _ => Who::Learner(LearnerSpec::read(place, table, env)?),
        };
        Ok(Self {
            place: place.to_owned(),
            who,
            told: told.to_vec(),
        })
    }

    /// The counterpart of [`Self::read`], complete.
    pub fn to_table(&self) -> Table {
        match &self.who {
            Who::Learner(spec) => spec.to_table(),
            Who::KnownTask => [("name".to_owned(), Value::String(KNOWN_TASK.to_owned()))]
                .into_iter()
                .collect(),
            Who::Run(path) => folder(RUN, PATH, path),
            Who::Majority(runs) => folder(MAJORITY, RUNS, runs),
        }
    }

    /// The teacher, for an environment.
    ///
    /// # Errors
    /// If it cannot act there: why, and who can.
    pub fn make(
        &self,
        session: &Session<'_>,
        built: &Built,
    ) -> Result<Arc<dyn PolicyFactory>, Failure> {
        let key = format!(
            "{} {} {}",
            built.factory.spec().name,
            built.settings,
            self.to_table()
        );
        if let Some(policy) = session.teachers.borrow().get(&key) {
            return Ok(Arc::clone(policy));
        }
        let policy = match &self.who {
            Who::Learner(spec) => {
                let made = spec.make(built, &session.oracles);
                let unfit = |why: String| self.unfit(&why, built);
                let policy = made.map(|player| player.policy).map_err(unfit)?;
                policy.watches().map_err(unfit)?;
                policy
            }
            Who::Run(path) => self.agent_of(session, path, built)?,
            Who::Majority(runs) => {
                let combined = majority(session, runs, (built.factory.as_ref(), &self.told));
                combined
                    .map_err(|failure| failure.within(self.place.clone()))?
                    .0
            }
            Who::KnownTask => return Err(self.unfit("it is no policy", built)),
        };
        let mut known = session.teachers.borrow_mut();
        known.insert(key, Arc::clone(&policy));
        Ok(policy)
    }

    /// The agent of a run.
    fn agent_of(
        &self,
        session: &Session<'_>,
        path: &Path,
        built: &Built,
    ) -> Result<Arc<dyn PolicyFactory>, Failure> {
        let within = |failure: Failure| failure.within(self.place.clone());
        let run = Reader::open(path).map_err(|error| within(error.into()))?;
        let finished: Option<Comparison> = run
            .document(Document::Comparison)
            .map_err(|error| within(error.into()))?;
        if finished.is_none() {
            // Who resumes the student must meet the same teacher.
            let message = format!(
                "{}: {} is not finished, and its agent still changes; go on with it first: {}",
                self.place,
                path.display(),
                resume_command(path)
            );
            return Err(Failure::config(message));
        }
        let agent = format!("the agent of {}", path.display());
        let training = launch::agent(session, &run, &self.told).map_err(within)?;
        let policy = training.policy(ActMode::Sample);
        match policy.make(built.factory.spec(), 1) {
            Ok(_) => Ok(policy),
            Err(why) => Err(self.unfit(&format!("{agent}: {why}"), built)),
        }
    }

    /// Where the run or the runs are that it is the agent of, if it is one.
    pub fn run(&self) -> Option<&Path> {
        match &self.who {
            Who::Run(path) | Who::Majority(path) => Some(path),
            Who::Learner(_) | Who::KnownTask => None,
        }
    }

    fn unfit(&self, why: &str, built: &Built) -> Failure {
        let fitting = fitting(built.factory.as_ref()).join(", ");
        Failure::config(format!("{}: {why}; those that can: {fitting}", self.place))
    }
}

/// A teacher that a folder is all there is to say of.
fn folder(name: &str, key: &str, path: &Path) -> Table {
    let text = |text: &str| Value::String(text.to_owned());
    let entries = [("name", text(name)), (key, text(&path.to_string_lossy()))];
    let named = entries.map(|(key, value)| (key.to_owned(), value));
    named.into_iter().collect()
}

fn path(place: &str, table: &Table, key: &str) -> Result<PathBuf, String> {
    let keys = ["name", key];
    if let Some(unknown) = table.keys().find(|key| !keys.contains(&key.as_str())) {
        return Err(SettingError::unknown(unknown, keys).below(place).into());
    }
    let what = match key {
        PATH => "the folder of a trained run",
        _ => "the folder around trained runs",
    };
    match table.get(key) {
        Some(Value::String(path)) => Ok(PathBuf::from(path)),
        Some(other) => {
            let fault = SettingError::refused(key, other, format!("{what}, in quotes"));
            Err(fault.below(place).into())
        }
        None => Err(format!("{place}.{key} is missing: {what}")),
    }
}
