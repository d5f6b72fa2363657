//! The command line, run as a program.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests wait, bound times, and say what they tried"
)]

mod attacks;
mod baseline_variance;
mod belief;
mod combination;
mod commands;
mod cuda;
mod durability;
mod elsewhere;
mod errors;
mod golden;
mod inputs;
mod lab;
#[cfg(feature = "torch")]
mod libtorch;
mod machine;
mod maml;
mod maml_audit;
mod memory;
mod render;
mod same_bits;
mod side_by_side;
mod split;
mod tables;
mod teachers;
#[cfg(not(feature = "torch"))]
mod without_torch;
