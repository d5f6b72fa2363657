//! The environments and their exact values, through the interfaces that everything else
//! uses.

mod all;
mod common;
mod definitions;
mod glyph_recall;
mod pictures;
mod recurring_bandit;
