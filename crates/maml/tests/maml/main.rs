//! What must hold of the crate. Memory is watched in a binary of its own.

mod allocations;
mod common;
mod fixed;
mod gradients;
mod learning;
mod settings;
mod torch;
mod training;
