//! Environments written in Python, as batches that trainings can live in.
//!
//! Python makes a vector environment for each tile of lanes and is called once per step
//! for all of them, under its lock: the price is that call, and that no two tiles step at
//! a time. What was made is used again for the next tile of as many lanes. Time limits,
//! trials and which task is next are kept here, as they are for every other environment.

use crate::convert::refused;
use crate::lanes::array1;
use numpy::{
    PyArray1, PyArray2, PyArrayMethods as _, PyReadonlyArray2, PyUntypedArrayMethods as _,
};
use pyo3::call::PyCallArgs;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rl_core::rand::RngExt as _;
use rl_core::{
    ActionSpace, Actions, Analysis, AtWork, Call, EnvFactory, EnvSpec, Episode, Exact, ExactValues,
    KnownTasks, ObservationSpace, Outcome, Picture, Place, PolicyFactory, Positions, Purpose,
    StepRows, Stream, StreamKey, Subset, Trial, VecEnv,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An environment that Python makes.
pub(crate) struct Bridged {
    spec: EnvSpec,
    /// Called with a number of lanes, it makes what steps them.
    make: Py<PyAny>,
}

/// What an environment of Python's looks like, of its spaces and times as Python's half
/// read them.
pub(crate) fn spec_of(name: &str, spaces: &Bound<'_, PyDict>) -> PyResult<EnvSpec> {
    let get = |key: &str| -> PyResult<Option<Bound<'_, PyAny>>> { spaces.get_item(key) };
    let count = |key: &str| -> PyResult<Option<usize>> {
        get(key)?.map(|value| value.extract()).transpose()
    };
    let missing = |key: &str| refused(format!("environment '{name}': {key} is missing"));
    let observation = match (count("symbols")?, count("numbers")?) {
        (Some(size), _) => ObservationSpace::Discrete { size },
        (None, Some(size)) => ObservationSpace::Vector { size },
        (None, None) => return Err(missing("an observation space")),
    };
    let action = match (count("actions")?, get("low")?, get("high")?) {
        (Some(size), ..) => ActionSpace::Discrete { size },
        (None, Some(low), Some(high)) => ActionSpace::Box {
            low: low.extract()?,
            high: high.extract()?,
        },
        _ => return Err(missing("an action space")),
    };
    let trial = match (count("episodes")?, count("steps")?) {
        (Some(episodes), None) => Trial::Episodes(episodes),
        (None, Some(steps)) => Trial::Steps(steps),
        _ => {
            return Err(refused(format!(
                "environment '{name}': a trial has a number of episodes or of steps; give one of \
                 the two"
            )));
        }
    };
    let spec = EnvSpec {
        name: name.to_owned(),
        observation,
        action,
        horizon: count("horizon")?.ok_or_else(|| missing("horizon"))?,
        trial,
    };
    spec.validate().map_err(refused)?;
    Ok(spec)
}

impl Bridged {
    pub(crate) fn new(spec: EnvSpec, make: Py<PyAny>) -> Self {
        Self { spec, make }
    }

    pub(crate) fn name(&self) -> &str {
        &self.spec.name
    }

    pub(crate) fn factory(self: Arc<Self>) -> Arc<dyn EnvFactory> {
        Arc::new(Factory {
            bridged: self,
            idle: Arc::default(),
        })
    }
}

/// What Python made to step lanes: `begin(seeds)`, `step(actions)`, `go_on(ended, seeds)`.
type Made = Arc<Py<PyAny>>;

/// What Python made and nobody steps now, by its number of lanes. An evaluation needs a
/// batch for every 64 tasks, and Python is to make no more of them than step at a time.
#[derive(Default)]
struct Idle(Mutex<BTreeMap<usize, Vec<Made>>>);

impl Idle {
    /// Nobody may wait for Python's lock while this is held.
    fn batches(&self) -> MutexGuard<'_, BTreeMap<usize, Vec<Made>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, lanes: usize) -> Option<Made> {
        self.batches().get_mut(&lanes)?.pop()
    }

    fn put(&self, lanes: usize, batch: Made) {
        self.batches().entry(lanes).or_default().push(batch);
    }
}

