//! The audit of ways to the gradient of an unroll: bias, noise and cost of each against
//! exact gradients, and where parameters come to that follow them.

mod measure;
mod publish;

use crate::cli::TableArgs;
use crate::commands::table::Source;
use crate::console::{Console, Event, Table};
use lab::failure::Failure;
use lab::registry::Registry;
use lab::session::Session;
use measure::{Course, Plan, Row};
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
    let (rows, courses) = measure::all(&session, (name, &plan))?;
    for row in &rows {
        console.emit(
            Event::Cell,
            &json!({ "table": name, "quick": args.quick, "seed": args.seed, "row": row }),
        )?;
    }
    for course in &courses {
        console.emit(
            Event::Cell,
            &json!({ "table": name, "quick": args.quick, "seed": args.seed, "course": course }),
        )?;
    }
    if !console.json() {
        print(&console, &plan, (&rows, &courses))?;
    }
    let folder = match &args.out {
        Some(out) => out.clone(),
        None => Path::new("tables").join(name),
    };
    for path in publish::write(&plan, (&rows, &courses), &folder)? {
        console.say(format!("saved: {}", path.display()))?;
    }
    Ok(())
}

fn print(
    console: &Console,
    plan: &Plan,
    (rows, courses): (&[Row], &[Course]),
) -> Result<(), Failure> {
    console.say(console.bold(publish::TITLE))?;
    console.say(publish::caption(plan))?;
    console.say("")?;
    let mut table = Table::new(&publish::HEADINGS);
    for row in rows {
        table.row(publish::cells(row).to_vec());
    }
    table.print(console)?;
    console.say("")?;
    let mut table = Table::new(&publish::COURSE_HEADINGS);
    for course in courses {
        table.row(publish::course_cells(course).to_vec());
    }
    table.print(console)?;
    console.say("")?;
    for remark in publish::remarks(plan) {
        console.say(console.dim(&remark))?;
    }
    console.say("")
}
