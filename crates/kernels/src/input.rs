//! What enters a network, in structured form.

use std::fmt;

/// What a lane observes in a step, besides its previous action and reward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Observation {
    /// Nothing, as in a bandit.
    None,
    /// A vector of this many numbers.
    Dense(usize),
    /// One of this many states, entering the network as a one-hot vector.
    OneHot(usize),
}

impl Observation {
    /// Number of columns of the input that the observation takes.
    pub fn width(self) -> usize {
        match self {
            Observation::None => 0,
            Observation::Dense(n) | Observation::OneHot(n) => n,
        }
    }
}

/// The largest size accepted for any size of a network.
pub const MAX_DIM: usize = 1 << 16;

/// A size of a network is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeError {
    name: &'static str,
    value: usize,
    allowed: Allowed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allowed {
    UpTo(usize),
    MultipleOf(usize),
}

impl ShapeError {
    /// # Errors
    /// If `value` is not 1 to [`MAX_DIM`].
    pub(crate) fn check(name: &'static str, value: usize) -> Result<(), ShapeError> {
        ShapeError::at_most(name, value, MAX_DIM)
    }

    /// # Errors
    /// If `value` is not 1 to `most`.
    pub(crate) fn at_most(name: &'static str, value: usize, most: usize) -> Result<(), ShapeError> {
        let allowed = Allowed::UpTo(most);
        match (1..=most).contains(&value) {
            true => Ok(()),
            false => Err(ShapeError {
                name,
                value,
                allowed,
            }),
        }
    }

    /// # Errors
    /// If `value` is not a multiple of `of`.
    pub(crate) fn multiple(name: &'static str, value: usize, of: usize) -> Result<(), ShapeError> {
        let allowed = Allowed::MultipleOf(of);
        match value.is_multiple_of(of) {
            true => Ok(()),
            false => Err(ShapeError {
                name,
                value,
                allowed,
            }),
        }
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "network shape: {} is {}, must be ",
            self.name, self.value
        )?;
        match self.allowed {
            Allowed::UpTo(most) => write!(f, "1 to {most}")?,
            Allowed::MultipleOf(of) => write!(f, "a multiple of {of}")?,
        }
        if self.name == "observation" {
            write!(f, " (write Observation::None for no observation)")?;
        }
        Ok(())
    }
}

impl std::error::Error for ShapeError {}

/// Marks that a lane has no previous action, at the start of a trial.
pub const NO_ACTION: u32 = u32::MAX;

/// Observations of a batch, one row per lane and step.
#[derive(Clone, Copy, Debug)]
pub enum Observations<'a> {
    /// For [`Observation::None`].
    None,
    /// `[rows][width]`, for [`Observation::Dense`].
    Dense(&'a [f32]),
    /// `[rows]`, state numbers below the width, for
    /// [`Observation::OneHot`].
    OneHot(&'a [u32]),
}

/// Inputs of one step (`rows` = lanes) or of a sequence (`rows` = steps x lanes,
/// time-major). One-hot parts are given as numbers and never expanded: they
/// select a row of the packed input weights.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Observations.
    pub observations: Observations<'a>,
    /// `[rows]`, the previous action or [`NO_ACTION`].
    pub prev_action: &'a [u32],
    /// `[rows]`, the previous reward.
    pub prev_reward: &'a [f32],
    /// `[rows]`, the episode-boundary flag, an input like the reward.
    pub boundary: &'a [f32],
    /// `[rows]`, true where the lane's memory is zeroed before the step.
    pub reset: &'a [bool],
}

impl Inputs<'_> {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.prev_action.len()
    }

    /// Writes a row as plain numbers: the observation, the previous action one-hot,
    /// the previous reward and the flag, as many as there are in `x`.
    ///
    /// # Panics
    /// If they do not fit, or if there is no such row.
    pub fn write(&self, row: usize, observation: Observation, x: &mut [f32]) {
        let width = observation.width();
        let (seen, rest) = x.split_at_mut(width);
        let (done, last) = rest.split_at_mut(rest.len() - 2);
        seen.fill(0.0);
        match self.observations {
            Observations::None => {}
            Observations::Dense(values) => {
                seen.copy_from_slice(&values[row * width..(row + 1) * width]);
            }
            Observations::OneHot(states) => seen[states[row] as usize] = 1.0,
        }
        done.fill(0.0);
        if self.prev_action[row] != NO_ACTION {
            done[self.prev_action[row] as usize] = 1.0;
        }
        last.copy_from_slice(&[self.prev_reward[row], self.boundary[row]]);
    }
}

/// Inputs of whole trials of some lanes, `[steps][lanes]`.
#[derive(Clone, Copy, Debug)]
pub struct Trials<'a> {
    /// How many lanes.
    pub lanes: usize,
    /// Their inputs.
    pub inputs: Inputs<'a>,
}

impl Trials<'_> {
    /// How many steps.
    ///
    /// # Panics
    /// If there is no lane, or if lanes have different numbers of rows.
    pub fn steps(&self) -> usize {
        let (rows, lanes) = (self.inputs.rows(), self.lanes);
        assert!(
            lanes > 0 && rows.is_multiple_of(lanes),
            "inputs must be [steps][{lanes} lanes]"
        );
        rows / lanes
    }
}

/// Checks the lengths of inputs and outputs against `rows` rows.
///
/// # Panics
/// Where a length is wrong or the kind of observation is not the network's.
pub(crate) fn check_rows(observation: Observation, inputs: &Inputs<'_>, rows: usize) {
    let lengths = [
        ("prev_action", inputs.prev_action.len()),
        ("prev_reward", inputs.prev_reward.len()),
        ("boundary", inputs.boundary.len()),
        ("reset", inputs.reset.len()),
    ];
    for (name, len) in lengths {
        assert_eq!(len, rows, "{name} must have one element per row");
    }
    match (observation, inputs.observations) {
        (Observation::None, Observations::None) => {}
        (Observation::Dense(width), Observations::Dense(values)) => {
            assert_eq!(
                values.len(),
                rows * width,
                "observations must be [rows][{width}]"
            );
        }
        (Observation::OneHot(_), Observations::OneHot(states)) => {
            assert_eq!(
                states.len(),
                rows,
                "observations must have one element per row"
            );
        }
        (expected, _) => panic!("the network expects observations of kind {expected:?}"),
    }
}
