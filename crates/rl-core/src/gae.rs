//! Generalized advantage estimation.

use crate::bounds::Bounds;
use crate::env::Outcome;
use crate::fault::SettingError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Discount and trace decay of [`gae`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gae {
    /// γ, the discount per step.
    pub gamma: f32,
    /// λ, the trace decay.
    pub lambda: f32,
}

impl Gae {
    /// Checks both.
    ///
    /// # Errors
    /// Names the first one out of range.
    pub fn validate(&self) -> Result<(), SettingError> {
        Bounds::UNIT.check("gamma", self.gamma)?;
        Bounds::UNIT.check("lambda", self.lambda)
    }
}

/// How far credit flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credit {
    /// To the end of the episode; a truncated one is bootstrapped from its
    /// final observation.
    Episode,
    /// Across the episodes of a trial to its end, which is the end of the
    /// agent's life: nothing is bootstrapped there.
    Trial,
}

/// What follows a step in its return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Link {
    /// The next row.
    #[default]
    Flow = 0,
    /// Nothing: the return ends here.
    End = 1,
    /// An estimate of what would have followed; the advantage goes no further.
    Bootstrap = 2,
}

impl Link {
    /// The link that a step's outcome makes. `trial_end` says whether the step
    /// was the last of its trial.
    pub fn of(credit: Credit, outcome: Outcome, trial_end: bool) -> Self {
        match (credit, outcome) {
            (Credit::Trial, _) if trial_end => Self::End,
            (Credit::Trial, _) | (Credit::Episode, Outcome::Continue) => Self::Flow,
            (Credit::Episode, Outcome::Terminated) => Self::End,
            (Credit::Episode, Outcome::Truncated) => Self::Bootstrap,
        }
    }
}

/// What [`gae`] reads; all rows are time-major.
#[derive(Clone, Copy, Debug)]
pub struct GaeInput<'a> {
    /// Lanes per row.
    pub lanes: usize,
    /// r. `[steps][lanes]`
    pub rewards: &'a [f32],
    /// V of the row that each step acted on. `[steps][lanes]`
    pub values: &'a [f32],
    /// V of the row after the last step, read where that step's link is
    /// [`Link::Flow`]. `[lanes]`
    pub next_values: &'a [f32],
    /// `[steps][lanes]`
    pub links: &'a [Link],
    /// V of the final observation, read where a link is [`Link::Bootstrap`].
    /// `[steps][lanes]`
    pub bootstrap: &'a [f32],
}

/// Generalized advantage estimation (Schulman et al. 2016, eq. 16), from the
/// last step back:
///
/// ```text
/// v'  = V[t+1]        where the link is Flow
///       0             where it is End
///       bootstrap[t]  where it is Bootstrap
/// A'  = A[t+1]        where the link is Flow, else 0
/// δ   = r[t] + γ v' − V[t]
/// A[t] = δ + γ λ A'
/// ```
///
/// Writes `advantages`, `[steps][lanes]`.
///
/// # Panics
/// If the slices' lengths do not agree.
pub fn gae(gae: Gae, returns: GaeInput<'_>, advantages: &mut [f32]) {
    let lanes = returns.lanes;
    let size = advantages.len();
    assert!(lanes > 0 && size.is_multiple_of(lanes), "{size} advantages");
    assert_eq!(returns.rewards.len(), size);
    assert_eq!(returns.values.len(), size);
    assert_eq!(returns.next_values.len(), lanes);
    assert_eq!(returns.links.len(), size);
    assert_eq!(returns.bootstrap.len(), size);
    let decay = gae.gamma * gae.lambda;
    for t in (0..size / lanes).rev() {
        let (head, later) = advantages.split_at_mut((t + 1) * lanes);
        let now = &mut head[t * lanes..];
        let row = t * lanes..(t + 1) * lanes;
        let next_values = match returns.values.get(row.end..row.end + lanes) {
            Some(values) => values,
            None => returns.next_values,
        };
        for lane in 0..lanes {
            let index = row.start + lane;
            let (value, advantage) = match returns.links[index] {
                Link::Flow => (
                    next_values[lane],
                    later.get(lane).copied().unwrap_or_default(),
                ),
                Link::End => (0.0, 0.0),
                Link::Bootstrap => (returns.bootstrap[index], 0.0),
            };
            let delta = returns.rewards[index] + gae.gamma * value - returns.values[index];
            now[lane] = delta + decay * advantage;
        }
    }
}

#[cfg(test)]
#[path = "gae_tests.rs"]
mod tests;
