//! The engine without a terminal: what there is by name, the configuration of a
//! run, its folder, the run from its first update to the comparison with other
//! learners, and the exact answers that it is measured against.
//!
//! A [`Session`](session::Session) holds what all work shares. A
//! [`RunConfig`](config::RunConfig) comes of a preset or a file and overrides;
//! [`launch`] makes the folder of a run, and [`runner`] takes it from wherever it
//! stands to its end. Whoever started it hears how far it is as an
//! [`Observer`](observer::Observer), and may [`Stop`](stop::Stop) it.
//!
//! The one place where a string becomes a type is the
//! [`Registry`](registry::Registry). This crate asks the machine and the clock; it
//! must not print, and must not know the command line.

pub mod beliefs;
pub mod comparison;
pub mod config;
pub mod conformance;
pub mod deviation;
pub mod ensemble;
pub mod exports;
pub mod failure;
pub mod farm;
pub mod folders;
pub mod group;
#[allow(clippy::disallowed_methods, reason = "it describes the machine")]
pub mod host;
pub mod indices;
pub mod invocation;
pub mod keys;
pub mod launch;
pub mod learners;
pub mod numbers;
pub mod observer;
pub mod opponents;
pub mod oracles;
pub mod overrides;
pub mod panics;
pub mod pictures;
pub mod presets;
pub mod ranks;
pub mod references;
pub mod registry;
pub mod replay;
pub mod room;
#[allow(
    clippy::disallowed_methods,
    reason = "it measures how long a training took"
)]
pub mod runner;
pub mod scenes;
pub mod schema;
pub mod session;
pub mod settings;
pub mod silence;
pub mod split;
mod standard;
pub mod stop;
pub mod sweep;
pub mod teachers;
pub mod transfer;
