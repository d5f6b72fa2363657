//! Feed-forward policies and their derivatives.

mod common;
mod derivatives;
mod gates;
mod interface;
mod pinned;
