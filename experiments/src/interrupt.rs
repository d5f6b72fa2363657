//! Stopping when asked to: the signals INT, TERM and HUP ask the work in
//! progress to save itself; a second one ends the process at once. Work that
//! has nothing to save, or does not come to an end, is ended.

use crate::output::{self, remark};
use crate::ranks;
use lab::failure::Exit;
use lab::stop::Stop;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use signal_hook::low_level::{emulate_default_handler, exit};
use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long work may take to stop and save itself.
const GRACE: Duration = Duration::from_secs(8);
/// Time between two looks whether somebody asked.
const TICK: Duration = Duration::from_millis(50);
/// What a shell reports of a process that INT ended.
const TWICE: i32 = 130;

/// Signals, which ask the work of a session to stop.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt {
    stop: Stop,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// What to say when the work is ended: how it goes on. `None` as long as there
    /// is nothing that could.
    farewell: Mutex<Option<String>>,
    /// The signal that came last.
    signal: Arc<AtomicUsize>,
}

/// Whether USR1 came, that `mpirun` passes on to a rank, maybe before there is a run.
static PASSED_ON: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Has USR1 end nothing from now on. It asks the work to stop that begins later, for
/// who sent it is to find a run that can be resumed.
pub(crate) fn wait_for_usr1() {
    // Where no handler can be set, the process ends, and is started again.
    let _ = flag::register(SIGUSR1, Arc::clone(&PASSED_ON));
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
    /// Listens from now on. Work that has nothing to save is ended at once, as it
    /// is without this.
    pub(crate) fn listen(stop: &Stop) -> Self {
        let interrupt = Self {
            stop: stop.clone(),
            shared: Arc::default(),
        };
        let asked = stop.flag();
        output::stop_waiting_when(Arc::clone(asked));
        for signal in signals() {
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
        while !self.stop.asked() {
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
        self.stop.nothing_to_save() || self.farewell().is_none()
    }

    /// What to say from now on if the work has to be ended: how it goes on. Until
    /// then a signal ends the process as it does by itself.
    pub(crate) fn on_end(&self, farewell: String) {
        *self.farewell() = Some(farewell);
        if PASSED_ON.load(Ordering::SeqCst) {
            self.stop.flag().store(true, Ordering::SeqCst);
        }
    }
}

/// The signals that ask to stop. Those of several ranks come through `mpirun`, which ends
/// them within a second where it is asked itself, and passes USR1 on to all of them.
fn signals() -> Vec<i32> {
    let usual = [SIGHUP, SIGINT, SIGTERM];
    let more = (ranks::all().size() > 1).then_some(SIGUSR1);
    usual.into_iter().chain(more).collect()
}

/// Lets signals ask the work of a rank to stop that another one leads, and that stops
/// with that one. It hears of it in updates alone: a second signal ends it at once.
pub(crate) fn ask(stop: &Stop) {
    for signal in signals() {
        let _ = flag::register_conditional_shutdown(signal, TWICE, Arc::clone(stop.flag()));
        // Where no handler can be set, rank 0 is asked, or all are ended.
        let _ = flag::register(signal, Arc::clone(stop.flag()));
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

/// The lines on standard input. Its end, or a signal, asks the work to
/// stop; work that has nothing to save, or does not come to an end, is ended.
pub(crate) fn lines_until_the_end(stop: &Stop) -> impl Iterator<Item = String> {
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        if !is_ignored(signal) {
            // Where no handler can be set, the run is resumed from its last checkpoint.
            let _ = flag::register(signal, Arc::clone(stop.flag()));
        }
    }
    let (sender, receiver) = channel();
    let stop = stop.clone();
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            // The work has come to its end.
            if sender.send(line).is_err() {
                return;
            }
        }
        stop.flag().store(true, Ordering::SeqCst);
        drop(sender);
        let since = Instant::now();
        while !stop.nothing_to_save() && since.elapsed() < GRACE {
            thread::sleep(TICK);
        }
        exit(Exit::Stopped as i32);
    });
    receiver.into_iter()
}

/// Lets a write beyond the limit on the size of files fail as on a full disk,
/// which a run survives; without a handler, SIGXFSZ ends the process.
pub(crate) fn outlive_file_limits() {
    // Whether the flag is set is of no interest. Where no handler can be set, a run
    // is resumed from its last checkpoint.
    let _ = flag::register(libc::SIGXFSZ, Default::default());
}
