//! What must hold of the crate. Memory is watched in a binary of its own.

mod allocations;
mod common;
mod equal_rewards;
mod finite;
mod fixed;
mod gradients;
mod learning;
mod settings;
mod streams;
#[cfg(feature = "torch")]
mod torch;
mod training;
