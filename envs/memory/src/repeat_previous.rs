//! POPGym's RepeatPrevious: say the suit of the card some cards ago.

use crate::deck::{self, Cards};
use crate::recall::{Recall, Script};
use rl_core::{EnvironmentEntry, ObservationSpace, Setting, SpecError, Stream};

/// Cards are dealt one by one, of decks that are shuffled together, and the suit of the
/// k-th last one is to be said, the card that is seen being the first: with `k` = 1 it is
/// the one that is seen, with `k` = 4 that of three steps before. The last card is not
/// seen: with it an episode ends.
///
/// # Observations
/// The suit of the card, 0 to 3.
///
/// # Actions
/// The suit, 0 to 3.
///
/// # Reward
/// As soon as there are `k` cards, 1 / (cards − `k`) for the right suit, and as much less
/// for a wrong one: from −1 to 1 in all.
///
/// # Reference
/// Morad et al. 2023, "POPGym: Benchmarking Partially Observable Reinforcement Learning",
/// and its code: easy 1 deck and `k` = 4, medium 2 and 32, hard 3 and 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepeatPrevious {
    pub(crate) cards: Cards,
    pub(crate) k: usize,
}

impl RepeatPrevious {
    /// Decks that are dealt.
    pub const DECKS: Setting = deck::decks("decks of 52 cards: 1 easy, 2 medium, 3 hard in POPGym");
    /// Which card to repeat.
    pub const K: Setting = Setting::count(
        "k",
        4,
        1..=5_199,
        "repeat the k-th last card, the one seen being the first: 4 easy, 32 medium, 64 hard in \
         POPGym",
    );

    /// So many [`DECKS`](Self::DECKS), the [`K`](Self::K)-th last card to repeat, and
    /// trials of so many [`EPISODES`](crate::EPISODES).
    ///
    /// # Errors
    /// If a number is out of range, or there are no more than `k` cards.
    pub fn new(decks: usize, k: usize, episodes: usize) -> Result<Recall<Self>, SpecError> {
        Self::DECKS.check(Self::NAME, decks)?;
        Self::K.check(Self::NAME, k)?;
        let cards = Cards::of_decks(decks, 4);
        if k >= cards.count() {
            let (most, all) = (cards.count() - 1, cards.count());
            let allowed = format!("1 to {most}, less than the {all} cards of decks = {decks}");
            return Err(SpecError::new(Self::NAME, "k", k, &allowed));
        }
        Recall::new(Self { cards, k }, episodes)
    }

    /// These games by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "say the suit of the k-th last card, all the time (POPGym)";
        EnvironmentEntry::new(Self::NAME, summary, |set| {
            let (decks, k) = (set.count("decks")?, set.count("k")?);
            Ok(Self::new(decks, k, set.count("episodes")?)?)
        })
        .setting(Self::DECKS)
        .setting(Self::K)
        .setting(crate::EPISODES)
    }
}

impl Script for RepeatPrevious {
    const NAME: &'static str = "repeat-previous";

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

    fn asks(&self, step: usize) -> bool {
        step + 1 >= self.k
    }

    fn deal(&self, shown: &mut [u64], rng: &mut Stream) {
        for (code, card) in shown.iter_mut().zip(self.cards.shuffled(rng)) {
            *code = card;
        }
    }

    fn recall(&self, shown: &[u64]) -> u32 {
        shown[shown.len() - self.k] as u32
    }

    /// A card before is of another given suit more often than of the suit that is seen,
    /// of which one card is gone.
    fn memoryless(&self) -> f64 {
        let (cards, copies) = (self.cards.count() as f64, self.cards.copies as f64);
        let asked = cards - self.k as f64;
        match self.k {
            1 => asked,
            _ => asked * copies / (cards - 1.0),
        }
    }
}
