//! `export`: runs as files that other programs read.

use crate::cli::ExportArgs;
use crate::commands::watch::runs::{Ending, Folder, Run, State};
use crate::console::{Console, Event};
use crate::progress::Waiting;
use crate::tables::files::write_all;
use clap::ValueEnum as _;
use lab::exports::exported;
use lab::failure::Failure;
use lab::folders::runs_in;
use lab::registry::Registry;
use lab::session::Session;
use report::Events;
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// What the file is called: TensorBoard knows its files by a part of the name.
const EVENTS: &str = "events.out.tfevents.0.metarl";

/// Time between two looks at runs that go on.
const LOOK: Duration = Duration::from_secs(2);

pub(crate) fn run(registry: &Registry, args: &ExportArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    if args.follow && args.to.of_agents().is_some() {
        return Err(Failure::usage(
            "--follow: an agent is written once it is trained; allowed with --to tensorboard",
        ));
    }
    let mut paths = Vec::new();
    for folder in &args.runs {
        paths.extend(runs_in(folder)?);
    }
    let mut targets: Vec<(PathBuf, PathBuf)> = Vec::new();
    for path in paths {
        let folder = target(args, &path)?;
        if let Some((other, _)) = targets.iter().find(|(_, taken)| *taken == folder) {
            return Err(Failure::usage(format!(
                "{} and {} would both be written to {}; export them one by one with an --out of their own",
                other.display(),
                path.display(),
                folder.display()
            )));
        }
        targets.push((path, folder));
    }
    if args.follow {
        return follow(&console, args, &targets);
    }
    for (path, folder) in targets {
        let reading = Waiting::on(format!("exporting {}", path.display()));
        let files = match args.to.of_agents() {
            None => {
                let runs = report::load(std::slice::from_ref(&path), &mut |_| ())?;
                let events = |run| (EVENTS, report::tensorboard(run));
                runs.iter().map(events).collect()
            }
            Some(format) => {
                // Wherever it learned, its numbers are the same here.
                let session = Session::new(registry, &console, 1, "cpu")?;
                exported(&session, &path, format)?
            }
        };
        drop(reading);
        if args.out.is_none() {
            refuse_link(&folder)?;
        }
        for file in write_all(&folder, files)? {
            say(&console, &path, &file)?;
        }
    }
    Ok(())
}

fn say(console: &Console, run: &Path, file: &Path) -> Result<(), Failure> {
    console.say(file.display().to_string())?;
    let run = run.to_string_lossy();
    let row = json!({ "run": run, "file": file.to_string_lossy() });
    console.emit(Event::Export, &row)
}

/// Writes events as rows come, until the last of the runs has ended.
fn follow(
    console: &Console,
    args: &ExportArgs,
    targets: &[(PathBuf, PathBuf)],
) -> Result<(), Failure> {
    let mut following = Vec::new();
    for (run, folder) in targets {
        if args.out.is_none() {
            refuse_link(folder)?;
        }
        let written = write_all(folder, [(EVENTS, Vec::new())])?;
        for file in written {
            say(console, run, &file)?;
            following.push(Followed {
                folder: Folder::open(run)?,
                events: Events::default(),
                seen: None,
                file,
            });
        }
    }
    let (mut failed, mut ending) = (None, Ending::default());
    loop {
        // One that has stopped may be resumed, or not have begun yet.
        following.retain_mut(|one| match one.look() {
            Ok(()) => true,
            Err(failure) => {
                failed.get_or_insert(failure);
                false
            }
        });
        let runs = following.iter().flat_map(|one| one.folder.runs());
        if ending.has_come(&runs.collect::<Vec<&Run>>()) {
            return failed.map_or(Ok(()), Err);
        }
        sleep(LOOK);
    }
}

/// A run of which events are written.
struct Followed {
    folder: Folder,
    events: Events,
    /// How far it was at the last look: its updates, its newest evaluation, and whether it
    /// went on.
    seen: Option<(u64, Option<u64>, bool)>,
    file: PathBuf,
}

impl Followed {
    /// Writes what is new.
    fn look(&mut self) -> Result<(), Failure> {
        self.folder.look()?;
        let Some(run) = self.folder.runs().next() else {
            return Ok(());
        };
        let goes_on = run.state == State::Running;
        let now = (
            run.done,
            run.evaluation.as_ref().map(|row| row.update),
            goes_on,
        );
        if self.seen == Some(now) {
            return Ok(());
        }
        let run = match goes_on {
            // Its files are those of a moment ago, some of them of a moment later.
            true => match report::Run::read_running(&run.path) {
                Err(_) => return Ok(()),
                Ok(run) => run,
            },
            false => match report::load(std::slice::from_ref(&run.path), &mut |_| ())?.pop() {
                None => return Ok(()),
                Some(run) => run,
            },
        };
        // It went back to a checkpoint, or another one began in its place.
        let back = self.seen.is_some_and(|(done, ..)| now.0 < done);
        if back {
            self.events = Events::default();
        }
        let new = self.events.so_far(&run);
        match back {
            true => self.write_whole(&new)?,
            false => self.append(&new)?,
        }
        if !goes_on {
            // Rows may have been written once more between two looks, at another time.
            let whole = report::tensorboard(&run);
            if fs::read(&self.file).ok().as_deref() != Some(&whole) {
                self.write_whole(&whole)?;
            }
        }
        self.seen = Some(now);
        Ok(())
    }

    fn append(&self, new: &[u8]) -> Result<(), Failure> {
        let opened = OpenOptions::new().append(true).open(&self.file);
        let appended = opened.and_then(|mut file| file.write_all(new));
        appended.map_err(|error| {
            let place = self.file.display();
            Failure::file(format!("cannot write {place}: {error}"), &error)
        })
    }

    fn write_whole(&self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(record::write_atomically(&self.file, bytes)?)
    }
}

/// Refuses a link in the place of a folder inside a run: it would lead out of it.
fn refuse_link(folder: &Path) -> Result<(), Failure> {
    match fs::symlink_metadata(folder).is_ok_and(|found| found.is_symlink()) {
        true => Err(Failure::config(format!(
            "cannot write {}: it is a link, and inside a run's folder none is followed; remove \
             it, or choose another folder with --out",
            folder.display()
        ))),
        false => Ok(()),
    }
}

/// `RUN/FORMAT`, or one folder a run in that which is given: `OUT/NAME/seed-0`, which
/// TensorBoard calls the runs by, and `OUT/NAME/seed-0/FORMAT` for agents, of which there are
/// several formats.
fn target(args: &ExportArgs, run: &Path) -> Result<PathBuf, Failure> {
    let format = args.to.to_possible_value();
    let format = format.map_or_else(String::new, |it| it.get_name().to_owned());
    let Some(out) = &args.out else {
        return Ok(run.join(format));
    };
    let whole = run
        .canonicalize()
        .map_err(|error| Failure::file(format!("cannot use {}: {error}", run.display()), &error))?;
    let parts: Vec<_> = whole.iter().collect();
    let last = &parts[parts.len().saturating_sub(2)..];
    let folder = last.iter().fold(out.clone(), |path, part| path.join(part));
    Ok(match args.to.of_agents() {
        None => folder,
        Some(_) => folder.join(format),
    })
}
