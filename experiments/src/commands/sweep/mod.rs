//! `sweep`: many settings of one training, planned, run and told apart.

mod attempt;
mod script;
mod standings;
mod work;

use crate::cli::{SweepArgs, SweepCommand, SweepPlanArgs, SweepRunArgs};
use crate::commands::train::Trainings;
use crate::console::{Console, Event, fixed};
use lab::failure::Failure;
use lab::folders::path_of;
use lab::invocation::{program, quoted};
use lab::launch;
use lab::registry::Registry;
use lab::runner;
use lab::session::Session;
use lab::sweep::{Ladder, Line, Plan, Rung, Sweep, begin, check_rungs};
use record::write_atomically;
use report::Estimate;
use serde_json::json;
use standings::{Standings, estimate};
use std::path::{Path, PathBuf};
use work::{Pending, Work};

/// The folder of the best setting's further runs.
const WINNER: &str = "winner";

pub(crate) fn run(registry: &Registry, args: &SweepArgs) -> Result<(), Failure> {
    match &args.command {
        SweepCommand::Plan(args) => plan(registry, args),
        SweepCommand::Run(args) => {
            let console = Console::new(args.output.json);
            Sweeping::new(args)?.run(registry, &console)
        }
        SweepCommand::Script(args) => {
            let plan = Plan::read(&args.plan)?;
            let console = Console::new(false).only_results();
            console.say(script::of(&plan, &args.plan, args.engine)?.trim_end())
        }
        SweepCommand::Space(args) => attempt::space(args),
        SweepCommand::Try(args) => attempt::run(registry, args),
    }
}

/// The sweep of a file.
fn read(spec: &Path) -> Result<Sweep, Failure> {
    let place = spec.display().to_string();
    let text = record::read_text(spec)
        .map_err(|error| Failure::file(format!("cannot read {place}: {error}"), &error))?;
    Sweep::read(&place, &text)
}

fn plan(registry: &Registry, args: &SweepPlanArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    let plan = read(&args.spec)?.plan(registry)?;
    let session = Session::new(registry, &console, 1, "cpu")?;
    // What a training would be refused for is said now, once a setting.
    for line in plan.settings().iter().filter_map(|runs| runs.first()) {
        let rehearsed = launch::rehearse(&session, &line.config(registry, line.seed)?);
        rehearsed.map_err(|failure| failure.within(line.said()))?;
    }
    check_rungs(&plan, registry, &session)
        .map_err(|failure| failure.within(args.spec.display()))?;
    let out = match &args.out {
        Some(out) => out.clone(),
        None => args.spec.with_extension("jsonl"),
    };
    let text = plan.to_text()?;
    let same = record::read_long_text(&out).is_ok_and(|there| there == text);
    if out.exists() && !same && !args.overwrite {
        return Err(Failure::usage(format!(
            "{} holds another plan; choose another file with --out, or replace it with --overwrite",
            out.display()
        )));
    }
    if !same {
        write_atomically(&out, text.as_bytes())?;
    }
    let (settings, runs) = (plan.settings().len(), plan.lines.len());
    let rungs = plan
        .head
        .halving
        .as_ref()
        .map(|halving| halving.sizes(settings));
    let halved = rungs.as_ref().map_or_else(String::new, |sizes| {
        let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
        format!(" ({} to go on, rung by rung)", sizes.join(", "))
    });
    console.say(format!(
        "{}: {settings} settings, {runs} runs{halved}; do them with: {}",
        out.display(),
        run_command(&out)
    ))?;
    let plan = out.to_string_lossy();
    let row = json!({ "plan": plan, "settings": settings, "runs": runs, "rungs": rungs });
    console.emit(Event::Plan, &row)
}

fn run_command(plan: &Path) -> String {
    format!("{} sweep run {}", program(), quoted(plan))
}

/// The runs of a plan, being done.
struct Sweeping<'a> {
    args: &'a SweepRunArgs,
    plan: Plan,
    folder: PathBuf,
}

impl<'a> Sweeping<'a> {
    fn new(args: &'a SweepRunArgs) -> Result<Self, Failure> {
        let plan = Plan::read(&args.plan)?;
        let folder = args.runs.clone().unwrap_or_else(|| beside(&args.plan));
        Ok(Self { args, plan, folder })
    }