/// Why nothing exact is known.
const NOT_EXACT: &str = "an environment that is written in Python gives no exact values";

struct Factory {
    bridged: Arc<Bridged>,
    idle: Arc<Idle>,
}

impl EnvFactory for Factory {
    fn spec(&self) -> &EnvSpec {
        &self.bridged.spec
    }

    /// # Panics
    /// If Python's code raises; so do all methods of the batch. Whoever runs
    /// environments catches it.
    fn make(&self, lanes: usize) -> Box<dyn VecEnv> {
        let make = || {
            Python::attach(|py| {
                let made = self.bridged.make.call1(py, (lanes,));
                Arc::new(said(py, "make", made))
            })
        };
        let batch = self.idle.take(lanes).unwrap_or_else(make);
        let lane = || Lane {
            tasks: StreamKey::new(0, rl_core::Domain::Training, 0).lane(Purpose::Task, 0),
            step: 0,
            lived: 0,
            episode: 0,
            trial: 0,
        };
        Box::new(Batch {
            bridged: Arc::clone(&self.bridged),
            idle: Arc::clone(&self.idle),
            sound: true,
            batch,
            lanes: std::iter::repeat_with(lane).take(lanes).collect(),
            first_lane: 0,
            at_work: idle(),
            ended: vec![false; lanes],
            seeds: vec![0; lanes],
        })
    }

    fn known_tasks(&self) -> Result<Arc<dyn KnownTasks>, String> {
        Err(
            "an environment that is written in Python does not say what is known of its tasks"
                .into(),
        )
    }

    fn tasks(&self) -> Option<u64> {
        None
    }

    fn subset(&self, _: Subset) -> Result<Arc<dyn EnvFactory>, String> {
        Err(format!(
            "the tasks of '{}' cannot be counted",
            self.bridged.name()
        ))
    }

    fn lane_bytes(&self) -> f64 {
        // What Python's objects take is not known here.
        size_of::<Lane>() as f64 + 9.0
    }

    fn known_task_bytes(&self) -> f64 {
        0.0
    }

    fn solution_bytes(&self) -> f64 {
        0.0
    }

    fn exact_values(&self) -> ExactValues {
        ExactValues::unknown(NOT_EXACT)
    }

    fn further_values(&self) -> Vec<(&'static str, Exact)> {
        Vec::new()
    }

    fn bayes_optimal_policy(&self) -> Result<Box<dyn PolicyFactory>, String> {
        Err(NOT_EXACT.into())
    }

    fn learners(&self) -> Vec<Box<dyn PolicyFactory>> {
        Vec::new()
    }

    fn analyses(&self) -> Vec<Analysis> {
        Vec::new()
    }
}

/// Nothing was called yet.
fn idle() -> Arc<AtWork> {
    let at_work = AtWork::default();
    at_work.leave();
    Arc::new(at_work)
}

/// What Python's call gave; what it raised goes on as a panic with its traceback.
fn said<T>(py: Python<'_>, method: &str, called: PyResult<T>) -> T {
    called.unwrap_or_else(|error| {
        let trace = error.traceback(py).and_then(|trace| trace.format().ok());
        panic!("`{method}` raised {error}\n{}", trace.unwrap_or_default())
    })
}

/// A lane's clock, and the stream that its tasks' seeds are of.
struct Lane {
    tasks: Stream,
    step: usize,
    lived: usize,
    episode: usize,
    trial: u64,
}

impl Lane {
    /// The seed of the next task; Python's integers of 64 bits hold it.
    fn seed(&mut self) -> i64 {
        (self.tasks.random::<u64>() >> 1) as i64
    }
}

struct Batch {
    bridged: Arc<Bridged>,
    idle: Arc<Idle>,
    /// Whether its last call came back.
    sound: bool,
    batch: Made,
    lanes: Vec<Lane>,
    first_lane: u64,
    at_work: Arc<AtWork>,
    /// In which lanes an episode ended. `[lanes]`
    ended: Vec<bool>,
    /// The seed of the task to draw, −1 to stay in the present one. `[lanes]`
    seeds: Vec<i64>,
}

