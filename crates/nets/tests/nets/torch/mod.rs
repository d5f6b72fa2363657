//! What computes with libtorch.

mod common;
mod heads;
mod init;
mod losses;
mod mlp;
mod optim;
mod params;
mod sequence;
