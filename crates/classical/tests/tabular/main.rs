//! Each tabular learner against choices worked out by hand and against
//! statistics with a fixed seed and a stated tolerance.

mod choices;
mod common;
mod returns;
