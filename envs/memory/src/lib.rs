//! Tasks that tell memories apart, each environment in one file with its exact values:
//! what a perfect memory earns, and what can be earned without any.
//!
//! This crate must not know of any network, thread or file, nor of learners other than
//! those that only make sense in one of its tasks.

mod associative_recall;
mod autoencode;
mod copy;
mod count_recall;
mod deck;
mod glyph_accuracy;
mod glyph_oracle;
mod glyph_recall;
mod memory_chain;
mod nearest_glyph;
mod perfect_memory;
mod recall;
mod recurring_bandit;
mod recurring_oracle;
mod recurring_regret;
mod repeat_first;
mod repeat_previous;
mod t_maze;
mod t_maze_oracle;
mod tape;

use rl_core::{EnvironmentEntry, Setting};

pub use associative_recall::AssociativeRecall;
pub use autoencode::Autoencode;
pub use copy::Copying;
pub use count_recall::CountRecall;
pub use glyph_recall::{GlyphRecall, GlyphSettings, Glyphs};
pub use memory_chain::MemoryChain;
pub use recall::{Recall, Recital, Script, Shown};
pub use recurring_bandit::{RecurringArms, RecurringBandit, RecurringSettings};
pub use repeat_first::RepeatFirst;
pub use repeat_previous::RepeatPrevious;
pub use t_maze::{Form, Maze, Place, TMaze};

/// All of them, by name.
pub fn all() -> Vec<EnvironmentEntry> {
    vec![
        MemoryChain::entry(),
        TMaze::entry(),
        RepeatFirst::entry(),
        RepeatPrevious::entry(),
        CountRecall::entry(),
        Autoencode::entry(),
        Copying::entry(),
        AssociativeRecall::entry(),
        RecurringBandit::entry(),
        GlyphRecall::entry(),
    ]
}

/// Episodes of a trial.
pub const EPISODES: Setting = Setting::count(
    "episodes",
    1,
    1..=1_000_000,
    "episodes of a trial, each of which draws anew what it shows",
);

#[cfg(test)]
mod recall_tests;
