//! The environments, their oracles and the policies that know their rules,
//! through the interfaces that everything else uses.

mod behaviour;
mod belief;
mod common;
mod dark_key_door;
mod environments;
mod gridnavi;
mod known_goal;
mod pictures;
