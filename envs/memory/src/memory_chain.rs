//! bsuite's chain: bits at its start, a question at its end.

use crate::recall::{Recall, Script};
use rl_core::rand::RngExt as _;
use rl_core::{EnvironmentEntry, ObservationSpace, Setting, SpecError, Stream};

/// A chain of `length` steps. The first one shows `bits` bits, drawn by the toss of a coin
/// each; the last one asks for one of them, drawn uniformly. What is done before does not
/// matter.
///
/// # Observations
/// The time left, 1 − t / `length`; in the last step the index of the bit that is asked
/// for, else 0; and in the first step the bits, 1 or −1, else zeros.
///
/// # Actions
/// 0 and 1: what the bit is, if 0 stands for −1.
///
/// # Reward
/// In the last step 1 for the right answer and −1 for the wrong one; else 0.
///
/// # Reference
/// Osband et al. 2020, "Behaviour Suite for Reinforcement Learning", memory length (1 bit,
/// lengths 1 to 100) and memory size (length 2, 1 to 40 bits). Its code shows the first
/// observation twice, so that an episode takes one step more there; between the bits and
/// the question lie as many steps as here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryChain {
    pub(crate) length: usize,
    pub(crate) bits: usize,
}

/// Codes hold the bits below this one, and the index that is asked for above.
const QUERY: u32 = 48;

impl MemoryChain {
    /// Steps of an episode.
    pub const LENGTH: Setting = Setting::count(
        "length",
        10,
        1..=10_000,
        "steps of an episode; 1 to 100 in bsuite's memory length, 2 in its memory size",
    );
    /// Bits to remember.
    pub const BITS: Setting = Setting::count(
        "bits",
        1,
        1..=40,
        "bits to remember; 1 in bsuite's memory length, 1 to 40 in its memory size",
    );

    /// Chains of this [`LENGTH`](Self::LENGTH) with so many [`BITS`](Self::BITS), and
    /// trials of so many [`EPISODES`](crate::EPISODES).
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(length: usize, bits: usize, episodes: usize) -> Result<Recall<Self>, SpecError> {
        Self::LENGTH.check(Self::NAME, length)?;
        Self::BITS.check(Self::NAME, bits)?;
        Recall::new(Self { length, bits }, episodes)
    }

    /// These chains by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "bits at the start of a chain, asked for at its end (bsuite)";
        EnvironmentEntry::new(Self::NAME, summary, |set| {
            let (length, bits) = (set.count("length")?, set.count("bits")?);
            Ok(Self::new(length, bits, set.count("episodes")?)?)
        })
        .setting(Self::LENGTH)
        .setting(Self::BITS)
        .setting(crate::EPISODES)
    }
}

impl Script for MemoryChain {
    const NAME: &'static str = "memory-chain";

    fn observation(&self) -> ObservationSpace {
        ObservationSpace::Vector {
            size: 2 + self.bits,
        }
    }

    fn answers(&self) -> usize {
        2
    }

    fn steps(&self) -> usize {
        self.length
    }

    fn asks(&self, step: usize) -> bool {
        step + 1 == self.length
    }

    fn deal(&self, shown: &mut [u64], rng: &mut Stream) {
        shown[0] = rng.random_range(0..1 << self.bits);
        shown[self.length - 1] |= rng.random_range(0..self.bits as u64) << QUERY;
    }

    fn show(&self, step: usize, code: u64, observation: &mut [f32]) {
        let (head, bits) = observation.split_at_mut(2);
        head[0] = 1.0 - step as f32 / self.length as f32;
        head[1] = (code >> QUERY) as f32;
        bits.fill(0.0);
        if step == 0 {
            for (index, bit) in bits.iter_mut().enumerate() {
                *bit = if code >> index & 1 == 1 { 1.0 } else { -1.0 };
            }
        }
    }

    fn read(&self, observation: &[f32]) -> u64 {
        let bits = observation[2..].iter().enumerate();
        let bits = bits.fold(0, |code, (index, bit)| {
            code | u64::from(*bit > 0.0) << index
        });
        bits | (observation[1] as u64) << QUERY
    }

    fn recall(&self, shown: &[u64]) -> u32 {
        let query = shown[shown.len() - 1] >> QUERY;
        (shown[0] >> query & 1) as u32
    }

    /// In a single step bits and question are seen together; else the question tells
    /// nothing of the bit.
    fn memoryless(&self) -> f64 {
        if self.length == 1 { 1.0 } else { 0.5 }
    }
}
