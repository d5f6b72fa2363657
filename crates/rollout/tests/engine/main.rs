//! The engine's promises: the same bits for any number of workers and either
//! way of collecting, and failures that say where.

mod bits;
mod common;
mod failures;
mod ranks;
mod watch;
