//! `train`: one run, or one for each of several seeds.

use crate::cli::{Jobs, TrainArgs};
use crate::console::{Console, Event, Table, fixed, percent, short};
use crate::interrupt::Interrupt;
use crate::progress::Together;
use crate::ranks;
use crate::reporting;
use crate::results::{self, Summary};
use lab::config::RunConfig;
use lab::failure::{Exit, Failure};
use lab::farm::Farm;
use lab::folders::{path_of, seed_of};
use lab::group;
use lab::invocation::resume_command;
use lab::launch;
use lab::presets::Source;
use lab::registry::Registry;
use lab::runner::{self, Finished};
use lab::session::Session;
use lab::sweep::{Errand, Rung, Score, climb};
use nets::Device;
use record::Existing;
use report::{Estimate, Seeds};
use rl_core::Moments;
use serde_json::json;
use std::env;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::slice;

pub(crate) fn run(registry: &Registry, args: &TrainArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json);
    let source = Source::find(&args.preset)?;
    let resolve = || -> Result<RunConfig, Failure> {
        let (place, text) = (&source.place, &source.text);
        let config = RunConfig::resolve(registry, place, text, &args.overrides)?;
        Ok(match &args.from {
            Some(run) => config.begun_from(run),
            None => config,
        })
    };
    if let Some(run) = &args.from {
        launch::expect_text("--from", run)?;
    }
    let config = resolve()?;
    refuse_conflicts(args, &config)?;
    let mut session = ranks::session(registry, &console, &args.work, &args.device)?;
    // Whatever cannot work is found out before a folder is made.
    let runs = args.seeds.unwrap_or(1) as usize;
    let jobs = side_by_side(&mut session, args.jobs, runs, slice::from_ref(&config))?;
    let training = Trainings::at(&console, &session, jobs);
    let folder = match &args.name {
        Some(name) => args.runs.join(name),
        None => args.runs.join(&source.folder),
    };
    let existing = match args.overwrite {
        true => Existing::Overwrite,
        false => Existing::Refuse,
    };
    let seeds: Vec<u64> = match args.seeds {
        Some(count) => (0..count).collect(),
        None => vec![args.seed.unwrap_or(config.seed)],
    };
    if existing == Existing::Overwrite {
        let replaced: Vec<PathBuf> = seeds.iter().map(|&seed| path_of(&folder, seed)).collect();
        launch::refuse_own_sources(&replaced, &config, ("--overwrite", "--name or --runs"))?;
    }
    if existing == Existing::Refuse {
        for &seed in &seeds {
            launch::refuse_existing(&path_of(&folder, seed))?;
        }
    }
    let configs = seeds.iter().map(|seed| Ok(resolve()?.with_seed(*seed)));
    let configs: Vec<RunConfig> = configs.collect::<Result<_, Failure>>()?;
    configs
        .iter()
        .try_for_each(|config| launch::check_beginning(&session, config))?;
    match &configs[..] {
        [config] => {
            let path = path_of(&folder, config.seed);
            launch::create(&session, &path, config, existing)?;
            training.one(&path)
        }
        configs => {
            let paths = group::begin(&session, &folder, configs, existing)?;
            training.several(&folder, &paths)
        }
    }
}

/// Exact solutions of more than this, in bytes, are not computed by several processes
/// at once unless that is asked for.
const LARGE_SOLUTIONS: f64 = 64e6;

