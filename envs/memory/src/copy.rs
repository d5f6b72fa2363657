//! Copying: say a sequence again.

use crate::recall::{Recall, Script};
use rl_core::rand::RngExt as _;
use rl_core::{EnvironmentEntry, ObservationSpace, Setting, SpecError, Stream};

/// First `length` symbols are shown, each drawn uniformly; then, in as many steps, they are
/// to be said again in the same order.
///
/// # Observations
/// The symbol; once they are to be said, the number of symbols.
///
/// # Actions
/// The symbol. While symbols are shown it does not matter.
///
/// # Reward
/// In the steps that ask 1 / `length` for the right symbol, and as much less for a wrong
/// one: from −1 to 1 in all.
///
/// # Reference
/// Graves et al. 2014, "Neural Turing Machines", section 4.1, where symbols are vectors of
/// 8 bits and sequences 1 to 20 of them. Here, as actions are to be chosen, a symbol is one
/// of a few.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copying {
    pub(crate) length: usize,
    pub(crate) symbols: usize,
}

impl Copying {
    /// Symbols of the sequence.
    pub const LENGTH: Setting = Setting::count(
        "length",
        10,
        1..=5_000,
        "symbols of the sequence; 1 to 20 in Graves et al.",
    );
    /// What a symbol is one of.
    pub const SYMBOLS: Setting = Setting::count("symbols", 8, 2..=256, "what a symbol is one of");

    /// Sequences of this [`LENGTH`](Self::LENGTH) over so many
    /// [`SYMBOLS`](Self::SYMBOLS), and trials of so many [`EPISODES`](crate::EPISODES).
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(length: usize, symbols: usize, episodes: usize) -> Result<Recall<Self>, SpecError> {
        Self::LENGTH.check(Self::NAME, length)?;
        Self::SYMBOLS.check(Self::NAME, symbols)?;
        Recall::new(Self { length, symbols }, episodes)
    }

    /// These sequences by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "say a sequence of symbols again (Graves et al. 2014)";
        EnvironmentEntry::new(Self::NAME, summary, |set| {
            let (length, symbols) = (set.count("length")?, set.count("symbols")?);
            Ok(Self::new(length, symbols, set.count("episodes")?)?)
        })
        .setting(Self::LENGTH)
        .setting(Self::SYMBOLS)
        .setting(crate::EPISODES)
    }
}

impl Script for Copying {
    const NAME: &'static str = "copy";

    fn observation(&self) -> ObservationSpace {
        let size = self.symbols + 1;
        ObservationSpace::Discrete { size }
    }

    fn answers(&self) -> usize {
        self.symbols
    }

    fn steps(&self) -> usize {
        2 * self.length
    }

    fn asks(&self, step: usize) -> bool {
        step >= self.length
    }

    fn deal(&self, shown: &mut [u64], rng: &mut Stream) {
        let (symbols, blank) = shown.split_at_mut(self.length);
        symbols.fill_with(|| rng.random_range(0..self.symbols as u64));
        blank.fill(self.symbols as u64);
    }

    fn recall(&self, shown: &[u64]) -> u32 {
        shown[shown.len() - 1 - self.length] as u32
    }

    /// Every step that asks looks alike.
    fn memoryless(&self) -> f64 {
        self.length as f64 / self.symbols as f64
    }
}
