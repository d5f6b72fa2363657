//! What the network parts promise, through their public interface.

mod common;
mod heads;
mod init;
mod losses;
mod mlp;
mod optim;
mod params;
mod sequence;
