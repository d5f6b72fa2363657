//! What must hold of a training, however tasks share.

mod common;
mod equal_rewards;
mod finite;
mod memory;
mod streams;
