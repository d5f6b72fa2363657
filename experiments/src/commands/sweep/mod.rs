//! `sweep`: many settings of one training, planned, run and told apart.

mod attempt;
mod script;
mod standings;
mod work;

use crate::cli::{SweepArgs, SweepCommand, SweepPlanArgs, SweepRunArgs, SweepWork};
use crate::commands::train::Trainings;
use crate::console::{Console, Event, fixed};
use crate::output;
use crate::progress::Waiting;
use crate::ranks;
use crate::reporting;
use lab::failure::Failure;
use lab::folders::path_of;
use lab::invocation::{program, quoted};
use lab::launch;
use lab::registry::Registry;
use lab::runner;
use lab::session::Session;
use lab::sweep::{Ladder, Line, Plan, Rung, Sweep, begin, beside, check_rungs};
use record::write_atomically;
use report::Estimate;
use serde_json::json;
use standings::{Standings, estimate};
use std::path::{Path, PathBuf};
use work::{Pending, Work};

/// The folder of the best setting's further runs.
const WINNER: &str = "winner";
/// Where networks live unless it is said.
const DEVICE: &str = "cpu";

pub(crate) fn run(registry: &Registry, args: &SweepArgs) -> Result<(), Failure> {
    match &args.command {
        SweepCommand::Plan(args) => plan(registry, args),
        SweepCommand::Run(args) => {
            let console = Console::new(args.how.output.json);
            Sweeping::new(registry, args)?.run(registry, &console)
        }
        SweepCommand::Script(args) => {
            let plan = Plan::read(&args.plan)?;
            let console = Console::new(false).only_results();
            let script = script::of(&plan, &args.plan, args.engine)?;
            console.say(script.text.trim_end())?;
            // Beside the script, which may go into a file or a pipe.
            output::remark(script.then);
            Ok(())
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
    // Of many settings it takes a while.
    let planning = Waiting::on(format!("planning {}", args.spec.display()));
    let plan = read(&args.spec)?.plan(registry)?;
    let session = Session::new(registry, &console, 1, "cpu")?;
    // What a training would be refused for is said now, once a setting.
    for line in plan.settings().iter().filter_map(|runs| runs.first()) {
        let rehearsed = launch::rehearse(&session, &line.config(registry, line.seed)?);
        rehearsed.map_err(|failure| failure.within(line.said()))?;
    }
    check_rungs(&plan, registry, &session)
        .map_err(|failure| failure.within(args.spec.display()))?;
    drop(planning);
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
    /// In rungs, whether or not it has halving.
    plan: Plan,
    halved: bool,
    folder: PathBuf,
}

impl<'a> Sweeping<'a> {
    fn new(registry: &Registry, args: &'a SweepRunArgs) -> Result<Self, Failure> {
        let plan = Plan::read(&args.plan)?;
        Ok(Self {
            args,
            halved: plan.head.halving.is_some(),
            plan: plan.in_rungs(registry)?,
            folder: (args.how.runs.clone()).unwrap_or_else(|| beside(&args.plan)),
        })
    }

    fn run(&self, registry: &Registry, console: &Console) -> Result<(), Failure> {
        let args = self.args;
        let how = &args.how;
        let mut session = Session::new(registry, console, how.work.workers(), &how.device)?;
        let ladder = Ladder::of(&self.plan, &self.folder);
        let ladder = &ladder.ok_or_else(|| Failure::config("the plan has no runs"))?;
        match (args.rung, args.index) {
            (Some(rung), _) if !self.halved => Err(Failure::usage(format!(
                "--rung {rung}: {} has no halving; leave it out",
                args.plan.display()
            ))),
            (None, Some(index)) if self.halved => Err(Failure::usage(format!(
                "--index {index}: with halving a rung has runs of its own; say which by --rung, 0 \
                 to {}",
                ladder.rungs().len() - 1
            ))),
            (None, None) => self.all(&mut session, console, ladder),
            (rung, index) => {
                let rung = rung_of(ladder.rungs(), rung.unwrap_or(0))?;
                match index {
                    Some(index) => self.one(&session, console, ladder, (&rung, index)),
                    None => self.rung(&mut session, console, ladder, &rung),
                }
            }
        }
    }

    /// Does all of the plan, and tells its settings apart.
    fn all(
        &self,
        session: &mut Session<'_>,
        console: &Console,
        ladder: &Ladder<'_>,
    ) -> Result<(), Failure> {
        for rung in ladder.rungs() {
            self.rung(session, console, ladder, &rung)?;
        }
        ladder.winner()?;
        let standings = Standings::of_rungs(&self.plan, ladder)?;
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
        let runs = pending(session, &ladder.lines(rung.index)?, rung)?;
        self.work(console).finish(session, &runs)?;
        if !self.halved {
            return Ok(());
        }
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
        let args = self.args;
        let mut words = vec![run_command(&args.plan)];
        words.extend(how(&args.how));
        Work {
            console,
            folder: &self.folder,
            jobs: args.how.jobs,
            go_on: words.join(" "),
        }
    }

    /// Takes one run of a rung there, as a job of a farm does: the run of a number among
    /// those that go on; without halving of all, to its end.
    fn one(
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
            let at = match self.halved {
                true => format!(" at rung {}", rung.index),
                false => String::new(),
            };
            return Err(Failure::usage(format!(
                "--index {index}; allowed{at}: 0 to {last}"
            )));
        }
        let lines = ladder.lines(rung.index)?;
        // Fewer go on than might, where others failed.
        let Some(line) = lines.get(index) else {
            return console.say(format!("rung {} has no run {index}", rung.index));
        };
        let path = self.folder.join(line.place());
        let known = ladder.score(line, rung.index)?;
        let score = if let Some(score) = known {
            score
        } else {
            let config = line.config(session.registry, line.seed)?;
            launch::rehearse(session, &config)?;
            begin(session, &path, &config)?;
            let mut go_on = self.work(console).go_on;
            if self.halved {
                go_on += &format!(" --rung {}", rung.index);
            }
            go_on += &format!(" --index {index}");
            let score = Trainings::at(console, session, 1).to_rung(&path, rung, &go_on)?;
            if rung.update.is_none() && score.failure.is_none() {
                reporting::of_finished(std::slice::from_ref(&path), &path)?;
            }
            score
        };
        let place = path.display();
        console.say(match (&score.failure, self.halved) {
            (Some(why), _) => format!("run {index} comes to no number, {why}: {place}"),
            (None, true) => format!("run {index} has reached rung {}: {place}", rung.index),
            (None, false) => format!("run {index} is finished: {place}"),
        })
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

/// How the runs of a command are done, in the words of a command that goes on with them: what
/// is so by itself is left out.
fn how(how: &SweepWork) -> Vec<String> {
    let runs = how.runs.as_deref();
    let runs = runs.map(|runs| format!("--runs {}", quoted(runs)));
    let jobs = how.jobs.given.map(|jobs| format!("--jobs {jobs}"));
    let usual = lab::host::cores_beside(ranks::sharing_cores());
    let workers = Some(how.work.workers()).filter(|workers| *workers != usual);
    let workers = workers.map(|workers| format!("--workers {workers}"));
    let device = Some(Path::new(&how.device)).filter(|device| *device != Path::new(DEVICE));
    let device = device.map(|device| format!("--device {}", quoted(device)));
    [runs, jobs, workers, device]
        .into_iter()
        .flatten()
        .collect()
}

/// Runs of a plan that are to be done.
fn pending(session: &Session<'_>, lines: &[&Line], rung: &Rung) -> Result<Vec<Pending>, Failure> {
    let pending = |line: &&Line| {
        Ok(Pending {
            place: line.place(),
            config: line.config(session.registry, line.seed)?,
            rung: Some(rung.clone()),
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
