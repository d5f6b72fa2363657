//! Progress of long work, on standard error: a bar on a terminal, plain lines
//! at intervals elsewhere. Nobody who does not read makes the work wait.

mod terminal;
mod work;

use crate::console::{duration, short};
use crate::output::remark_in_passing;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use terminal::{BARS, is_terminal};
use work::Work;

/// Work that does not say how far it is.
pub(crate) struct Waiting(Work);

impl Waiting {
    /// It has begun.
    pub(crate) fn on(label: impl Into<String>) -> Self {
        Self(Work::new(label, 1, "{prefix}  {elapsed}  {msg}"))
    }

    /// The next part of it begins.
    pub(crate) fn begin(&self, what: &str) {
        self.0.bar.set_message(what.to_owned());
        self.0.stands(what);
    }
}

/// How far a training is.
pub(crate) struct Progress {
    work: Work,
    total: u64,
    first: u64,
    first_steps: u64,
}

impl Progress {
    /// `done` of `total` updates are done, and `env_steps` environment steps.
    pub(crate) fn new(label: &str, total: u64, done: u64, env_steps: u64) -> Self {
        let template = "{prefix} {wide_bar} {pos}/{len} updates  {elapsed}  {msg}";
        let work = Work::new(label, total, template);
        work.bar.set_position(done);
        work.stands(&format!("update {done}/{total}"));
        Self {
            work,
            total,
            first: done,
            first_steps: env_steps,
        }
    }

    /// One more update is done.
    pub(crate) fn update(&mut self, done: u64, env_steps: u64, mean_return: f64) {
        let seconds = self.work.seconds();
        let rate = (env_steps - self.first_steps) as f64 / seconds;
        let left = seconds / (done - self.first) as f64 * (self.total - done) as f64;
        let message = format!(
            "return {mean_return:.3}  {} steps/s  {} left",
            short(rate),
            duration(left)
        );
        let place = format!("update {done}/{}  {message}", self.total);
        match done == self.total {
            true => self.work.ends(&place),
            false => self.work.stands(&place),
        }
        self.work.bar.set_position(done);
        self.work.bar.set_message(message);
    }

    /// Says something without disturbing the bar.
    pub(crate) fn note(&self, text: impl Display) {
        BARS.suspend(|| remark_in_passing(text));
    }
}

/// How many of the tasks of an evaluation a learner has met. Workers share it.
#[derive(Clone)]
pub(crate) struct Met(Arc<Counter>);

struct Counter {
    work: Work,
    total: u64,
    done: AtomicU64,
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
        let template = "{prefix} {wide_bar} {pos}/{len} tasks  {elapsed}  {msg}";
        let work = Work::new(label, total as u64, template);
        work.stands(&format!("0/{total} tasks"));
        Self(Arc::new(Counter {
            work,
            total: total as u64,
            done: AtomicU64::new(0),
            says_end,
        }))
    }

    /// So many more.
    pub(crate) fn more(&self, tasks: usize) {
        let Counter {
            work,
            total,
            done,
            says_end,
        } = self.0.as_ref();
        let tasks = tasks as u64;
        let done = tasks + done.fetch_add(tasks, Ordering::Relaxed);
        let rate = done as f64 / work.seconds();
        let left = total.saturating_sub(done) as f64 / rate;
        let message = format!("{} tasks/s  {} left", short(rate), duration(left));
        let place = format!("{done}/{total} tasks  {message}");
        if done == *total && (*says_end || work.was_long()) {
            work.ends(&place);
        } else {
            work.stands(&place);
        }
        work.bar.inc(tasks);
        work.bar.set_message(message);
    }
}

/// Work in a few parts of unequal length, shown by name.
pub(crate) struct Stages(Work);

impl Stages {
    /// So many parts.
    pub(crate) fn new(label: &str, total: usize) -> Self {
        let template = "{prefix} {wide_bar} {pos}/{len}  {elapsed}  {msg}";
        Self(Work::new(label, total as u64, template))
    }

    /// The next part begins.
    pub(crate) fn begin(&self, index: usize, name: &str) {
        self.0.bar.set_position(index as u64);
        self.0.bar.set_message(name.to_owned());
        self.0.stands(name);
    }

    /// A part is done: a line of its own where there is no terminal.
    pub(crate) fn done(&self, text: &str) {
        if !is_terminal() {
            remark_in_passing(text);
        }
    }
}
