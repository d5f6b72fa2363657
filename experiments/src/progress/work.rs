//! Work in progress: one stack of all of it, the innermost last, and one thread
//! that says where it stands.

use super::terminal::{BARS, is_terminal};
use crate::console::duration;
use crate::output::remark_in_passing;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Time between two lines, and what work takes at least for one of its own.
const INTERVAL: Duration = Duration::from_secs(10);
/// Time between two looks of the clock.
const TICK: Duration = Duration::from_secs(1);

/// A piece of work: a bar on a terminal, and lines elsewhere.
pub(super) struct Work {
    pub(super) bar: ProgressBar,
    pub(super) label: String,
    id: u64,
    start: Instant,
}

impl Work {
    /// Work of so many parts that stands here when it begins.
    pub(super) fn new(label: impl Into<String>, total: u64, template: &str) -> Self {
        static CLOCK: Once = Once::new();
        // Without a thread there are no lines on the way, and the work goes on.
        CLOCK.call_once(|| drop(thread::Builder::new().name("clock".to_owned()).spawn(run)));
        let (label, start) = (label.into(), Instant::now());
        let hidden = ProgressDrawTarget::hidden();
        let bar = BARS.add(ProgressBar::with_draw_target(Some(total), hidden));
        // Templates are constants; the default style stands in if one is wrong.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_prefix(label.clone());
        let id = stack().push(&bar, label.clone(), start);
        Self {
            bar,
            label,
            id,
            start,
        }
    }

    pub(super) fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// The work stands here now: `label: where`.
    pub(super) fn stands(&self, place: &str) {
        let status = self.status(place);
        stack().stand(self.id, status);
    }

    /// The work has come to its end, which is said where there is no bar.
    pub(super) fn ends(&self, place: &str) {
        let status = self.status(place);
        stack().end(self.id, status.clone());
        if !is_terminal() {
            remark_in_passing(status);
        }
    }

    /// Whether a line was said on the way.
    pub(super) fn was_long(&self) -> bool {
        let stack = stack();
        let mut entries = stack.entries.iter();
        entries.any(|entry| entry.id == self.id && entry.said.is_some())
    }

    fn status(&self, place: &str) -> String {
        format!("{}: {place}", self.label)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        stack().entries.retain(|entry| entry.id != self.id);
        self.bar.finish_and_clear();
    }
}

/// What the clock does until the process ends.
fn run() {
    loop {
        thread::sleep(TICK);
        if is_terminal() {
            let bars = stack().bars();
            // So that the time goes on where nothing else does.
            bars.iter().for_each(ProgressBar::tick);
        } else {
            let line = stack().line(Instant::now());
            // The stack is free meanwhile: work does not wait for a line's reader.
            line.into_iter().for_each(remark_in_passing);
        }
    }
}

static STACK: Mutex<Stack> = Mutex::new(Stack::new());

fn stack() -> MutexGuard<'static, Stack> {
    STACK.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Stack {
    entries: Vec<Entry>,
    begun: u64,
    heard: Option<Instant>,
}

struct Entry {
    id: u64,
    bar: ProgressBar,
    start: Instant,
    status: String,
    /// What was said last.
    said: Option<String>,
}

impl Stack {
    const fn new() -> Self {
        Self {
            entries: Vec::new(),
            begun: 0,
            heard: None,
        }
    }

    /// Work begins within all other; its number.
    fn push(&mut self, bar: &ProgressBar, status: String, start: Instant) -> u64 {
        self.begun += 1;
        self.entries.push(Entry {
            id: self.begun,
            bar: bar.clone(),
            start,
            status,
            said: None,
        });
        self.begun
    }

    /// Work stands here now.
    fn stand(&mut self, id: u64, status: String) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
            entry.status = status;
        }
    }

    /// Work has ended here, which is said.
    fn end(&mut self, id: u64, status: String) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
            entry.said = Some(status.clone());
            entry.status = status;
        }
    }

    fn bars(&self) -> Vec<ProgressBar> {
        let bars = self.entries.iter().map(|entry| entry.bar.clone());
        bars.collect()
    }

    /// What is to be said now, if anything: of the work that has taken long, the
    /// innermost says where it stands.
    fn line(&mut self, now: Instant) -> Option<String> {
        let is_due = |since: Instant| now.duration_since(since) >= INTERVAL;
        if !self.heard.is_none_or(is_due) {
            return None;
        }
        let mut entries = self.entries.iter_mut().rev();
        let entry = entries.find(|entry| is_due(entry.start))?;
        self.heard = Some(now);
        let still = match entry.said.as_ref() == Some(&entry.status) {
            true => "still ",
            false => "",
        };
        entry.said = Some(entry.status.clone());
        let seconds = duration(now.duration_since(entry.start).as_secs_f64());
        Some(format!("{still}{}  ({seconds} so far)", entry.status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Work that does not move is told from work that does, both are heard of, and
    /// never two of them at once.
    #[test]
    fn the_innermost_work_that_takes_long_speaks_every_ten_seconds() {
        let mut stack = Stack::new();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let bar = ProgressBar::hidden();
        let outer = stack.push(&bar, "training: 0/9".to_owned(), at(0));
        assert_eq!(stack.line(at(9)), None);
        let said = |stack: &mut Stack, seconds| stack.line(at(seconds)).unwrap_or_default();
        assert_eq!(said(&mut stack, 10), "training: 0/9  (10 s so far)");
        let inner = stack.push(&bar, "evaluation: 0/5".to_owned(), at(15));
        assert_eq!(stack.line(at(19)), None);
        // Not long yet, so that the work that it is a part of speaks.
        assert_eq!(said(&mut stack, 20), "still training: 0/9  (20 s so far)");
        assert_eq!(stack.line(at(25)), None);
        assert_eq!(said(&mut stack, 30), "evaluation: 0/5  (15 s so far)");
        stack.stand(inner, "evaluation: 3/5".to_owned());
        assert_eq!(said(&mut stack, 40), "evaluation: 3/5  (25 s so far)");
        // What has ended stands nowhere else any more.
        stack.end(inner, "evaluation: 5/5".to_owned());
        let end = "still evaluation: 5/5  (35 s so far)";
        assert_eq!(said(&mut stack, 50), end);
        stack.entries.pop();
        stack.stand(outer, "training: 1/9".to_owned());
        assert_eq!(said(&mut stack, 60), "training: 1/9  (1 min 00 s so far)");
        stack.entries.pop();
        assert_eq!(stack.line(at(70)), None);
    }
}
