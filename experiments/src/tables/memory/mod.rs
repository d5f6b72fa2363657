//! Memories by tasks: trains RL² with every memory on every task, each run in a folder of
//! its own, which the same command goes on with, and says how far each comes from the
//! best that can be done without a memory to the best of all.

mod plan;
mod publish;

use crate::cli::TableArgs;
use crate::commands::table::Source;
use crate::console::{Console, Event, Table};
use crate::interrupt::Interrupt;
use crate::tables::contest::{out, with_command};
use crate::tables::only::chosen;
use lab::config::RunConfig;
use lab::failure::{Exit, Failure};
use lab::folders::path_of;
use lab::launch;
use lab::registry::Registry;
use lab::runner::{self, Finished};
use lab::session::Session;
use plan::{Known, Plan};
use record::{Existing, Reader, RunDir};
use report::Estimate;
use serde::Serialize;
use serde_json::json;
use std::path::{Path, PathBuf};

/// A memory on a task, over its seeds.
#[derive(Clone, Debug, Serialize)]
struct Cell {
    row: String,
    column: String,
    /// Numbers that are learned.
    parameters: usize,
    /// What the best agent without a memory earns, and the best of all.
    ends: [f64; 2],
    /// Steps of training, of each seed.
    env_steps: u64,
    /// Of a seed, on the mean.
    training_seconds: f64,
    /// Mean returns of the seeds on fresh tasks, and their standard errors.
    seeds: Vec<(f64, f64)>,
    tasks: usize,
}

impl Cell {
    /// The share of the way from one end to the other, in percent, over the seeds.
    fn share(&self) -> Option<Estimate> {
        let [blind, best] = self.ends;
        let scale = 100.0 / (best - blind);
        let own = |(mean, error): &(f64, f64)| {
            Estimate::sampled((mean - blind) * scale, error * scale, self.tasks as u64)
        };
        let seeds: Vec<Estimate> = self.seeds.iter().map(own).collect();
        Estimate::over_seeds(&seeds)
    }
}

/// Makes the table.
///
/// # Errors
/// [`Failure::stopped`] if it was interrupted; what was trained is kept. If a folder
/// holds a run of other settings, or cannot be used.
pub(crate) fn run(registry: &Registry, args: &TableArgs, source: Source) -> Result<(), Failure> {
    let name = source.name;
    if let Some(word) = args.words.first() {
        return Err(Failure::usage(format!(
            "{word}: {name} has no settings; leave it out"
        )));
    }
    let console = Console::new(args.output.json);
    let plan = Plan::read(source, args.quick, args.seed)?;
    let rows = (plan.rows.len(), &|name: &str| plan.row(name) as _);
    let columns = (plan.columns.len(), &|name: &str| plan.column(name) as _);
    let example = format!("{}:{}", plan.rows[0].name, plan.columns[0].name);
    let wanted = chosen(
        &args.only,
        (rows.0, rows.1),
        (columns.0, columns.1),
        &example,
    );
    let wanted = wanted.map_err(Failure::usage)?;
    let session = Session::new(registry, &console, args.work.workers(), "cpu")?;
    let interrupt = Interrupt::listen(&session.stop);
    let out = out(args, name);
    let stopped = with_command(Failure::stopped("stopped"), args, &out);
    interrupt.on_end(stopped.message);
    let work = Work {
        session: &session,
        plan: &plan,
        folder: out.join(if args.quick { "quick" } else { "runs" }),
        overwrite: args.overwrite,
    };
    let trained = work.fill(&wanted);
    trained.map_err(|failure| with_command(failure, args, &out))?;
    let all = (0..plan.rows.len()).flat_map(|r| (0..plan.columns.len()).map(move |c| (r, c)));
    let cells: Vec<Cell> = all
        .filter_map(|place| work.cell(place).transpose())
        .collect::<Result<_, _>>()?;
    for cell in &cells {
        console.emit(
            Event::Cell,
            &json!({ "table": name, "quick": args.quick, "seed": args.seed, "cell": cell }),
        )?;
    }
    if !console.json() {
        print(&console, &plan, &cells)?;
    }
    for path in publish::write(&plan, &cells, &out)? {
        console.say(format!("saved: {}", path.display()))?;
    }
    Ok(())
}

fn print(console: &Console, plan: &Plan, cells: &[Cell]) -> Result<(), Failure> {
    console.say(console.bold(&plan.title))?;
    console.say(publish::caption(plan))?;
    console.say("")?;
    let headings: Vec<&str> = [""]
        .into_iter()
        .chain(plan.columns.iter().map(|column| &*column.title))
        .collect();
    let mut table = Table::new(&headings);
    for row in &plan.rows {
        let entries = plan
            .columns
            .iter()
            .map(|column| publish::entry(plan, cells, (row, column)));
        let texts = entries.map(|entry| entry.map_or_else(String::new, |entry| entry.text));
        table.row([row.title.clone()].into_iter().chain(texts).collect());
    }
    table.print(console)?;
    console.say("")
}