    fn run(&self, registry: &Registry, console: &Console) -> Result<(), Failure> {
        let args = self.args;
        let mut session = Session::new(registry, console, args.work.workers(), &args.device)?;
        let ladder = Ladder::of(&self.plan, &self.folder);
        match (&ladder, args.rung, args.index) {
            (None, Some(rung), _) => Err(Failure::usage(format!(
                "--rung {rung}: {} has no halving; leave it out",
                args.plan.display()
            ))),
            (Some(ladder), None, Some(index)) => Err(Failure::usage(format!(
                "--index {index}: with halving a rung has runs of its own; say which by --rung, 0 \
                 to {}",
                ladder.rungs().len() - 1
            ))),
            (None, None, Some(index)) => self.one(&session, console, index),
            (Some(ladder), Some(rung), index) => {
                let rung = rung_of(ladder.rungs(), rung)?;
                match index {
                    Some(index) => self.one_of_rung(&session, console, ladder, (&rung, index)),
                    None => self.rung(&mut session, console, ladder, &rung),
                }
            }
            (ladder, None, None) => self.all(&mut session, console, ladder.as_ref()),
        }
    }

    /// Does all of the plan, and tells its settings apart.
    fn all(
        &self,
        session: &mut Session<'_>,
        console: &Console,
        ladder: Option<&Ladder<'_>>,
    ) -> Result<(), Failure> {
        let standings = match ladder {
            Some(ladder) => {
                for rung in ladder.rungs() {
                    self.rung(session, console, ladder, &rung)?;
                }
                ladder.winner()?;
                Standings::of_rungs(&self.plan, ladder)?
            }
            None => {
                let lines: Vec<&Line> = self.plan.lines.iter().collect();
                let all = pending(session, &lines, None)?;
                self.work(console).finish(session, &all)?;
                Standings::read(&self.plan, &self.folder)?
            }
        };
        let files = standings.write(&self.folder)?;
        standings.print(console)?;
        for path in files {
            console.say(path.display().to_string())?;
        }
        match standings.best() {
            Some(best) if !self.plan.head.confirm.is_empty() => {
                self.confirm(session, console, best)
            }
            _ => Ok(()),
        }
    }

    /// Takes all runs of a rung there, and says who goes on.
    fn rung(
        &self,
        session: &mut Session<'_>,
        console: &Console,
        ladder: &Ladder<'_>,
        rung: &Rung,
    ) -> Result<(), Failure> {
        let runs = pending(session, &ladder.lines(rung.index)?, Some(rung))?;
        self.work(console).finish(session, &runs)?;
        let standings = ladder.standings(rung.index)?;
        let next = ladder.sizes().get(rung.index + 1).copied();
        let updates = standings.iter().flat_map(|one| &one.scores);
        let updates = updates.filter(|score| score.failure.is_none());
        let updates = updates.map(|score| score.update).max().unwrap_or_default();
        let failed = standings.iter().filter(|one| one.failure().is_some());
        let failed = failed.count();
        let goes_on = match next {
            Some(_) => ladder.lines(rung.index + 1)?,
            None => Vec::new(),
        };
        let mut goes_on: Vec<usize> = goes_on.iter().map(|line| line.setting).collect();
        goes_on.dedup();
        let said = match next {
            Some(_) => format!("; {} go on", goes_on.len()),
            None => String::new(),
        };
        let diverged = match failed {
            0 => String::new(),
            failed => format!(", {failed} of which diverged"),
        };
        console.say(format!(
            "rung {} ({updates} updates): {} settings on tuning tasks{diverged}{said}",
            rung.index,
            standings.len()
        ))?;
        let row = json!({
            "rung": rung.index,
            "updates": updates,
            "settings": standings.len(),
            "failed": failed,
            "goes_on": goes_on,
        });
        console.emit(Event::Rung, &row)
    }

    fn work<'b>(&'b self, console: &'b Console) -> Work<'b> {
        let runs = self.args.runs.as_deref().map(quoted);
        let runs = runs.map_or_else(String::new, |runs| format!(" --runs {runs}"));
        Work {
            console,
            folder: &self.folder,
            jobs: self.args.jobs,
            go_on: format!("{}{runs}", run_command(&self.args.plan)),
        }
    }

    /// Takes one run of the plan to its end, as a job of a farm does.
    fn one(&self, session: &Session<'_>, console: &Console, index: usize) -> Result<(), Failure> {
        let line = self.plan.lines.get(index).ok_or_else(|| {
            let last = self.plan.lines.len().saturating_sub(1);
            Failure::usage(format!("--index {index}; allowed: 0 to {last}"))
        })?;
        let config = line.config(session.registry, line.seed)?;
        let path = self.folder.join(line.place());
        launch::rehearse(session, &config)?;
        match begin(session, &path, &config)? {
            true => Trainings::at(console, session, 1).one(&path),
            false => console.say(format!("run {index} is finished: {}", path.display())),
        }
    }

