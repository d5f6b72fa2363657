//! What must hold of a training, on every backend.

mod allocations;
mod backends;
mod bits;
mod common;
mod continuous;
mod curves;
mod equivalence;
mod gradients;
mod learning;
mod memory;
mod sabotage;
mod settings;
