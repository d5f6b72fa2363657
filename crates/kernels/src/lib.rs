//! Native `f32` kernels for recurrent actor-critics on the CPU.

mod backward;
mod buffer;
mod categorical;
mod gemm;
mod gru;
mod input;
mod loss;
mod lstm;
pub mod math;
mod network;
mod packed;
mod sgemm;
mod shape;
mod simd;
mod step;
mod workspace;

pub use categorical::{Choices, greedy, sample};
pub use input::{Inputs, NO_ACTION, Observations};
pub use loss::{LossGradients, LossSpec, LossSums, Objective, Samples, loss};
pub use network::{OutputGradients, Outputs};
pub use packed::Packed;
pub use sgemm::Sgemm;
pub use shape::{Cell, Entry, Layout, MAX_DIM, Observation, Shape, ShapeError};
pub use simd::Isa;
pub use workspace::Workspace;
