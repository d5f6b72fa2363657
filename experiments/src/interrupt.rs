//! Stopping when asked to: the signals INT, TERM and HUP ask the work in
//! progress to save itself; a second one ends the process at once.

use std::io::{Write, stderr};
use std::ops::ControlFlow;
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether somebody asked the program to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    asked: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens from now on.
    pub(crate) fn listen() -> Self {
        let interrupt = Self::default();
        let asked = Arc::clone(&interrupt.asked);
        // Where no handler can be set, signals end the process, and the run is
        // resumed from its last checkpoint.
        let _ = ctrlc::set_handler(move || {
            if asked.swap(true, Ordering::SeqCst) {
                exit(130); // As a shell reports a process that INT ended.
            }
            let line = "stopping as soon as all is saved; press again to end at once";
            let _ = writeln!(stderr(), "\n{line}");
        });
        interrupt
    }

    /// Whether to go on.
    pub(crate) fn flow(&self) -> ControlFlow<()> {
        match self.asked() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// Whether it is time to stop.
    pub(crate) fn asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }
}
