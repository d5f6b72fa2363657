//! Work that is asked to stop.

use rollout::Pool;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Whether somebody asked the work of a session to stop, and whether it has
/// anything to save.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    /// How much work is in progress that has nothing to save.
    unsaved: Arc<AtomicUsize>,
}

impl Stop {
    /// To call off the work of a pool.
    pub(crate) fn of(pool: &Pool) -> Self {
        Self {
            asked: Arc::clone(pool.call_off()),
            unsaved: Arc::default(),
        }
    }

    /// Set it, from a signal handler say, and the work saves itself and stops.
    pub fn flag(&self) -> &Arc<AtomicBool> {
        &self.asked
    }

    /// Whether it is time to stop.
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    /// Whether work is in progress that has nothing to save and does not look
    /// whether it is asked to stop: the process may be ended.
    pub fn nothing_to_save(&self) -> bool {
        self.unsaved.load(Ordering::SeqCst) > 0
    }

    /// Does something that may take long and has nothing to save.
    pub fn at_once<R>(&self, work: impl FnOnce() -> R) -> R {
        struct Leave<'a>(&'a AtomicUsize);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.unsaved.fetch_add(1, Ordering::SeqCst);
        let _leave = Leave(&self.unsaved);
        work()
    }
}
