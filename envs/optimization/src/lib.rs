//! Functions to be minimized: an agent sees value and gradient where it is and says which
//! parameters to go to. So an optimizer is a policy, and a learned one is trained and
//! measured like any agent, beside those of the literature and on the same tasks.
//!
//! What a step pays is by how much the loss that counts fell, so that the rewards so far
//! are minus the loss, and the return of a trial is minus the loss at its end. Rows are
//! those of [`rl_core::Sight`], and every task is an [`rl_core::Objective`] too, for
//! learners that differentiate through their steps.
//!
//! This crate must not know of any optimizer, thread or file.

mod behaviour;
mod descent;
mod fit;
mod float;
mod glyphs;
mod network;
mod plot;
mod quadratics;
mod sinusoids;

pub use descent::{Descent, Differentiated, Function};
pub use fit::Fit;
pub use float::Float;
pub use glyphs::{Glyphs, GlyphsSettings};
pub use network::{Activation, Loss, Network, Rows, Scratch};
pub use quadratics::{Quadratic, Quadratics};
pub use sinusoids::{Sinusoids, SinusoidsSettings};

use rl_core::EnvironmentEntry;

/// All of them, by name.
pub fn all() -> Vec<EnvironmentEntry> {
    vec![Quadratics::entry(), Sinusoids::entry(), Glyphs::entry()]
}
