//! Progress of long work, on standard error: a bar on a terminal, plain lines
//! at intervals elsewhere.

use crate::console::{duration, short};
use crate::output::{is_heard, remark};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt::Display;
use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Time between plain lines.
const INTERVAL: Duration = Duration::from_secs(10);

/// Says on standard error where work stands, every ten seconds, where there is no
/// terminal to draw a bar on. A thread of its own says it, so that nothing that
/// takes long is silent.
struct Pace {
    start: Instant,
    /// `None` on a terminal.
    clock: Option<Arc<Clock>>,
}

#[derive(Default)]
struct Clock {
    state: Mutex<Standing>,
    over: Condvar,
}

#[derive(Default)]
struct Standing {
    status: String,
    /// Whether anything was said yet.
    said: bool,
    over: bool,
}

impl Pace {
    /// Work that stands here when it begins.
    fn new(status: impl Into<String>) -> Self {
        let clock = (!stderr().is_terminal()).then(|| {
            let clock = Arc::new(Clock::default());
            clock.state().status = status.into();
            let shared = Arc::clone(&clock);
            let ticking = move || {
                shared.tick(INTERVAL, remark);
            };
            // Without a thread there are no lines on the way, and the work goes on.
            drop(std::thread::Builder::new().spawn(ticking));
            clock
        });
        let start = Instant::now();
        Self { start, clock }
    }

    fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// The work stands here now.
    fn stands(&self, status: impl Into<String>) {
        if let Some(clock) = &self.clock {
            clock.state().status = status.into();
        }
    }

    /// The work has come to its end.
    fn ends(&self, status: impl Display) {
        if self.clock.is_some() {
            remark(status);
        }
    }

    /// Whether a line was said on the way.
    fn was_long(&self) -> bool {
        self.clock.as_ref().is_some_and(|clock| clock.state().said)
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        if let Some(clock) = &self.clock {
            clock.state().over = true;
            clock.over.notify_all();
        }
    }
}

impl Clock {
    fn state(&self) -> MutexGuard<'_, Standing> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says where the work stands until it is over.
    fn tick(&self, interval: Duration, mut say: impl FnMut(String)) {
        let start = Instant::now();
        let mut before = None;
        loop {
            let waited = self
                .over
                .wait_timeout_while(self.state(), interval, |state| !state.over);
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if state.over {
                return;
            }
            state.said = true;
            let status = state.status.clone();
            // Whoever reads may be slow, and the work must not wait for it.
            drop(state);
            let still = match before.as_ref() == Some(&status) {
                true => "still ",
                false => "",
            };
            let seconds = duration(start.elapsed().as_secs_f64());
            say(format!("{still}{status}  ({seconds} so far)"));
            before = Some(status);
        }
    }
}

/// Work that does not say how far it is.
pub(crate) struct Waiting {
    bar: ProgressBar,
    pace: Pace,
}

impl Waiting {
    /// It has begun.
    pub(crate) fn on(label: impl Into<String>) -> Self {
        let label = label.into();
        let bar = bar(1, "{prefix}  {elapsed}  {msg}");
        bar.set_prefix(label.clone());
        // So that the time goes on where nothing else does.
        bar.enable_steady_tick(Duration::from_secs(1));
        Self {
            bar,
            pace: Pace::new(label),
        }
    }

