//! How an update's samples become steps of the optimizer.

use crate::error::LearnError;
use rl_core::{Bounds, SettingError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What lanes may number, and whatever there is one of for each: tiles, tasks,
/// trials.
pub const LANES: Bounds<usize> = Bounds::closed(1, 1 << 20);
/// Passes over the samples of an update.
pub const EPOCHS: Bounds<usize> = Bounds::closed(1, 1000);
/// ε of a clipped surrogate.
pub const CLIP: Bounds<f64> = Bounds::INSIDE_UNIT;

/// How samples become updates: proximal policy optimization (Schulman et al. 2017) with the
/// clipped surrogate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ppo {
    /// ε, how far the importance ratio may move.
    pub clip: f64,
    /// Passes over the samples.
    pub epochs: usize,
    /// Parts that the lanes are split into, each a step of the optimizer.
    pub minibatches: usize,
}

impl Ppo {
    /// Checks each setting for itself.
    ///
    /// # Errors
    /// Names the first one out of range.
    pub fn validate(&self) -> Result<(), SettingError> {
        CLIP.check("clip", self.clip)?;
        EPOCHS.check("epochs", self.epochs)?;
        LANES.check("minibatches", self.minibatches)
    }
}

/// How samples become steps of the optimizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passes {
    /// Passes over the samples.
    pub epochs: usize,
    /// Parts that the lanes are split into, each a step.
    pub minibatches: usize,
    /// Whether advantages are brought to mean 0 and standard deviation 1 within
    /// each of them.
    pub normalize_advantages: bool,
}

/// Refuses a tile that does not divide the lanes, and minibatches that do not divide the
/// tiles: `of` is the algorithm whose settings these are, `key` that of the minibatches.
///
/// # Errors
/// Names the key below the algorithm's name, its value and what is allowed.
pub fn expect_parts(
    of: &str,
    (lanes, tile): (usize, usize),
    (key, minibatches): (&str, usize),
) -> Result<(), LearnError> {
    let tiles = tiles(of, lanes, tile)?;
    if tiles.is_multiple_of(minibatches) {
        return Ok(());
    }
    let allowed = format!(
        "a divisor of the number of tiles, {of}.lanes / {of}.tile = {tiles}; choose it or a \
         smaller {of}.tile"
    );
    Err(LearnError::config(
        format!("{of}.{key}"),
        minibatches,
        allowed,
    ))
}

/// How many tiles there are, all of the same size.
///
/// # Errors
/// If the lanes are no whole number of them.
pub(crate) fn tiles(of: &str, lanes: usize, tile: usize) -> Result<usize, LearnError> {
    match lanes.is_multiple_of(tile) {
        true => Ok(lanes / tile),
        false => {
            let allowed = format!("a divisor of {of}.lanes = {lanes}");
            Err(LearnError::config(format!("{of}.tile"), tile, allowed))
        }
    }
}
