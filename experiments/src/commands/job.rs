//! `job`: one of the processes that train side by side. It is told what its runs are, an
//! [`Errand`] a line of standard input, and says on standard output how far they are.

use crate::cli::JobArgs;
use crate::interrupt;
use crate::output;
use crate::reporting;
use lab::failure::Failure;
use lab::farm::Message;
use lab::observer::{Observer, Progress, Work};
use lab::registry::Registry;
use lab::runner;
use lab::session::Session;
use lab::sweep::{Errand, climb, complete};
use record::schema::EvalRow;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between two words about how far a training is.
const INTERVAL: Duration = Duration::from_millis(100);

/// What goes on with a run of a sweep: whoever sent it says which command that is.
const SAME: &str = "the same command";

pub(crate) fn run(registry: &Registry, args: &JobArgs) -> Result<(), Failure> {
    let session = Session::new(registry, &Wire, args.work.workers(), &args.device)?;
    for line in interrupt::lines_until_the_end(&session.stop) {
        let errand = serde_json::from_str(&line).map_err(Failure::internal);
        let done = errand.and_then(|errand| carry_out(&session, &args.folder, &errand));
        let failure = done.err();
        say(&Message::Ended { failure });
    }
    Ok(())
}

/// Takes a run to its end, with its report, or to a rung.
fn carry_out(session: &Session<'_>, folder: &Path, errand: &Errand) -> Result<(), Failure> {
    let path = folder.join(&errand.place);
    match &errand.rung {
        Some(rung) => {
            let score = climb(session, &path, rung, SAME)?;
            if rung.update.is_some() || score.failure.is_some() {
                return Ok(());
            }
        }
        // The seeds of a command lie in its folder, and what belongs to a sweep deeper.
        None if path.parent() == Some(folder) => drop(runner::drive(session, &path, folder)?),
        None => complete(session, &path, SAME)?,
    }
    reporting::of_finished(std::slice::from_ref(&path), &path).map(drop)
}

/// Writes a message. Whoever does not read it has gone, and the end of standard
/// input says so.
fn say(message: &Message) {
    if let Ok(line) = serde_json::to_string(message) {
        // On a line of its own, whatever an environment may have printed.
        output::result(&format!("\n{line}"));
    }
}

/// The process that started this one.
struct Wire;

impl Observer for Wire {
    fn note(&self, text: &str) {
        let text = text.to_owned();
        say(&Message::Note { text });
    }

    fn begin(&self, work: Work<'_>) -> Box<dyn Progress> {
        if let Work::Training {
            label,
            seed,
            total,
            done,
            env_steps,
        } = work
        {
            let label = label.to_owned();
            say(&Message::Training {
                label,
                seed,
                total,
                done,
                env_steps,
            });
            let last = Mutex::new(Instant::now());
            return Box::new(Training { total, last });
        }
        match work {
            Work::Parts { .. } => Box::new(Comparing),
            _ => Box::new(()),
        }
    }
}

struct Comparing;

impl Progress for Comparing {
    fn begins(&self, _index: usize, name: &str) {
        let learner = name.to_owned();
        say(&Message::Comparing { learner });
    }
}

struct Training {
    total: u64,
    /// When it was heard of last.
    last: Mutex<Instant>,
}

impl Progress for Training {
    fn updated(&self, done: u64, env_steps: u64, _mean_return: f64) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if done == self.total || last.elapsed() >= INTERVAL {
            *last = Instant::now();
            say(&Message::Updated { done, env_steps });
        }
    }

    fn evaluated(&self, row: &EvalRow) -> Result<(), Failure> {
        say(&Message::Evaluated(row.clone()));
        Ok(())
    }
}
