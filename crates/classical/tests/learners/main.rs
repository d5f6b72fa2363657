//! Each bandit learner against choices worked out by hand and against statistics
//! with a fixed seed and a stated tolerance.

mod adversaries;
mod common;
mod conventions;
mod sampling;
mod scores;