/// The work of training what the cells need.
struct Work<'a> {
    session: &'a Session<'a>,
    plan: &'a Plan,
    /// Of the runs.
    folder: PathBuf,
    overwrite: bool,
}

impl Work<'_> {
    fn path(&self, (row, column): (usize, usize), seed: u64) -> PathBuf {
        let (row, column) = (&self.plan.rows[row], &self.plan.columns[column]);
        path_of(&self.folder.join(&row.name).join(&column.name), seed)
    }

    /// Trains what is not trained yet.
    fn fill(&self, wanted: &[(usize, usize)]) -> Result<(), Failure> {
        let torch = nets::libtorch().map_err(Failure::usage)?.is_some();
        let sensible = |place: &&(usize, usize)| self.plan.makes_sense(**place);
        let mut passed_over = Vec::new();
        let mut runs = Vec::new();
        for place in wanted.iter().filter(sensible) {
            let column = &self.plan.columns[place.1];
            match column.torch && !torch {
                true if passed_over.contains(&&*column.title) => {}
                true => passed_over.push(&*column.title),
                false => runs.extend(self.plan.seeds.clone().map(|seed| (*place, seed))),
            }
        }
        if !passed_over.is_empty() {
            let names = passed_over.join(", ");
            self.session.observer.note(&format!(
                "passing over {names}: this program was built without libtorch, which alone \
                 computes them"
            ));
        }
        let total = runs.len();
        for (index, (place, seed)) in runs.into_iter().enumerate() {
            let (row, column) = (&self.plan.rows[place.0], &self.plan.columns[place.1]);
            let label = format!("{}, {}, seed {seed}", row.title, column.title);
            let stopped = || Failure::stopped(format!("stopped after {index} of {total} runs"));
            if self.session.stop.asked() {
                return Err(stopped());
            }
            let config = self
                .plan
                .config(self.session.registry, place)?
                .with_seed(seed);
            let trained = self.train(&config, &self.path(place, seed), &|| {
                let note = format!("{} [{}/{total}] {label}", self.plan.name, index + 1);
                self.session.observer.note(&note);
            });
            trained.map_err(|failure| match failure.exit {
                Exit::Stopped => stopped(),
                _ => failure.within(format!("table {}, {label}", self.plan.name)),
            })?;
        }
        Ok(())
    }

    /// Trains one run to its end, unless it is there.
    fn train(&self, config: &RunConfig, path: &Path, begins: &dyn Fn()) -> Result<(), Failure> {
        let begun = RunDir::is_begun(path);
        if begun && !self.overwrite {
            if Reader::open(path)?.config()? != config.to_text()? {
                let place = path.display();
                return Err(Failure::usage(format!(
                    "{place} is a run of other settings; --overwrite makes it anew, --out \
                     chooses another folder"
                )));
            }
            if runner::finished(path).is_ok() {
                return Ok(());
            }
        }
        begins();
        if self.overwrite || !begun {
            let existing = match self.overwrite {
                true => Existing::Overwrite,
                false => Existing::Refuse,
            };
            launch::create(self.session, path, config, existing)?;
        }
        runner::drive(self.session, path, path).map(drop)
    }

    /// What is known of a cell, where one of its seeds is finished.
    fn cell(&self, place: (usize, usize)) -> Result<Option<Cell>, Failure> {
        let paths = self.plan.seeds.clone().map(|seed| self.path(place, seed));
        let there = paths.filter(|path| RunDir::is_begun(path));
        let runs: Vec<Finished> = there
            .filter_map(|path| runner::finished(&path).ok())
            .collect();
        let Some(first) = runs.first() else {
            return Ok(None);
        };
        let config = self.plan.config(self.session.registry, place)?;
        let Known { parameters, ends } = plan::known(&config)?;
        let trained = runs.iter().filter_map(|run| run.comparison.trained());
        let count = runs.len() as f64;
        Ok(Some(Cell {
            row: self.plan.rows[place.0].name.clone(),
            column: self.plan.columns[place.1].name.clone(),
            parameters,
            ends,
            env_steps: first.comparison.env_steps,
            training_seconds: runs.iter().map(|run| run.training_seconds).sum::<f64>() / count,
            seeds: trained
                .map(|of| (of.mean_return, of.standard_error))
                .collect(),
            tasks: first.comparison.tasks,
        }))
    }
}
