//! `sweep`: many settings of one training, planned, run and told apart.

mod script;
mod standings;

use crate::cli::{SweepArgs, SweepCommand, SweepPlanArgs, SweepRunArgs};
use crate::commands::train::{Trainings, side_by_side};
use crate::console::{Console, Event, fixed};
use lab::config::RunConfig;
use lab::failure::{Exit, Failure};
use lab::folders::path_of;
use lab::invocation::{program, quoted};
use lab::launch;
use lab::registry::Registry;
use lab::runner;
use lab::session::Session;
use lab::sweep::{Line, Plan, begin};
use record::write_atomically;
use report::Estimate;
use serde_json::json;
use standings::{Standings, estimate};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

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
    }
}

fn plan(registry: &Registry, args: &SweepPlanArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    let place = args.spec.display().to_string();
    let text = record::read_text(&args.spec)
        .map_err(|error| Failure::file(format!("cannot read {place}: {error}"), &error))?;
    let plan = Plan::of(registry, &place, &text)?;
    let session = Session::new(registry, &console, 1, "cpu")?;
    // What a training would be refused for is said now, once a setting.
    for line in plan.settings().iter().filter_map(|runs| runs.first()) {
        let rehearsed = launch::rehearse(&session, &line.config(registry, line.seed)?);
        rehearsed.map_err(|failure| failure.within(line.said()))?;
    }
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
    console.say(format!(
        "{}: {settings} settings, {runs} runs; do them with: {}",
        out.display(),
        run_command(&out)
    ))?;
    let plan = out.to_string_lossy();
    let row = json!({ "plan": plan, "settings": settings, "runs": runs });
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

/// A run that is to be done: where, and how.
struct Pending {
    place: PathBuf,
    config: RunConfig,
}

impl<'a> Sweeping<'a> {
    fn new(args: &'a SweepRunArgs) -> Result<Self, Failure> {
        let plan = Plan::read(&args.plan)?;
        let beside = match args.plan.with_extension("") {
            folder if folder == args.plan => {
                let mut name = folder.into_os_string();
                name.push("-runs");
                PathBuf::from(name)
            }
            folder => folder,
        };
        let folder = args.runs.clone().unwrap_or(beside);
        Ok(Self { args, plan, folder })
    }

    fn run(&self, registry: &Registry, console: &Console) -> Result<(), Failure> {
        let args = self.args;
        let mut session = Session::new(registry, console, args.work.workers(), &args.device)?;
        if let Some(index) = args.index {
            return self.one(&session, console, index);
        }
        let pending = |line: &Line| {
            let config = line.config(registry, line.seed)?;
            let place = line.place();
            Ok(Pending { place, config })
        };
        let all: Result<Vec<Pending>, Failure> = self.plan.lines.iter().map(pending).collect();
        self.finish(&mut session, console, &all?)?;
        let standings = Standings::read(&self.plan, &self.folder)?;
        let files = standings.write(&self.folder)?;
        standings.print(console)?;
        for path in files {
            console.say(path.display().to_string())?;
        }
        match standings.best() {
            Some(best) if !self.plan.head.confirm.is_empty() => {
                self.confirm(&mut session, console, best)
            }
            _ => Ok(()),
        }
    }

    /// The command that goes on with it.
    fn go_on(&self) -> String {
        let runs = self.args.runs.as_deref().map(quoted);
        let runs = runs.map_or_else(String::new, |runs| format!(" --runs {runs}"));
        format!("{}{runs}", run_command(&self.args.plan))
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

    /// Takes those runs to their ends that are not there yet.
    fn finish(
        &self,
        session: &mut Session<'_>,
        console: &Console,
        all: &[Pending],
    ) -> Result<(), Failure> {
        let mut left = Vec::new();
        for one in all {
            let path = self.folder.join(&one.place);
            if lab::sweep::state(&path, &one.config.to_text()?)? != lab::sweep::State::Finished {
                left.push(one);
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        // Whatever cannot work is found out before a folder is made, once a setting.
        let mut known = BTreeSet::new();
        let mut distinct = Vec::new();
        for one in &left {
            let text = one.config.to_text()?;
            let again = RunConfig::resolve(session.registry, "the plan", &text, &[])?.with_seed(0);
            if known.insert(again.to_text()?) {
                distinct.push(again);
            }
        }
        let jobs = side_by_side(session, self.args.jobs, left.len(), &distinct)?;
        for one in &left {
            begin(session, &self.folder.join(&one.place), &one.config)?;
        }
        let training = Trainings::at(console, session, jobs);
        let go_on = self.go_on();
        training.on_end(format!(
            "stopped; what was done since the last checkpoints is done anew with: {go_on}"
        ));
        let places = left
            .iter()
            .map(|one| one.place.to_string_lossy().into_owned());
        let places: Vec<String> = places.collect();
        let ends = training.farm(&self.folder, &places, "runs");
        let failed = places.iter().zip(ends);
        let failed: Vec<(&String, Failure)> = failed
            .filter_map(|(place, end)| Some((place, end.err()?)))
            .collect();
        let asked = session.stop.asked();
        let stopped = |failure: &Failure| failure.exit == Exit::Stopped;
        let own = failed
            .iter()
            .filter(|(_, failure)| !(asked && stopped(failure)));
        let mut said: Vec<String> = own
            .map(|(place, failure)| format!("{place}: {failure}"))
            .collect();
        let Some((_, first)) = failed.first() else {
            return Ok(());
        };
        let exit = match failed.iter().find(|(_, failure)| !stopped(failure)) {
            Some((_, failure)) if !asked => failure.exit,
            _ if asked => Exit::Stopped,
            _ => first.exit,
        };
        said.push(format!(
            "{} of {} runs to go; go on with: {go_on}",
            failed.len(),
            all.len()
        ));
        Err(Failure::new(exit, said.join("\n")))
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
            })
        });
        let pending: Vec<Pending> = pending.collect::<Result<_, Failure>>()?;
        self.finish(session, console, &pending)?;
        let of = |one: &Pending| Ok(estimate(&runner::finished(&self.folder.join(&one.place))?));
        let found: Vec<Estimate> = pending.iter().map(of).collect::<Result<_, Failure>>()?;
        let Some(mean) = Estimate::over_seeds(&found) else {
            return Ok(());
        };
        console.say(format!(
            "the best setting, {}, on seeds and tasks that it was not chosen by ({} seeds): {} ± {}",
            best.said(),
            found.len(),
            fixed(mean.mean, 4),
            fixed(mean.standard_error, 4)
        ))?;
        let row = json!({
            "values": best.values,
            "seeds": seeds,
            "mean_return": mean.mean,
            "standard_error": mean.standard_error,
            "runs": self.folder.join(WINNER).to_string_lossy(),
        });
        console.emit(Event::Winner, &row)
    }
}
