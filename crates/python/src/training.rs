//! Trainings, of which Python hears and which it may stop.

use crate::attended::{Voice, attended};
use crate::convert::overrides;
use crate::registry::registry;
use lab::config::RunConfig;
use lab::failure::Failure;
use lab::folders::{folder_name, path_of, runs_in};
use lab::group;
use lab::launch;
use lab::observer::{Observer, Progress, Work};
use lab::presets::Source;
use lab::runner;
use lab::session::{Session, device_of};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use record::Existing;
use record::schema::EvalRow;
use rl_core::shown;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Passes on what an observer hears.
pub(crate) struct Ear(Voice);

impl Ear {
    pub(crate) fn of(voice: &Voice) -> Self {
        Self(voice.clone())
    }

    fn say(&self, event: Value) {
        self.0.say(event);
    }
}

impl Observer for Ear {
    fn note(&self, text: &str) {
        self.say(json!({"event": "note", "text": shown(text)}));
    }

    fn begin(&self, work: Work<'_>) -> Box<dyn Progress> {
        let Work::Training {
            label,
            seed,
            total,
            done,
            env_steps,
        } = work
        else {
            return match work {
                Work::Parts { label, .. } | Work::Waiting { label } => {
                    self.say(json!({"event": "work", "label": label}));
                    Box::new(())
                }
                _ => Box::new(()),
            };
        };
        self.say(json!({
            "event": "training",
            "label": label,
            "seed": seed,
            "total": total,
            "update": done,
            "env_steps": env_steps,
        }));
        Box::new(Course {
            ear: Ear(self.0.clone()),
            seed,
            total,
        })
    }
}

/// One training of several.
struct Course {
    ear: Ear,
    seed: u64,
    total: u64,
}

impl Progress for Course {
    fn updated(&self, done: u64, env_steps: u64, mean_return: f64) {
        self.ear.say(json!({
            "event": "update",
            "seed": self.seed,
            "total": self.total,
            "update": done,
            "env_steps": env_steps,
            "mean_return": mean_return,
        }));
    }

    fn evaluated(&self, row: &EvalRow) -> Result<(), Failure> {
        self.ear.say(json!({
            "event": "evaluation",
            "seed": self.seed,
            "total": self.total,
            "update": row.update,
            "env_steps": row.env_steps,
            "mean_return": row.mean_return,
            "standard_error": row.standard_error,
        }));
        Ok(())
    }
}

/// What is to be trained, and where.
struct Request {
    preset: OsString,
    overrides: Vec<String>,
    seeds: Option<Vec<u64>>,
    from: Option<PathBuf>,
    runs: PathBuf,
    name: Option<String>,
    overwrite: bool,
    workers: usize,
}

impl Request {
    fn resolve(&self, session: &Session<'_>, source: &Source) -> Result<RunConfig, Failure> {
        let (place, text) = (&source.place, &source.text);
        let config = RunConfig::resolve(session.registry, place, text, &self.overrides)?;
        Ok(match &self.from {
            Some(run) => config.begun_from(run),
            None => config,
        })
    }

    /// Makes the folders of the runs, and returns the one around them.
    fn begin(&self, session: &Session<'_>) -> Result<(PathBuf, Vec<PathBuf>), Failure> {
        let source = Source::find(&self.preset)?;
        if let Some(run) = &self.from {
            launch::expect_text("start_from =", run)?;
        }
        if let Some(name) = &self.name {
            folder_name(name).map_err(|allowed| {
                Failure::usage(format!("name = {}; {allowed}", Value::from(name.as_str())))
            })?;
        }
        let config = self.resolve(session, &source)?;
        let folder = match &self.name {
            Some(name) => self.runs.join(name),
            None => self.runs.join(&source.folder),
        };
        let existing = match self.overwrite {
            true => Existing::Overwrite,
            false => Existing::Refuse,
        };
        let seeds = self.seeds.clone().unwrap_or_else(|| vec![config.seed]);
        if existing == Existing::Overwrite {
            let replaced = seeds.iter().map(|&seed| path_of(&folder, seed));
            let replaced: Vec<PathBuf> = replaced.collect();
            let options = ("overwrite = True", "`name` or `runs`");
            launch::refuse_own_sources(&replaced, &config, options)?;
        }
        launch::rehearse(session, &config)?;
        let configs = seeds.iter();
        let configs = configs.map(|seed| Ok(self.resolve(session, &source)?.with_seed(*seed)));
        let configs: Vec<RunConfig> = configs.collect::<Result<_, Failure>>()?;
        for config in &configs {
            if existing == Existing::Refuse {
                launch::refuse_existing(&path_of(&folder, config.seed))?;
            }
            launch::check_beginning(session, config)?;
        }
        match &configs[..] {
            [config] => {
                let path = path_of(&folder, config.seed);
                launch::create(session, &path, config, existing)?;
                Ok((path.clone(), vec![path]))
            }
            configs => {
                let paths = group::begin(session, &folder, configs, existing)?;
                Ok((folder, paths))
            }
        }
    }
}

/// Takes runs to their ends, one after the other.
fn drive(
    session: &Session<'_>,
    folder: &Path,
    paths: Vec<PathBuf>,
) -> Result<Vec<PathBuf>, Failure> {
    for path in &paths {
        runner::drive(session, path, folder)?;
    }
    Ok(paths)
}

/// Trains what a preset or a file says, one run for each seed, and returns the folders of
/// the runs. `hear` is called with events on the way.
#[pyfunction]
fn train(
    py: Python<'_>,
    what: (OsString, Bound<'_, PyDict>, Option<Vec<u64>>),
    place: (Option<PathBuf>, PathBuf, Option<String>, bool),
    workers: usize,
    hear: &Bound<'_, PyAny>,
) -> PyResult<Vec<PathBuf>> {
    let (preset, set, seeds) = what;
    let (from, runs, name, overwrite) = place;
    let request = Request {
        preset,
        overrides: overrides(&set)?,
        seeds,
        from,
        runs,
        name,
        overwrite,
        workers,
    };
    attended(py, Some(hear), move |voice| {
        let (registry, ear) = (registry(), Ear::of(voice));
        let session = Session::new(&registry, &ear, request.workers, "cpu")?;
        voice.may_stop(&session.stop);
        let (folder, paths) = request.begin(&session)?;
        ear.say(json!({"event": "begun", "path": folder.display().to_string()}));
        drive(&session, &folder, paths)
    })
}

/// Takes the runs of a folder on to their ends.
#[pyfunction]
fn resume(
    py: Python<'_>,
    path: PathBuf,
    workers: usize,
    hear: &Bound<'_, PyAny>,
) -> PyResult<Vec<PathBuf>> {
    attended(py, Some(hear), move |voice| {
        let (registry, ear) = (registry(), Ear::of(voice));
        let seeds = group::read(&path)?;
        let device = match &seeds {
            Some(seeds) => seeds.device.clone(),
            None => device_of(&runs_in(&path)?[0])?,
        };
        let session = Session::new(&registry, &ear, workers, &device)?;
        voice.may_stop(&session.stop);
        let paths = match seeds {
            Some(seeds) => group::complete(seeds, &session, &path)?,
            None => runs_in(&path)?,
        };
        ear.say(json!({"event": "begun", "path": path.display().to_string()}));
        drive(&session, &path, paths)
    })
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(train, module)?)?;
    module.add_function(wrap_pyfunction!(resume, module)?)
}