/// How many of several runs are taken to their ends at a time; whatever cannot work
/// is found out, for each of their configurations.
pub(crate) fn side_by_side(
    session: &mut Session<'_>,
    wanted: Jobs,
    runs: usize,
    configs: &[RunConfig],
) -> Result<usize, Failure> {
    let solutions = |config: &RunConfig| config.built.factory.solution_bytes();
    let small = configs
        .iter()
        .all(|config| solutions(config) <= LARGE_SOLUTIONS);
    let among = session.pool.ranks().size();
    if let Some(jobs) = wanted.given.filter(|jobs| *jobs > 1 && among > 1) {
        return Err(Failure::usage(format!(
            "--jobs {jobs}: {among} ranks take one run after the other, all of them together; \
             leave it out"
        )));
    }
    let usual = match session.device {
        _ if among > 1 => 1,
        Device::Cpu if small => session.pool.workers(),
        _ => 1,
    };
    let jobs = wanted.given.unwrap_or(usual).min(runs);
    let rehearse = |session: &Session<'_>| {
        let mut configs = configs.iter();
        configs.try_for_each(|config| launch::rehearse(session, config))
    };
    session.share(jobs * ranks::neighbours());
    let rehearsed = rehearse(session);
    // What was solved for it is solved anew where it is needed.
    session.share(ranks::neighbours());
    match rehearsed {
        Ok(()) => Ok(jobs),
        Err(failure) if jobs > 1 && wanted.given.is_none() => {
            rehearse(session)?;
            let note = format!("one run at a time: {failure}");
            session.observer.note(&note);
            Ok(1)
        }
        Err(failure) => Err(failure),
    }
}

/// Refuses a seed that is given twice.
fn refuse_conflicts(args: &TrainArgs, config: &RunConfig) -> Result<(), Failure> {
    let mut overrides = config.origin.overrides.iter();
    let option = match (args.seed, args.seeds) {
        (Some(seed), _) => format!("--seed {seed}"),
        (None, Some(count)) => format!("--seeds {count}"),
        (None, None) => return Ok(()),
    };
    match overrides.find(|one| one.key == "seed") {
        Some(one) => Err(Failure::usage(format!(
            "{one}: seed is set twice, by {option} too; set it once"
        ))),
        None => Ok(()),
    }
}

/// Trainings that signals stop, and whose results go to the terminal.
pub(crate) struct Trainings<'a> {
    console: &'a Console,
    session: &'a Session<'a>,
    interrupt: Interrupt,
    /// How many there are at a time.
    jobs: usize,
}

impl<'a> Trainings<'a> {
    /// Listens for signals from now on; so many runs are side by side.
    pub(crate) fn at(console: &'a Console, session: &'a Session<'a>, jobs: usize) -> Self {
        let interrupt = Interrupt::listen(&session.stop);
        Self {
            console,
            session,
            interrupt,
            jobs,
        }
    }

    /// What is said if the work cannot save itself in time.
    pub(crate) fn on_end(&self, said: String) {
        self.interrupt.on_end(said);
    }

    /// Takes one run to its end, and shows what it came to.
    pub(crate) fn one(&self, path: &Path) -> Result<(), Failure> {
        let (session, console) = (self.session, self.console);
        self.interrupt.on_end(ended(path));
        let finished = runner::drive(session, path, path)?;
        // First the results: a report that cannot be written must not cost them.
        results::print(console, &finished.comparison)?;
        let report = reporting::of_finished(&[path.to_path_buf()], path)?.html;
        let summary = Summary::new(&finished, &report)?;
        console.say("")?;
        results::print_summary(console, &summary)?;
        console.emit(Event::Run, &summary)
    }

    /// Takes one run to a rung, and scores it there; a command goes on with it where it is
    /// stopped.
    pub(crate) fn to_rung(&self, path: &Path, rung: &Rung, go_on: &str) -> Result<Score, Failure> {
        self.interrupt.on_end(format!(
            "stopped; what was done since the last checkpoint is done anew with: {go_on}"
        ));
        climb(self.session, path, rung, go_on).map_err(|failure| match failure.exit {
            Exit::Stopped if self.session.stop.asked() => {
                // Its end is a rung too, and not called so where there is no other.
                let before = match rung.update {
                    Some(_) => format!(" before rung {}", rung.index),
                    None => String::new(),
                };
                Failure::stopped(format!("stopped{before}; go on with: {go_on}"))
            }
            _ => failure,
        })
    }

