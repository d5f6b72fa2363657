//! A table from its data file: works out what is missing, prints and saves it.

use crate::cli::TableArgs;
use crate::commands::table::Source;
use crate::console::Console;
use crate::interrupt::Interrupt;
use crate::progress::Stages;
use crate::tables::cell::Value;
use crate::tables::filled::{Filled, ours};
use crate::tables::ledger::{Identity, Ledger};
use crate::tables::measure::Bench;
use crate::tables::only::chosen;
use crate::tables::plan::{Column, Plan, Row};
use crate::tables::trained::Runs;
use crate::tables::{publish, terminal};
use lab::failure::{Exit, Failure};
use lab::invocation::{program, quoted};
use lab::observer::Progress as _;
use lab::registry::Registry;
use lab::session::Session;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Raised whenever cells of a ledger come to mean something else, so that older
/// ones are worked out anew.
const CELLS: u32 = 2;

/// Makes the table of a data file.
///
/// # Errors
/// [`Failure::stopped`] if it was interrupted; finished cells are kept.
pub(crate) fn run(registry: &Registry, args: &TableArgs, source: Source) -> Result<(), Failure> {
    if let Some(word) = args.words.first() {
        return Err(Failure::usage(format!(
            "{word}: {} has no settings; leave it out",
            source.name
        )));
    }
    let console = Console::new(args.output.json);
    let plan = Plan::read(registry, source, args.quick)?;
    let rows: Vec<&str> = plan.rows.iter().map(|row| &*row.name).collect();
    let columns: Vec<&str> = plan.columns.iter().map(|column| &*column.name).collect();
    let wanted = chosen(source.name, &args.only, &rows, &columns).map_err(Failure::usage)?;
    let session = Session::new(registry, &console, args.work.workers(), "cpu")?;
    let interrupt = Interrupt::listen(&session.stop);
    let out = out(args, source.name);
    let stopped = with_command(Failure::stopped("stopped"), args, &out);
    interrupt.on_end(stopped.message);
    let work = Work {
        session: &session,
        plan: &plan,
        seed: args.seed,
    };
    let mut ledger: Ledger = match args.overwrite {
        // Whatever can be refused is before any cell is forgotten.
        true => {
            let mut ledger = Ledger::anew(&out)?;
            work.rehearse(&wanted)?;
            ledger.forget(|_| true)?;
            ledger
        }
        false => Ledger::open(&out)?,
    };
    work.fill(&mut ledger, &wanted)
        .map_err(|failure| with_command(failure, args, &out))?;
    let runs = Runs::read(&args.runs, &console);
    let filled = Filled::new(&plan, args.seed, work.values(&ledger, &runs));
    for place in wanted {
        terminal::emit(&console, &filled, place)?;
    }
    if !console.json() {
        terminal::print(&console, &filled)?;
        console.say("")?;
    }
    for path in publish::write(&filled, &out)? {
        console.say(format!("saved: {}", path.display()))?;
    }
    Ok(())
}

/// The folder of the table.
pub(super) fn out(args: &TableArgs, name: &str) -> PathBuf {
    match &args.out {
        Some(out) => out.clone(),
        None => Path::new("tables").join(name),
    }
}

/// Says how to go on after an interruption.
pub(super) fn with_command(mut failure: Failure, args: &TableArgs, out: &Path) -> Failure {
    if failure.exit == Exit::Stopped {
        let mut command = format!("{} table {}", program(), args.name);
        if args.quick {
            command += " --quick";
        }
        for only in &args.only {
            command += &format!(" --only {only}");
        }
        if args.seed != 0 {
            command += &format!(" --seed {}", args.seed);
        }
        command += &format!(" --out {}", quoted(out));
        failure.message += &format!("; go on with: {command}");
    }
    failure
}

/// The work of filling a table.
struct Work<'a> {
    session: &'a Session<'a>,
    plan: &'a Plan,
    seed: u64,
}

