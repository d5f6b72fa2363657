//! Trained agents that act in Python.

use crate::attended::{Voice, attended};
use crate::convert::{python, raised, refused};
use crate::lanes::{ActionRow, Form, Lanes, array1, array2, check_lanes, domain, made, numbers};
use crate::registry::registry;
use agent::Input;
use lab::comparison::{estimate, measure, on_held_out, word};
use lab::config::RunConfig;
use lab::failure::Failure;
use lab::folders::runs_in;
use lab::launch::{self, check_evaluation, config_of};
use lab::observer::{Observer, Progress, Work};
use lab::panics::caught;
use lab::references::gap_closed;
use lab::session::{Session, device_of};
use numpy::{PyArray1, PyArrayMethods as _};
use pyo3::prelude::*;
use pyo3::sync::MutexExt as _;
use pyo3::types::PyDict;
use record::Reader;
use rl_core::{
    ActRow, ActionsMut, EnvFactory, ObservationSpace, Outcome, Policy, PolicyFactory, Purpose, Row,
    Stream, StreamKey, VecEnv,
};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The agent of a run, as its newest checkpoint left it.
#[pyclass(module = "metarl._native", frozen)]
pub(crate) struct Agent {
    path: PathBuf,
    seed: u64,
    env: Arc<dyn EnvFactory>,
    /// Whether what it is told is made of the last observations of episodes.
    told_lasts: bool,
    policy: Arc<dyn PolicyFactory>,
    /// Whether it learns by gradient steps, before the first of which it is the policy.
    adapts: bool,
    /// What there is to know of it, as JSON.
    about: serde_json::Value,
}

/// Remarks that were made on the way.
#[derive(Default)]
struct Remarks(Mutex<Vec<String>>);

impl Remarks {
    fn made(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Remarks {
    fn note(&self, text: &str) {
        self.made().push(text.to_owned());
    }

    fn begin(&self, _: Work<'_>) -> Box<dyn Progress> {
        Box::new(())
    }
}

#[pymethods]
impl Agent {
    /// Reads the agent of a run.
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        py.detach(|| Self::load(&path)).map_err(raised)
    }

    /// What there is to know of it.
    #[getter]
    fn about<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        python(py, &self.about)
    }

    /// Lanes of the environment that it was trained in.
    fn lanes(&self, py: Python<'_>, lanes: usize, form: Form) -> PyResult<Lanes> {
        Lanes::of(py, self.env.as_ref(), lanes, form)
    }

    /// What it remembers of so many lanes, at the start of trials. It chooses by streams of
    /// its own, of a seed, a domain, a round and the lanes' numbers.
    fn begin(
        &self,
        lanes: usize,
        begun: (Option<u64>, String, u64),
        first_lane: u64,
    ) -> PyResult<State> {
        if self.adapts {
            return Err(refused(format!(
                "the agent of {} adapts to a task by gradient steps, and what it would do here is \
                 what it does before the first of them; evaluate() tells of it before and after \
                 each. Allowed: an agent that learns by its memory alone, whose about[\"adapts\"] is \
                 False",
                self.path.display()
            )));
        }
        let (seed, domain, round) = begun;
        let key = StreamKey::new(seed.unwrap_or(self.seed), self::domain(&domain)?, round);
        let spec = self.env.spec();
        let streams = numbers(first_lane, lanes)?.map(|lane| key.lane(Purpose::Action, lane));
        let (width, told) = (spec.observation.width(), self.env.told());
        let floats = 2 * width + told + 2 * spec.action.width() + 8;
        // Of so few that no product of theirs overflows.
        let some = lanes.clamp(1, 1 << 24);
        let memory = self.policy.bytes(spec, some) / some as f64;
        let row = 4.0 * floats as f64 + size_of::<Stream>() as f64 + memory;
        check_lanes(self.env.as_ref(), lanes, row)?;
        let policy = caught("the agent", || {
            let made = self.policy.make(spec, lanes);
            made.map_err(Failure::config)
        });
        let teller = (told > 0).then(|| made(self.env.as_ref(), lanes));
        let lived = Lived {
            policy: policy.map_err(raised)?,
            teller: teller.transpose()?,
            streams: streams.collect(),
            observation: vec![0.0; lanes * width],
            start: vec![true; lanes],
            before: ActionRow::new(&spec.action, lanes),
            action: ActionRow::new(&spec.action, lanes),
            reward: vec![0.0; lanes],
            outcome: vec![Outcome::Continue; lanes],
            told: vec![0.0; lanes * told],
            last: vec![0.0; lanes * width],
            unused: [vec![0.0; lanes], vec![0.0; lanes]],
        };
        Ok(State {
            env: Arc::clone(&self.env),
            told_lasts: self.told_lasts,
            lanes,
            lived: Mutex::new(lived),
        })
    }

