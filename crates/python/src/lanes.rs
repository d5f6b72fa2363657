//! Lanes of an environment, stepped from Python.

use crate::convert::{python, raised, refused, table};
use crate::registry::registry;
use agent::{Input, Inputs};
use lab::panics::caught;
use lab::registry::Built;
use lab::room::Room;
use numpy::{
    Element, PyArray1, PyArray2, PyArrayMethods as _, PyReadonlyArray1, PyReadonlyArray2,
    PyUntypedArrayMethods as _,
};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use rl_core::{
    ActionSpace, Actions, Domain, EnvFactory, Footprint, ObservationSpace, Outcome, Row, StepRows,
    StreamKey, VecEnv,
};
use std::ops::Range;

/// What Python sees of lanes: the view's name, whether an episode is a whole trial, and
/// whether arrays are copies.
pub(crate) type Form = (String, bool, bool);

/// Where streams are derived from: a seed, a domain's name and a round.
pub(crate) type Begun = (u64, String, u64);

/// The domain of a name.
pub(crate) fn domain(name: &str) -> PyResult<Domain> {
    match name {
        "training" => Ok(Domain::Training),
        "held-out" => Ok(Domain::HeldOut),
        "tuning" => Ok(Domain::Tuning),
        other => Err(refused(format!(
            "domain = {other:?}; allowed: \"training\", \"held-out\" or \"tuning\""
        ))),
    }
}

/// The numbers of so many lanes.
pub(crate) fn numbers(first_lane: u64, lanes: usize) -> PyResult<Range<u64>> {
    let lanes = lanes as u64;
    let end = first_lane.checked_add(lanes).ok_or_else(|| {
        refused(format!(
            "first_lane = {first_lane}; allowed for {lanes} lanes: 0 to {}",
            u64::MAX - lanes
        ))
    })?;
    Ok(first_lane..end)
}

/// Refuses no lanes, and more than there is memory for: what each takes beside its task and
/// state is so many bytes of rows.
pub(crate) fn check_lanes(env: &dyn EnvFactory, lanes: usize, rows: f64) -> PyResult<()> {
    if lanes == 0 {
        return Err(refused("num_envs = 0; allowed: at least 1"));
    }
    let all = lanes as f64;
    let needed = Footprint::new()
        .with(
            format!("rows of {lanes} lanes"),
            all * rows,
            "num_envs and the environment's spaces",
        )
        .with(
            format!("tasks and states of {lanes} lanes"),
            all * env.lane_bytes(),
            "num_envs and the environment's size",
        );
    let what = format!("environment '{}'", env.spec().name);
    Room::now().check(&what, &needed).map_err(raised)
}

/// Lanes of an environment, whose own code may fail.
pub(crate) fn made(env: &dyn EnvFactory, lanes: usize) -> PyResult<Box<dyn VecEnv>> {
    caught("the environment", || Ok(env.make(lanes))).map_err(raised)
}

/// A row of actions, one per lane.
pub(crate) enum ActionRow {
    /// Indices. `[lanes]`
    Discrete(Vec<u32>),
    /// Vectors. `[lanes][width]`
    Box { width: usize, row: Vec<f32> },
}

impl ActionRow {
    /// Zeros.
    pub(crate) fn new(space: &ActionSpace, lanes: usize) -> Self {
        match space {
            ActionSpace::Discrete { .. } => Self::Discrete(vec![0; lanes]),
            ActionSpace::Box { low, .. } => Self::Box {
                width: low.len(),
                row: vec![0.0; lanes * low.len()],
            },
        }
    }

