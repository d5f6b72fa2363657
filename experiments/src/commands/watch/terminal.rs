//! The terminal that is drawn on, and the keys that are pressed there.

use crate::output;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::flag;
use std::cell::Cell;
use std::io::{IsTerminal as _, stderr, stdin, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The terminal, as it was before it is drawn on.
pub(super) struct Terminal {
    before: Termios,
    asked: Arc<AtomicBool>,
    open: Cell<bool>,
}

impl Terminal {
    /// If there is one to read from and to draw on, and results go there too: a second
    /// screen, where keys are neither shown nor waited for.
    pub(super) fn open() -> Option<Self> {
        if !(stdin().is_terminal() && stderr().is_terminal() && stdout().is_terminal()) {
            return None;
        }
        let before = tcgetattr(stdin()).ok()?;
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            flag::register(signal, Arc::clone(&asked)).ok()?;
        }
        let mut quiet = before.clone();
        // Keys that signal are read as others are: none may end this before the terminal is
        // as it was.
        quiet.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        tcsetattr(stdin(), OptionalActions::Now, &quiet).ok()?;
        output::draw("\x1b[?1049h\x1b[?25l\x1b[2J");
        Some(Self {
            before,
            asked,
            open: Cell::new(true),
        })
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> (usize, usize) {
        let size = tcgetwinsize(stderr()).ok();
        let size = size.filter(|size| size.ws_col > 0 && size.ws_row > 0);
        size.map_or((80, 24), |size| (size.ws_col.into(), size.ws_row.into()))
    }

    /// Lines in the place of those before, in a terminal of so many rows.
    pub(super) fn draw(&self, lines: &[String], height: usize) {
        output::draw(&frame(lines, height));
    }

    /// Waits, but not if somebody asks for the end: by q, Escape, Ctrl-C, Ctrl-D, Ctrl-\, the
    /// end of input or a signal.
    pub(super) fn asked_within(&self, time: Duration) -> bool {
        let since = Instant::now();
        while let Some(left) = time.checked_sub(since.elapsed()) {
            let stdin = stdin();
            let mut keys = [PollFd::new(&stdin, PollFlags::IN)];
            let left = Timespec::try_from(left).ok();
            // A signal ends the waiting too.
            let ready = poll(&mut keys, left.as_ref()).unwrap_or(0);
            if self.asked.load(Ordering::SeqCst) {
                return true;
            }
            let mut pressed = [0_u8; 16];
            if ready > 0 {
                let count = rustix::io::read(&stdin, &mut pressed).unwrap_or(0);
                let ends = |key: &u8| matches!(key, b'q' | b'Q' | 0x03 | 0x04 | 0x1c);
                let escape = pressed[..count] == [0x1b];
                if count == 0 || escape || pressed[..count].iter().any(ends) {
                    return true;
                }
            }
        }
        false
    }

    /// Leaves the terminal as it was.
    pub(super) fn close(&self) {
        if self.open.replace(false) {
            output::leave("\x1b[?25h\x1b[?1049l");
            // A terminal that is gone needs nothing.
            let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.close();
    }
}

/// What draws lines from the top. A line is cleared before it is written: once it is full,
/// the cursor still stands on its last character, which clearing would take away.
fn frame(lines: &[String], height: usize) -> String {
    let rows: Vec<String> = lines.iter().map(|line| format!("\x1b[K{line}")).collect();
    let rest = match lines.len() < height {
        true => "\r\n\x1b[J",
        false => "",
    };
    format!("\x1b[H{}{rest}", rows.join("\r\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_cleared_behind_a_full_line() {
        let lines = ["abc".to_owned(), "def".to_owned()];
        assert_eq!(frame(&lines, 2), "\x1b[H\x1b[Kabc\r\n\x1b[Kdef");
        assert_eq!(frame(&lines, 3), "\x1b[H\x1b[Kabc\r\n\x1b[Kdef\r\n\x1b[J");
    }
}