    /// The agent on fresh tasks of its run's seed, which `experiments eval` says as well.
    #[pyo3(signature = (tasks, workers))]
    fn evaluate<'py>(
        &self,
        py: Python<'py>,
        tasks: Option<usize>,
        workers: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let path = self.path.clone();
        let work = move |voice: &Voice| evaluated(&path, tasks, workers, voice);
        let (found, returns) = attended(py, None, work)?;
        let found = python(py, &found)?;
        let returns = returns.map(|returns| PyArray1::from_vec(py, returns));
        found.set_item("trial_returns", returns)?;
        Ok(found)
    }
}

impl Agent {
    fn load(path: &Path) -> Result<Self, Failure> {
        let runs = runs_in(path)?;
        let [run] = &runs[..] else {
            return Err(Failure::usage(format!(
                "{} holds the runs of {} seeds; load one of them, {} say",
                path.display(),
                runs.len(),
                runs[0].display()
            )));
        };
        let (registry, remarks) = (registry(), Remarks::default());
        let reader = Reader::open(run)?;
        let session = Session::new(&registry, &remarks, 1, &device_of(run)?)?;
        let config = config_of(&session, &reader)?;
        let training = launch::agent(&session, &reader, &config.told)?;
        let by = format!("algorithm '{}'", config.algorithm);
        let policy = caught(&by, || Ok(training.policy(config.evaluation.actions)))?;
        let adapts = training.trials_per_step().is_some();
        Ok(Self {
            about: json!({
                "path": run.display().to_string(),
                "algorithm": config.algorithm,
                "environment": config.environment,
                "settings": config.built.settings,
                "seed": config.seed,
                "actions": word(config.evaluation.actions),
                "adapts": adapts,
                "update": training.updates_done(),
                "env_steps": training.env_steps(),
                "passed_over": *remarks.made(),
            }),
            path: run.clone(),
            seed: config.seed,
            // The others count time, or are drawn.
            told_lasts: [Input::Statistics, Input::Arrival]
                .iter()
                .any(|input| config.told.contains(input)),
            env: config.built.factory,
            policy,
            adapts,
        })
    }
}

type Returns = Option<Vec<f64>>;

/// What an evaluation says, and the returns task by task unless the agent adapts.
fn evaluated(
    path: &Path,
    tasks: Option<usize>,
    workers: usize,
    voice: &Voice,
) -> Result<(serde_json::Value, Returns), Failure> {
    let (registry, remarks) = (registry(), Remarks::default());
    let reader = Reader::open(path)?;
    let session = Session::new(&registry, &remarks, workers, &device_of(path)?)?;
    voice.may_stop(&session.stop);
    let config: RunConfig = config_of(&session, &reader)?;
    let training = launch::agent(&session, &reader, &config.told)?;
    let passed_over = remarks.made().clone();
    let tasks = tasks.unwrap_or(config.evaluation.tasks.get());
    check_evaluation(&session, &config, training.as_ref(), tasks)?;
    let by = format!("algorithm '{}'", config.algorithm);
    caught(&by, || {
        let measured = measure(&session, &config, training.as_ref(), (tasks, |_| ()))?;
        let exact = measured.references(session.oracles.references(&config.built));
        let gap = gap_closed(&exact, estimate(&measured.result, tasks));
        let returns = match &measured.adaptation {
            Some(_) => None,
            None => {
                let policy = training.policy(config.evaluation.actions);
                let held = (tasks, config.seed);
                let lived = on_held_out(&session, &config.built.factory, &policy, held)?;
                Some(lived.trial_returns)
            }
        };
        let said = json!({
            "learner": measured.result.name,
            "update": training.updates_done(),
            "passed_over": passed_over,
            "actions": word(config.evaluation.actions),
            "seed": config.seed,
            "tasks": tasks,
            "mean_return": measured.result.mean_return,
            "standard_error": measured.result.standard_error,
            "split": measured.result.split,
            "gap_closed": gap.map(|gap| gap.mean),
            "gap_closed_interval": gap.and_then(|gap| gap.interval()),
            "adaptation": measured.adaptation,
        });
        Ok((said, returns))
    })
}

