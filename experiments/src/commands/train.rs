//! `train`: one run, or one for each of several seeds.

use crate::cli::TrainArgs;
use crate::config::RunConfig;
use crate::console::{Console, Event, Table, fixed, percent, short};
use crate::failure::Failure;
use crate::group::Group;
use crate::invocation::resume_command;
use crate::launch;
use crate::presets::Source;
use crate::registry::Registry;
use crate::reporting::{self, path_of};
use crate::results::{self, Summary};
use crate::runner;
use crate::session::Session;
use record::Existing;
use report::{Estimate, Seeds, Written};
use rl_core::Moments;
use serde_json::json;
use std::path::{Path, PathBuf};

pub(crate) fn run(registry: &Registry, args: &TrainArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json);
    let source = Source::find(&args.preset)?;
    let resolve = || RunConfig::resolve(registry, &source.place, &source.text, &args.overrides);
    let config = resolve()?;
    refuse_conflicts(args, &config)?;
    let session = Session::new(registry, console, args.work.workers(), &args.device)?.stoppable();
    // Whatever cannot work is found out before a folder is made.
    launch::rehearse(&session, &config)?;
    let folder = match &args.name {
        Some(name) => args.runs.join(name),
        None => args.runs.join(&source.folder),
    };
    let existing = match args.overwrite {
        true => Existing::Overwrite,
        false => Existing::Refuse,
    };
    let seeds: Vec<u64> = match args.seeds {
        Some(count) => (0..count).collect(),
        None => vec![args.seed.unwrap_or(config.seed)],
    };
    if existing == Existing::Refuse {
        for &seed in &seeds {
            launch::refuse_existing(&path_of(&folder, seed))?;
        }
    }
    let configs = seeds.iter().map(|seed| Ok(resolve()?.with_seed(*seed)));
    let configs: Vec<RunConfig> = configs.collect::<Result<_, Failure>>()?;
    match &configs[..] {
        [config] => {
            let path = path_of(&folder, config.seed);
            launch::create(&session, &path, config, existing)?;
            one(&session, &path)
        }
        configs => {
            let paths = Group::begin(&session, &folder, configs, existing)?;
            several(&session, &folder, &paths)
        }
    }
}

/// Refuses a seed that is given twice.
fn refuse_conflicts(args: &TrainArgs, config: &RunConfig) -> Result<(), Failure> {
    let mut overrides = config.origin.overrides.iter();
    let option = match (args.seed, args.seeds) {
        (Some(seed), _) => format!("--seed {seed}"),
        (None, Some(count)) => format!("--seeds {count}"),
        (None, None) => return Ok(()),
    };
    match overrides.find(|one| one.key == "seed") {
        Some(one) => Err(Failure::usage(format!(
            "{one}: seed is set twice, by {option} too; set it once"
        ))),
        None => Ok(()),
    }
}

/// Takes one run to its end, and shows what it came to.
pub(crate) fn one(session: &Session<'_>, path: &Path) -> Result<(), Failure> {
    session.interrupt.on_end(ended(path));
    let finished = runner::drive(session, path, path)?;
    // First the results: a report that cannot be written must not cost them.
    results::print(&session.console, &finished.comparison)?;
    let report = report_of(&[path.to_path_buf()], path)?.html;
    let summary = Summary::new(&finished, &report)?;
    session.console.say("")?;
    results::print_summary(&session.console, &summary)?;
    session.console.emit(Event::Run, &summary)
}

/// Writes the report of runs that are finished, which `resume` would as well.
fn report_of(runs: &[PathBuf], folder: &Path) -> Result<Written, Failure> {
    let written = reporting::write(runs, folder);
    written.map_err(|failure| launch::resumable(folder, failure))
}

/// What is said if the work cannot save itself in time.
fn ended(path: &Path) -> String {
    format!(
        "stopped; what was done since the last checkpoint is done anew with: {}",
        resume_command(path)
    )
}

/// Takes several runs to their ends, one after the other, and shows what they
/// came to together.
pub(crate) fn several(
    session: &Session<'_>,
    folder: &Path,
    paths: &[PathBuf],
) -> Result<(), Failure> {
    let console = &session.console;
    session.interrupt.on_end(ended(folder));
    let mut summaries = Vec::new();
    for path in paths {
        let finished = runner::drive(session, path, folder)?;
        results::print(console, &finished.comparison)?;
        let report = report_of(std::slice::from_ref(path), path)?.html;
        let summary = Summary::new(&finished, &report)?;
        console.say("")?;
        console.emit(Event::Run, &summary)?;
        summaries.push(summary);
    }
    let written = report_of(paths, folder)?;
    seeds_table(&summaries).print(console)?;
    for seeds in &written.settings {
        over_seeds(console, seeds, &summaries, &written.html)?;
    }
    console.say(format!(
        "report: {}",
        console.bold(&written.html.display().to_string())
    ))
}

fn seeds_table(summaries: &[Summary]) -> Table {
    let mut table = Table::new(&["seed", "mean return", "± s.e.", "gap closed", "steps/s"]);
    let none = || "–".to_owned();
    for summary in summaries {
        table.row(vec![
            summary.seed.to_string(),
            fixed(summary.mean_return, 4),
            fixed(summary.standard_error, 4),
            summary.gap_closed.map_or_else(none, percent),
            summary.env_steps_per_second.map_or_else(none, short),
        ]);
    }
    table
}

/// Prints what the seeds of one setting came to together. Runs that were set to
/// something else are never averaged with them.
fn over_seeds(
    console: &Console,
    seeds: &Seeds,
    summaries: &[Summary],
    report: &Path,
) -> Result<(), Failure> {
    let own = summaries.iter().filter(|s| seeds.runs.contains(&s.run));
    let own: Vec<&Summary> = own.collect();
    let returns: Vec<Estimate> = own.iter().map(|summary| summary.estimate()).collect();
    let Some(mean) = Estimate::over_seeds(&returns) else {
        return Ok(());
    };
    let gaps: Option<Vec<f64>> = own.iter().map(|summary| summary.gap_closed).collect();
    let gaps: Option<Moments> = gaps.map(|gaps| gaps.into_iter().collect());
    let setting = match seeds.differs.is_empty() {
        true => String::new(),
        false => format!("{}, ", seeds.differs),
    };
    let count = match own.len() {
        1 => "1 seed".to_owned(),
        several => format!("{several} seeds"),
    };
    console.say(format!(
        "{setting}over {count}: mean return {} ± {}",
        fixed(mean.mean, 4),
        fixed(mean.standard_error, 4)
    ))?;
    console.emit(
        Event::Seeds,
        &json!({
            "seeds": own.len(),
            "differs": seeds.differs,
            "mean_return": mean.mean,
            "standard_error": mean.standard_error,
            "mean_return_interval": mean.interval(),
            "gap_closed": gaps.map(|gaps| gaps.mean()),
            "seconds": own.iter().map(|summary| summary.seconds).sum::<f64>(),
            "env_steps": own.iter().map(|summary| summary.env_steps).sum::<u64>(),
            "report": report.to_string_lossy(),
        }),
    )
}
