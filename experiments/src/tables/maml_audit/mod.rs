//! The exact audit of MAML's meta-gradients: bias and spread of every
//! estimator against values that are computed by enumeration.

mod measure;
mod publish;
mod settings;

use crate::cli::TableArgs;
use crate::commands::table::Source;
use crate::console::{Console, Event, Table};
use lab::failure::Failure;
use lab::registry::Registry;
use lab::session::Session;
use measure::{Amount, Plan, Row};
use serde_json::json;
use std::path::Path;

/// Makes the table.
///
/// # Errors
/// If it is asked for single cells, a setting is not allowed, or the folder is not writable.
pub(crate) fn run(registry: &Registry, args: &TableArgs, source: Source) -> Result<(), Failure> {
    if !args.only.is_empty() {
        return Err(Failure::usage(format!(
            "--only {}: {} is made as a whole; leave out --only",
            args.only[0], source.name
        )));
    }
    let console = Console::new(args.output.json);
    let session = Session::new(registry, &console, args.work.workers(), "cpu")?;
    let plan = plan(args)?;
    let rows = measure::rows(&session, source.name, &plan)?;
    for row in &rows {
        console.emit(
            Event::Cell,
            &json!({
                "table": source.name,
                "quick": args.quick,
                "seed": args.seed,
                "row": row,
            }),
        )?;
    }
    if !console.json() {
        print(&console, &plan, &rows)?;
    }
    let folder = match &args.out {
        Some(out) => out.clone(),
        None => Path::new("tables").join(source.name),
    };
    for path in publish::write(&plan, &rows, &folder)? {
        console.say(format!("saved: {}", path.display()))?;
    }
    Ok(())
}

/// What is measured.
fn plan(args: &TableArgs) -> Result<Plan, Failure> {
    let (counts, integrated, estimates): (&[usize], _, _) = match args.quick {
        true => (&[1, 2, 5, 20, 100], 300, 400),
        false => (&[1, 2, 5, 20, 100, 500], 1500, 1000),
    };
    let horizon = if args.quick { 3 } else { 4 };
    let (problem, discounts) = settings::read(&args.words, horizon, args.seed)?;
    Ok(Plan {
        problem,
        discounts,
        counts: counts.to_vec(),
        effort: maml::audit::Effort {
            data_sets: 1000,
            integrated,
            estimates,
        },
    })
}

fn print(console: &Console, plan: &Plan, rows: &[Row]) -> Result<(), Failure> {
    console.say(console.bold(publish::TITLE))?;
    console.say(publish::caption(plan))?;
    console.say("")?;
    let mut table = Table::new(&publish::HEADINGS);
    for row in rows {
        table.row(publish::cells(row).to_vec());
        if row.amount == Amount::Infinite {
            table.mark();
        }
    }
    table.print(console)?;
    console.say("")?;
    for remark in publish::remarks(plan, rows) {
        console.say(console.dim(&remark))?;
    }
    console.say("")
}
