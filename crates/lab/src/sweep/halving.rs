//! Successive halving (Jamieson and Talwalkar 2016, "Non-stochastic best arm identification
//! and hyperparameter optimization"; the factor as in Li et al. 2018, "Hyperband"): every
//! setting is trained a little, the best share of them goes on, and so forth.
//!
//! A rung is a number of updates, and the last one the end of the training. A run that goes
//! on is resumed from its checkpoint, so that one that reaches the end is the run that it
//! would have been without rungs, to the bit. What it comes to at a rung lies beside its
//! folder, in a file of its own, and who goes on follows from these files alone: the same
//! whoever wrote them, and in whatever order.

use super::{Attempt, Line, Plan};
use crate::comparison::measure_to_choose;
use crate::config::RunConfig;
use crate::failure::Failure;
use crate::folders::path_of;
use crate::launch::{self, config_of, newest_checkpoint, newest_of, start_to_act};
use crate::registry::Registry;
use crate::runner;
use crate::session::Session;
use record::{Reader, RecordError, RunDir, null_as_nan, read_sealed, write_sealed};
use report::Estimate;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Rungs at most, and the largest factor.
const MOST: usize = 100;

/// When settings are told apart, and how many of them go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Halving {
    /// Updates after which they are told apart, each more than the one before; the last
    /// rung, the end of the training, is not among them.
    pub rungs: Vec<u64>,
    /// One in so many goes on, rounded up.
    pub factor: usize,
    /// Tasks that every run is scored on at a rung: those of its seed that settings are
    /// chosen by, none of which it is trained or reported on.
    pub tasks: usize,
}

/// How far a run is taken, and what it is scored on there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// Its number, from 0.
    pub index: usize,
    /// Updates that are done by then; the whole training's without a number.
    pub update: Option<u64>,
    /// Tasks to be scored on.
    pub tasks: usize,
}

/// What a run comes to at a rung.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The rung, as it was when the run was scored there.
    pub rung: Rung,
    /// Updates that it had done.
    pub update: u64,
    /// Environment steps that these took.
    pub env_steps: u64,
    /// Tasks that it was scored on.
    pub tasks: usize,
    /// Mean return there; none of one that failed.
    #[serde(deserialize_with = "null_as_nan")]
    pub mean_return: f64,
    /// Its standard error.
    #[serde(deserialize_with = "null_as_nan")]
    pub standard_error: f64,
    /// Why it cannot be trained as far: it would fail of the same once more.
    pub failure: Option<String>,
}

/// What one of several processes is to do, as a line of JSON: to take a run to its end, or
/// to a rung.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    /// Where the run lies below the folder of all of them.
    pub place: String,
    /// How far it is taken; to its end, and not scored, without one.
    pub rung: Option<Rung>,
}

impl Halving {
    /// Refuses rungs that tell nothing apart.
    pub(super) fn check(&self) -> Result<(), String> {
        let rising = self.rungs.windows(2).all(|pair| pair[0] < pair[1]);
        let first = self.rungs.first().copied().unwrap_or_default();
        if first == 0 || !rising || self.rungs.len() > MOST {
            return Err(format!(
                "halving.rungs = {:?}; allowed: numbers of updates, each more than the one \
                 before, as in [50, 150]",
                self.rungs
            ));
        }
        if !(2..=MOST).contains(&self.factor) {
            return Err(format!(
                "halving.factor = {}; allowed: 2 to {MOST}: one setting in so many goes on",
                self.factor
            ));
        }
        match self.tasks {
            0 | 1 => Err(format!(
                "halving.tasks = {}; allowed: 2 or more tasks to score a run on",
                self.tasks
            )),
            _ => Ok(()),
        }
    }

    /// Of no rung but the end of the training, scored on as many tasks as a configuration
    /// says.
    pub(super) fn to_the_end(config: &RunConfig) -> Self {
        Self {
            rungs: Vec::new(),
            // With one rung nobody goes on to another.
            factor: 2,
            tasks: config.evaluation.tasks.get(),
        }
    }

    /// The updates of a training, which are more than those of any rung.
    pub(super) fn updates_beyond(
        &self,
        session: &Session<'_>,
        config: &RunConfig,
        said: &str,
    ) -> Result<u64, Failure> {
        let last = self.rungs.last().copied().unwrap_or_default();
        let updates = launch::start(session, config)?.updates();
        match last < updates {
            true => Ok(updates),
            false => Err(Failure::config(format!(
                "halving.rungs: {last}; allowed: less than the {updates} updates of {said}, which \
                 are the last rung"
            ))),
        }
    }

