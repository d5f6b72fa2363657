//! `export`: runs as files that other programs read.

use crate::cli::ExportArgs;
use crate::console::{Console, Event};
use crate::progress::Waiting;
use crate::tables::files::write_all;
use clap::ValueEnum as _;
use lab::exports::exported;
use lab::failure::Failure;
use lab::folders::runs_in;
use lab::registry::Registry;
use lab::session::Session;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// What the file is called: TensorBoard knows its files by a part of the name.
const EVENTS: &str = "events.out.tfevents.0.metarl";

pub(crate) fn run(registry: &Registry, args: &ExportArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    let mut paths = Vec::new();
    for folder in &args.runs {
        paths.extend(runs_in(folder)?);
    }
    let mut targets: Vec<(PathBuf, PathBuf)> = Vec::new();
    for path in paths {
        let folder = target(args, &path)?;
        if let Some((other, _)) = targets.iter().find(|(_, taken)| *taken == folder) {
            return Err(Failure::usage(format!(
                "{} and {} would both be written to {}; export them one by one with an --out of their own",
                other.display(),
                path.display(),
                folder.display()
            )));
        }
        targets.push((path, folder));
    }
    for (path, folder) in targets {
        let reading = Waiting::on(format!("exporting {}", path.display()));
        let files = match args.to.of_agents() {
            None => {
                let runs = report::load(std::slice::from_ref(&path), &mut |_| ())?;
                let events = |run| (EVENTS, report::tensorboard(run));
                runs.iter().map(events).collect()
            }
            Some(format) => {
                // Wherever it learned, its numbers are the same here.
                let session = Session::new(registry, &console, 1, "cpu")?;
                exported(&session, &path, format)?
            }
        };
        drop(reading);
        if args.out.is_none() {
            refuse_link(&folder)?;
        }
        for file in write_all(&folder, files)? {
            console.say(file.display().to_string())?;
            let run = path.to_string_lossy();
            let row = json!({ "run": run, "file": file.to_string_lossy() });
            console.emit(Event::Export, &row)?;
        }
    }
    Ok(())
}

/// Refuses a link in the place of a folder inside a run: it would lead out of it.
fn refuse_link(folder: &Path) -> Result<(), Failure> {
    match fs::symlink_metadata(folder).is_ok_and(|found| found.is_symlink()) {
        true => Err(Failure::config(format!(
            "cannot write {}: it is a link, and inside a run's folder none is followed; remove \
             it, or choose another folder with --out",
            folder.display()
        ))),
        false => Ok(()),
    }
}

/// `RUN/FORMAT`, or one folder a run in that which is given: `OUT/NAME/seed-0`, which
/// TensorBoard calls the runs by, and `OUT/NAME/seed-0/FORMAT` for agents, of which there are
/// several formats.
fn target(args: &ExportArgs, run: &Path) -> Result<PathBuf, Failure> {
    let format = args.to.to_possible_value();
    let format = format.map_or_else(String::new, |it| it.get_name().to_owned());
    let Some(out) = &args.out else {
        return Ok(run.join(format));
    };
    let whole = run
        .canonicalize()
        .map_err(|error| Failure::file(format!("cannot use {}: {error}", run.display()), &error))?;
    let parts: Vec<_> = whole.iter().collect();
    let last = &parts[parts.len().saturating_sub(2)..];
    let folder = last.iter().fold(out.clone(), |path, part| path.join(part));
    Ok(match args.to.of_agents() {
        None => folder,
        Some(_) => folder.join(format),
    })
}
