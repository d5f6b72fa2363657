//! One more setting for a search that asks, Optuna say: what may be set, and what
//! something that it chose comes to.

use super::work::{Pending, Work};
use super::{confirmed, how, read, rung_of};
use crate::cli::{SweepSpaceArgs, SweepTryArgs};
use crate::console::{Console, Event, fixed};
use lab::failure::Failure;
use lab::folders::path_of;
use lab::invocation::{program, quoted};
use lab::registry::Registry;
use lab::session::Session;
use lab::sweep::{Attempt, Rung, Standing, beside, said};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Prints what each key may be set to.
pub(super) fn space(args: &SweepSpaceArgs) -> Result<(), Failure> {
    let console = Console::new(false).only_results();
    console.say(read(&args.spec)?.space())
}

/// Trains a setting, with every seed, as far as is asked, and says what it comes to.
pub(super) fn run(registry: &Registry, args: &SweepTryArgs) -> Result<(), Failure> {
    let console = Console::new(args.how.output.json);
    let sweep = read(&args.spec)?;
    let how = &args.how;
    let folder = how.runs.clone().unwrap_or_else(|| beside(&args.spec));
    let work = Work {
        console: &console,
        folder: &folder,
        jobs: how.jobs,
        go_on: command(args),
    };
    let mut session = Session::new(registry, &console, how.work.workers(), &how.device)?;
    if args.confirm {
        let attempt = sweep.confirmation(registry, &args.values)?;
        let name = said(&attempt.values);
        let row = json!({ "values": attempt.values });
        let runs = runs(attempt, None);
        work.finish(&mut session, &runs)?;
        return confirmed(&console, (&name, row), (&folder, &runs));
    }
    let attempt = sweep.attempt(registry, &args.values)?;
    let rungs = match attempt.configs.first() {
        Some(config) => sweep.rungs(config),
        None => Vec::new(),
    };
    let last = match args.rung {
        Some(rung) => rung_of(rungs.clone(), rung)?.index,
        None => rungs.len().saturating_sub(1),
    };
    sweep.check_rungs(&session, &attempt)?;
    // Each rung on the way, so that it may be asked about afterwards.
    for rung in &rungs[..=last] {
        if attempt.standing(&folder, rung)?.is_none() {
            let attempt = sweep.attempt(registry, &args.values)?;
            work.finish(&mut session, &runs(attempt, Some(rung)))?;
        }
        let standing = attempt.standing(&folder, rung)?;
        let standing = standing.ok_or_else(|| Failure::internal("a run has no score"))?;
        // Who diverged comes no further.
        if rung.index == last || standing.failure().is_some() {
            return show(
                &console,
                (&attempt, &folder),
                (rung, rungs.len()),
                &standing,
            );
        }
    }
    Ok(())
}

/// The runs of a setting.
fn runs(attempt: Attempt, rung: Option<&Rung>) -> Vec<Pending> {
    let name = attempt.name;
    let run = |config: lab::config::RunConfig| Pending {
        place: path_of(&name, config.seed),
        config,
        rung: rung.cloned(),
    };
    attempt.configs.into_iter().map(run).collect()
}

fn show(
    console: &Console,
    (attempt, folder): (&Attempt, &Path),
    (rung, rungs): (&Rung, usize),
    standing: &Standing,
) -> Result<(), Failure> {
    let (name, seeds) = (said(&attempt.values), standing.scores.len());
    let updates = standing.scores.iter().map(|score| score.update);
    let updates = updates.max().unwrap_or_default();
    console.say(match standing.failure() {
        Some(why) => format!("{name}: no number at rung {}: {why}", rung.index),
        None => format!(
            "{name}: {} ± {} on tuning tasks after {updates} updates ({seeds} seeds)",
            fixed(standing.mean.mean, 4),
            fixed(standing.mean.standard_error, 4)
        ),
    })?;
    let runs: PathBuf = folder.join(&attempt.name);
    let row = json!({
        "values": attempt.values,
        "rung": rung.index,
        "rungs": rungs,
        "updates": updates,
        "seeds": seeds,
        "mean_return": standing.mean.mean,
        "standard_error": standing.mean.standard_error,
        "failure": standing.failure(),
        "runs": runs.to_string_lossy(),
    });
    console.emit(Event::Try, &row)
}

/// The command once more.
fn command(args: &SweepTryArgs) -> String {
    let mut words = vec![format!("{} sweep try {}", program(), quoted(&args.spec))];
    words.extend(args.values.iter().map(|value| quoted(Path::new(value))));
    words.extend(args.rung.map(|rung| format!("--rung {rung}")));
    words.extend(args.confirm.then(|| "--confirm".to_owned()));
    words.extend(how(&args.how));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranks;
    use clap::Parser;

    #[derive(Parser)]
    struct Said {
        #[command(flatten)]
        args: SweepTryArgs,
    }

    #[test]
    fn what_goes_on_is_done_as_it_was_begun() {
        let command = |words: &str| {
            let words = ["try"].into_iter().chain(words.split(' '));
            command(&Said::parse_from(words).args)
        };
        let plain = command("rates.toml k=1 --rung 1");
        assert!(plain.ends_with(" --rung 1"), "{plain}");
        let more = lab::host::cores_beside(ranks::sharing_cores()) + 1;
        let how = format!(" --runs there --jobs 4 --workers {more} --device cuda");
        let whole = command(&format!("rates.toml k=1{how}"));
        assert!(whole.ends_with(&how), "{whole}");
    }
}