    /// All rungs, the end of the training among them.
    pub fn all(&self) -> Vec<Rung> {
        let updates = self.rungs.iter().copied().map(Some).chain([None]);
        let rung = |(index, update)| Rung {
            index,
            update,
            tasks: self.tasks,
        };
        updates.enumerate().map(rung).collect()
    }

    /// Settings that each rung has at most, of so many.
    pub fn sizes(&self, settings: usize) -> Vec<usize> {
        let next = |size: &usize| Some(size.div_ceil(self.factor));
        std::iter::successors(Some(settings), next)
            .take(self.rungs.len() + 1)
            .collect()
    }
}

/// Refuses rungs that lie beyond the training of one of these settings, and trainings
/// of several lengths: at each rung all settings have had the same.
///
/// # Errors
/// Names the rung and the setting.
pub fn check_rungs(plan: &Plan, registry: &Registry, session: &Session<'_>) -> Result<(), Failure> {
    let Some(halving) = &plan.head.halving else {
        return Ok(());
    };
    let mut before = None;
    for line in plan.settings().iter().filter_map(|runs| runs.first()) {
        let config = line.config(registry, line.seed)?;
        let updates = halving.updates_beyond(session, &config, &line.said())?;
        if *before.get_or_insert(updates) != updates {
            return Err(Failure::config(format!(
                "{}: a training of {updates} updates beside others of {}; with halving all have \
                 the same number",
                line.said(),
                before.unwrap_or_default()
            )));
        }
    }
    Ok(())
}

/// Where what a run comes to at a rung is kept: beside its folder, so that the folder has
/// what a training leaves there and nothing else.
fn score_path(path: &Path, rung: usize) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{name}.rung-{rung}.json"))
}

/// What a run of a configuration came to at a rung, if it was scored there.
///
/// # Errors
/// If the file is damaged, of a run of another configuration, or of a rung that was another
/// one when the run was scored.
pub fn score(path: &Path, config: &str, rung: &Rung) -> Result<Option<Score>, Failure> {
    let file = score_path(path, rung.index);
    let found: Option<Score> = read_sealed(&file, config).map_err(|error| {
        Failure::config(format!(
            "{error}, or it is of a run of another configuration; remove {}, and the run is \
             scored anew",
            file.display()
        ))
    })?;
    match found {
        Some(score) if score.rung != *rung => Err(Failure::config(format!(
            "{} is of rung {} {}, which is {} now; choose another folder with --runs, or move the \
             run away with the files beside it, and it is trained anew",
            file.display(),
            rung.index,
            score.rung.said(),
            rung.said()
        ))),
        found => Ok(found),
    }
}

impl Rung {
    /// "at 25 updates on 1000 tasks"
    fn said(&self) -> String {
        let tasks = self.tasks;
        match self.update {
            Some(update) => format!("at {update} updates on {tasks} tasks"),
            None => format!("at the end of the training on {tasks} tasks"),
        }
    }
}

/// Takes a run to a rung from wherever it stands, and scores it there, unless that was
/// done: what it then came to. A training that diverges is scored as one that did.
///
/// A message that it was stopped says that `go_on` goes on with it: a command of the sweep's,
/// since to resume the run itself would take it beyond the rung.
///
/// # Errors
/// [`Failure::stopped`] if it was interrupted, the disk is full, or another process is at it.
/// If the run is beyond the rung and was not scored there.
pub fn climb(
    session: &Session<'_>,
    path: &Path,
    rung: &Rung,
    go_on: &str,
) -> Result<Score, Failure> {
    let config = Reader::open(path)?.config()?;
    let known = || score(path, &config, rung);
    if let Some(score) = known()? {
        return Ok(score);
    }
    let score = match reached(session, path, rung, go_on) {
        Ok(score) => score,
        Err(failure) if failure.repeats => failed(path, rung, &failure)?,
        // Another process may have scored it meanwhile, and have taken it further.
        Err(failure) => return known()?.ok_or(failure),
    };
    let written = write_sealed(&score_path(path, rung.index), &score, &config);
    written.map_err(|error| launch::resumed_with(go_on, error.into()))?;
    Ok(score)
}

/// Takes a run of a sweep to its end, as [`climb`] does, and scores it nowhere.
///
/// # Errors
/// As [`climb`].
pub fn complete(session: &Session<'_>, path: &Path, go_on: &str) -> Result<(), Failure> {
    let run = open_or_busy(path).map_err(|failure| launch::resumed_with(go_on, failure))?;
    runner::drive_open(session, run, go_on).map(drop)
}

/// Takes a run to a rung, and measures it there.
fn reached(session: &Session<'_>, path: &Path, rung: &Rung, go_on: &str) -> Result<Score, Failure> {
    let reached = (|| {
        let run = open_or_busy(path)?;
        match rung.update {
            Some(update) => runner::drive_until(session, run, go_on, update)?,
            None => drop(runner::drive_open(session, run, go_on)?),
        }
        measured(session, path, rung)
    })();
    reached.map_err(|failure| launch::resumed_with(go_on, failure))
}

