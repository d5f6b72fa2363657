//! What commands share, and what a value on the command line may be.

use crate::ranks;
use clap::Args;
use lab::numbers;
use rl_core::Bounds;

/// How results are printed.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Output {
    /// Print one JSON object per line on standard output, and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Who does the work.
#[derive(Clone, Debug, Args)]
pub(crate) struct Work {
    /// Worker threads; the results are the same for any number [default: all cores].
    #[arg(long, value_name = "W", allow_hyphen_values = true, value_parser = workers)]
    workers: Option<usize>,
}

impl Work {
    /// How many worker threads there are to be.
    pub(crate) fn workers(&self) -> usize {
        self.workers
            .unwrap_or_else(|| lab::host::cores_beside(ranks::sharing_cores()))
    }
}

/// How many runs there are at a time.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Jobs {
    /// Runs side by side, each a process that has its part of the workers; the
    /// results are the same for any number [default: one for each worker, as far as
    /// memory goes].
    #[arg(long = "jobs", value_name = "J", allow_hyphen_values = true, value_parser = workers)]
    pub(crate) given: Option<usize>,
}

/// A whole number in a range, as typed: `1_000` and `1e3` as well.
pub(super) fn whole(text: &str, bounds: Bounds<u64>) -> Result<u64, String> {
    let number = numbers::whole(text).filter(|number| bounds.contains(*number));
    number.ok_or_else(|| format!("allowed: a whole number, {bounds}"))
}

/// A seed, as far as TOML can hold it.
pub(super) fn seed(text: &str) -> Result<u64, String> {
    whole(text, Bounds::closed(0, i64::MAX as u64))
}

/// A number of seeds.
pub(super) fn seeds(text: &str) -> Result<u64, String> {
    whole(text, Bounds::closed(1, 10_000))
}

/// An update, counted from 1.
pub(super) fn update(text: &str) -> Result<u64, String> {
    whole(text, Bounds::closed(1, i64::MAX as u64))
}

/// A number of worker threads.
pub(super) fn workers(text: &str) -> Result<usize, String> {
    whole(text, Bounds::closed(1, rollout::MAX_WORKERS as u64)).map(|workers| workers as usize)
}

/// A number of tasks.
pub(super) fn tasks(text: &str) -> Result<usize, String> {
    let tasks = whole(text, Bounds::closed(2, 1_000_000_000));
    let tasks = tasks.map_err(|allowed| format!("{allowed}; one task has no standard error"))?;
    Ok(tasks as usize)
}
