//! What an environment looks like from outside: observations, actions, time.

use crate::bounds::Bounds;
use crate::fault::SpecError;
use serde::Serialize;

/// What an agent sees at a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObservationSpace {
    /// A vector of `size` real numbers; 0 where there is nothing to see.
    Vector {
        /// How many numbers.
        size: usize,
    },
    /// One of `size` symbols, stored as its index in a single `f32`;
    /// networks read it as a one-hot vector.
    Discrete {
        /// How many symbols.
        size: usize,
    },
}

impl ObservationSpace {
    /// Numbers per lane in an observation row.
    pub fn width(&self) -> usize {
        match self {
            Self::Vector { size } => *size,
            Self::Discrete { .. } => 1,
        }
    }
}

/// What an agent can do.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionSpace {
    /// One of `size` actions, given by its index.
    Discrete {
        /// How many actions.
        size: usize,
    },
    /// A vector within a box. The library clips what a policy asks for to the
    /// box before the environment sees it.
    Box {
        /// Lowest value of each coordinate.
        low: Vec<f32>,
        /// Highest value of each coordinate.
        high: Vec<f32>,
    },
}

impl ActionSpace {
    /// Numbers per lane in an action row.
    pub fn width(&self) -> usize {
        match self {
            Self::Discrete { .. } => 1,
            Self::Box { low, .. } => low.len(),
        }
    }

    /// Turns an action of a box, `[width]`, from its units into ones in which the
    /// box is [−1, 1], half-widths from its middle. Discrete ones are not touched.
    pub fn to_unit(&self, action: &mut [f32]) {
        self.each(action, |x, middle, half| (x - middle) / half);
    }

    /// The reverse of [`Self::to_unit`], up to rounding.
    pub fn from_unit(&self, action: &mut [f32]) {
        self.each(action, |x, middle, half| middle + half * x);
    }

    fn each(&self, action: &mut [f32], change: impl Fn(f32, f32, f32) -> f32) {
        let Self::Box { low, high } = self else {
            return;
        };
        for ((x, low), high) in action.iter_mut().zip(low).zip(high) {
            *x = change(*x, 0.5 * (low + high), 0.5 * (high - low));
        }
    }

    /// The least standard deviation, in half-widths of the box, of which actions
    /// are numbers rather than steps; 0 for discrete actions.
    ///
    /// An action is stored as an f32, in steps of at most q = ε × the box's
    /// largest bound. A normal density times q is the probability of a step up to
    /// a factor of 1 + (q / σ)² (z² − 1) / 24 at z deviations from the mean, so
    /// that at 400 q its logarithm is exact to 1e-5 up to 6 deviations.
    pub fn least_std(&self) -> f64 {
        let Self::Box { low, high } = self else {
            return 0.0;
        };
        let step = |(low, high): (&f32, &f32)| {
            let (low, high) = (f64::from(*low), f64::from(*high));
            f64::from(f32::EPSILON) * low.abs().max(high.abs()) / (0.5 * (high - low))
        };
        400.0 * low.iter().zip(high).map(step).fold(0.0, f64::max)
    }
}

/// The most numbers of one lane's observation or action, 2²⁰: every batch, even
/// one that only tries an environment out, holds several rows of many lanes.
const MAX_WIDTH: usize = 1 << 20;

/// How long a trial is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trial {
    /// So many episodes.
    Episodes(usize),
    /// So many steps, in which episodes begin anew until all are spent; the last
    /// episode is truncated there.
    Steps(usize),
}

/// Names, spaces and time limits of a task distribution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EnvSpec {
    /// The registered name, as typed on the command line.
    pub name: String,
    /// What an agent sees.
    pub observation: ObservationSpace,
    /// What an agent can do.
    pub action: ActionSpace,
    /// Steps after which an episode is truncated.
    pub horizon: usize,
    /// How long a trial is.
    pub trial: Trial,
}

impl EnvSpec {
    /// The most steps that a trial can take.
    pub fn trial_steps(&self) -> usize {
        match self.trial {
            Trial::Episodes(episodes) => self.horizon * episodes,
            Trial::Steps(steps) => steps,
        }
    }

    /// The most episodes that a trial can have: of a budget of steps as many as
    /// there are steps.
    pub fn most_episodes(&self) -> usize {
        match self.trial {
            Trial::Episodes(episodes) => episodes,
            Trial::Steps(steps) => steps,
        }
    }

    /// Refuses to let a policy that was computed for this environment act in
    /// another.
    ///
    /// # Errors
    /// Which one it was computed for, and what to do.
    pub fn check_solved(&self, asked: &Self) -> Result<(), String> {
        if self == asked {
            return Ok(());
        }
        Err(format!(
            "this Bayes-optimal policy was computed for {self:?} and cannot act in {asked:?}; ask \
             the environment itself for its own"
        ))
    }

