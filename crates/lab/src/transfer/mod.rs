//! How many steps in a new task it takes until what is earned there is near what knowing
//! the task would earn, for each way to begin.
//!
//! A [`NewTask`] is a fresh one, drawn as those of an evaluation are. What is earned is
//! measured in units, an episode or so many steps, and [`Target`] says how much of it is
//! enough. Ways to begin differ in how they come to earn more:
//!
//! - [`by_memory`]: whoever learns within a trial (an agent that remembers, a learner by
//!   hand) lives one trial. Copies of it, each in a trial of its own, tell what it earns
//!   in each unit on the mean; the steps are those of one copy.
//! - [`by_updates`]: a training in this task alone, from nothing or from what a run
//!   learned. All steps of all lanes count.
//! - [`by_adaptation`]: an agent that adapts by its own gradient steps. All steps of the
//!   trials that they are taken on count.
//!
//! In each of them the target is reached once a mean over experience is as high, those
//! steps included, and trials that are lived aside, which do not count, confirm it: a mean
//! over few trials is as high now and then by chance.

mod adaptation;
mod memory;
mod target;
mod trials;
mod updates;

pub use adaptation::by_adaptation;
pub use memory::by_memory;
pub use target::Target;
pub use trials::{Course, NewTask, Unit};
pub use updates::{Learns, by_updates};

use serde::{Deserialize, Serialize};

/// What counts as reached, and when it is given up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// What earnings are measured in.
    pub unit: Unit,
    /// Trials of each mean that is not of a training: of copies of an agent that
    /// remembers, of each policy that an adaptation comes to, and of confirmations.
    pub trials: usize,
    /// Steps that the running mean of a training goes back at least.
    pub window: u64,
    /// Steps in the task after which it is given up.
    pub budget: u64,
}

/// How learning one task went.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arrival {
    /// Steps in the task until the target was reached; `None` if it was not.
    pub steps: Option<f64>,
    /// Steps that were lived: those, or all that there were.
    pub lived: f64,
    /// What a unit earned on the mean at the end, as measured aside.
    pub earned: f64,
}

#[cfg(test)]
mod tests;
