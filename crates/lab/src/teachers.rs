//! Learners that an algorithm's settings name, as in
//! `teacher = { name = "gittins-finite" }`: whatever there is by name, the agent of a run,
//! the majority of the agents of several, and teachers that are made of others.

use crate::ensemble::{majority, trained};
use crate::failure::Failure;
use crate::learners::{LearnerSpec, fitting};
use crate::registry::Built;
use crate::session::Session;
use agent::{Input, KNOWN_TASK};
use combination::{AnnealedNoise, Weighted};
use rl_core::{EnvFactory, PolicyFactory, SettingError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::{Table, Value};

/// A trained agent, by its folder.
const RUN: &str = "run";
/// Where that is.
const PATH: &str = "path";
/// The majority of trained agents, by the folder around them.
pub(crate) const MAJORITY: &str = "majority";
/// Where that is.
pub(crate) const RUNS: &str = "runs";
/// One of several teachers in each trial.
const MIXTURE: &str = "mixture";
/// Which ones.
const TEACHERS: &str = "teachers";
/// How often each of them.
const WEIGHTS: &str = "weights";
/// A teacher whom ever less noise disturbs.
const NOISE: &str = "annealed-noise";
/// Whom.
const TEACHER: &str = "teacher";

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
    /// Each with its weight.
    Mixture(Vec<(TeacherSpec, f64)>),
    Disturbed(Box<TeacherSpec>),
    /// No policy: the algorithm has each task say what is best.
    KnownTask,
}

impl TeacherSpec {
    /// Reads `{ name = "ucb1", c = 0.2 }`, `{ name = "run", path = "runs/clone" }`,
    /// `{ name = "majority", runs = "runs/seeds" }`,
    /// `{ name = "mixture", teachers = [{ .. }, { .. }], weights = [1.0, 2.0] }` or
    /// `{ name = "annealed-noise", teacher = { .. } }`, which stands at `place`, for an
    /// environment. Without weights, all teachers are alike.
    ///
    /// # Errors
    /// Names the nearest learner or key, or what is allowed.
    pub fn read(
        place: &str,
        table: &Table,
        student: (&dyn EnvFactory, &[Input]),
    ) -> Result<Self, String> {
        let who = match table.get("name").and_then(Value::as_str) {
            Some(RUN) => Who::Run(folder_of(place, table, PATH)?),
            Some(MAJORITY) => Who::Majority(folder_of(place, table, RUNS)?),
            Some(MIXTURE) => Who::Mixture(mixture(place, table, student)?),
            Some(NOISE) => {
                expect_keys(place, table, &["name", TEACHER])?;
                let inner = Self::within(place, (TEACHER, table.get(TEACHER)), student)?;
                Who::Disturbed(Box::new(inner))
            }
            Some(KNOWN_TASK) => {
                expect_keys(place, table, &["name"])?;
                Who::KnownTask
            }
            _ => Who::Learner(LearnerSpec::read(place, table, student.0)?),
        };
        let told = student.1;
        Ok(Self {
            place: place.to_owned(),
            who,
            told: told.to_vec(),
        })
    }

    /// Reads a teacher of another one, which acts.
    fn within(
        place: &str,
        (key, table): (&str, Option<&Value>),
        student: (&dyn EnvFactory, &[Input]),
    ) -> Result<Self, String> {
        let wanted = "a teacher, as in { name = \"ucb1\", c = 0.2 }";
        let table = match table {
            Some(Value::Table(table)) => table,
            Some(other) => {
                let fault = SettingError::refused(key, other, wanted);
                return Err(fault.below(place).into());
            }
            None => return Err(format!("{place}.{key} is missing: {wanted}")),
        };
        let inner = Self::read(&format!("{place}.{key}"), table, student)?;
        match inner.who {
            Who::KnownTask => {
                let allowed = "a teacher that acts; who knows the task says what is best and \
                               teaches alone, teacher = { name = \"known-task\" }";
                let fault = SettingError::refused("name", KNOWN_TASK, allowed);
                Err(fault.below(&inner.place).into())
            }
            _ => Ok(inner),
        }
    }

