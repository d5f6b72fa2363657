//! Native `f32` kernels for a recurrent actor-critic on the CPU: a GRU or LSTM
//! with a policy head over discrete actions and a value head, one step at a time
//! for actors, and whole sequences forward and backward for learners, with the
//! losses in between. [`mlp`] has feed-forward policies that are differentiated
//! twice, for learners that differentiate through their own updates.
//!
//! The unit of work is a *tile*: some lanes, best a multiple of 8 and 16 to 64 of
//! them, through some steps. All buffers are time-major and row-major,
//! `[steps][lanes][...]`. One thread works on one tile at a time with its own
//! [`Workspace`]; the packed weights, [`Packed`], are shared. The crate allocates
//! nothing once a workspace has seen its largest tile. It must not know
//! environments, tensor libraries, threads, the clock or generators of random
//! numbers.
//!
//! ```
//! use kernels::*;
//!
//! let shape = Shape {
//!     cell: Cell::Gru,
//!     observation: Observation::None, // a bandit
//!     hidden: 20,
//!     actions: 3,
//! };
//! let mut packed = Packed::new(shape)?;
//! let mut params = vec![0.0; packed.layout().len()];
//! params[packed.layout().policy_bias.range()].copy_from_slice(&[0.0, 1.0, 0.0]);
//! packed.pack(&params); // once per update
//! let mut work = Workspace::new(&packed); // once per thread
//!
//! // Rollout: two lanes, first step of their trials.
//! let inputs = Inputs {
//!     observations: Observations::None,
//!     prev_action: &[NO_ACTION; 2],
//!     prev_reward: &[0.0; 2],
//!     boundary: &[1.0; 2],
//!     reset: &[true; 2],
//! };
//! let mut memory = vec![0.0; 2 * shape.memory_width()];
//! let (mut logits, mut values) = ([0.0; 6], [0.0; 2]);
//! let outputs = Outputs { logits: &mut logits, values: &mut values };
//! packed.step(&mut work, &inputs, &mut memory, outputs);
//! let (mut actions, mut log_probs) = ([0; 2], [0.0; 2]);
//! let choices = Choices { actions: &mut actions, log_probs: &mut log_probs };
//! sample(&mut work, &logits, &[0.1, 0.5], choices);
//! assert_eq!(actions, [0, 1]);
//!
//! // Update: the same two lanes as a sequence of one step.
//! let start = vec![0.0; 2 * shape.memory_width()];
//! let outputs = Outputs { logits: &mut logits, values: &mut values };
//! packed.forward(&mut work, &inputs, &start, outputs);
//! let samples = Samples {
//!     actions: &actions,
//!     old_log_probs: &log_probs,
//!     advantages: &[-1.0, 1.0],
//!     returns: &[0.0, 1.0],
//!     weights: &[0.5; 2],
//! };
//! let spec = LossSpec {
//!     objective: Objective::Clipped { clip: 0.2 },
//!     value_coef: 0.5,
//!     entropy_coef: 0.01,
//! };
//! let (mut d_logits, mut d_values) = ([0.0; 6], [0.0; 2]);
//! let gradients = LossGradients { logits: &mut d_logits, values: &mut d_values };
//! let sums = loss(&mut work, &spec, &samples, (&logits, &values), gradients);
//! assert_eq!(sums.clipped, 0.0); // nothing has changed since the rollout
//! let mut gradient = vec![0.0; params.len()];
//! let gradients = OutputGradients { logits: &d_logits, values: &d_values };
//! packed.backward(&mut work, &inputs, gradients, &mut gradient);
//! // Descent makes the rewarded action more probable.
//! assert!(gradient[packed.layout().policy_bias.offset + 1] < 0.0);
//! # Ok::<(), ShapeError>(())
//! ```
//!
//! # Reproducibility
//! Results depend on the arguments and the instruction set alone. A lane's
//! outputs are the same to the bit in a step and in a sequence, whatever tile it
//! is in; AVX-512 and AVX2 give the same bits, gradients included. A gradient is
//! a sum over the lanes of its tile in a fixed order, so that other tiles round
//! differently.
//!
//! # Limits
//! Inputs must be finite, also those of samples of weight 0: one NaN spreads over
//! its lane's memory, the losses and the whole gradient, so that a check of the
//! gradient's norm finds it.

#![allow(
    unsafe_code,
    reason = "vector instructions, and buffers that are not cleared first"
)]

mod backward;
mod buffer;
mod categorical;
mod gemm;
mod gru;
mod input;
mod loss;
mod lstm;
pub mod math;
pub mod mlp;
mod network;
mod packed;
mod sgemm;
mod shape;
mod simd;
mod step;
mod sums;
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
