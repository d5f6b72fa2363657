//! What must hold of a training, on every backend.

mod backends;
mod bits;
#[path = "../common/mod.rs"]
mod common;
mod continuous;
mod curves;
mod equivalence;
mod gradients;
mod learning;
mod memory;
mod sabotage;
mod settings;
