//! Native `f32` kernels for actor-critics with a memory on the CPU: trunks that read
//! trials, one step at a time for actors and whole trials forward and backward for
//! learners; heads on top of them; and the policies and losses on top of those.
//! [`mlp`] has feed-forward policies that are differentiated twice, for learners
//! that differentiate through their own updates, [`gates`] an LSTM that learns such
//! updates, and [`lanes`] one small network in many lanes side by side, for optimizers
//! that are learned coordinate by coordinate.
//!
//! A trunk is whatever keeps [`Trunk`]: it gives features and takes their gradient,
//! so that any head and any loss can stand on it. [`Recurrent`] is the GRU and the
//! LSTM; [`Blocks`] are stacks of residual blocks that scan or attend; [`Index`] gives
//! every arm of a bandit an index; [`Layers`] remember nothing. A [`Network`] is a trunk with linear [`Heads`] for a
//! policy and a value; [`Categorical`] and [`Gaussian`] choose by the policy's outputs
//! and have the losses.
//!
//! The unit of work is a *tile*: some lanes, best a multiple of 8 and 16 to 64 of
//! them, through some steps. All buffers are time-major and row-major,
//! `[steps][lanes][...]`. One thread works on one tile at a time with its own
//! [`NetworkWork`]; the packed weights are shared. The crate allocates nothing once a
//! workspace has seen its largest tile. It must not know environments, tensor
//! libraries, threads, the clock or generators of random numbers.
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
//! let mut network = Network::new(Recurrent::new(shape)?, Policy::Categorical(3))?;
//! let mut params = vec![0.0; network.parameters()];
//! let policy_bias = network.entries()[5];
//! params[policy_bias.range()].copy_from_slice(&[0.0, 1.0, 0.0]);
//! network.pack(&params); // once per update
//! let mut work = network.work(); // once per thread
//! let mut policy = Categorical::new(3, Isa::best());
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
//! let outputs = Outputs { policy: &mut logits, values: &mut values };
//! network.step(&mut work, &inputs, &mut memory, outputs);
//! let (mut actions, mut log_probs) = ([0; 2], [0.0; 2]);
//! let choices = Choices { actions: &mut actions, log_probs: &mut log_probs };
//! policy.sample(&logits, &[0.1, 0.5], choices);
//! assert_eq!(actions, [0, 1]);
//!
//! // Update: the same two lanes as trials of one step.
//! let trials = Trials { lanes: 2, inputs };
//! let outputs = Outputs { policy: &mut logits, values: &mut values };
//! network.forward(&mut work, trials, outputs);
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
//! let gradients = LossGradients { policy: &mut d_logits, values: &mut d_values };
//! let sums = policy.loss(&spec, &samples, (&logits, &values), gradients);
//! assert_eq!(sums.clipped, 0.0); // nothing has changed since the rollout
//! let mut gradient = vec![0.0; params.len()];
//! let gradients = OutputGradients { policy: &d_logits, values: &d_values };
//! network.backward(&mut work, trials, gradients, &mut gradient);
//! // Descent makes the rewarded action more probable.
//! assert!(gradient[policy_bias.offset + 1] < 0.0);
//! # Ok::<(), ShapeError>(())
//! ```
//!
//! # Reproducibility
//! Results depend on the arguments and the instruction set alone. A lane's
//! outputs are the same to the bit in a step and in a sequence, whatever tile it
//! is in; AVX-512, AVX2 and NEON give the same bits, gradients included. A gradient is
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

mod blocks;
mod buffer;
mod categorical;
mod dense;
pub mod gates;
mod gaussian;
mod gemm;
mod heads;
mod index;
mod input;
pub mod lanes;
mod layers;
mod loss;
pub mod math;
pub mod mlp;
mod network;
mod recurrent;
mod sgemm;
mod simd;
mod trunk;

pub use blocks::{Blocks, BlocksMemory, BlocksShape, BlocksWork, Join, Mixer, Positions};
pub use categorical::{Categorical, Choices, Imitation, Labels};
pub use gaussian::{Gaussian, GaussianOutputs};
pub use heads::{Heads, HeadsWork, OutputGradients, Outputs, Policy};
pub use index::{Index, IndexShape, IndexWork};
pub use input::{Inputs, MAX_DIM, NO_ACTION, Observation, Observations, ShapeError, Trials};
pub use layers::{Layers, LayersShape, LayersWork};
pub use loss::{LossGradients, LossSpec, LossSums, Objective, Samples};
pub use network::{Network, NetworkWork};
pub use recurrent::{Cell, Layout, Recurrent, Shape, Workspace};
pub use sgemm::Sgemm;
pub use simd::Isa;
pub use trunk::{Entry, Flops, OnTop, Trunk, TrunkBytes};