/// What an agent remembers of some lanes.
#[pyclass(module = "metarl._native", frozen)]
pub(crate) struct State {
    env: Arc<dyn EnvFactory>,
    /// Whether what the agent is told is made of the last observations of episodes.
    told_lasts: bool,
    lanes: usize,
    lived: Mutex<Lived>,
}

/// The row before the agent, and its memory.
struct Lived {
    policy: Box<dyn Policy>,
    /// Makes statistics of the rows, where the agent is told them.
    teller: Option<Box<dyn VecEnv>>,
    streams: Vec<Stream>,  // [lanes]
    observation: Vec<f32>, // [lanes][width]
    start: Vec<bool>,      // [lanes]
    before: ActionRow,     // [lanes]
    action: ActionRow,     // [lanes]
    reward: Vec<f32>,      // [lanes]
    outcome: Vec<Outcome>, // [lanes]
    told: Vec<f32>,        // [lanes][told]
    last: Vec<f32>,        // [lanes][width]
    unused: [Vec<f32>; 2], // [lanes]
}

/// What Python says of the lanes now.
struct Seen {
    observation: Vec<f32>,
    /// What was done, if that is not what the agent chose.
    done: Option<ActionRow>,
    /// What the step before gave; without it trials begin.
    step: Option<Stepped>,
}

/// What a step gave; of what shapes, [`Lived`] says.
struct Stepped {
    reward: Vec<f32>,
    outcome: Vec<Outcome>,
    start: Vec<bool>,
    /// The last observations of episodes that ended.
    last: Option<Vec<f32>>,
}

#[pymethods]
impl State {
    /// How many lanes it is of.
    #[getter]
    fn num_envs(&self) -> usize {
        self.lanes
    }

    /// Acts on what is seen now. `step` is what the step before gave: rewards, whether
    /// episodes terminated, were truncated, the last observations of those that ended (or
    /// none), and in which lanes a trial begins; without it trials begin in all of them.
    /// `done` is what was done, if that is not what this agent chose.
    #[pyo3(signature = (observation, step, done))]
    fn act<'py>(
        &self,
        py: Python<'py>,
        observation: &Bound<'py, PyAny>,
        step: Option<&Bound<'py, PyDict>>,
        done: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        // All is read before anything changes: what is refused leaves the memory as it was.
        let seen = self.read(observation, step, done)?;
        // A thread that waits lets go of Python's lock, which the one that acts needs.
        let lived = self.lived.lock_py_attached(py);
        let mut lived = lived.unwrap_or_else(PoisonError::into_inner);
        let lived = &mut *lived;
        lived.take(seen);
        let acted = py.detach(|| caught("the agent", || lived.act(self.lanes)));
        acted.map_err(raised)?;
        self.chosen(py, lived)
    }
}

