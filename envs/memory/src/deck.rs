//! Decks of playing cards, of which one property counts.

use rl_core::rand::RngExt as _;
use rl_core::{Setting, Stream};

/// Cards of a deck.
const CARDS: usize = 52;
/// The most kinds of cards.
pub(crate) const MOST_KINDS: usize = 32;

/// Decks that are shuffled together.
pub(crate) const fn decks(meaning: &'static str) -> Setting {
    Setting::count("decks", 1, 1..=100, meaning)
}

/// Shuffled cards of several kinds, as many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cards {
    /// Suits, say.
    pub(crate) kinds: usize,
    /// Cards of each kind.
    pub(crate) copies: usize,
}

impl Cards {
    /// So many decks of this many kinds.
    pub(crate) fn of_decks(decks: usize, kinds: usize) -> Self {
        let copies = decks * CARDS / kinds;
        Self { kinds, copies }
    }

    pub(crate) fn count(&self) -> usize {
        self.kinds * self.copies
    }

    /// A shuffled pile of them: the kind of each card from the top on.
    pub(crate) fn shuffled<'a>(&self, rng: &'a mut Stream) -> impl Iterator<Item = u64> + 'a {
        let mut left = [0; MOST_KINDS];
        left[..self.kinds].fill(self.copies as u64);
        // Only kinds are told apart: each next one is as probable as there are of it.
        (1..=self.count() as u64).rev().map(move |all| {
            let (mut number, mut kind) = (rng.random_range(0..all), 0);
            while number >= left[kind] {
                number -= left[kind];
                kind += 1;
            }
            left[kind] -= 1;
            kind as u64
        })
    }
}