    /// Takes several runs to their ends, and shows what they came to together. What
    /// one of them fails of does not stop the others.
    pub(crate) fn several(&self, folder: &Path, paths: &[PathBuf]) -> Result<(), Failure> {
        let console = self.console;
        self.interrupt.on_end(ended(folder));
        let seeds = || paths.iter().filter_map(|path| seed_of(path));
        let farmed = (self.jobs > 1).then(|| {
            let errand = |seed| Errand {
                place: format!("seed-{seed}"),
                rung: None,
            };
            let errands: Vec<Errand> = seeds().map(errand).collect();
            self.farm(folder, &errands, "seeds")
        });
        let (mut summaries, mut failed) = (Vec::new(), Vec::new());
        for (index, path) in paths.iter().enumerate() {
            let finished = match &farmed {
                None => self.drive(folder, path),
                Some(ends) => ends[index].clone().and_then(|()| runner::finished(path)),
            };
            let finished = match finished {
                Ok(finished) => finished,
                Err(failure) => {
                    let stopped = failure.exit == Exit::Stopped;
                    failed.push((path, failure));
                    match farmed.is_none() && stopped {
                        true => break,
                        false => continue,
                    }
                }
            };
            results::print(console, &finished.comparison)?;
            let summary = Summary::new(&finished, &path.join(report::PAGE))?;
            console.say("")?;
            console.emit(Event::Run, &summary)?;
            summaries.push(summary);
        }
        match self.failure(folder, failed, paths.len()) {
            None => self.together(folder, paths, &summaries),
            Some(failure) => Err(failure),
        }
    }

    /// Takes a run to its end in this process, with its report.
    fn drive(&self, folder: &Path, path: &Path) -> Result<Finished, Failure> {
        let finished = runner::drive(self.session, path, folder)?;
        reporting::of_finished(&[path.to_path_buf()], path)?;
        Ok(finished)
    }

    /// What runs failed of, if any did: their own failures before those that come of
    /// being stopped.
    fn failure(
        &self,
        folder: &Path,
        failed: Vec<(&PathBuf, Failure)>,
        all: usize,
    ) -> Option<Failure> {
        let left = failed.len();
        let stopped = |failure: &Failure| failure.exit == Exit::Stopped;
        let asked = self.session.stop.asked();
        let first = failed.iter().map(|(_, failure)| failure);
        let first = first
            .clone()
            .find(|f| !stopped(f))
            .or(first.clone().next())?;
        let exit = match asked {
            true => Exit::Stopped,
            false => first.exit,
        };
        if self.jobs == 1 && stopped(first) {
            return Some(first.clone());
        }
        let mut said: Vec<String> = Vec::new();
        for (path, failure) in &failed {
            if !(asked && stopped(failure)) {
                let seed = seed_of(path).map_or(String::new(), |seed| format!("seed {seed}: "));
                said.push(format!("{seed}{failure}"));
            }
        }
        let resume = resume_command(folder);
        said.push(match asked {
            true => format!("stopped with {left} of {all} runs to go; go on with: {resume}"),
            false => format!("Runs of the other seeds that are finished: {}", all - left),
        });
        Some(Failure::new(exit, said.join("\n")))
    }

    /// Shows what several runs came to together.
    fn together(
        &self,
        folder: &Path,
        paths: &[PathBuf],
        summaries: &[Summary],
    ) -> Result<(), Failure> {
        let console = self.console;
        let written = reporting::of_finished(paths, folder)?;
        seeds_table(summaries).print(console)?;
        for seeds in &written.settings {
            over_seeds(console, seeds, summaries, &written.html)?;
        }
        console.say(format!(
            "report: {}",
            console.bold(&written.html.display().to_string())
        ))
    }