    pub(crate) fn get(&self) -> Actions<'_> {
        match self {
            Self::Discrete(row) => Actions::Discrete(row),
            Self::Box { width, row } => Actions::Box { width: *width, row },
        }
    }

    /// Takes over what Python wants done; nothing is changed if it is not allowed.
    pub(crate) fn read(&mut self, space: &ActionSpace, wanted: &Bound<'_, PyAny>) -> PyResult<()> {
        match (self, space) {
            (Self::Discrete(row), ActionSpace::Discrete { size }) => {
                let wanted = array1::<i64>(wanted, "actions", row.len())?;
                let wanted = wanted.as_slice()?;
                // Negative ones are beyond every size, read so; without a branch in each lane.
                let outside = |action: &i64| *action as u64 >= *size as u64;
                if wanted
                    .iter()
                    .fold(false, |any, action| any | outside(action))
                {
                    let lane = wanted.iter().position(outside).unwrap_or_default();
                    return Err(refused(format!(
                        "action {} of lane {lane}; allowed: 0 to {}",
                        wanted[lane],
                        size - 1
                    )));
                }
                let pairs = row.iter_mut().zip(wanted);
                pairs.for_each(|(to, from)| *to = *from as u32);
            }
            (Self::Box { width, row }, _) => {
                let wanted = array2(wanted, "actions", [row.len() / *width, *width])?;
                let wanted = wanted.as_slice()?;
                if let Some(index) = wanted.iter().position(|action| !action.is_finite()) {
                    return Err(refused(format!(
                        "action {} of lane {}; allowed: finite numbers",
                        wanted[index],
                        index / *width
                    )));
                }
                row.copy_from_slice(wanted);
            }
            (Self::Discrete(_), ActionSpace::Box { .. }) => unreachable!("made for the space"),
        }
        Ok(())
    }
}

/// An array of so many elements of a type; what is none yet becomes one.
pub(crate) fn array1<'py, T: Element>(
    from: &Bound<'py, PyAny>,
    name: &str,
    length: usize,
) -> PyResult<PyReadonlyArray1<'py, T>> {
    let array = match from.cast::<PyArray1<T>>() {
        Ok(array) if array.is_contiguous() => array.clone(),
        _ => converted::<T>(from, name)?
            .cast_into::<PyArray1<T>>()
            .map_err(|_| {
                refused(format!(
                    "{name}: not one row; allowed: an array of {length}"
                ))
            })?,
    };
    match array.len() == length {
        true => Ok(array.try_readonly()?),
        false => Err(refused(format!(
            "{name}: {} of them; there are {length} lanes",
            array.len()
        ))),
    }
}

/// As [`array1`], of rows.
pub(crate) fn array2<'py>(
    from: &Bound<'py, PyAny>,
    name: &str,
    shape: [usize; 2],
) -> PyResult<PyReadonlyArray2<'py, f32>> {
    let array = match from.cast::<PyArray2<f32>>() {
        Ok(array) if array.is_c_contiguous() => array.clone(),
        _ => converted::<f32>(from, name)?
            .cast_into::<PyArray2<f32>>()
            .map_err(|_| refused(format!("{name}: not rows; allowed: an array of {shape:?}")))?,
    };
    match array.shape() == shape {
        true => Ok(array.try_readonly()?),
        false => Err(refused(format!(
            "{name}: of shape {:?}; allowed: {shape:?}",
            array.shape()
        ))),
    }
}

/// Whatever NumPy can make an array of this type of without loss.
fn converted<'py, T: Element>(from: &Bound<'py, PyAny>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let py = from.py();
    let numpy = py.import("numpy")?;
    let array = numpy.call_method1("asarray", (from,))?;
    let wanted = T::get_dtype(py);
    let options = PyDict::new(py);
    options.set_item("casting", "same_kind")?;
    options.set_item("order", "C")?;
    let cast = array.call_method("astype", (wanted,), Some(&options));
    cast.map_err(|error| refused(format!("{name}: {error}")))
}

/// What Python sees of a row.
enum View {
    /// What the environment shows.
    Plain,
    /// What a recurrent agent is told, as one vector.
    Rl2(Inputs),
}

/// Arrays that are returned again and again, where Python wants no copies.
struct Kept {
    observation: Py<PyAny>,
    reward: Py<PyArray1<f32>>,
    terminated: Py<PyArray1<bool>>,
    truncated: Py<PyArray1<bool>>,
}

/// Names of what a step tells beside its arrays.
mod key {
    pub(super) const FINAL_OBS: &str = "final_obs";
    pub(super) const FINAL_INFO: &str = "final_info";
    pub(super) const TRIAL_END: &str = "trial_end";
    pub(super) const TRIAL_START: &str = "trial_start";
}

