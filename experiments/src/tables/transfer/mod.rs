//! How long a new task takes, by how an agent begins: what goes before is trained once, in
//! folders of its own, every way lives in the same fresh tasks, and each of these is kept as
//! soon as it is done.

mod measure;
mod plan;
mod publish;

use crate::cli::TableArgs;
use crate::commands::table::Source;
use crate::console::{Console, Event, Table};
use crate::interrupt::Interrupt;
use crate::tables::contest::{out, with_command};
use crate::tables::ledger::Ledger;
use crate::tables::only::chosen;
use lab::failure::Failure;
use lab::registry::Registry;
use lab::session::Session;
use measure::Work;
use plan::Plan;
use publish::Row;
use serde_json::json;
use std::path::Path;

/// Makes the table.
///
/// # Errors
/// [`Failure::stopped`] if it was interrupted; what was trained and measured is kept. If a
/// folder holds a run of other settings, or cannot be used.
pub(crate) fn run(registry: &Registry, args: &TableArgs, source: Source) -> Result<(), Failure> {
    let name = source.name;
    if args.runs != Path::new("runs") {
        let message = format!(
            "--runs {}: {name} trains its own runs; leave it out",
            args.runs.display()
        );
        return Err(Failure::usage(message));
    }
    if let Some(word) = args.words.first() {
        return Err(Failure::usage(format!(
            "{word}: {name} has no settings; leave it out"
        )));
    }
    let console = Console::new(args.output.json);
    let plan = Plan::read(registry, source, (args.quick, args.seed))?;
    let rows: Vec<&str> = plan.families.iter().map(|family| &*family.name).collect();
    let columns: Vec<&str> = plan.ways.iter().map(|way| &*way.name).collect();
    let wanted = chosen(name, &args.only, &rows, &columns).map_err(Failure::usage)?;
    if let Some(only) = args.only.first()
        && wanted.iter().all(|place| plan.begins(*place).is_none())
    {
        let reasons = wanted.iter().filter_map(|place| plan.impossible(*place));
        let reasons: Vec<&str> = reasons.collect();
        let message = format!(
            "--only {only}: impossible, since {}; leave it out",
            reasons.join("; ")
        );
        return Err(Failure::usage(message));
    }
    let session = Session::new(registry, &console, args.work.workers(), "cpu")?;
    let interrupt = Interrupt::listen(&session.stop);
    let out = match args.quick {
        true => out(args, name).join("quick"),
        false => out(args, name),
    };
    let stopped = with_command(Failure::stopped("stopped"), args, &out);
    interrupt.on_end(stopped.message);
    let ledger = Ledger::open(&out)?;
    let mut work = Work {
        session: &session,
        plan: &plan,
        folder: out.join("runs"),
        overwrite: args.overwrite,
        ledger,
    };
    work.fill(&wanted)
        .map_err(|failure| with_command(failure, args, &out))?;
    let cells = work.cells()?;
    let rows = publish::rows(&plan, &cells);
    for row in &rows {
        console.emit(
            Event::Cell,
            &json!({ "table": name, "quick": args.quick, "seed": args.seed, "row": row }),
        )?;
    }
    if !console.json() {
        print(&console, &plan, &rows)?;
    }
    for path in publish::write(&plan, (&cells, &rows), &out)? {
        console.say(format!("saved: {}", path.display()))?;
    }
    Ok(())
}

fn print(console: &Console, plan: &Plan, rows: &[Row]) -> Result<(), Failure> {
    console.say(console.bold(&plan.title))?;
    console.say(publish::caption(plan))?;
    console.say("")?;
    let mut table = Table::new(&publish::HEADINGS);
    for row in rows {
        table.row(publish::cells(row).to_vec());
    }
    table.print(console)?;
    for note in publish::notes(plan, rows) {
        console.say(note)?;
    }
    console.say("")
}