impl Batch {
    /// Writes observations as Python gave them, all or those of some lanes.
    fn observe(
        &self,
        from: &Bound<'_, PyAny>,
        only: Option<&[bool]>,
        to: &mut [f32],
    ) -> PyResult<()> {
        let lanes = self.lanes.len();
        let rows: PyReadonlyArray2<'_, f32> = from.cast::<PyArray2<f32>>()?.try_readonly()?;
        let width = self.bridged.spec.observation.width();
        if rows.shape() != [lanes, width] {
            let shape = rows.shape();
            return Err(refused(format!(
                "observations of shape {shape:?}; allowed: [{lanes}, {width}]"
            )));
        }
        let rows = rows.as_slice()?;
        for lane in (0..lanes).filter(|lane| only.is_none_or(|only| only[*lane])) {
            let own = lane * width..(lane + 1) * width;
            to[own.clone()].copy_from_slice(&rows[own]);
        }
        Ok(())
    }

    /// Calls Python's code, in which it is seen to be until it comes back: not while it waits
    /// for its turn, but also while it is interrupted for another's.
    fn entered<'py>(
        &self,
        py: Python<'py>,
        call: Call,
        method: &str,
        arguments: impl PyCallArgs<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.at_work.enter(call);
        let done = self.batch.bind(py).call_method1(method, arguments);
        self.at_work.leave();
        done
    }

    /// What one step of Python's gave: observations, and into the rows the rest.
    fn call<'py>(
        &self,
        py: Python<'py>,
        actions: Actions<'_>,
        (reward, outcome): (&mut [f32], &mut [Outcome]),
    ) -> PyResult<Bound<'py, PyAny>> {
        let lanes = self.lanes.len();
        let actions = match actions {
            Actions::Discrete(row) => {
                PyArray1::from_iter(py, row.iter().map(|action| i64::from(*action))).into_any()
            }
            Actions::Box { width, row } => PyArray1::from_iter(py, self.clipped(width, row))
                .reshape([lanes, width])?
                .into_any(),
        };
        let stepped = self.entered(py, Call::Step, "step", (actions,))?;
        let (observation, rewards, terminated, truncated): (
            Bound<'_, PyAny>,
            Bound<'_, PyAny>,
            Bound<'_, PyAny>,
            Bound<'_, PyAny>,
        ) = stepped.extract()?;
        reward.copy_from_slice(array1::<f32>(&rewards, "rewards", lanes)?.as_slice()?);
        let terminated = array1::<bool>(&terminated, "terminated", lanes)?;
        let truncated = array1::<bool>(&truncated, "truncated", lanes)?;
        let pairs = terminated.as_slice()?.iter().zip(truncated.as_slice()?);
        for (outcome, (terminated, truncated)) in outcome.iter_mut().zip(pairs) {
            *outcome = match (terminated, truncated) {
                (true, _) => Outcome::Terminated,
                (false, true) => Outcome::Truncated,
                (false, false) => Outcome::Continue,
            };
        }
        Ok(observation)
    }

    fn clipped(&self, width: usize, row: &[f32]) -> Vec<f32> {
        let ActionSpace::Box { low, high } = &self.bridged.spec.action else {
            panic!("continuous actions given to a discrete environment");
        };
        let bounds = |index: usize| (low[index % width], high[index % width]);
        let clip = |(index, wanted): (usize, &f32)| {
            let (low, high) = bounds(index);
            wanted.max(low).min(high)
        };
        row.iter().enumerate().map(clip).collect()
    }

    /// Moves a lane's clock on by the step that left its episode so; what it is with the
    /// time limit, and whether its trial is over.
    fn tick(&mut self, index: usize, outcome: Outcome) -> (Outcome, bool) {
        let spec = &self.bridged.spec;
        let (episodes, budget) = match spec.trial {
            Trial::Episodes(episodes) => (episodes, usize::MAX),
            Trial::Steps(steps) => (usize::MAX, steps),
        };
        let lane = &mut self.lanes[index];
        lane.step += 1;
        lane.lived += 1;
        let spent = lane.lived == budget;
        let outcome = match (outcome, lane.step == spec.horizon || spent) {
            (Outcome::Continue, true) => Outcome::Truncated,
            (Outcome::Truncated, false) => panic!(
                "truncated the episode of lane {} after {} steps, and its horizon is {}; give \
                 the environment's own time limit as `horizon`",
                self.first_lane + index as u64,
                lane.step,
                spec.horizon
            ),
            (outcome, _) => outcome,
        };
        if outcome == Outcome::Continue {
            return (outcome, false);
        }
        lane.step = 0;
        lane.episode += 1;
        let over = lane.episode == episodes || spent;
        if over {
            (lane.episode, lane.lived) = (0, 0);
            lane.trial += 1;
        }
        (outcome, over)
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if self.sound {
            self.idle.put(self.lanes.len(), Arc::clone(&self.batch));
        }
    }
}

