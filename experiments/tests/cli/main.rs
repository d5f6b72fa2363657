//! The command line, run as a program.

mod attacks;
mod commands;
mod cuda;
mod errors;
mod golden;
mod lab;
mod maml;
mod maml_audit;
mod render;
mod same_bits;
mod split;
mod tables;