    /// Checks that the sizes make sense.
    ///
    /// # Errors
    /// Names the first field that does not, its value and what is allowed.
    pub fn validate(&self) -> Result<(), SpecError> {
        let refuse = |field: &str, value: String, allowed: &str| {
            Err(SpecError::new(&self.name, field, value, allowed))
        };
        let within = |field: &str, range: Bounds<usize>, value: usize| {
            range.check(field, value).map_err(|fault| SpecError {
                env: self.name.clone(),
                fault,
            })
        };
        match &self.observation {
            ObservationSpace::Discrete { size } => within("observation.size", INDICES, *size)?,
            ObservationSpace::Vector { size } => {
                within("observation.size", Bounds::closed(0, MAX_WIDTH), *size)?;
            }
        }
        match &self.action {
            ActionSpace::Discrete { size } => within("action.size", INDICES, *size)?,
            ActionSpace::Box { low, high } => {
                if low.is_empty() || low.len() != high.len() || low.len() > MAX_WIDTH {
                    let lengths = format!("{} low and {} high bounds", low.len(), high.len());
                    let allowed = format!("as many low as high bounds, 1 to {MAX_WIDTH}");
                    return refuse("action", lengths, &allowed);
                }
                let bad = |(l, h): &(&f32, &f32)| !(l.is_finite() && h.is_finite() && l < h);
                if let Some((l, h)) = low.iter().zip(high).find(bad) {
                    return refuse("action", format!("[{l}, {h}]"), "finite bounds, low < high");
                }
            }
        }
        if self.horizon == 0 {
            return refuse("horizon", "0".into(), "at least 1 step");
        }
        match self.trial {
            Trial::Episodes(0) => refuse("episodes", "0".into(), "at least 1 episode"),
            Trial::Episodes(episodes) => match self.horizon.checked_mul(episodes) {
                Some(steps) if steps <= LONGEST => Ok(()),
                _ => refuse(
                    "horizon × episodes",
                    format!("{} × {episodes}", self.horizon),
                    &format!("at most {LONGEST} steps per trial"),
                ),
            },
            Trial::Steps(steps) => within("steps of a trial", Bounds::closed(1, LONGEST), steps),
        }
    }
}

/// Sizes of a set whose every index an f32 can hold.
const INDICES: Bounds<usize> = Bounds::closed(1, 1 << 24);
/// Steps of a trial at most.
const LONGEST: usize = u32::MAX as usize;

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(action: ActionSpace, horizon: usize, episodes: usize) -> EnvSpec {
        EnvSpec {
            name: "toy".into(),
            observation: ObservationSpace::Vector { size: 0 },
            action,
            horizon,
            trial: Trial::Episodes(episodes),
        }
    }

    #[test]
    fn the_ends_of_the_box_are_one_away_from_its_middle() {
        let space = ActionSpace::Box {
            low: vec![-0.1, 2.0],
            high: vec![0.1, 6.0],
        };
        let mut action = [1.0, -0.5];
        space.from_unit(&mut action);
        assert_eq!(action, [0.1, 3.0]);
        space.to_unit(&mut action);
        assert_eq!(action, [1.0, -0.5]);
    }

    #[test]
    fn the_least_deviation_is_that_of_the_coordinate_with_the_coarsest_steps() {
        let space = |low: &[f32], high: &[f32]| ActionSpace::Box {
            low: low.to_vec(),
            high: high.to_vec(),
        };
        let ulp = f64::from(f32::EPSILON);
        assert_eq!(space(&[-1.0], &[1.0]).least_std(), 400.0 * ulp);
        assert_eq!(space(&[-0.125], &[0.125]).least_std(), 400.0 * ulp);
        // 1000 half-widths from 0, and another coordinate that is finer.
        let far = space(&[-1.0, 999.0], &[1.0, 1001.0]).least_std();
        assert!((far / (400.0 * 1001.0 * ulp) - 1.0).abs() < 1e-12);
        assert_eq!(ActionSpace::Discrete { size: 3 }.least_std(), 0.0);
    }

    #[test]
    fn errors_name_the_field_and_the_value() {
        let two = ActionSpace::Discrete { size: 2 };
        assert!(spec(two.clone(), 10, 1).validate().is_ok());
        let error = spec(two.clone(), 0, 1).validate().unwrap_err().to_string();
        assert!(
            error.contains("'toy'") && error.contains("horizon = 0"),
            "{error}"
        );
        assert!(spec(two.clone(), 1, 0).validate().is_err());
        assert!(spec(two, usize::MAX, 2).validate().is_err());
        let none = ActionSpace::Discrete { size: 0 };
        assert!(spec(none, 1, 1).validate().is_err());
        let inverted = ActionSpace::Box {
            low: vec![0.0, 1.0],
            high: vec![1.0, 1.0],
        };
        let error = spec(inverted, 1, 1).validate().unwrap_err().to_string();
        assert!(error.contains("[1, 1]"), "{error}");
    }
}
