//! Standard output and standard error. Neither can stop the work: when nobody
//! reads any more it goes on in silence, and what cannot be written at once to
//! standard error is not waited for.

use lab::failure::{Exit, Failure};
use rl_core::{is_hidden, shown};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::fmt::{Display, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What a pipe takes without making its writer wait, once it takes anything.
const CHUNK: usize = 4096;
/// How long a remark on standard error waits for a slow reader.
const REMARK: Duration = Duration::from_secs(1);
/// Time between two looks whether to go on waiting.
const TICK: Duration = Duration::from_millis(100);

/// Why nothing is written to standard output any more.
#[derive(Clone, Debug)]
enum Closed {
    /// Its reader has gone, or did not read while the work was to be stopped.
    Unread,
    /// What the system said.
    Failed { why: String, full: bool },
}

static CLOSED: Mutex<Option<Closed>> = Mutex::new(None);
static STOPPING: OnceLock<Arc<AtomicBool>> = OnceLock::new();
/// The terminals of standard output and standard error.
static OUT: LazyLock<Option<File>> = LazyLock::new(|| terminal(io::stdout().as_fd()));
static ERR: LazyLock<Option<File>> = LazyLock::new(|| terminal(io::stderr().as_fd()));

/// Lets a reader of standard output who does not read be given up once this is
/// set.
pub(crate) fn stop_waiting_when(asked: Arc<AtomicBool>) {
    // Whoever comes second stops the same work.
    let _ = STOPPING.set(asked);
}

/// JSON in which nothing is hidden: serde leaves some control characters as they
/// are, which can only be within strings.
pub(crate) fn shown_in_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        match is_hidden(character) {
            // All of them are below 0x10000.
            true => write!(safe, "\\u{:04x}", u32::from(character)).unwrap_or_default(),
            false => safe.push(character),
        }
    }
    safe
}

/// Writes a line to standard output; whether anybody may have read it.
pub(crate) fn result(line: &str) -> bool {
    if closed().is_some() {
        return false;
    }
    let stopping = || {
        STOPPING
            .get()
            .is_some_and(|asked| asked.load(Ordering::SeqCst))
    };
    let out = io::stdout();
    let file = OUT.as_ref().map_or(out.as_fd(), AsFd::as_fd);
    let written = write(file, &format!("{line}\n"), |_| !stopping());
    let closed = match written {
        Ok(true) => return true,
        Ok(false) => Closed::Unread,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Closed::Unread,
        Err(error) => Closed::Failed {
            full: record::is_full(&error),
            why: error.to_string(),
        },
    };
    *CLOSED.lock().unwrap_or_else(PoisonError::into_inner) = Some(closed);
    false
}

fn closed() -> Option<Closed> {
    CLOSED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Whether all results could be written that somebody wanted to read.
///
/// # Errors
/// Why they could not.
pub(crate) fn written() -> Result<(), Failure> {
    match closed() {
        Some(Closed::Failed { why, full }) => {
            let message = format!("cannot write to standard output: {why}");
            let exit = match full {
                true => Exit::FullDisk,
                false => Exit::Internal,
            };
            Err(Failure::new(exit, message))
        }
        Some(Closed::Unread) | None => Ok(()),
    }
}

/// The reader of the results has what it wants, as in `experiments list | head`, or
/// they could not be written.
pub(crate) fn unread() -> Failure {
    written().err().unwrap_or(Failure::new(Exit::Done, ""))
}

/// Who speaks, where it is one of several processes.
static SPEAKER: OnceLock<String> = OnceLock::new();

/// Has remarks say from now on who speaks.
pub(crate) fn speak_as(name: String) {
    // Nobody changes names.
    let _ = SPEAKER.set(name);
}

/// A remark on standard error, which waits a moment for a slow reader.
pub(crate) fn remark(text: impl Display) {
    let speaker = SPEAKER
        .get()
        .map_or(String::new(), |name| format!("{name}: "));
    let text = shown(&text.to_string()).to_string();
    to_errors(&format!("{speaker}{text}\n"), REMARK);
}

/// A remark that may be missed: work in progress does not wait for its reader.
pub(crate) fn remark_in_passing(text: impl Display) {
    draw(&format!("{}\n", shown(&text.to_string())));
}

/// What a terminal obeys, on standard error: as much as it takes at once.
pub(crate) fn draw(text: &str) {
    to_errors(text, Duration::ZERO);
}

/// What a terminal is left with, on standard error: it waits a moment for a slow one.
pub(crate) fn leave(text: &str) {
    to_errors(text, REMARK);
}

fn to_errors(text: &str, patience: Duration) {
    let err = io::stderr();
    let file = ERR.as_ref().map_or(err.as_fd(), AsFd::as_fd);
    // Nothing is lost if nobody listens.
    drop(write(file, text, |waited| waited < patience));
}

/// A terminal, opened once more so that it makes no writer wait: it says that it
/// takes something where it takes less than is to be written, and whoever writes
/// waits for the rest. The flag is not set on the file that was handed down, which
/// is the shell's too.
fn terminal(file: BorrowedFd<'_>) -> Option<File> {
    let mut options = OpenOptions::new();
    let options = options
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    // One that cannot be opened is written to as it is.
    file.is_terminal().then(|| options.open(path).ok())?
}

/// Writes a text as long as it is worth waiting, which `patience` says of the time
/// that was waited; whether all was written.
fn write(
    file: BorrowedFd<'_>,
    text: &str,
    patience: impl Fn(Duration) -> bool,
) -> io::Result<bool> {
    let mut left = text.as_bytes();
    let mut since = Instant::now();
    while !left.is_empty() {
        let written = match is_ready(file, Duration::ZERO) {
            true => rustix::io::write(file, &left[..left.len().min(CHUNK)]),
            false => Err(Errno::AGAIN),
        };
        match written {
            Ok(written) => (left, since) = (&left[written..], Instant::now()),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) if !patience(since.elapsed()) => return Ok(false),
            // A terminal that lacks room for the two bytes of a line's end says that
            // it is ready all the same.
            Err(Errno::AGAIN) if is_ready(file, TICK) => sleep(TICK / 100),
            Err(Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

/// Whether a file takes something, or fails at once, within this time.
fn is_ready(file: BorrowedFd<'_>, wait: Duration) -> bool {
    let mut files = [PollFd::from_borrowed_fd(file, PollFlags::OUT)];
    let wait = Timespec {
        tv_sec: 0,
        tv_nsec: i64::from(wait.subsec_nanos()),
    };
    match poll(&mut files, Some(&wait)) {
        Ok(ready) => ready > 0,
        // What cannot be asked is tried.
        Err(error) => error != Errno::INTR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_hides_nothing_and_keeps_its_value() {
        let json = serde_json::to_string("\x1b\u{7f}\u{9b}\n").unwrap();
        let safe = shown_in_json(&json);
        assert_eq!(safe, r#""\u001b\u007f\u009b\n""#);
        assert_eq!(
            serde_json::from_str::<String>(&safe).unwrap(),
            "\x1b\u{7f}\u{9b}\n"
        );
    }
}