    /// The counterpart of [`Self::read`], complete.
    pub fn to_table(&self) -> Table {
        let folder = |path: &Path| Value::String(path.to_string_lossy().into_owned());
        match &self.who {
            Who::Learner(spec) => spec.to_table(),
            Who::KnownTask => named(KNOWN_TASK, Vec::new()),
            Who::Run(path) => named(RUN, vec![(PATH, folder(path))]),
            Who::Majority(runs) => named(MAJORITY, vec![(RUNS, folder(runs))]),
            Who::Mixture(teachers) => {
                let tables = teachers.iter().map(|(one, _)| Value::Table(one.to_table()));
                let weights = teachers.iter().map(|(_, weight)| Value::Float(*weight));
                let entries = vec![
                    (WEIGHTS, Value::Array(weights.collect())),
                    (TEACHERS, Value::Array(tables.collect())),
                ];
                named(MIXTURE, entries)
            }
            Who::Disturbed(inner) => named(NOISE, vec![(TEACHER, Value::Table(inner.to_table()))]),
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
                let unfit = |why: String| self.unfit(session, (&why, built));
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
            Who::Mixture(teachers) => {
                let make = |(one, weight): &(Self, f64)| Ok((one.make(session, built)?, *weight));
                let made: Result<Vec<_>, Failure> = teachers.iter().map(make).collect();
                Arc::new(Weighted::new(made?))
            }
            Who::Disturbed(inner) => Arc::new(AnnealedNoise::new(inner.make(session, built)?)),
            Who::KnownTask => return Err(self.unfit(session, ("it is no policy", built))),
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
        let agent = format!("the agent of {}", path.display());
        let policy = trained(session, path, &self.told).map_err(within)?;
        match policy.make(built.factory.spec(), 1) {
            Ok(_) => Ok(policy),
            Err(why) => Err(self.unfit(session, (&format!("{agent}: {why}"), built))),
        }
    }

    /// Whether an exact solution is in memory as long as it teaches.
    pub(crate) fn is_exact(&self) -> bool {
        match &self.who {
            Who::Learner(spec) => spec.is_exact(),
            Who::Mixture(teachers) => teachers.iter().any(|(one, _)| one.is_exact()),
            Who::Disturbed(inner) => inner.is_exact(),
            Who::Run(_) | Who::Majority(_) | Who::KnownTask => false,
        }
    }

    /// Where the runs are whose agents it is made of.
    pub fn runs(&self) -> Vec<&Path> {
        match &self.who {
            Who::Run(path) | Who::Majority(path) => vec![path],
            Who::Mixture(teachers) => teachers.iter().flat_map(|(one, _)| one.runs()).collect(),
            Who::Disturbed(inner) => inner.runs(),
            Who::Learner(_) | Who::KnownTask => Vec::new(),
        }
    }

    fn unfit(&self, session: &Session<'_>, (why, built): (&str, &Built)) -> Failure {
        let watches = |policy: &dyn PolicyFactory| policy.watches().is_ok();
        let fitting = fitting(built, &session.oracles, watches).join(", ");
        Failure::config(format!("{}: {why}; those that can: {fitting}", self.place))
    }
}

/// The teachers of a mixture with their weights.
fn mixture(
    place: &str,
    table: &Table,
    student: (&dyn EnvFactory, &[Input]),
) -> Result<Vec<(TeacherSpec, f64)>, String> {
    expect_keys(place, table, &["name", TEACHERS, WEIGHTS])?;
    let refused = |key: &str, value: &Value, allowed: &str| -> String {
        SettingError::refused(key, value, allowed)
            .below(place)
            .into()
    };
    let teachers = match table.get(TEACHERS) {
        Some(Value::Array(teachers)) if !teachers.is_empty() => teachers,
        other => {
            let wanted = "a list of teachers, as in [{ name = \"ucb1\", c = 0.2 }]";
            return Err(match other {
                Some(other) => refused(TEACHERS, other, wanted),
                None => format!("{place}.{TEACHERS} is missing: {wanted}"),
            });
        }
    };
    let weights = match table.get(WEIGHTS) {
        None => vec![1.0; teachers.len()],
        Some(all) => {
            let allowed = format!(
                "as many numbers as there are {TEACHERS}, {}, none below 0 and one above it",
                teachers.len()
            );
            let number = |one: &Value| one.as_float().or_else(|| Some(one.as_integer()? as f64));
            let numbers = all.as_array().into_iter().flatten().map(number);
            let weights: Option<Vec<f64>> = numbers.collect();
            let fits = |weights: &Vec<f64>| {
                let sum: f64 = weights.iter().sum();
                let each = weights.iter().all(|weight| *weight >= 0.0);
                weights.len() == teachers.len() && each && sum > 0.0 && sum.is_finite()
            };
            let weights = weights.filter(fits);
            weights.ok_or_else(|| refused(WEIGHTS, all, &allowed))?
        }
    };
    let read = |(index, (table, weight)): (usize, (&Value, f64))| {
        let key = format!("{TEACHERS}.{index}");
        let one = TeacherSpec::within(place, (&key, Some(table)), student)?;
        Ok((one, weight))
    };
    let pairs = teachers.iter().zip(weights).enumerate();
    pairs.map(read).collect()
}

/// Refuses keys that mean nothing.
fn expect_keys(place: &str, table: &Table, keys: &[&str]) -> Result<(), String> {
    let unknown = table.keys().find(|key| !keys.contains(&key.as_str()));
    unknown.map_or(Ok(()), |unknown| {
        let fault = SettingError::unknown(unknown, keys.iter().copied());
        Err(fault.below(place).into())
    })
}

/// What is asked for by a name, with its settings.
pub(crate) fn named(name: &str, settings: Vec<(&str, Value)>) -> Table {
    let name = [("name", Value::String(name.to_owned()))].into_iter();
    let all = name.chain(settings);
    all.map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The one setting of what is made of a folder.
pub(crate) fn folder_of(place: &str, table: &Table, key: &str) -> Result<PathBuf, String> {
    expect_keys(place, table, &["name", key])?;
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
