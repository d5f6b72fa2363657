//! Progress of long work, on standard error: a bar on a terminal, plain lines
//! at intervals elsewhere.

use crate::console::{duration, short};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt::Display;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// Time between plain lines.
const INTERVAL: Duration = Duration::from_secs(10);

/// How far a training is.
pub(crate) struct Progress {
    bar: ProgressBar,
    plain: bool,
    total: u64,
    first: u64,
    first_steps: u64,
    start: Instant,
    said: Instant,
}

impl Progress {
    /// `done` of `total` updates are done, and `env_steps` environment steps.
    pub(crate) fn new(label: &str, total: u64, done: u64, env_steps: u64) -> Self {
        let plain = !stderr().is_terminal();
        let target = match plain {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr_with_hz(8),
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        let template = "{prefix} {wide_bar} {pos}/{len} updates  {msg}";
        // The template is a constant; the default style stands in if it is wrong.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_prefix(label.to_owned());
        bar.set_position(done);
        let now = Instant::now();
        Self {
            bar,
            plain,
            total,
            first: done,
            first_steps: env_steps,
            start: now,
            said: now,
        }
    }

    /// One more update is done.
    pub(crate) fn update(&mut self, done: u64, env_steps: u64, mean_return: f64) {
        let seconds = self.start.elapsed().as_secs_f64();
        let rate = (env_steps - self.first_steps) as f64 / seconds;
        let left = seconds / (done - self.first) as f64 * (self.total - done) as f64;
        let message = format!(
            "return {mean_return:.3}  {} steps/s  {} left",
            short(rate),
            duration(left)
        );
        if self.plain && (self.said.elapsed() >= INTERVAL || done == self.total) {
            self.said = Instant::now();
            let (label, total) = (self.bar.prefix(), self.total);
            let _ = writeln!(stderr(), "{label}: update {done}/{total}  {message}");
        }
        self.bar.set_position(done);
        self.bar.set_message(message);
    }

    /// Says something without disturbing the bar.
    pub(crate) fn note(&self, text: impl Display) {
        self.bar.suspend(|| {
            let _ = writeln!(stderr(), "{text}");
        });
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