impl Work<'_> {
    /// Refuses wanted cells that memory cannot hold.
    fn rehearse(&self, wanted: &[(usize, usize)]) -> Result<(), Failure> {
        for (row, column) in wanted {
            let (row, column) = (&self.plan.rows[*row], &self.plan.columns[*column]);
            if column.exact.is_some() {
                continue;
            }
            let rehearsed = self
                .bench(row, &|_| ())
                .rehearse(&column.choices(self.plan.quick));
            rehearsed.map_err(|failure| {
                let label = format!("{}, {}", row.title, column.title);
                failure.within(format!("table {}, {label}", self.plan.name))
            })?;
        }
        Ok(())
    }

    /// Works out the wanted cells that the ledger does not hold.
    fn fill(&self, ledger: &mut Ledger, wanted: &[(usize, usize)]) -> Result<(), Failure> {
        let worked: Vec<(&Row, &Column)> = wanted
            .iter()
            .map(|(row, column)| (&self.plan.rows[*row], &self.plan.columns[*column]))
            .filter(|(_, column)| column.exact.is_some() || !column.candidates.is_empty())
            .collect();
        let stages = Stages::new(self.plan.name, worked.len());
        let (total, mut kept) = (worked.len(), 0);
        for (index, (row, column)) in worked.into_iter().enumerate() {
            let identity = self.identity(row, column);
            if ledger.get(&identity).is_some() {
                kept += 1;
                continue;
            }
            let label = format!("{}, {}", row.title, column.title);
            stages.begins(index, &label);
            let stopped = || Failure::stopped(format!("stopped after {index} of {total} cells"));
            if self.session.stop.asked() {
                return Err(stopped());
            }
            let hear = |what: &str| stages.begins(index, &format!("{label}: {what}"));
            let value = self.value(row, column, &hear);
            let value = value.map_err(|failure| match failure.exit {
                Exit::Stopped => stopped(),
                _ => failure.within(format!("table {}, {label}", self.plan.name)),
            })?;
            stages.done(&format!(
                "{} [{}/{total}] {label}: {}",
                self.plan.name,
                index + 1,
                ours(&value)
            ));
            ledger.add(identity, value)?;
        }
        if kept > 0 {
            let note = format!("{kept} of {total} cells were finished before");
            self.session.observer.note(&note);
        }
        Ok(())
    }

    /// Works out one cell.
    fn value(&self, row: &Row, column: &Column, hear: &dyn Fn(&str)) -> Result<Value, Failure> {
        let bench = self.bench(row, hear);
        match column.exact {
            Some(exact) => Ok(bench.exact(exact)),
            None => bench.learner(&column.choices(self.plan.quick)),
        }
    }

    /// Where a row's cells are worked out.
    fn bench<'a>(&'a self, row: &'a Row, hear: &'a dyn Fn(&str)) -> Bench<'a> {
        Bench {
            session: self.session,
            row,
            measure: self.plan.measure,
            seed: self.seed,
            hear,
        }
    }

    /// All that a cell depends on.
    fn identity(&self, row: &Row, column: &Column) -> Identity {
        let environment = json!({
            "name": row.environment,
            "settings": row.built.settings,
        });
        let inputs = match column.exact {
            Some(exact) => json!({
                "measure": self.plan.measure,
                "environment": environment,
                "exact": exact,
            }),
            None => json!({
                "measure": self.plan.measure,
                "environment": environment,
                "candidates": column.choices(self.plan.quick),
                "size": row.size,
            }),
        };
        Identity {
            table: self.plan.name.to_owned(),
            row: row.name.clone(),
            column: column.name.clone(),
            seed: self.seed,
            version: format!("{}+{CELLS}", env!("CARGO_PKG_VERSION")),
            inputs,
        }
    }

    /// What is known of every cell, wanted now or not. `[rows][columns]`
    fn values(&self, ledger: &Ledger, runs: &Runs) -> Vec<Vec<Value>> {
        let registry = self.session.registry;
        let value = |row: &Row, column: &Column| {
            if let Some(algorithm) = &column.trained {
                return runs.value(registry, algorithm, row, self.plan.measure);
            }
            if column.exact.is_none() && column.candidates.is_empty() {
                return Value::Published;
            }
            let known = ledger.get(&self.identity(row, column));
            known.cloned().unwrap_or(Value::Missing)
        };
        let columns = &self.plan.columns;
        let of = |row| columns.iter().map(|column| value(row, column)).collect();
        self.plan.rows.iter().map(of).collect()
    }
}
