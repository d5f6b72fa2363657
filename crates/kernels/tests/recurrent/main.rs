//! Networks: outputs, losses and gradients against plain `f64` code, the elementary
//! functions, wrong arguments, and that nothing allocates.

mod allocations;
mod blocks;
mod common;
mod features;
mod gaussian;
mod gradients;
mod imitation;
mod index;
mod interface;
mod layers;
mod math;
mod outputs;
mod pinned;
