//! The environments and their oracles, through the interfaces that everything
//! else uses.

mod all;
mod chain;
mod common;
mod dirichlet_mdp;
mod known_task;
mod river_swim;
mod two_step;
