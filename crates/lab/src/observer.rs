//! Whoever started the work, and hears how far it is.

use crate::failure::Failure;
use record::schema::EvalRow;

/// Hears of work in progress. Every work runs the same whoever observes it; `()` is
/// nobody.
pub trait Observer: Send + Sync {
    /// A remark on the way.
    fn note(&self, text: &str);

    /// Work begins. It is over once what is returned is dropped.
    fn begin(&self, work: Work<'_>) -> Box<dyn Progress>;
}

/// Work that may take long.
#[derive(Clone, Copy, Debug)]
pub enum Work<'a> {
    /// A training of so many updates.
    Training {
        /// What it is called.
        label: &'a str,
        /// The seed of its run.
        seed: u64,
        /// Updates of the whole training.
        total: u64,
        /// Updates that were done before.
        done: u64,
        /// Environment steps that were done before.
        env_steps: u64,
    },
    /// An evaluation, a part of other work.
    Evaluation {
        /// What it is called.
        label: &'a str,
        /// Tasks to meet.
        tasks: usize,
    },
    /// A few parts of unequal length.
    Parts {
        /// What it is called.
        label: &'a str,
        /// How many.
        total: usize,
    },
    /// Work that does not say how far it is.
    Waiting {
        /// What it is called.
        label: &'a str,
    },
}

/// Hears how far one work is; of each kind of work only what it can tell.
pub trait Progress: Send + Sync {
    /// `done` updates of a training are done, with so many environment steps; the
    /// trials of the last earned `mean_return`.
    fn updated(&self, _done: u64, _env_steps: u64, _mean_return: f64) {}

    /// The agent in training was tried on fresh tasks.
    ///
    /// # Errors
    /// To end the training.
    fn evaluated(&self, _row: &EvalRow) -> Result<(), Failure> {
        Ok(())
    }

    /// So many more tasks have been met.
    fn met(&self, _tasks: usize) {}

    /// A part begins, the first of which is 0.
    fn begins(&self, _index: usize, _name: &str) {}
}

impl Observer for () {
    fn note(&self, _text: &str) {}

    fn begin(&self, _work: Work<'_>) -> Box<dyn Progress> {
        Box::new(())
    }
}

impl Progress for () {}