/// Opens a run of a sweep to write.
///
/// # Errors
/// As [`busy`] says, and if it cannot be written.
pub(super) fn open_or_busy(path: &Path) -> Result<RunDir, Failure> {
    RunDir::open(path).map_err(busy)
}

/// A run that another process is at is left to it. That one may be lost yet, so that this one
/// is to come again: [`Failure::stopped`].
pub(super) fn busy(error: RecordError) -> Failure {
    match error {
        RecordError::Locked { .. } => Failure::stopped(format!(
            "{error}; it is done there, or else by the same command later"
        )),
        error => error.into(),
    }
}

/// What a run comes to as its newest checkpoint left it.
fn measured(session: &Session<'_>, path: &Path, rung: &Rung) -> Result<Score, Failure> {
    // Held meanwhile, so that whoever watches it sees that somebody is at work.
    let run = open_or_busy(path)?;
    let config = config_of(session, &run)?;
    let mut training = start_to_act(session, &config)?;
    let (update, checkpoint, passed_over) = newest_of(&run)?;
    if let Some(beyond) = rung.update.filter(|rung| *rung > update) {
        let why = match passed_over.first() {
            None => format!("the training has {update}; choose a rung before, or more updates"),
            Some(damage) => format!(
                "the newest intact checkpoint is of update {update}: {damage}; the same command \
                 trains on from there"
            ),
        };
        return Err(Failure::config(format!(
            "{}: rung {} is at {beyond} updates, and {why}",
            path.display(),
            rung.index
        )));
    }
    if rung.update.is_some_and(|rung| rung < update) {
        return Err(Failure::config(format!(
            "{}: trained for {update} updates, and not scored at rung {}, {}; move it away with \
             the files beside it, and it is trained anew",
            path.display(),
            rung.index,
            rung.said()
        )));
    }
    let training = training.as_mut();
    launch::restore(&run, &config, training, (update, &checkpoint))?;
    let result = measure_to_choose(session, &config, training, rung.tasks)?.result;
    Ok(Score {
        rung: rung.clone(),
        update,
        env_steps: training.env_steps(),
        tasks: rung.tasks,
        mean_return: result.mean_return,
        standard_error: result.standard_error,
        failure: None,
    })
}

/// The score of a run that comes to nothing, by why.
fn failed(path: &Path, rung: &Rung, failure: &Failure) -> Result<Score, Failure> {
    let (update, _) = newest_checkpoint(&Reader::open(path)?)?;
    let why = failure.message.lines().next().unwrap_or_default();
    Ok(Score {
        rung: rung.clone(),
        update,
        env_steps: 0,
        tasks: 0,
        mean_return: f64::NAN,
        standard_error: f64::NAN,
        failure: Some(why.to_owned()),
    })
}

/// What a setting comes to at a rung.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The setting's number.
    pub setting: usize,
    /// Over its seeds; not a number if one of them failed.
    pub mean: Estimate,
    /// Of each seed.
    pub scores: Vec<Score>,
}

impl Standing {
    /// What the scores of a setting's seeds come to.
    pub fn of(setting: usize, scores: Vec<Score>) -> Self {
        let estimates: Vec<Estimate> = scores.iter().map(Score::estimate).collect();
        let mean = Estimate::over_seeds(&estimates);
        Self {
            setting,
            mean: mean.unwrap_or_else(|| Estimate::sampled(f64::NAN, f64::NAN, 0)),
            scores,
        }
    }

    /// Why one of its runs failed, if one did.
    pub fn failure(&self) -> Option<&str> {
        self.scores
            .iter()
            .find_map(|score| score.failure.as_deref())
    }

    /// What it is ranked by: who failed comes last.
    fn rank(&self) -> f64 {
        match self.mean.mean {
            mean if mean.is_nan() => f64::NEG_INFINITY,
            mean => mean,
        }
    }
}

impl Score {
    /// The mean return over its tasks.
    pub fn estimate(&self) -> Estimate {
        Estimate::sampled(self.mean_return, self.standard_error, self.tasks as u64)
    }
}

/// The rungs of a plan, as far as their files say.
pub struct Ladder<'a> {
    plan: &'a Plan,
    halving: &'a Halving,
    folder: &'a Path,
}

impl<'a> Ladder<'a> {
    /// Of a plan whose runs lie below a folder, if it has rungs.
    pub fn of(plan: &'a Plan, folder: &'a Path) -> Option<Self> {
        let halving = plan.head.halving.as_ref()?;
        Some(Self {
            plan,
            halving,
            folder,
        })
    }