    /// Takes one run of a rung there, as a job of a farm does: the run of a number among
    /// those that go on.
    fn one_of_rung(
        &self,
        session: &Session<'_>,
        console: &Console,
        ladder: &Ladder<'_>,
        (rung, index): (&Rung, usize),
    ) -> Result<(), Failure> {
        let seeds = self.plan.settings().first().map_or(0, Vec::len);
        let most = ladder.sizes()[rung.index] * seeds;
        if index >= most {
            let last = most.saturating_sub(1);
            let rung = rung.index;
            return Err(Failure::usage(format!(
                "--index {index}; allowed at rung {rung}: 0 to {last}"
            )));
        }
        let lines = ladder.lines(rung.index)?;
        // Fewer go on than might, where others failed.
        let Some(line) = lines.get(index) else {
            return console.say(format!("rung {} has no run {index}", rung.index));
        };
        let path = self.folder.join(line.place());
        if ladder.score(line, rung.index)?.is_none() {
            let config = line.config(session.registry, line.seed)?;
            launch::rehearse(session, &config)?;
            begin(session, &path, &config)?;
            let go_on = format!(
                "{} --rung {} --index {index}",
                self.work(console).go_on,
                rung.index
            );
            Trainings::at(console, session, 1).to_rung(&path, rung, &go_on)?;
        }
        let place = path.display();
        console.say(format!(
            "run {index} has reached rung {}: {place}",
            rung.index
        ))
    }

    /// Trains the best setting with seeds that it was not chosen by.
    fn confirm(
        &self,
        session: &mut Session<'_>,
        console: &Console,
        best: &Line,
    ) -> Result<(), Failure> {
        let seeds = &self.plan.head.confirm;
        let pending = seeds.iter().map(|&seed| {
            Ok(Pending {
                place: path_of(Path::new(WINNER), seed),
                config: best.config(session.registry, seed)?,
                rung: None,
            })
        });
        let pending: Vec<Pending> = pending.collect::<Result<_, Failure>>()?;
        self.work(console).finish(session, &pending)?;
        let winner = format!("the best setting, {}", best.said());
        let values = json!({ "values": best.values });
        confirmed(console, (&winner, values), (&self.folder, &pending))
    }
}

/// The rung of a number.
fn rung_of(rungs: Vec<Rung>, index: usize) -> Result<Rung, Failure> {
    let last = rungs.len() - 1;
    let found = rungs.into_iter().nth(index);
    found.ok_or_else(|| Failure::usage(format!("--rung {index}; allowed: 0 to {last}")))
}

/// Where the runs of a plan, or of a sweep's file, lie unless it is said.
fn beside(file: &Path) -> PathBuf {
    match file.with_extension("") {
        folder if folder == file => {
            let mut name = folder.into_os_string();
            name.push("-runs");
            PathBuf::from(name)
        }
        folder => folder,
    }
}

/// Runs of a plan that are to be done.
fn pending(
    session: &Session<'_>,
    lines: &[&Line],
    rung: Option<&Rung>,
) -> Result<Vec<Pending>, Failure> {
    let pending = |line: &&Line| {
        Ok(Pending {
            place: line.place(),
            config: line.config(session.registry, line.seed)?,
            rung: rung.cloned(),
        })
    };
    lines.iter().map(pending).collect()
}

/// Shows what a setting comes to on seeds and tasks that it was not chosen by.
fn confirmed(
    console: &Console,
    (name, mut row): (&str, serde_json::Value),
    (folder, runs): (&Path, &[Pending]),
) -> Result<(), Failure> {
    let of = |one: &Pending| Ok(estimate(&runner::finished(&folder.join(&one.place))?));
    let found: Vec<Estimate> = runs.iter().map(of).collect::<Result<_, Failure>>()?;
    let Some(mean) = Estimate::over_seeds(&found) else {
        return Ok(());
    };
    console.say(format!(
        "{name}, on seeds and tasks that it was not chosen by ({} seeds): {} ± {}",
        found.len(),
        fixed(mean.mean, 4),
        fixed(mean.standard_error, 4)
    ))?;
    let seeds: Vec<u64> = runs.iter().map(|run| run.config.seed).collect();
    let place = runs.first().and_then(|run| run.place.parent());
    let place = folder.join(place.unwrap_or(Path::new("")));
    row["seeds"] = json!(seeds);
    row["mean_return"] = json!(mean.mean);
    row["standard_error"] = json!(mean.standard_error);
    row["runs"] = json!(place.to_string_lossy());
    console.emit(Event::Winner, &row)
}