/// A batch of lanes: `Lanes(name, num_envs, settings, view, whole_trials, copy)`.
#[pyclass(module = "metarl._native")]
pub(crate) struct Lanes {
    env: Box<dyn VecEnv>,
    view: View,
    /// Whether an episode, to Python, is a whole trial.
    whole_trials: bool,
    kept: Option<Kept>,
    actions: ActionRow,
    observation: Vec<f32>, // [lanes][width]
    last: Vec<f32>,        // [lanes][width]
    reward: Vec<f32>,      // [lanes]
    outcome: Vec<Outcome>, // [lanes]
    start: Vec<bool>,      // [lanes]
    terminated: Vec<bool>, // [lanes]
    truncated: Vec<bool>,  // [lanes]
    seen: Vec<f32>,        // [lanes][numbers of the view]
    begun: bool,
}

#[pymethods]
impl Lanes {
    #[new]
    fn new(name: &str, lanes: usize, settings: &Bound<'_, PyDict>, form: Form) -> PyResult<Self> {
        let registry = registry();
        let entry = registry.environment(name).map_err(refused)?;
        let built = Built::new(entry, &table(settings)?).map_err(refused)?;
        Self::of(settings.py(), built.factory.as_ref(), lanes, form)
    }

    /// What it is: names, spaces, time limits.
    #[getter]
    fn spec<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        python(py, self.env.spec())
    }

    /// Numbers of an observation; `None` for symbols.
    #[getter]
    fn width(&self) -> Option<usize> {
        match (&self.view, &self.env.spec().observation) {
            (View::Rl2(inputs), _) => Some(inputs.size()),
            (View::Plain, ObservationSpace::Vector { size }) => Some(*size),
            (View::Plain, ObservationSpace::Discrete { .. }) => None,
        }
    }

    /// Starts over: a trial of a new task in each lane, derived from a seed, a domain, a
    /// round and the lanes' numbers. Returns the first observations.
    fn begin<'py>(
        &mut self,
        py: Python<'py>,
        begun: Begun,
        first_lane: u64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (seed, domain, round) = begun;
        let key = StreamKey::new(seed, self::domain(&domain)?, round);
        numbers(first_lane, self.reward.len())?;
        let Self {
            env, observation, ..
        } = self;
        let begun = caught("the environment", || {
            env.begin(&key, first_lane, observation);
            Ok(())
        });
        self.begun = begun.is_ok();
        begun.map_err(raised)?;
        self.start.fill(true);
        self.reward.fill(0.0);
        self.outcome.fill(Outcome::Continue);
        self.observed(py, false)
    }

    /// One step of all lanes, as Gymnasium's vector environments return it.
    fn step<'py>(
        &mut self,
        py: Python<'py>,
        actions: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let ended = self.advance(actions)?;
        let info = match ended {
            true => self.endings(py)?,
            false => PyDict::new(py),
        };
        let observation = self.observed(py, false)?;
        let kept = self.kept.as_ref();
        let reward = row(py, kept.map(|kept| &kept.reward), &self.reward)?;
        let terminated = row(py, kept.map(|kept| &kept.terminated), &self.terminated)?;
        let truncated = row(py, kept.map(|kept| &kept.truncated), &self.truncated)?;
        (observation, reward, terminated, truncated, info).into_pyobject(py)
    }

    /// One step of the first lane: its observation, reward, whether it terminated and
    /// was truncated; where an episode ended, its last observation, and whether the
    /// trial ended with it, with the first observation of the next episode.
    fn step_one<'py>(
        &mut self,
        py: Python<'py>,
        action: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let ended = self.advance(action)?;
        let next = self.observed(py, false)?.get_item(0)?;
        let (reward, terminated, truncated) = (
            f64::from(self.reward[0]),
            self.terminated[0],
            self.truncated[0],
        );
        if !ended {
            return (next, reward, terminated, truncated, None::<()>, None::<()>).into_pyobject(py);
        }
        let last = self.observed(py, true)?.get_item(0)?;
        (last, reward, terminated, truncated, self.start[0], next).into_pyobject(py)
    }

    /// All that an agent would have to know of the present task of each lane.
    /// `[lanes][numbers]`
    fn tasks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f32>>> {
        self.expect_begun("tasks")?;
        let rows = caught("the environment", || {
            let lanes = 0..self.env.lanes();
            Ok(lanes
                .map(|lane| self.env.description(lane))
                .collect::<Vec<_>>())
        });
        Ok(PyArray2::from_vec2(py, &rows.map_err(raised)?)?)
    }

    /// Expected return of a whole trial of who knows the present task, of each lane; nan
    /// where that is not known. `[lanes]`
    fn known_task_optimum<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        self.expect_begun("known_task_optimum")?;
        let known = caught("the environment", || {
            let lanes = 0..self.env.lanes();
            let known = |lane| self.env.known_task_optimum(lane).unwrap_or(f64::NAN);
            Ok(lanes.map(known).collect::<Vec<_>>())
        });
        Ok(PyArray1::from_vec(py, known.map_err(raised)?))
    }
}

