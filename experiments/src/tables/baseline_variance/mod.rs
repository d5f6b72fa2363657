//! How noisy the policy gradient of REINFORCE is on bandits, under each baseline.

mod measure;
mod publish;

use crate::cli::TableArgs;
use crate::commands::table::Source;
use crate::console::{Console, Event, Table};
use lab::failure::Failure;
use lab::registry::Registry;
use lab::session::Session;
use measure::{Plan, Row};
use serde_json::json;
use std::path::Path;

/// Makes the table.
///
/// # Errors
/// If it is asked for single cells or given settings, or the folder is not writable.
pub(crate) fn run(registry: &Registry, args: &TableArgs, source: Source) -> Result<(), Failure> {
    let name = source.name;
    if let Some(cell) = args.only.first() {
        let message = format!("--only {cell}: {name} is made as a whole; leave out --only");
        return Err(Failure::usage(message));
    }
    if let Some(word) = args.words.first() {
        return Err(Failure::usage(format!("{word}: {name} has no settings")));
    }
    let console = Console::new(args.output.json);
    let session = Session::new(registry, &console, args.work.workers(), "cpu")?;
    let plan = Plan::new(args.quick, args.seed);
    let rows = measure::rows(registry, &session, (name, &plan))?;
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

fn print(console: &Console, plan: &Plan, rows: &[Row]) -> Result<(), Failure> {
    console.say(console.bold(publish::TITLE))?;
    let caption = publish::caption(plan);
    console.say(format!("{caption} ± is one standard error."))?;
    console.say("")?;
    let mut table = Table::new(&publish::HEADINGS);
    for row in rows {
        table.row(publish::cells(row).to_vec());
    }
    table.print(console)?;
    console.say("")
}
