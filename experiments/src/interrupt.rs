//! Stopping when asked to: the signals INT, TERM and HUP ask the work in
//! progress to save itself; a second one ends the process at once. Work that
//! has nothing to save, or does not come to an end, is ended.

use crate::failure::Exit;
use crate::output::{self, remark};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::{emulate_default_handler, exit};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long work may take to stop and save itself.
const GRACE: Duration = Duration::from_secs(8);
/// Time between two looks whether somebody asked.
const TICK: Duration = Duration::from_millis(50);
/// What a shell reports of a process that INT ended.
const TWICE: i32 = 130;

/// Whether somebody asked the program to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    asked: Arc<AtomicBool>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// How much work is in progress that has nothing to save.
    unsaved: AtomicUsize,
    /// What to say when the work is ended: how it goes on. `None` as long as there
    /// is nothing that could.
    farewell: Mutex<Option<String>>,
    /// The signal that came last.
    signal: Arc<AtomicUsize>,
}

/// Whether the command has come to its end, of which it speaks itself. Whoever
/// speaks of the end of the process holds it.
static OVER: Mutex<bool> = Mutex::new(false);

fn over() -> MutexGuard<'static, bool> {
    OVER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The command has come to its end; signals are not answered any more.
pub(crate) fn conclude() {
    *over() = true;
}

impl Interrupt {
    /// Listens from now on; `asked` is set when somebody asks.
    pub(crate) fn listen(asked: &Arc<AtomicBool>) -> Self {
        let interrupt = Self {
            asked: Arc::clone(asked),
            shared: Arc::default(),
        };
        output::stop_waiting_when(Arc::clone(asked));
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            // As of a job of `nohup`, or one in the background of a script.
            if is_ignored(signal) {
                continue;
            }
            // Where no handler can be set, signals end the process, and the run
            // is resumed from its last checkpoint. The first of the two sees
            // what the second has set at the signal before.
            let _ = flag::register_conditional_shutdown(signal, TWICE, Arc::clone(asked));
            let last = Arc::clone(&interrupt.shared.signal);
            let _ = flag::register_usize(signal, last, signal as usize);
            let _ = flag::register(signal, Arc::clone(asked));
        }
        let watched = interrupt.clone();
        // Without the thread the work is not ended, but stops when it can.
        let name = thread::Builder::new().name("signals".to_owned());
        let _ = name.spawn(move || watched.watch());
        interrupt
    }

    /// Waits until somebody asks, and then no longer than [`GRACE`].
    fn watch(&self) {
        while !self.asked() {
            thread::sleep(TICK);
        }
        let since = Instant::now();
        if !self.nothing_to_save() {
            let over = over();
            if !*over {
                remark("\nstopping as soon as all is saved; press again to end at once");
            }
        }
        while !self.nothing_to_save() && since.elapsed() < GRACE {
            thread::sleep(TICK);
        }
        let over = over();
        if *over {
            return;
        }
        let Some(farewell) = self.farewell().clone() else {
            let signal = self.shared.signal.load(Ordering::SeqCst) as i32;
            let _ = emulate_default_handler(signal);
            exit(128 + signal);
        };
        remark(format!("error: {farewell}"));
        exit(Exit::Stopped as i32);
    }

    fn farewell(&self) -> MutexGuard<'_, Option<String>> {
        let farewell = self.shared.farewell.lock();
        farewell.unwrap_or_else(PoisonError::into_inner)
    }

    fn nothing_to_save(&self) -> bool {
        self.shared.unsaved.load(Ordering::SeqCst) > 0 || self.farewell().is_none()
    }

    /// What to say from now on if the work has to be ended: how it goes on. Until
    /// then a signal ends the process as it does by itself.
    pub(crate) fn on_end(&self, farewell: String) {
        *self.farewell() = Some(farewell);
    }

    /// Does something that may take long and has nothing to save, so that the
    /// process ends at once when somebody asks meanwhile.
    pub(crate) fn at_once<R>(&self, work: impl FnOnce() -> R) -> R {
        struct Leave<'a>(&'a AtomicUsize);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.shared.unsaved.fetch_add(1, Ordering::SeqCst);
        let _leave = Leave(&self.shared.unsaved);
        work()
    }

    /// Whether it is time to stop.
    pub(crate) fn asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Whether whoever started the process had it ignore a signal.
fn is_ignored(signal: i32) -> bool {
    // Asking the system itself would not be safe Rust.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
