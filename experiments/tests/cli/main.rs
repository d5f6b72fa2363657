//! The command line, run as a program.

mod commands;
mod errors;
mod lab;
mod same_bits;
