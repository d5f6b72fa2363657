//! Standard output and standard error. Neither can stop the work: when nobody
//! reads any more it goes on in silence, and what cannot be written at once to
//! standard error is not waited for.

use rl_core::{is_hidden, shown};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::fmt::{Display, Write as _};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
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
/// Whether the last remark could not be written.
static STUCK: AtomicBool = AtomicBool::new(false);

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
    let written = write(io::stdout().as_fd(), line, |_| !stopping());
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

/// Why results could not be written, unless their reader did not want them, and
/// whether it was for want of room.
pub(crate) fn failure() -> Option<(String, bool)> {
    match closed() {
        Some(Closed::Failed { why, full }) => Some((why, full)),
        Some(Closed::Unread) | None => None,
    }
}

/// A remark on standard error, which waits a moment for a slow reader.
pub(crate) fn remark(text: impl Display) {
    let patience = match STUCK.load(Ordering::Relaxed) {
        true => Duration::ZERO,
        false => REMARK,
    };
    let line = shown(&text.to_string());
    // Nothing is lost if nobody listens.
    let written = write(io::stderr().as_fd(), &line, |waited| waited < patience);
    STUCK.store(!matches!(written, Ok(true)), Ordering::Relaxed);
}

/// Whether standard error takes something at once.
pub(crate) fn is_heard() -> bool {
    is_ready(io::stderr().as_fd(), Duration::ZERO)
}

/// A line, as long as it is worth waiting, which `patience` says of the time that
/// was waited; whether all was written.
fn write(
    file: BorrowedFd<'_>,
    line: &str,
    patience: impl Fn(Duration) -> bool,
) -> io::Result<bool> {
    let line = format!("{line}\n");
    let mut left = line.as_bytes();
    let mut since = Instant::now();
    while !left.is_empty() {
        if !is_ready(file, Duration::ZERO) {
            if !patience(since.elapsed()) {
                return Ok(false);
            }
            if !is_ready(file, TICK) {
                continue;
            }
        }
        match rustix::io::write(file, &left[..left.len().min(CHUNK)]) {
            Ok(written) => (left, since) = (&left[written..], Instant::now()),
            Err(error) => match io::Error::from(error) {
                error if error.kind() == ErrorKind::Interrupted => {}
                error if error.kind() == ErrorKind::WouldBlock => {}
                error => return Err(error),
            },
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
