//! Progress of long work, on standard error: a bar on a terminal, plain lines
//! at intervals elsewhere.

use crate::console::{duration, short};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt::Display;
use std::io::{IsTerminal, Write, stderr};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

/// Time between plain lines.
const INTERVAL: Duration = Duration::from_secs(10);

/// When there is something to say where there is no terminal.
struct Pace {
    plain: bool,
    start: Instant,
    said: Instant,
}

impl Pace {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            plain: !stderr().is_terminal(),
            start: now,
            said: now,
        }
    }

    fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Says a line if it is time for one, or it is the last.
    fn say(&mut self, last: bool, line: impl Display) {
        if self.plain && (last || self.said.elapsed() >= INTERVAL) {
            self.said = Instant::now();
            let _ = writeln!(stderr(), "{line}");
        }
    }
}

/// How far a training is.
pub(crate) struct Progress {
    bar: ProgressBar,
    pace: Pace,
    total: u64,
    first: u64,
    first_steps: u64,
}

/// A hidden bar where there is no terminal.
fn bar(total: u64, template: &str) -> ProgressBar {
    let target = match stderr().is_terminal() {
        false => ProgressDrawTarget::hidden(),
        true => ProgressDrawTarget::stderr_with_hz(8),
    };
    let bar = ProgressBar::with_draw_target(Some(total), target);
    // Templates are constants; the default style stands in if one is wrong.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar
}

impl Progress {
    /// `done` of `total` updates are done, and `env_steps` environment steps.
    pub(crate) fn new(label: &str, total: u64, done: u64, env_steps: u64) -> Self {
        let bar = bar(total, "{prefix} {wide_bar} {pos}/{len} updates  {msg}");
        bar.set_prefix(label.to_owned());
        bar.set_position(done);
        Self {
            bar,
            pace: Pace::new(),
            total,
            first: done,
            first_steps: env_steps,
        }
    }

    /// One more update is done.
    pub(crate) fn update(&mut self, done: u64, env_steps: u64, mean_return: f64) {
        let seconds = self.pace.seconds();
        let rate = (env_steps - self.first_steps) as f64 / seconds;
        let left = seconds / (done - self.first) as f64 * (self.total - done) as f64;
        let message = format!(
            "return {mean_return:.3}  {} steps/s  {} left",
            short(rate),
            duration(left)
        );
        let (label, total) = (self.bar.prefix(), self.total);
        let line = format!("{label}: update {done}/{total}  {message}");
        self.pace.say(done == total, line);
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

/// How many of the tasks of an evaluation a learner has met. Workers share it.
#[derive(Clone)]
pub(crate) struct Met(Arc<Counter>);

struct Counter {
    bar: ProgressBar,
    total: u64,
    pace: Mutex<Pace>,
}

impl Met {
    /// None of `total` tasks yet.
    pub(crate) fn new(label: &str, total: usize) -> Self {
        let bar = bar(total as u64, "{prefix} {wide_bar} {pos}/{len} tasks  {msg}");
        bar.set_prefix(label.to_owned());
        Self(Arc::new(Counter {
            bar,
            total: total as u64,
            pace: Mutex::new(Pace::new()),
        }))
    }

    /// So many more.
    pub(crate) fn more(&self, tasks: usize) {
        let Counter { bar, total, pace } = self.0.as_ref();
        let mut pace = pace.lock().unwrap_or_else(PoisonError::into_inner);
        bar.inc(tasks as u64);
        let (done, label) = (bar.position(), bar.prefix());
        let rate = done as f64 / pace.seconds();
        let left = total.saturating_sub(done) as f64 / rate;
        let message = format!("{} tasks/s  {} left", short(rate), duration(left));
        let line = format!("{label}: {done}/{total} tasks  {message}");
        pace.say(done == *total, line);
        bar.set_message(message);
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Work in a few parts of unequal length, shown by name on a terminal.
pub(crate) struct Stages {
    bar: ProgressBar,
}

impl Stages {
    /// So many parts.
    pub(crate) fn new(label: &str, total: usize) -> Self {
        let bar = bar(total as u64, "{prefix} {wide_bar} {pos}/{len}  {msg}");
        bar.set_prefix(label.to_owned());
        Self { bar }
    }

    /// The next part begins.
    pub(crate) fn begin(&self, index: usize, name: &str) {
        self.bar.set_position(index as u64);
        self.bar.set_message(name.to_owned());
    }

    /// A part is done: a line of its own where there is no terminal.
    pub(crate) fn done(&self, text: &str) {
        if !stderr().is_terminal() {
            let _ = writeln!(stderr(), "{text}");
        }
    }
}

impl Drop for Stages {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Work whose parts may each take long and say nothing on the way: what is being
/// done and since when, at intervals.
pub(crate) struct UnderWay {
    doing: Arc<Mutex<String>>,
    /// Dropped to end the thread that speaks.
    done: Option<Sender<()>>,
    speaker: Option<JoinHandle<()>>,
}

impl UnderWay {
    /// Nothing is being done yet.
    pub(crate) fn new(label: &str) -> Self {
        let doing = Arc::new(Mutex::new(String::new()));
        let (done, ended) = channel();
        let (heard, label) = (Arc::clone(&doing), label.to_owned());
        let speaker = spawn(move || {
            let start = Instant::now();
            while ended.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                let doing = heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let so_far = duration(start.elapsed().as_secs_f64());
                let _ = writeln!(stderr(), "{label}: {doing}, {so_far} so far");
            }
        });
        Self {
            doing,
            done: Some(done),
            speaker: Some(speaker),
        }
    }

    /// The next part begins.
    pub(crate) fn begin(&self, what: &str) {
        what.clone_into(&mut self.doing.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(speaker) = self.speaker.take() {
            // It holds nothing whose loss would matter.
            let _ = speaker.join();
        }
    }
}
