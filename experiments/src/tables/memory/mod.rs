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
use crate::tables::runs::{self, Run, finished};
use lab::config::RunConfig;
use lab::failure::Failure;
use lab::folders::path_of;
use lab::registry::Registry;
use lab::runner::Finished;
use lab::session::Session;
use plan::{Known, Plan};
use record::{Reader, RunDir};
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
    seeds: Vec<OfSeed>,
    tasks: usize,
}

/// What one seed came to on fresh tasks.
#[derive(Clone, Copy, Debug, Serialize)]
struct OfSeed {
    seed: u64,
    mean_return: f64,
    standard_error: f64,
}

impl Cell {
    /// The share of the way from one end to the other, in percent, over the seeds.
    fn share(&self) -> Option<Estimate> {
        let [blind, best] = self.ends;
        let scale = 100.0 / (best - blind);
        let own = |of: &OfSeed| {
            let share = (of.mean_return - blind) * scale;
            Estimate::sampled(share, of.standard_error * scale, self.tasks as u64)
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
    let plan = Plan::read(source, args.quick, args.seed)?;
    let rows: Vec<&str> = plan.rows.iter().map(|row| &*row.name).collect();
    let columns: Vec<&str> = plan.columns.iter().map(|column| &*column.name).collect();
    let wanted = chosen(name, &args.only, &rows, &columns).map_err(Failure::usage)?;
    let session = Session::new(registry, &console, args.work.workers(), "cpu")?;
    let interrupt = Interrupt::listen(&session.stop);
    let out = match args.quick {
        true => out(args, name).join("quick"),
        false => out(args, name),
    };
    let stopped = with_command(Failure::stopped("stopped"), args, &out);
    interrupt.on_end(stopped.message);
    let work = Work {
        session: &session,
        plan: &plan,
        folder: out.join("runs"),
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
            &json!({
                "table": name, "quick": args.quick, "seed": args.seed, "cell": cell,
                "share": cell.share().map(|share| share.mean),
                "share_standard_error": cell.share().map(|share| share.standard_error),
            }),
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
        let runs = runs.into_iter().map(|(place, seed)| self.run(place, seed));
        let runs: Vec<Run> = runs.collect::<Result<_, _>>()?;
        let runs = (self.plan.name, &runs[..]);
        runs::train(self.session, runs, self.overwrite, || Ok(()))
    }

    /// A run that a cell needs.
    fn run(&self, place: (usize, usize), seed: u64) -> Result<Run, Failure> {
        let (row, column) = (&self.plan.rows[place.0], &self.plan.columns[place.1]);
        Ok(Run {
            label: format!("{}, {}, seed {seed}", row.title, column.title),
            path: self.path(place, seed),
            config: self.config(place, seed)?,
            anew: format!("--overwrite --only {}:{}", row.name, column.name),
        })
    }

    fn config(&self, place: (usize, usize), seed: u64) -> Result<RunConfig, Failure> {
        let config = self.plan.config(self.session.registry, place)?;
        Ok(config.with_seed(seed))
    }

    /// What is known of a cell, where one of its seeds is finished.
    fn cell(&self, place: (usize, usize)) -> Result<Option<Cell>, Failure> {
        let mut runs: Vec<(u64, Finished)> = Vec::new();
        for seed in self.plan.seeds.clone() {
            let path = self.path(place, seed);
            if !RunDir::is_begun(&path) {
                continue;
            }
            let Some(run) = finished(&path)? else {
                continue;
            };
            if Reader::open(&path)?.config()? == self.config(place, seed)?.to_text()? {
                runs.push((seed, run));
            } else {
                let path = path.display();
                let note = format!("passing over {path}: it is a run of other settings");
                self.session.observer.note(&note);
            }
        }
        let Some((_, first)) = runs.first() else {
            return Ok(None);
        };
        let config = self.plan.config(self.session.registry, place)?;
        let Known { parameters, ends } = plan::known(&config)?;
        let trained = runs.iter().filter_map(|(seed, run)| {
            let of = run.comparison.trained()?;
            Some(OfSeed {
                seed: *seed,
                mean_return: of.mean_return,
                standard_error: of.standard_error,
            })
        });
        let count = runs.len() as f64;
        Ok(Some(Cell {
            row: self.plan.rows[place.0].name.clone(),
            column: self.plan.columns[place.1].name.clone(),
            parameters,
            ends,
            env_steps: first.comparison.env_steps,
            training_seconds: runs
                .iter()
                .map(|(_, run)| run.training_seconds)
                .sum::<f64>()
                / count,
            seeds: trained.collect(),
            tasks: first.comparison.tasks,
        }))
    }
}