impl VecEnv for Batch {
    fn spec(&self) -> &EnvSpec {
        &self.bridged.spec
    }

    fn lanes(&self) -> usize {
        self.lanes.len()
    }

    fn begin(&mut self, key: &StreamKey, first_lane: u64, observation: &mut [f32]) {
        self.sound = false;
        self.first_lane = first_lane;
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            lane.tasks = key.lane(Purpose::Task, first_lane + index as u64);
            (lane.step, lane.lived, lane.episode, lane.trial) = (0, 0, 0, 0);
            self.seeds[index] = lane.seed();
        }
        Python::attach(|py| {
            let seeds = PyArray1::from_slice(py, &self.seeds);
            let begun = self.entered(py, Call::Reset, "begin", (seeds,));
            let written = begun.and_then(|rows| self.observe(&rows, None, observation));
            said(py, "reset", written);
        });
        self.sound = true;
    }

    fn step(&mut self, actions: Actions<'_>, rows: StepRows<'_>) {
        self.sound = false;
        Python::attach(|py| {
            let given = (&mut *rows.reward, &mut *rows.outcome);
            let stepped = self.call(py, actions, given);
            let observation = said(py, "step", stepped);
            let written = self.observe(&observation, None, rows.observation);
            said(py, "step", written);
            let mut any = false;
            for lane in 0..self.lanes.len() {
                let (outcome, over) = self.tick(lane, rows.outcome[lane]);
                rows.outcome[lane] = outcome;
                rows.start[lane] = over;
                self.ended[lane] = outcome != Outcome::Continue;
                any |= self.ended[lane];
                self.seeds[lane] = match over {
                    true => self.lanes[lane].seed(),
                    false => -1,
                };
            }
            if !any {
                return;
            }
            rows.final_observation.copy_from_slice(rows.observation);
            let ended = PyArray1::from_slice(py, &self.ended);
            let seeds = PyArray1::from_slice(py, &self.seeds);
            let gone_on = self.entered(py, Call::Reset, "go_on", (ended, seeds));
            let ended = Some(&self.ended[..]);
            let written = gone_on.and_then(|next| self.observe(&next, ended, rows.observation));
            said(py, "reset", written);
        });
        self.sound = true;
    }

    fn known_task_optimum(&self, _: usize) -> Option<f64> {
        None
    }

    fn known_task_actions(&self, _: &mut [f32]) -> bool {
        false
    }

    fn description(&self, _: usize) -> Vec<f32> {
        Vec::new()
    }

    fn place(&self) -> Place {
        let lane = &self.lanes[0];
        Place {
            lane: self.first_lane,
            trial: lane.trial,
            episode: lane.episode,
            step: lane.step,
        }
    }

    fn at_work(&self) -> &Arc<AtWork> {
        &self.at_work
    }

    fn positions(&self, _: usize) -> Positions {
        Positions::default()
    }

    fn draw(&self, _: usize, _: Option<&Episode>) -> Option<Picture> {
        None
    }
}
