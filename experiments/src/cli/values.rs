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

/// A name that is one folder, and no way out of the one it is in.
pub(super) fn folder_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_alphanumeric() || "-_.+=,@".contains(c);
    match text.starts_with(|c: char| c.is_alphanumeric()) && text.chars().all(plain) {
        true => Ok(text.to_owned()),
        false => Err("allowed: letters, digits and -_.+=,@, a letter or digit first".to_owned()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use rl_core::rand::RngExt as _;
    use rl_core::{Domain, Purpose, StreamKey};
    use std::path::{Component, Path};

    /// Whatever a run is called, its folder lies in the one of all runs.
    #[test]
    fn a_name_is_one_folder_or_refused() {
        const PIECES: [&str; 16] = [
            "a",
            "Z9",
            "é",
            "\u{1f980}",
            ".",
            "..",
            "/",
            "\\",
            "-",
            "_",
            " ",
            "\0",
            "\n",
            "~",
            "$x",
            "con",
        ];
        let mut rng = StreamKey::new(0, Domain::Tuning, 0).lane(Purpose::Init, 0);
        let mut taken = 0;
        for _ in 0..20_000 {
            let length = rng.random_range(0..6);
            let pieces = (0..length).map(|_| PIECES[rng.random_range(0..PIECES.len())]);
            let text: String = pieces.collect();
            if let Ok(name) = folder_name(&text) {
                taken += 1;
                let parts: Vec<_> = Path::new(&name).components().collect();
                let one = matches!(parts[..], [Component::Normal(part)] if part == name.as_str());
                assert!(
                    one && name == text && !name.starts_with(['-', '.']),
                    "{text:?}"
                );
            }
        }
        assert!(taken > 100, "{taken}");
    }
}