impl Lanes {
    /// Lanes of an environment.
    pub(crate) fn of(
        py: Python<'_>,
        env: &dyn EnvFactory,
        lanes: usize,
        (view, whole_trials, copy): Form,
    ) -> PyResult<Self> {
        let view = match view.as_str() {
            "plain" => View::Plain,
            "rl2" => View::Rl2(Inputs::new(env, &Input::USUAL)),
            other => {
                return Err(refused(format!(
                    "view = {other:?}; allowed: \"plain\" or \"rl2\""
                )));
            }
        };
        let spec = env.spec();
        let width = spec.observation.width();
        let seen = match &view {
            View::Plain => 0,
            View::Rl2(inputs) => inputs.size(),
        };
        // Observations are here twice and in Python's arrays twice.
        let floats = 4 * width + 3 * seen + 2 * spec.action.width() + 8;
        check_lanes(env, lanes, 4.0 * floats as f64)?;
        let mut made = Self {
            actions: ActionRow::new(&spec.action, lanes),
            env: self::made(env, lanes)?,
            view,
            whole_trials,
            kept: None,
            observation: vec![0.0; lanes * width],
            last: vec![0.0; lanes * width],
            reward: vec![0.0; lanes],
            outcome: vec![Outcome::Continue; lanes],
            start: vec![true; lanes],
            terminated: vec![false; lanes],
            truncated: vec![false; lanes],
            seen: vec![0.0; lanes * seen],
            begun: false,
        };
        if !copy {
            made.kept = Some(Kept {
                observation: made.observed(py, false)?.unbind(),
                reward: PyArray1::from_slice(py, &made.reward).unbind(),
                terminated: PyArray1::from_slice(py, &made.terminated).unbind(),
                truncated: PyArray1::from_slice(py, &made.truncated).unbind(),
            });
        }
        Ok(made)
    }

    /// Refuses what is asked of lanes that are in no task.
    fn expect_begun(&self, asked: &str) -> PyResult<()> {
        match self.begun {
            true => Ok(()),
            false => Err(refused(format!("{asked} before reset; call reset first"))),
        }
    }

    /// Steps the environment; whether an episode ended anywhere.
    fn advance(&mut self, actions: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.expect_begun("step")?;
        self.actions.read(&self.env.spec().action, actions)?;
        let rows = StepRows {
            observation: &mut self.observation,
            reward: &mut self.reward,
            outcome: &mut self.outcome,
            start: &mut self.start,
            final_observation: &mut self.last,
        };
        let (env, actions) = (&mut self.env, self.actions.get());
        let stepped = caught("the environment", || {
            env.step(actions, rows);
            Ok(())
        });
        self.begun = stepped.is_ok();
        stepped.map_err(raised)?;
        if self.whole_trials {
            self.terminated.copy_from_slice(&self.start);
        } else {
            let pairs = self.terminated.iter_mut().zip(&self.outcome);
            pairs.for_each(|(to, outcome)| *to = *outcome == Outcome::Terminated);
            let pairs = self.truncated.iter_mut().zip(&self.outcome);
            pairs.for_each(|(to, outcome)| *to = *outcome == Outcome::Truncated);
        }
        let flags = self.terminated.iter().zip(&self.truncated);
        Ok(flags.fold(false, |any, (terminated, truncated)| {
            any | terminated | truncated
        }))
    }

