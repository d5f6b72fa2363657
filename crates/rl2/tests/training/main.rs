//! What must hold of a training, on every backend.

mod allocations;
mod backends;
mod bits;
mod blocks;
mod common;
mod continuous;
#[cfg(feature = "torch")]
mod curves;
mod equal_rewards;
mod equivalence;
mod finite;
mod gradients;
mod index;
mod leaky;
mod learning;
mod memory;
#[cfg(feature = "torch")]
mod on_torch;
mod reinforce;
mod sabotage;
mod settings;
mod streams;
mod transcript;
#[cfg(feature = "torch")]
mod twins;
