//! Beliefs of which of three doors pays.

mod doors;
mod losses;
mod refused;
mod training;
