//! Associative recall: what went with what?

use crate::recall::{Recall, Script};
use rl_core::rand::RngExt as _;
use rl_core::{EnvironmentEntry, ObservationSpace, Setting, SpecError, Stream};

/// First `pairs` pairs of a key and a value are shown one by one: the keys are drawn
/// uniformly without a repetition, the values uniformly. Then every key is shown again, in
/// an order of its own, and its value is to be said.
///
/// # Observations
/// The key and the value as one-hot vectors one after the other; zeros for the value where
/// it is asked for.
///
/// # Actions
/// The value. While pairs are shown it does not matter.
///
/// # Reward
/// In the steps that ask 1 / `pairs` for the right value, and as much less for a wrong one:
/// from −1 to 1 in all.
///
/// # Reference
/// Ba et al. 2016, "Using Fast Weights to Attend to the Recent Past", section 4.1, who ask
/// for one of the keys, and Graves et al. 2014, "Neural Turing Machines", section 4.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AssociativeRecall {
    pub(crate) pairs: usize,
    pub(crate) keys: usize,
    pub(crate) values: usize,
}

/// The most that can be told apart.
const MOST: usize = 256;
/// Codes hold the key above, and the value below, or [`MOST`] where it is asked for.
const KEY: u32 = 16;
const VALUE: u64 = (1 << KEY) - 1;

impl AssociativeRecall {
    /// Pairs to remember.
    pub const PAIRS: Setting = Setting::count("pairs", 8, 1..=MOST, "pairs to remember");
    /// What a key is one of.
    pub const KEYS: Setting = Setting::count(
        "keys",
        16,
        1..=MOST,
        "what a key is one of; at least as many as pairs",
    );
    /// What a value is one of.
    pub const VALUES: Setting = Setting::count("values", 8, 2..=MOST, "what a value is one of");

    /// So many [`PAIRS`](Self::PAIRS) of [`KEYS`](Self::KEYS) and
    /// [`VALUES`](Self::VALUES), and trials of so many [`EPISODES`](crate::EPISODES).
    ///
    /// # Errors
    /// If a number is out of range, or there are fewer keys than pairs.
    pub fn new(
        pairs: usize,
        keys: usize,
        values: usize,
        episodes: usize,
    ) -> Result<Recall<Self>, SpecError> {
        Self::PAIRS.check(Self::NAME, pairs)?;
        Self::KEYS.check(Self::NAME, keys)?;
        Self::VALUES.check(Self::NAME, values)?;
        if keys < pairs {
            let allowed = format!("{pairs} to {MOST}, at least as many as pairs = {pairs}");
            return Err(SpecError::new(Self::NAME, "keys", keys, &allowed));
        }
        let script = Self {
            pairs,
            keys,
            values,
        };
        Recall::new(script, episodes)
    }

    /// These pairs by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "say the value that was shown with a key (Ba et al. 2016)";
        EnvironmentEntry::new(Self::NAME, summary, |set| {
            let (pairs, keys) = (set.count("pairs")?, set.count("keys")?);
            let (values, episodes) = (set.count("values")?, set.count("episodes")?);
            Ok(Self::new(pairs, keys, values, episodes)?)
        })
        .setting(Self::PAIRS)
        .setting(Self::KEYS)
        .setting(Self::VALUES)
        .setting(crate::EPISODES)
    }
}

impl Script for AssociativeRecall {
    const NAME: &'static str = "associative-recall";

    fn observation(&self) -> ObservationSpace {
        let size = self.keys + self.values;
        ObservationSpace::Vector { size }
    }

    fn answers(&self) -> usize {
        self.values
    }

    fn steps(&self) -> usize {
        2 * self.pairs
    }

    fn asks(&self, step: usize) -> bool {
        step >= self.pairs
    }

    fn deal(&self, shown: &mut [u64], rng: &mut Stream) {
        let mut keys: [u64; MOST] = std::array::from_fn(|key| key as u64);
        let (pairs, asked) = shown.split_at_mut(self.pairs);
        for index in 0..self.pairs {
            keys.swap(index, rng.random_range(index..self.keys));
            let value = rng.random_range(0..self.values as u64);
            pairs[index] = keys[index] << KEY | value;
            asked[index] = keys[index] << KEY | MOST as u64;
        }
        for index in (1..self.pairs).rev() {
            asked.swap(index, rng.random_range(0..=index));
        }
    }

    fn show(&self, _step: usize, code: u64, observation: &mut [f32]) {
        observation.fill(0.0);
        observation[(code >> KEY) as usize] = 1.0;
        if code & VALUE != MOST as u64 {
            observation[self.keys + (code & VALUE) as usize] = 1.0;
        }
    }

    fn read(&self, observation: &[f32]) -> u64 {
        let hot = |row: &[f32]| row.iter().position(|number| *number > 0.5);
        let (key, value) = observation.split_at(self.keys);
        (hot(key).unwrap_or(0) << KEY | hot(value).unwrap_or(MOST)) as u64
    }

    fn recall(&self, shown: &[u64]) -> u32 {
        let asked = shown[shown.len() - 1] >> KEY;
        let pair = shown[..self.pairs]
            .iter()
            .find(|code| **code >> KEY == asked);
        pair.map_or(MOST as u32, |code| (code & VALUE) as u32)
    }

    /// A key tells nothing of its value.
    fn memoryless(&self) -> f64 {
        self.pairs as f64 / self.values as f64
    }
}