    /// All rungs, the end of the training among them.
    pub fn rungs(&self) -> Vec<Rung> {
        self.halving.all()
    }

    /// Settings that each rung has at most.
    pub fn sizes(&self) -> Vec<usize> {
        self.halving.sizes(self.plan.settings().len())
    }

    /// The runs of a rung, in the order of the plan: all of the first one's, and those of
    /// the best settings of the one before.
    ///
    /// # Errors
    /// [`Failure::stopped`] while it is not known which they are.
    pub fn lines(&self, rung: usize) -> Result<Vec<&'a Line>, Failure> {
        let settings = self.settings(rung)?;
        let lines = self.plan.lines.iter();
        Ok(lines
            .filter(|line| settings.binary_search(&line.setting).is_ok())
            .collect())
    }

    /// The settings of a rung, in the order of the plan.
    fn settings(&self, rung: usize) -> Result<Vec<usize>, Failure> {
        let all = 0..self.plan.settings().len();
        let Some(before) = rung.checked_sub(1) else {
            return Ok(all.collect());
        };
        let size = self.sizes().get(rung).copied().unwrap_or_default();
        let standings = self.standings(before)?;
        let alive = standings.iter().filter(|one| one.mean.mean.is_finite());
        let mut settings: Vec<usize> = alive.take(size).map(|one| one.setting).collect();
        settings.sort_unstable();
        Ok(settings)
    }

    /// What the settings of a rung come to there, the best one first, and of equal ones
    /// that which comes first in the plan.
    ///
    /// # Errors
    /// [`Failure::stopped`] while a run is not scored yet.
    pub fn standings(&self, rung: usize) -> Result<Vec<Standing>, Failure> {
        let (mut standings, mut left, mut all) = (Vec::new(), 0, 0);
        let settings = self.settings(rung)?;
        let lines = self.plan.settings();
        for setting in settings {
            let mut scores = Vec::new();
            for line in &lines[setting] {
                all += 1;
                match self.score(line, rung)? {
                    Some(score) => scores.push(score),
                    None => left += 1,
                }
            }
            standings.push(Standing::of(setting, scores));
        }
        if left > 0 {
            return Err(Failure::stopped(format!(
                "rung {rung} is not over: {left} of its {all} runs are to be done before it is \
                 known which settings go on"
            )));
        }
        standings.sort_by(|a, b| b.rank().total_cmp(&a.rank()));
        Ok(standings)
    }

    /// What a run came to at a rung, if it was scored there.
    ///
    /// # Errors
    /// If its file is damaged, or of another run.
    pub fn score(&self, line: &Line, rung: usize) -> Result<Option<Score>, Failure> {
        match self.rungs().get(rung) {
            Some(rung) => score(&self.folder.join(line.place()), &line.config, rung),
            None => Ok(None),
        }
    }

    /// The best setting of the last rung, and what it came to.
    ///
    /// # Errors
    /// As [`Self::standings`], and if every setting failed.
    pub fn winner(&self) -> Result<(&'a Line, Standing), Failure> {
        let standings = self.standings(self.halving.rungs.len())?;
        let best = standings.into_iter().next();
        let best = best.filter(|best| best.mean.mean.is_finite());
        let line = best.as_ref().and_then(|best| {
            let mut lines = self.plan.lines.iter();
            lines.find(|line| line.setting == best.setting)
        });
        line.zip(best).ok_or_else(|| self.nobody())
    }

    /// Where all settings failed.
    fn nobody(&self) -> Failure {
        let rungs = (0..=self.halving.rungs.len()).rev();
        let runs = rungs.flat_map(|rung| self.plan.lines.iter().map(move |line| (line, rung)));
        let mut failures = runs.filter_map(|(line, rung)| {
            let why = self.score(line, rung).ok()??.failure?;
            Some(format!(": {}: {why}", line.said()))
        });
        Failure::internal(format!(
            "no setting could be trained to the last rung{}",
            failures.next().unwrap_or_default()
        ))
    }
}

impl Attempt {
    /// What its runs, below a folder, come to at a rung, once all are scored there.
    ///
    /// # Errors
    /// If a score's file is damaged, or of another run.
    pub fn standing(&self, folder: &Path, rung: &Rung) -> Result<Option<Standing>, Failure> {
        let mut scores = Vec::new();
        for config in &self.configs {
            let path = path_of(&folder.join(&self.name), config.seed);
            scores.extend(score(&path, &config.to_text()?, rung)?);
        }
        let all = scores.len() == self.configs.len();
        Ok(all.then(|| Standing::of(0, scores)))
    }
}

#[cfg(test)]
#[path = "halving_tests.rs"]
mod tests;