    /// The next part of it begins.
    pub(crate) fn begin(&self, what: &str) {
        if is_heard() {
            self.bar.set_message(what.to_owned());
        }
        self.pace.stands(format!("{}: {what}", self.bar.prefix()));
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        clear(&self.bar);
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

/// All bars, of which one may be a part of another's work.
static BARS: LazyLock<MultiProgress> = LazyLock::new(|| {
    let target = match stderr().is_terminal() {
        false => ProgressDrawTarget::hidden(),
        true => ProgressDrawTarget::stderr_with_hz(8),
    };
    MultiProgress::with_draw_target(target)
});

/// A hidden bar where there is no terminal.
fn bar(total: u64, template: &str) -> ProgressBar {
    let bar = BARS.add(ProgressBar::new(total));
    // Templates are constants; the default style stands in if one is wrong.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar
}

/// Takes a bar away, if somebody can see it.
fn clear(bar: &ProgressBar) {
    if !is_heard() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar.finish_and_clear();
}

impl Progress {
    /// `done` of `total` updates are done, and `env_steps` environment steps.
    pub(crate) fn new(label: &str, total: u64, done: u64, env_steps: u64) -> Self {
        let bar = bar(
            total,
            "{prefix} {wide_bar} {pos}/{len} updates  {elapsed}  {msg}",
        );
        bar.set_prefix(label.to_owned());
        bar.set_position(done);
        Self {
            bar,
            pace: Pace::new(format!("{label}: update {done}/{total}")),
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
        match done == total {
            true => self.pace.ends(line),
            false => self.pace.stands(line),
        }
        // A terminal that was told to wait must not make the training wait.
        if is_heard() {
            self.bar.set_position(done);
            self.bar.set_message(message);
        }
    }

    /// Says something without disturbing the bar.
    pub(crate) fn note(&self, text: impl Display) {
        if is_heard() {
            BARS.suspend(|| remark(text));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        clear(&self.bar);
    }
}

/// How many of the tasks of an evaluation a learner has met. Workers share it.
#[derive(Clone)]
pub(crate) struct Met(Arc<Counter>);

struct Counter {
    bar: ProgressBar,
    total: u64,
    done: AtomicU64,
    pace: Pace,
    /// Whether the end of short work is said too.
    says_end: bool,
}

impl Met {
    /// None of `total` tasks yet.
    pub(crate) fn new(label: &str, total: usize) -> Self {
        Self::saying(label, total, true)
    }

    /// The same, a part of work that says itself how far it is: nothing is heard
    /// of it unless it takes long.
    pub(crate) fn part(label: &str, total: usize) -> Self {
        Self::saying(label, total, false)
    }

    fn saying(label: &str, total: usize, says_end: bool) -> Self {
        let bar = bar(
            total as u64,
            "{prefix} {wide_bar} {pos}/{len} tasks  {elapsed}  {msg}",
        );
        bar.set_prefix(label.to_owned());
        Self(Arc::new(Counter {
            bar,
            total: total as u64,
            done: AtomicU64::new(0),
            pace: Pace::new(format!("{label}: 0/{total} tasks")),
            says_end,
        }))
    }

    /// So many more.
    pub(crate) fn more(&self, tasks: usize) {
        let Counter {
            bar,
            total,
            done,
            pace,
            says_end,
        } = self.0.as_ref();
        let tasks = tasks as u64;
        let done = tasks + done.fetch_add(tasks, Ordering::Relaxed);
        bar.inc(tasks);
        let label = bar.prefix();
        let rate = done as f64 / pace.seconds();
        let left = total.saturating_sub(done) as f64 / rate;
        let message = format!("{} tasks/s  {} left", short(rate), duration(left));
        let line = format!("{label}: {done}/{total} tasks  {message}");
        if done < *total {
            pace.stands(line);
        } else if *says_end || pace.was_long() {
            pace.ends(line);
        }
        if is_heard() {
            bar.set_message(message);
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        clear(&self.bar);
    }
}

/// Work in a few parts of unequal length, shown by name.
pub(crate) struct Stages {
    bar: ProgressBar,
    pace: Pace,
}

impl Stages {
    /// So many parts.
    pub(crate) fn new(label: &str, total: usize) -> Self {
        let bar = bar(
            total as u64,
            "{prefix} {wide_bar} {pos}/{len}  {elapsed}  {msg}",
        );
        bar.set_prefix(label.to_owned());
        let pace = Pace::new(label);
        Self { bar, pace }
    }

    /// The next part begins.
    pub(crate) fn begin(&self, index: usize, name: &str) {
        if is_heard() {
            self.bar.set_position(index as u64);
            self.bar.set_message(name.to_owned());
        }
        self.pace.stands(format!("{}: {name}", self.bar.prefix()));
    }

    /// A part is done: a line of its own where there is no terminal.
    pub(crate) fn done(&self, text: &str) {
        if !stderr().is_terminal() {
            remark(text);
        }
    }
}

impl Drop for Stages {
    fn drop(&mut self) {
        clear(&self.bar);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;

    /// Work that does not move is told from work that does, and both are heard of.
    #[test]
    fn no_work_is_silent_for_long() {
        let clock = Arc::new(Clock::default());
        clock.state().status = "table: 1/9".to_owned();
        let (said, lines) = mpsc::channel();
        let shared = Arc::clone(&clock);
        let ticking = thread::spawn(move || {
            shared.tick(Duration::from_millis(5), |line| drop(said.send(line)));
        });
        let next = || lines.recv_timeout(Duration::from_secs(60)).unwrap();
        assert!(next().starts_with("table: 1/9  ("));
        assert!(next().starts_with("still table: 1/9  ("));
        clock.state().status = "table: 2/9".to_owned();
        let moved = std::iter::repeat_with(next).find(|line| line.contains("2/9"));
        assert!(moved.unwrap().starts_with("table: 2/9  ("));
        assert!(clock.state().said, "so that its end is said too");
        clock.state().over = true;
        clock.over.notify_all();
        ticking.join().unwrap();
    }
}
