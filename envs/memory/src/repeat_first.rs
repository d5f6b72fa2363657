//! POPGym's RepeatFirst: say the suit of the first card, all the time.

use crate::deck::{self, Cards};
use crate::recall::{Recall, Script};
use rl_core::{EnvironmentEntry, ObservationSpace, Setting, SpecError, Stream};

/// Cards are dealt one by one, of decks that are shuffled together, and the suit of the
/// first one is to be said at each of them, the first one included. The last card is not
/// seen: with it an episode ends.
///
/// # Observations
/// The suit of the card, 0 to 3.
///
/// # Actions
/// The suit, 0 to 3.
///
/// # Reward
/// 1 / (cards − 1) for the right suit, and as much less for a wrong one: from −1 to 1 in
/// all.
///
/// # Reference
/// Morad et al. 2023, "POPGym: Benchmarking Partially Observable Reinforcement Learning",
/// and its code: easy 1 deck, medium 8, hard 16.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepeatFirst {
    pub(crate) cards: Cards,
}

impl RepeatFirst {
    /// Decks that are dealt.
    pub const DECKS: Setting =
        deck::decks("decks of 52 cards: 1 easy, 8 medium, 16 hard in POPGym");

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
        let summary = "say the suit of the first card, all the time (POPGym)";
        EnvironmentEntry::new(Self::NAME, summary, |set| {
            Ok(Self::new(set.count("decks")?, set.count("episodes")?)?)
        })
        .setting(Self::DECKS)
        .setting(crate::EPISODES)
    }
}

impl Script for RepeatFirst {
    const NAME: &'static str = "repeat-first";

    fn observation(&self) -> ObservationSpace {
        let size = self.cards.kinds;
        ObservationSpace::Discrete { size }
    }

    fn answers(&self) -> usize {
        self.cards.kinds
    }

    fn steps(&self) -> usize {
        self.cards.count() - 1
    }

    fn asks(&self, _step: usize) -> bool {
        true
    }

    fn deal(&self, shown: &mut [u64], rng: &mut Stream) {
        for (code, card) in shown.iter_mut().zip(self.cards.shuffled(rng)) {
            *code = card;
        }
    }

    fn recall(&self, shown: &[u64]) -> u32 {
        shown[0] as u32
    }

    /// The suit that is seen: right at the first card, and afterwards a little less often
    /// than another one, which makes 1 / (cards − 1) less over the whole episode.
    fn memoryless(&self) -> f64 {
        let (cards, copies) = (self.cards.count() as f64, self.cards.copies as f64);
        1.0 + (cards - 2.0) * (copies - 1.0) / (cards - 1.0)
    }
}
