//! POPGym's CountRecall: how many cards of a kind were there?

use crate::deck::{self, Cards};
use crate::recall::{Recall, Script};
use rl_core::{EnvironmentEntry, ObservationSpace, Setting, SpecError, Stream};

/// In every step a card is dealt, and a card of a second pile asks how many of its kind
/// were dealt so far, the present one included. Both piles are decks that are shuffled
/// together. With the last card, which is not seen, an episode ends.
///
/// # Observations
/// The kind of the card that is dealt, and of the one that asks, as one-hot vectors one
/// after the other.
///
/// # Actions
/// The count, from 0 to one less than there are cards of a kind. All of them cannot be
/// said, which is why the best agent earns less than 1.
///
/// # Reward
/// 1 / (cards − 1) for the right count, and as much less for a wrong one.
///
/// # Reference
/// Morad et al. 2023, "POPGym: Benchmarking Partially Observable Reinforcement Learning",
/// and its code: easy 1 deck and colors, medium 2 and suits, hard 4 and ranks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountRecall {
    pub(crate) cards: Cards,
}

/// What of a card is counted, and how many kinds it makes.
const KINDS: [(&str, usize); 3] = [("colors", 2), ("suits", 4), ("ranks", 13)];

/// Codes hold the dealt card below, and the one that asks above.
const ASKING: u32 = 8;
const DEALT: u64 = (1 << ASKING) - 1;

impl CountRecall {
    /// Decks of either pile.
    pub const DECKS: Setting =
        deck::decks("decks of 52 cards of either pile: 1 easy, 2 medium, 4 hard in POPGym");
    /// What of a card is counted.
    pub const COUNTED: Setting = Setting::choice(
        "counted",
        &[KINDS[0].0, KINDS[1].0, KINDS[2].0],
        "what of a card is counted: colors easy, suits medium, ranks hard in POPGym",
    );

    /// So many [`DECKS`](Self::DECKS), what of a card is [`COUNTED`](Self::COUNTED), and
    /// trials of so many [`EPISODES`](crate::EPISODES).
    ///
    /// # Errors
    /// If a number or the word is out of range.
    pub fn new(decks: usize, counted: &str, episodes: usize) -> Result<Recall<Self>, SpecError> {
        Self::DECKS.check(Self::NAME, decks)?;
        Self::COUNTED.check(Self::NAME, counted)?;
        let kinds = KINDS.iter().find(|(name, _)| *name == counted);
        let kinds = kinds.map_or(KINDS[0].1, |(_, kinds)| *kinds);
        let cards = Cards::of_decks(decks, kinds);
        Recall::new(Self { cards }, episodes)
    }

    /// These games by name.
    pub fn entry() -> EnvironmentEntry {
        let summary = "count the cards of each kind (POPGym)";
        EnvironmentEntry::new(Self::NAME, summary, |set| {
            let (decks, counted) = (set.count("decks")?, set.choice("counted")?);
            Ok(Self::new(decks, counted, set.count("episodes")?)?)
        })
        .setting(Self::DECKS)
        .setting(Self::COUNTED)
        .setting(crate::EPISODES)
    }
}

impl Script for CountRecall {
    const NAME: &'static str = "count-recall";

    fn observation(&self) -> ObservationSpace {
        let size = 2 * self.cards.kinds;
        ObservationSpace::Vector { size }
    }

    fn answers(&self) -> usize {
        self.cards.copies
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
        for (code, card) in shown.iter_mut().zip(self.cards.shuffled(rng)) {
            *code |= card << ASKING;
        }
    }

    fn show(&self, _step: usize, code: u64, observation: &mut [f32]) {
        observation.fill(0.0);
        observation[(code & DEALT) as usize] = 1.0;
        observation[self.cards.kinds + (code >> ASKING) as usize] = 1.0;
    }

    fn read(&self, observation: &[f32]) -> u64 {
        let hot = |row: &[f32]| row.iter().position(|number| *number > 0.5).unwrap_or(0);
        let (dealt, asking) = observation.split_at(self.cards.kinds);
        (hot(dealt) | hot(asking) << ASKING) as u64
    }

    fn recall(&self, shown: &[u64]) -> u32 {
        let asked = shown[shown.len() - 1] >> ASKING;
        let of_kind = shown.iter().filter(|code| **code & DEALT == asked);
        of_kind.count() as u32
    }

    /// Unless all cards of the kind, m of n, are among those that were dealt.
    fn answerable(&self, step: usize) -> f64 {
        let (cards, dealt) = (self.cards.count(), step + 1);
        let all_dealt: f64 = (0..self.cards.copies)
            .map(|card| dealt.saturating_sub(card) as f64 / (cards - card) as f64)
            .product();
        1.0 - all_dealt
    }

    /// Over an episode all counts are equally probable, but for none where the kind is
    /// seen: of n cards, m of each kind, n / m steps have each of 1 to m where it is, and
    /// n / (m + 1) each of 0 to m where it is not. It is in one of n / m cases.
    fn memoryless(&self) -> f64 {
        let (cards, copies) = (self.cards.count() as f64, self.cards.copies as f64);
        let seen = 1.0 / self.cards.kinds as f64;
        seen * cards / copies + (1.0 - seen) * cards / (copies + 1.0)
    }
}
