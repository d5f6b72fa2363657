//! POPGym's Autoencode: say all cards backwards.

use crate::deck::{self, Cards};
use crate::recall::{Recall, Script};
use rl_core::{EnvironmentEntry, ObservationSpace, Setting, SpecError, Stream};

/// First the cards of decks that are shuffled together are shown one by one; then their
/// suits are to be said from the last one to the first. The last card is shown in the step
/// that already asks for it.
///
/// # Observations
/// The suit of the card while cards are shown, 4 to 7. In the steps that ask 0 to 3: at
/// first the suit of the last card, then 0.
///
/// # Actions
/// The suit, 0 to 3. While cards are shown it does not matter.
///
/// # Reward
/// In the steps that ask 1 / cards for the right suit, and as much less for a wrong one:
/// from −1 to 1 in all.
///
/// # Reference
/// Morad et al. 2023, "POPGym: Benchmarking Partially Observable Reinforcement Learning",
/// and its code, whose pair of mode and suit is one symbol here: easy 1 deck, medium 2,
/// hard 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Autoencode {
    pub(crate) cards: Cards,
}

impl Autoencode {
    /// Decks that are shown.
    pub const DECKS: Setting = deck::decks("decks of 52 cards: 1 easy, 2 medium, 3 hard in POPGym");

    /// So many [`DECKS`](Self::DECKS), and trials of so many [`EPISODES`](crate::EPISODES).
    ///
    /// # Errors
    /// If a number is out of range.
    pub fn new(decks: usize, episodes: usize) -> Result<Recall<Self>, SpecError> {
        Self::DECKS.check(Self::NAME, decks)?;
        let cards = Cards::of_decks(decks, 4);
        Recall::new(Self { cards }, episodes)
    }

    /// These games by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "watch all cards, then say their suits backwards (POPGym)";
        EnvironmentEntry::new(Self::NAME, summary, |set| {
            Ok(Self::new(set.count("decks")?, set.count("episodes")?)?)
        })
        .setting(Self::DECKS)
        .setting(crate::EPISODES)
    }
}

impl Script for Autoencode {
    const NAME: &'static str = "autoencode";

    fn observation(&self) -> ObservationSpace {
        let size = 2 * self.cards.kinds;
        ObservationSpace::Discrete { size }
    }

    fn answers(&self) -> usize {
        self.cards.kinds
    }

    fn steps(&self) -> usize {
        2 * self.cards.count() - 1
    }

    fn asks(&self, step: usize) -> bool {
        step + 1 >= self.cards.count()
    }

    fn deal(&self, shown: &mut [u64], rng: &mut Stream) {
        for (step, card) in self.cards.shuffled(rng).enumerate() {
            let watching = if self.asks(step) { 0 } else { self.cards.kinds };
            shown[step] = watching as u64 + card;
        }
    }

    fn recall(&self, shown: &[u64]) -> u32 {
        // As many cards back from the last one as were said since.
        let card = 2 * self.cards.count() - 1 - shown.len();
        (shown[card] % self.cards.kinds as u64) as u32
    }

    /// The suit that is seen: right at first, and afterwards, where it is 0, as often as
    /// any other.
    fn memoryless(&self) -> f64 {
        1.0 + (self.cards.count() as f64 - 1.0) / self.cards.kinds as f64
    }
}
