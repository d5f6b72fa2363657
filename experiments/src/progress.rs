//! Progress of long work, on standard error: a bar on a terminal, plain lines
//! at intervals elsewhere. Nobody who does not read makes the work wait.

mod terminal;
mod work;

use crate::console::{Console, Event, duration, fixed, short};
use crate::output::{self, remark_in_passing};
use crate::results;
use lab::failure::Failure;
use lab::farm::Message;
use lab::observer::{self, Observer};
use record::schema::EvalRow;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};
use terminal::{BARS, is_terminal};
use work::Work;

/// The line of trainings.
const UPDATES: &str = "{prefix} {wide_bar} {pos}/{len} updates  {elapsed}  {msg}";

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

/// Whoever sits at the terminal.
impl Observer for Console {
    fn note(&self, text: &str) {
        output::remark(text);
    }

    fn begin(&self, work: observer::Work<'_>) -> Box<dyn observer::Progress> {
        match work {
            observer::Work::Training {
                label,
                seed,
                total,
                done,
                env_steps,
            } => {
                let work = Work::new(label, total, UPDATES);
                work.bar.set_position(done);
                work.stands(&format!("update {done}/{total}"));
                Box::new(Training {
                    console: *self,
                    work,
                    seed,
                    total,
                    first: done,
                    first_steps: env_steps,
                })
            }
            observer::Work::Evaluation { label, tasks } => Box::new(Met::part(label, tasks)),
            observer::Work::Parts { label, total } => Box::new(Stages::new(label, total)),
            observer::Work::Waiting { label } => Box::new(Waiting::on(label)),
        }
    }
}

impl observer::Progress for Waiting {}

/// How far a training is.
struct Training {
    console: Console,
    work: Work,
    seed: u64,
    total: u64,
    first: u64,
    first_steps: u64,
}

impl observer::Progress for Training {
    fn updated(&self, done: u64, env_steps: u64, mean_return: f64) {
        let seconds = self.work.seconds();
        let rate = (env_steps - self.first_steps) as f64 / seconds;
        let left = seconds / (done - self.first) as f64 * (self.total - done) as f64;
        let message = standing(mean_return, rate, left);
        let place = format!("update {done}/{}  {message}", self.total);
        match done == self.total {
            true => self.work.ends(&place),
            false => self.work.stands(&place),
        }
        self.work.bar.set_position(done);
        self.work.bar.set_message(message);
    }

    fn evaluated(&self, row: &EvalRow) -> Result<(), Failure> {
        tried(
            &self.console,
            &self.work.label,
            (self.seed, self.total),
            row,
        )
    }
}

/// "return 6.512  85.3k steps/s  3 min 20 s left".
fn standing(mean_return: f64, rate: f64, left: f64) -> String {
    format!(
        "return {}  {} steps/s  {} left",
        fixed(mean_return, 3),
        short(rate),
        duration(left)
    )
}

/// Says how an agent did in an evaluation, without disturbing the bars.
fn tried(
    console: &Console,
    label: &str,
    (seed, total): (u64, u64),
    row: &EvalRow,
) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Line<'a> {
        seed: u64,
        #[serde(flatten)]
        row: &'a EvalRow,
    }
    console.emit(Event::Evaluation, &Line { seed, row })?;
    let line = format!(
        "{label}: update {}/{total}  evaluation {} ± {}{}",
        row.update,
        fixed(row.mean_return, 4),
        fixed(row.standard_error, 4),
        results::parts(row.split.as_ref())
    );
    BARS.suspend(|| remark_in_passing(line));
    Ok(())
}

/// How far several trainings are that go on side by side.
pub(crate) struct Together {
    console: Console,
    work: Work,
    runs: Vec<Standing>,
}

/// How far one of them is.
#[derive(Clone, Default)]
struct Standing {
    label: String,
    seed: u64,
    total: u64,
    first: u64,
    done: u64,
    first_steps: u64,
    env_steps: u64,
    /// Who acts in its comparison.
    comparing: Option<String>,
    ended: bool,
}