    /// The present observations, or the last ones of episodes that ended.
    fn observed<'py>(&mut self, py: Python<'py>, last: bool) -> PyResult<Bound<'py, PyAny>> {
        let lanes = self.reward.len();
        let from = match last {
            true => &self.last,
            false => &self.observation,
        };
        let kept = self.kept.as_ref().filter(|_| !last);
        let kept = kept.map(|kept| kept.observation.bind(py));
        let (row, width) = match &self.view {
            View::Rl2(inputs) => {
                // Who looks back from an episode's end sees no episode begin there.
                let (ongoing, nowhere) = match last {
                    true => (vec![Outcome::Continue; lanes], vec![false; lanes]),
                    false => (Vec::new(), Vec::new()),
                };
                let told = Row {
                    lanes,
                    observation: from,
                    start: if last { &nowhere } else { &self.start },
                    previous_action: self.actions.get(),
                    previous_reward: &self.reward,
                    previous_outcome: if last { &ongoing } else { &self.outcome },
                    told: &[],
                    final_observation: None,
                };
                inputs.write(&told, &mut self.seen);
                (&self.seen, inputs.size())
            }
            View::Plain => match self.env.spec().observation {
                ObservationSpace::Vector { size } => (from, size),
                ObservationSpace::Discrete { .. } => {
                    let symbols = from.iter().map(|symbol| *symbol as i64);
                    let array = match kept {
                        Some(kept) => kept.cast::<PyArray1<i64>>()?.clone(),
                        None => PyArray1::zeros(py, [lanes], false),
                    };
                    let mut to = array.try_readwrite()?;
                    let pairs = to.as_slice_mut()?.iter_mut().zip(symbols);
                    pairs.for_each(|(to, symbol)| *to = symbol);
                    return Ok(array.into_any());
                }
            },
        };
        let array = match kept {
            Some(kept) => kept.cast::<PyArray2<f32>>()?.clone(),
            None => PyArray2::zeros(py, [lanes, width], false),
        };
        if width > 0 {
            array.try_readwrite()?.as_slice_mut()?.copy_from_slice(row);
        }
        Ok(array.into_any())
    }

    /// What is told of episodes that ended, as Gymnasium has it: each key with a mask of
    /// the lanes that it is of.
    fn endings<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let last = self.observed(py, true)?;
        let over = self.terminated.iter().zip(&self.truncated);
        let over: Vec<bool> = over.map(|(one, other)| one | other).collect();
        let mask = || PyArray1::from_slice(py, &over);
        let trials = PyArray1::from_slice(py, &self.start);
        let ends = PyDict::new(py);
        put(&ends, key::TRIAL_END, &trials, &mask())?;
        let info = PyDict::new(py);
        put(&info, key::FINAL_OBS, &last, &mask())?;
        put(&info, key::FINAL_INFO, &ends, &mask())?;
        put(
            &info,
            key::TRIAL_START,
            &PyArray1::from_slice(py, &self.start),
            &mask(),
        )?;
        Ok(info)
    }
}

/// Adds a value, and of which lanes it is.
fn put<'py>(
    to: &Bound<'py, PyDict>,
    key: &str,
    value: &Bound<'py, impl Sized>,
    mask: &Bound<'py, PyArray1<bool>>,
) -> PyResult<()> {
    to.set_item(key, value.as_any())?;
    to.set_item(format!("_{key}"), mask)
}

/// A row as an array, in the one that is kept if there is one.
fn row<'py, T: Element + Copy>(
    py: Python<'py>,
    kept: Option<&Py<PyArray1<T>>>,
    from: &[T],
) -> PyResult<Bound<'py, PyArray1<T>>> {
    let Some(kept) = kept else {
        return Ok(PyArray1::from_slice(py, from));
    };
    let array = kept.bind(py).clone();
    array.try_readwrite()?.as_slice_mut()?.copy_from_slice(from);
    Ok(array)
}
