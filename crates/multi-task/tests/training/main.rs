//! What must hold of a training, however tasks share.

mod allocations;
mod common;
mod equal_rewards;
mod finite;
mod memory;
mod refused;
mod schedules;
mod streams;