impl State {
    /// Reads what Python says of the lanes.
    fn read(
        &self,
        observation: &Bound<'_, PyAny>,
        step: Option<&Bound<'_, PyDict>>,
        done: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Seen> {
        let spec = self.env.spec();
        let done = done.map(|done| {
            let mut row = ActionRow::new(&spec.action, self.lanes);
            row.read(&spec.action, done)?;
            Ok::<_, PyErr>(row)
        });
        Ok(Seen {
            observation: self.observed(observation, "observation")?,
            done: done.transpose()?,
            step: step.map(|step| self.stepped(step)).transpose()?,
        })
    }

    /// Reads what the step before gave.
    fn stepped(&self, step: &Bound<'_, PyDict>) -> PyResult<Stepped> {
        let get = |key: &str| {
            let value = step.get_item(key)?;
            value.ok_or_else(|| refused(format!("{key} is missing")))
        };
        let flags = |key: &str| -> PyResult<Vec<bool>> {
            Ok(array1::<bool>(&get(key)?, key, self.lanes)?
                .as_slice()?
                .to_vec())
        };
        let (terminated, truncated) = (flags("terminated")?, flags("truncated")?);
        let pairs = terminated.into_iter().zip(truncated);
        let outcome = pairs.map(|pair| match pair {
            (true, _) => Outcome::Terminated,
            (false, true) => Outcome::Truncated,
            (false, false) => Outcome::Continue,
        });
        let outcome: Vec<Outcome> = outcome.collect();
        let reward = array1::<f32>(&get("reward")?, "reward", self.lanes)?;
        let last = Some(get("final_obs")?).filter(|last| !last.is_none());
        let ended = outcome
            .iter()
            .position(|outcome| *outcome != Outcome::Continue);
        if let (Some(lane), None, true) = (ended, &last, self.told_lasts) {
            return Err(refused(format!(
                "final_obs is missing: the episode of lane {lane} ended, and this agent is told \
                 what its last observation says too; give info as the environment returned it, or \
                 {{\"final_obs\": ...}} with the last observations of all lanes"
            )));
        }
        Ok(Stepped {
            reward: reward.as_slice()?.to_vec(),
            outcome,
            start: flags("trial_start")?,
            last: last
                .map(|last| self.observed(&last, "final_obs"))
                .transpose()?,
        })
    }

    /// Reads observations of all lanes.
    fn observed(&self, from: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<f32>> {
        let space = &self.env.spec().observation;
        let mut rows = vec![0.0; self.lanes * space.width()];
        read(space, from, name, &mut rows)?;
        Ok(rows)
    }

    /// What was chosen, as an array.
    fn chosen<'py>(&self, py: Python<'py>, lived: &Lived) -> PyResult<Bound<'py, PyAny>> {
        Ok(match &lived.action {
            ActionRow::Discrete(row) => {
                PyArray1::from_iter(py, row.iter().map(|action| i64::from(*action))).into_any()
            }
            ActionRow::Box { width, row } => PyArray1::from_slice(py, row)
                .reshape([self.lanes, *width])?
                .into_any(),
        })
    }
}

impl Lived {
    /// Takes over what is seen now.
    fn take(&mut self, seen: Seen) {
        self.observation = seen.observation;
        std::mem::swap(&mut self.before, &mut self.action);
        if let Some(done) = seen.done {
            self.before = done;
        }
        let Some(step) = seen.step else {
            self.start.fill(true);
            self.reward.fill(0.0);
            self.outcome.fill(Outcome::Continue);
            return;
        };
        (self.reward, self.outcome, self.start) = (step.reward, step.outcome, step.start);
        if let Some(last) = step.last {
            self.last = last;
        }
    }

    fn act(&mut self, lanes: usize) -> Result<(), Failure> {
        let row = Row {
            lanes,
            observation: &self.observation,
            start: &self.start,
            previous_action: self.before.get(),
            previous_reward: &self.reward,
            previous_outcome: &self.outcome,
            told: &[],
            final_observation: Some(&self.last),
        };
        if let Some(teller) = &mut self.teller {
            teller.tell(&row, &mut self.told);
        }
        let row = Row {
            told: &self.told,
            ..row
        };
        let [log_prob, value] = &mut self.unused;
        let action = match &mut self.action {
            ActionRow::Discrete(row) => ActionsMut::Discrete(row),
            ActionRow::Box { width, row } => ActionsMut::Box { width: *width, row },
        };
        let out = ActRow {
            action,
            log_prob,
            value,
            label: &mut [],
        };
        self.policy.act(&row, &mut self.streams, out);
        Ok(())
    }
}

/// Reads observations of Python's, each of which has to be one of the space.
fn read(
    space: &ObservationSpace,
    from: &Bound<'_, PyAny>,
    name: &str,
    to: &mut [f32],
) -> PyResult<()> {
    match space {
        ObservationSpace::Discrete { size } => {
            let symbols = array1::<i64>(from, name, to.len())?;
            let symbols = symbols.as_slice()?;
            let outside = |symbol: &i64| *symbol < 0 || *symbol >= *size as i64;
            if let Some(lane) = symbols.iter().position(outside) {
                return Err(refused(format!(
                    "{name} {} of lane {lane}; allowed: 0 to {}",
                    symbols[lane],
                    size - 1
                )));
            }
            let pairs = to.iter_mut().zip(symbols);
            pairs.for_each(|(to, symbol)| *to = *symbol as f32);
        }
        ObservationSpace::Vector { size: 0 } => {}
        ObservationSpace::Vector { size } => {
            let rows = array2(from, name, [to.len() / size, *size])?;
            to.copy_from_slice(rows.as_slice()?);
        }
    }
    Ok(())
}
