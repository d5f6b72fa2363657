//! Bars on a terminal that may take nothing for a while: what it does not take
//! at once is not drawn, and nobody waits for it.

use crate::output;
use indicatif::{MultiProgress, ProgressDrawTarget, TermLike};
use rustix::termios::{Winsize, tcgetwinsize};
use std::io::{self, IsTerminal, stderr};
use std::mem::take;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// Whether there is a terminal to draw bars on.
pub(super) fn is_terminal() -> bool {
    static ANSWER: LazyLock<bool> = LazyLock::new(|| stderr().is_terminal());
    *ANSWER
}

/// All bars, of which one may be a part of another's work; hidden ones where there
/// is no terminal.
pub(super) static BARS: LazyLock<MultiProgress> = LazyLock::new(|| {
    let target = match is_terminal() {
        false => ProgressDrawTarget::hidden(),
        true => ProgressDrawTarget::term_like_with_hz(Box::new(Unhurried::default()), 8),
    };
    MultiProgress::with_draw_target(target)
});

/// The terminal of standard error. A picture of the bars is collected until it is
/// whole.
#[derive(Debug, Default)]
struct Unhurried(Mutex<String>);

impl Unhurried {
    fn picture(&self) -> MutexGuard<'_, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, text: &str) -> io::Result<()> {
        self.picture().push_str(text);
        Ok(())
    }

    /// Moves the cursor, of which a terminal takes 0 for 1.
    fn go(&self, n: usize, direction: char) -> io::Result<()> {
        match n {
            0 => Ok(()),
            n => self.add(&format!("\x1b[{n}{direction}")),
        }
    }
}

/// Columns and rows, where the terminal knows them.
fn size() -> Option<Winsize> {
    tcgetwinsize(stderr())
        .ok()
        .filter(|size| size.ws_col > 0 && size.ws_row > 0)
}

impl TermLike for Unhurried {
    fn width(&self) -> u16 {
        size().map_or(80, |size| size.ws_col)
    }

    fn height(&self) -> u16 {
        size().map_or(24, |size| size.ws_row)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.go(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.go(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.go(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.go(n, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.add(text)?;
        self.add("\n")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.add(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.add("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        output::draw(&take(&mut *self.picture()));
        Ok(())
    }
}
