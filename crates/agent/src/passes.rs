//! How an update's samples become steps of the optimizer.

use crate::error::LearnError;
use rl_core::rand::seq::SliceRandom as _;
use rl_core::{Bounds, SettingError, Stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::slice::Chunks;

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

/// Which tiles the minibatches of an update are of: every pass takes each tile once, in an order
/// that it draws.
#[derive(Clone, Debug)]
pub struct Minibatches {
    order: Vec<usize>,
    /// Tiles of a minibatch.
    part: usize,
    stream: Stream,
}

impl Minibatches {
    /// So many minibatches a pass over so many tiles, a multiple of them, in orders from a
    /// stream.
    pub fn new(tiles: usize, minibatches: usize, stream: Stream) -> Self {
        Self {
            order: (0..tiles).collect(),
            part: tiles / minibatches,
            stream,
        }
    }

    /// The tiles of each minibatch of one more pass.
    pub fn pass(&mut self) -> Chunks<'_, usize> {
        self.order.shuffle(&mut self.stream);
        self.order.chunks(self.part)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use rl_core::{Domain, Purpose, StreamKey};
    use std::collections::BTreeMap;

    /// Each of the 24 orders of four tiles is drawn as often, whatever the pass before drew.
    #[test]
    fn every_pass_takes_all_tiles_in_an_order_of_its_own() {
        let stream = StreamKey::new(0, Domain::Training, 0).lane(Purpose::Shuffle, 0);
        let mut minibatches = Minibatches::new(4, 2, stream);
        let mut counts: BTreeMap<Vec<usize>, u32> = BTreeMap::new();
        for _ in 0..2400 {
            let tiles: Vec<&[usize]> = minibatches.pass().collect();
            assert!(tiles.len() == 2 && tiles.iter().all(|own| own.len() == 2));
            let order = tiles.concat();
            assert!((0..4).all(|tile| order.contains(&tile)), "{order:?}");
            *counts.entry(order).or_default() += 1;
        }
        assert_eq!(counts.len(), 24);
        // A hundred of each; six standard deviations are 59.
        assert!(
            counts.values().all(|count| count.abs_diff(100) < 59),
            "{counts:?}"
        );
    }
}