    /// Takes several runs to their ends, or to a rung, side by side, in processes of
    /// their own: those that lie in these places below the folder.
    pub(crate) fn farm(
        &self,
        folder: &Path,
        errands: &[Errand],
        what: &str,
    ) -> Vec<Result<(), Failure>> {
        let workers = (self.session.pool.workers() / self.jobs).max(1);
        let command = || {
            let mut command = job();
            command.arg("job").arg(folder);
            command.args(["--workers", &workers.to_string()]);
            command.args(["--device", &self.session.device_name]);
            command
        };
        let label = format!("{} {what}, {} at a time", errands.len(), self.jobs);
        let mut together = Together::new(*self.console, &label, errands.len());
        let farm = Farm {
            command,
            jobs: self.jobs,
            stop: &self.session.stop,
            hear: |run, message| together.hear(run, message),
        };
        let lines: Result<Vec<String>, _> = errands.iter().map(serde_json::to_string).collect();
        match lines {
            Ok(lines) => farm.run(&lines),
            Err(error) => vec![Err(Failure::internal(error)); errands.len()],
        }
    }
}

/// This program once more, even if its file was replaced meanwhile.
fn job() -> Command {
    let itself = Path::new("/proc/self/exe");
    let mut command = match itself.exists() {
        true => Command::new(itself),
        false => Command::new(env::current_exe().unwrap_or_default()),
    };
    if let Some(called) = env::args_os().next() {
        command.arg0(called);
    }
    command
}

/// What is said if the work cannot save itself in time.
fn ended(path: &Path) -> String {
    format!(
        "stopped; what was done since the last checkpoint is done anew with: {}",
        resume_command(path)
    )
}

fn seeds_table(summaries: &[Summary]) -> Table {
    let mut table = Table::new(&["seed", "mean return", "± s.e.", "gap closed", "steps/s"]);
    let none = || "–".to_owned();
    for summary in summaries {
        table.row(vec![
            summary.seed.to_string(),
            fixed(summary.mean_return, 4),
            fixed(summary.standard_error, 4),
            summary.gap_closed.map_or_else(none, percent),
            summary.env_steps_per_second.map_or_else(none, short),
        ]);
    }
    table
}

/// Prints what the seeds of one setting came to together. Runs that were set to
/// something else are never averaged with them.
fn over_seeds(
    console: &Console,
    seeds: &Seeds,
    summaries: &[Summary],
    report: &Path,
) -> Result<(), Failure> {
    let own = summaries.iter().filter(|s| seeds.runs.contains(&s.run));
    let own: Vec<&Summary> = own.collect();
    let returns: Vec<Estimate> = own.iter().map(|summary| summary.estimate()).collect();
    let Some(mean) = Estimate::over_seeds(&returns) else {
        return Ok(());
    };
    let gaps: Option<Vec<f64>> = own.iter().map(|summary| summary.gap_closed).collect();
    let gaps: Option<Moments> = gaps.map(|gaps| gaps.into_iter().collect());
    let setting = match seeds.differs.is_empty() {
        true => String::new(),
        false => format!("{}, ", seeds.differs),
    };
    let count = match own.len() {
        1 => "1 seed".to_owned(),
        several => format!("{several} seeds"),
    };
    console.say(format!(
        "{setting}over {count}: mean return {} ± {}",
        fixed(mean.mean, 4),
        fixed(mean.standard_error, 4)
    ))?;
    console.emit(
        Event::Seeds,
        &json!({
            "seeds": own.len(),
            "differs": seeds.differs,
            "mean_return": mean.mean,
            "standard_error": mean.standard_error,
            "mean_return_interval": mean.interval(),
            "gap_closed": gaps.map(|gaps| gaps.mean()),
            "seconds": own.iter().map(|summary| summary.seconds).sum::<f64>(),
            "env_steps": own.iter().map(|summary| summary.env_steps).sum::<u64>(),
            "report": report.to_string_lossy(),
        }),
    )
}
