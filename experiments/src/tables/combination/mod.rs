//! A library of policies as one policy, by each rule: what it earns exactly, and what it
//! earns when it is played.

mod measure;
mod publish;

use crate::cli::TableArgs;
use crate::commands::table::Source;
use crate::console::{Console, Event, Table};
use lab::failure::Failure;
use lab::overrides::Override;
use lab::registry::Registry;
use lab::session::Session;
use measure::{Plan, Row, Trained};
use rl_core::SettingError;
use serde_json::json;
use std::path::{Path, PathBuf};
use toml::Value;

/// The setting that names the runs of an ensemble.
const MAJORITY: &str = "majority";
/// The setting that names the run of a trained library.
const LIBRARY: &str = "library";

/// Makes the table.
///
/// # Errors
/// If it is asked for single cells or a setting that it does not have, the runs of the
/// ensemble do not fit, or the folder is not writable.
pub(crate) fn run(registry: &Registry, args: &TableArgs, source: Source) -> Result<(), Failure> {
    let name = source.name;
    if let Some(cell) = args.only.first() {
        let message = format!("--only {cell}: {name} is made as a whole; leave out --only");
        return Err(Failure::usage(message));
    }
    let trained = trained(&args.words).map_err(Failure::usage)?;
    let console = Console::new(args.output.json);
    let session = Session::new(registry, &console, args.work.workers(), "cpu")?;
    let plan = Plan::new(args.quick, args.seed, trained);
    let rows = measure::rows(&session, (name, &plan))?;
    for row in &rows {
        console.emit(
            Event::Cell,
            &json!({ "table": name, "quick": args.quick, "seed": args.seed, "row": row }),
        )?;
    }
    if !console.json() {
        print(&console, &plan, &rows)?;
    }
    let folder = match &args.out {
        Some(out) => out.clone(),
        None => Path::new("tables").join(name),
    };
    for path in publish::write(&plan, &rows, &folder)? {
        console.say(format!("saved: {}", path.display()))?;
    }
    Ok(())
}

/// What trained agents are combined too.
fn trained(words: &[String]) -> Result<Trained, String> {
    let mut trained = Trained::default();
    for one in Override::parse_all(words)? {
        let (place, allowed) = match one.key.as_str() {
            MAJORITY => (
                &mut trained.majority,
                "the folder around the runs of several seeds",
            ),
            LIBRARY => (
                &mut trained.library,
                "the folder of a run of multi-task in gridnavi",
            ),
            _ => return Err(SettingError::unknown(&one.key, [MAJORITY, LIBRARY]).into()),
        };
        match &one.value {
            Value::String(path) => *place = Some(PathBuf::from(path)),
            other => return Err(SettingError::refused(&one.key, other, allowed).into()),
        }
    }
    Ok(trained)
}

fn print(console: &Console, plan: &Plan, rows: &[Row]) -> Result<(), Failure> {
    console.say(console.bold(publish::TITLE))?;
    console.say(publish::caption(plan))?;
    console.say("")?;
    let mut table = Table::new(&publish::HEADINGS);
    for row in rows {
        table.row(publish::cells(row).to_vec());
    }
    table.print(console)?;
    console.say("")?;
    for remark in publish::remarks(rows) {
        console.say(console.dim(&remark))?;
    }
    console.say("")
}
