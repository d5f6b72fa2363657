//! Trainings on a thread of their own, of which Python hears and which it may stop.

use crate::convert::{overrides, python, raised};
use crate::registry::registry;
use lab::config::RunConfig;
use lab::failure::Failure;
use lab::folders::{path_of, runs_in};
use lab::group;
use lab::launch;
use lab::observer::{Observer, Progress, Work};
use lab::panics;
use lab::presets::Source;
use lab::runner;
use lab::session::{Session, device_of};
use lab::stop::Stop;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use record::Existing;
use record::schema::EvalRow;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Time between two looks whether Python was interrupted.
const TICK: Duration = Duration::from_millis(50);

/// What comes from the thread that trains.
enum Said {
    /// It can be stopped so.
    Stop(Stop),
    /// How far it is.
    Event(Value),
    /// The folders of the runs that it took to their ends, or why not.
    Over(Result<Vec<PathBuf>, Failure>),
}

/// Passes on what an observer hears.
struct Ear(Sender<Said>);

impl Ear {
    /// Nobody may be left to hear it.
    fn say(&self, event: Value) {
        let _ = self.0.send(Said::Event(event));
    }
}

impl Observer for Ear {
    fn note(&self, text: &str) {
        self.say(json!({"event": "note", "text": text}));
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
        let config = self.resolve(session, &source)?;
        launch::rehearse(session, &config)?;
        let folder = match &self.name {
            Some(name) => self.runs.join(name),
            None => self.runs.join(&source.folder),
        };
        let existing = match self.overwrite {
            true => Existing::Overwrite,
            false => Existing::Refuse,
        };
        let seeds = self.seeds.clone().unwrap_or_else(|| vec![config.seed]);
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

/// Does some work on a thread of its own, while Python's main thread hears how it goes and
/// whether it was interrupted. The work is over when this returns, unless it is one that
/// cannot be called off and has nothing to save.
fn attended(
    py: Python<'_>,
    hear: &Bound<'_, PyAny>,
    work: impl FnOnce(&Sender<Said>) -> Result<Vec<PathBuf>, Failure> + Send + 'static,
) -> PyResult<Vec<PathBuf>> {
    let (sender, receiver) = channel();
    let trains = thread::Builder::new().name("metarl".to_owned());
    let trains = trains.spawn(move || {
        let done = catch_unwind(AssertUnwindSafe(|| work(&sender)));
        let done = done.unwrap_or_else(|panic| Err(panics::failure(panic)));
        let _ = sender.send(Said::Over(done));
    })?;
    // It waits without Python's lock, where only what threads may share can be used.
    let ended = attend(py, hear, &Mutex::new(receiver));
    if let Some(over) = ended.0 {
        // It has nothing more to do.
        let _ = trains.join();
        return match (ended.1, over) {
            // What Python raised, unless the work was interrupted: then it says how to go on.
            (Some(raised), Ok(_)) => Err(raised),
            (Some(raised), Err(_)) if !is_interrupt(py, &raised) => Err(raised),
            (_, Ok(paths)) => Ok(paths),
            (_, Err(failure)) => Err(self::raised(failure)),
        };
    }
    let gone = || PyRuntimeError::new_err("the training ended without a word");
    Err(ended.1.unwrap_or_else(gone))
}

fn is_interrupt(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<pyo3::exceptions::PyKeyboardInterrupt>(py)
}

type Ended = (Option<Result<Vec<PathBuf>, Failure>>, Option<PyErr>);

/// What the work came to, unless it is left alone, and what Python raised meanwhile.
fn attend(py: Python<'_>, hear: &Bound<'_, PyAny>, inbox: &Mutex<Receiver<Said>>) -> Ended {
    let (mut stop, mut trouble): (Option<Stop>, Option<PyErr>) = (None, None);
    loop {
        let next = py.detach(|| match inbox.lock() {
            Ok(inbox) => inbox.recv_timeout(TICK),
            Err(_) => Err(RecvTimeoutError::Disconnected),
        });
        let heard = match next {
            Ok(Said::Over(done)) => return (Some(done), trouble),
            Ok(Said::Stop(with)) => {
                stop = Some(with);
                Ok(())
            }
            Ok(Said::Event(event)) if trouble.is_none() => told(py, hear, &event, stop.as_ref()),
            Ok(Said::Event(_)) | Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => return (None, trouble),
        };
        if let Err(error) = heard.and_then(|()| py.check_signals()) {
            // A second one while it is being saved is not waited for.
            if trouble.is_some() {
                return (None, Some(error));
            }
            trouble = Some(error);
        }
        if let (Some(_), Some(stop)) = (&trouble, &stop) {
            stop.flag().store(true, Ordering::SeqCst);
            if stop.nothing_to_save() {
                return (None, trouble);
            }
        }
    }
}

/// Tells Python's half of an event; it answers `False` to have the work stopped.
fn told(
    py: Python<'_>,
    hear: &Bound<'_, PyAny>,
    event: &Value,
    stop: Option<&Stop>,
) -> PyResult<()> {
    let answer = hear.call1((python(py, event)?,))?;
    if let (Ok(false), Some(stop)) = (answer.extract::<bool>(), stop) {
        stop.flag().store(true, Ordering::SeqCst);
    }
    Ok(())
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
    attended(py, hear, move |sender| {
        let (registry, ear) = (registry(), Ear(sender.clone()));
        let session = Session::new(&registry, &ear, request.workers, "cpu")?;
        let _ = sender.send(Said::Stop(session.stop.clone()));
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
    attended(py, hear, move |sender| {
        let (registry, ear) = (registry(), Ear(sender.clone()));
        let seeds = group::read(&path)?;
        let device = match &seeds {
            Some(seeds) => seeds.device.clone(),
            None => device_of(&runs_in(&path)?[0])?,
        };
        let session = Session::new(&registry, &ear, workers, &device)?;
        let _ = sender.send(Said::Stop(session.stop.clone()));
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
