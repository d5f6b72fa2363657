//! `watch`: how runs are getting on, as their files tell while others write them.

mod canvas;
pub(super) mod runs;
mod screen;
mod terminal;

use crate::cli::WatchArgs;
use crate::console::{Console, Event, duration, fixed, short};
use lab::failure::Failure;
use runs::{Ending, Folder, Run, State};
use serde_json::json;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};
use terminal::Terminal;

/// Time between two looks at the files.
const LOOK: Duration = Duration::from_millis(500);
/// Time between two lines about a run, where there is no terminal.
const SPEAK: Duration = Duration::from_secs(10);

pub(crate) fn run(args: &WatchArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json).only_results();
    // As in `rates/*`, where a sweep has its table and figures beside the folders.
    let is_file = |path: &&PathBuf| path.is_file();
    let (files, folders): (Vec<&PathBuf>, Vec<&PathBuf>) = args.runs.iter().partition(is_file);
    let asked = if folders.is_empty() { files } else { folders };
    let folders: Result<Vec<Folder>, Failure> = asked.iter().map(|it| Folder::open(it)).collect();
    let mut folders = folders?;
    let terminal = match args.output.json {
        true => None,
        false => Terminal::open(),
    };
    match terminal {
        None => say(&console, &mut folders),
        Some(terminal) => show(&console, &mut folders, &terminal),
    }
}

/// All runs as they are now.
fn look(folders: &mut [Folder]) -> Result<Vec<&Run>, Failure> {
    for folder in folders.iter_mut() {
        folder.look()?;
    }
    Ok(folders.iter().flat_map(Folder::runs).collect())
}

/// Draws until all runs have ended, or somebody asks for the end; then says in lines how far
/// they are.
fn show(console: &Console, folders: &mut [Folder], terminal: &Terminal) -> Result<(), Failure> {
    let colours = console.has_colours();
    let mut ending = Ending::of(folders);
    loop {
        let runs = look(folders)?;
        let (width, height) = terminal.size();
        terminal.draw(&screen::screen(&runs, (width, height), colours), height);
        let over = ending.has_come(&runs);
        if over || terminal.asked_within(LOOK) {
            break;
        }
    }
    terminal.close();
    for run in folders.iter().flat_map(Folder::runs) {
        console.say(line(run))?;
    }
    Ok(())
}

/// Says a line of every run that has moved, now and then, and of every one in the end.
fn say(console: &Console, folders: &mut [Folder]) -> Result<(), Failure> {
    let mut said: Vec<(u64, State)> = Vec::new();
    let mut last: Option<Instant> = None;
    let mut ending = Ending::of(folders);
    loop {
        let runs = look(folders)?;
        let due = last.is_none_or(|last| last.elapsed() >= SPEAK);
        for (index, run) in runs.iter().enumerate() {
            let now = (run.done, run.state);
            let new = said.get(index) != Some(&now);
            let ended = run.state != State::Running;
            if new && (due || ended) {
                console.say(line(run))?;
                console.emit(Event::Progress, &row(run))?;
                said.resize(said.len().max(index + 1), (u64::MAX, State::Running));
                said[index] = now;
            }
        }
        if due {
            last = Some(Instant::now());
        }
        if ending.has_come(&runs) {
            return Ok(());
        }
        sleep(LOOK);
    }
}

/// How far a run is, in a line.
fn line(run: &Run) -> String {
    let of = run
        .updates
        .map_or_else(String::new, |all| format!("/{all}"));
    let mut line = format!(
        "{}: {}, update {}{of}",
        run.name,
        run.state.word(),
        run.done
    );
    if let Some((_, last)) = run.returns.last() {
        line += &format!(", return {}", fixed(*last, 3));
    }
    if let Some(rate) = run.rate.filter(|_| run.state == State::Running) {
        line += &format!(", {} steps/s", short(rate));
    }
    if let Some(left) = run.left() {
        line += &format!(", {} left", duration(left));
    }
    if let Some(found) = &run.evaluation {
        let (mean, error) = (fixed(found.mean_return, 3), fixed(found.standard_error, 3));
        line += &format!(", evaluation {mean} ± {error} at update {}", found.update);
    }
    line
}

fn row(run: &Run) -> serde_json::Value {
    json!({
        "run": run.name,
        "state": run.state.word(),
        "update": run.done,
        "updates": run.updates,
        "env_steps": run.returns.last().map(|(steps, _)| steps),
        "mean_return": run.returns.last().map(|(_, last)| last),
        "steps_per_second": run.rate,
        "seconds_left": run.left(),
        "evaluation": run.evaluation,
    })
}
