//! What the network parts promise, through their public interface.

mod common;
mod declared;
mod init;
mod layout;
mod optim;
#[cfg(feature = "torch")]
mod torch;
