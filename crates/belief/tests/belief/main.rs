//! Beliefs of which of three doors pays.

mod allocations;
mod doors;
mod equal_rewards;
mod losses;
mod memory;
mod refused;
mod schedules;
mod training;
