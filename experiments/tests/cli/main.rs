//! The command line, run as a program.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests wait, bound times, and say what they tried"
)]

mod attacks;
mod baseline_variance;
mod belief;
mod book;
mod combination;
mod commands;
mod cuda;
mod durability;
mod elsewhere;
mod errors;
mod export;
mod golden;
mod help;
mod inputs;
mod lab;
mod learned_optimizer;
#[cfg(feature = "torch")]
mod libtorch;
mod machine;
mod made;
mod maml;
mod maml_audit;
mod memory;
mod multi_task;
mod render;
mod reproduce;
mod same_bits;
mod side_by_side;
mod split;
mod sweep;
mod tables;
mod teachers;
mod transfer;
mod unroll_audit;
mod watch;
#[cfg(not(feature = "torch"))]
mod without_torch;
