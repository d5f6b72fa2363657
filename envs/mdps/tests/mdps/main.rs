//! The environments and their oracles, through the interfaces that everything
//! else uses.

mod all;
mod chain;
mod common;
mod descriptions;
mod dirichlet_mdp;
mod known_task;
mod pictures;
mod river_swim;
mod statistics;
mod two_step;
