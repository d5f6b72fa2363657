//! `export`: runs as files that other programs read.

use crate::cli::{ExportArgs, Format};
use crate::console::{Console, Event};
use crate::progress::Waiting;
use crate::tables::files::write_all;
use lab::failure::Failure;
use lab::folders::runs_in;
use serde_json::json;
use std::path::{Path, PathBuf};

/// What the file is called: TensorBoard knows its files by a part of the name.
const EVENTS: &str = "events.out.tfevents.0.metarl";

pub(crate) fn run(args: &ExportArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    let Format::Tensorboard = args.to;
    let mut paths = Vec::new();
    for folder in &args.runs {
        paths.extend(runs_in(folder)?);
    }
    let mut targets: Vec<(PathBuf, PathBuf)> = Vec::new();
    for path in paths {
        let folder = target(args.out.as_deref(), &path)?;
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
        let runs = report::load(std::slice::from_ref(&path), &mut |_| ())?;
        drop(reading);
        for run in &runs {
            for file in write_all(&folder, [(EVENTS, report::tensorboard(run))])? {
                console.say(file.display().to_string())?;
                let run = path.to_string_lossy();
                let row = json!({ "run": run, "file": file.to_string_lossy() });
                console.emit(Event::Export, &row)?;
            }
        }
    }
    Ok(())
}

/// `RUN/tensorboard`, or one folder a run in that which is given, which TensorBoard calls
/// the runs by: `OUT/NAME/seed-0`.
fn target(out: Option<&Path>, run: &Path) -> Result<PathBuf, Failure> {
    let Some(out) = out else {
        return Ok(run.join("tensorboard"));
    };
    let whole = run
        .canonicalize()
        .map_err(|error| Failure::file(format!("cannot use {}: {error}", run.display()), &error))?;
    let parts: Vec<_> = whole.iter().collect();
    let last = &parts[parts.len().saturating_sub(2)..];
    Ok(last
        .iter()
        .fold(out.to_path_buf(), |path, part| path.join(part)))
}
