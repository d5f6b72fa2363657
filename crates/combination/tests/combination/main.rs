//! The rules: what they earn beside what was worked out, and what they refuse.

mod common;
mod exact;
mod policies;
mod teachers;