impl Together {
    /// None of so many has begun.
    pub(crate) fn new(console: Console, label: &str, runs: usize) -> Self {
        Self {
            console,
            work: Work::new(label, 0, UPDATES),
            runs: vec![Standing::default(); runs],
        }
    }

    /// Hears of one of them.
    pub(crate) fn hear(&mut self, run: usize, message: Message) {
        let standing = &mut self.runs[run];
        match message {
            Message::Training {
                label,
                seed,
                total,
                done,
                env_steps,
            } => {
                *standing = Standing {
                    label,
                    seed,
                    total,
                    first: done,
                    done,
                    first_steps: env_steps,
                    env_steps,
                    ..Standing::default()
                };
            }
            Message::Updated { done, env_steps } => {
                (standing.done, standing.env_steps) = (done, env_steps);
            }
            Message::Evaluated(row) => {
                // A reader who has gone does not stop a training.
                let whose = (standing.seed, standing.total);
                let _ = tried(&self.console, &standing.label, whose, &row);
            }
            Message::Note { text } => {
                BARS.suspend(|| self.console.note(text));
            }
            Message::Comparing { learner } => {
                standing.comparing = Some(format!("{}: comparing {learner}", standing.label));
            }
            Message::Ended { .. } => standing.ended = true,
        }
        self.stand();
    }

    /// Shows where all of them stand. Those that have not begun are taken to be as
    /// long as the longest of the others.
    fn stand(&self) {
        let longest = self.runs.iter().map(|run| run.total).max().unwrap_or(0);
        let length = |run: &Standing| if run.total == 0 { longest } else { run.total };
        let total: u64 = self.runs.iter().map(length).sum();
        let sum = |of: fn(&Standing) -> u64| self.runs.iter().map(of).sum::<u64>();
        let done = sum(|run| run.done);
        let (updates, steps) = (
            sum(|run| run.done - run.first),
            sum(|run| run.env_steps - run.first_steps),
        );
        let (ended, all) = (
            self.runs.iter().filter(|run| run.ended).count(),
            self.runs.len(),
        );
        let seconds = self.work.seconds();
        let left = match updates {
            0 => String::new(),
            _ => format!(
                "  {} left",
                duration(seconds / updates as f64 * (total - done) as f64)
            ),
        };
        let rate = short(steps as f64 / seconds);
        let mut message = format!("{ended}/{all} done  {rate} steps/s{left}");
        let live = self.runs.iter().filter(|run| !run.ended);
        let mut comparing = live.filter_map(|run| run.comparing.as_ref());
        if let Some(comparing) = comparing.next() {
            message += &format!("  {comparing}");
        }
        self.work.bar.set_length(total);
        self.work.bar.set_position(done);
        self.work.bar.set_message(message.clone());
        self.work
            .stands(&format!("update {done}/{total}  {message}"));
    }
}

/// How many of the tasks of an evaluation a learner has met. Workers share it.
pub(crate) struct Met {
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
        Self {
            work,
            total: total as u64,
            done: AtomicU64::new(0),
            says_end,
        }
    }
}

impl observer::Progress for Met {
    fn met(&self, tasks: usize) {
        let Self {
            work,
            total,
            done,
            says_end,
        } = self;
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

    /// A part is done: a line of its own where there is no terminal.
    pub(crate) fn done(&self, text: &str) {
        if !is_terminal() {
            remark_in_passing(text);
        }
    }
}

impl observer::Progress for Stages {
    fn begins(&self, index: usize, name: &str) {
        self.0.bar.set_position(index as u64);
        self.0.bar.set_message(name.to_owned());
        self.0.stands(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_has_no_sign() {
        let said = standing(-0.0003, 85_300.0, 200.0);
        assert_eq!(said, "return 0.000  85.3k steps/s  3 min 20 s left");
    }
}
