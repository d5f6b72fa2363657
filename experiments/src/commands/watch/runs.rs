//! What the files of runs tell while they grow.

use lab::failure::Failure;
use lab::folders::runs_in;
use record::schema::{EvalRow, MetricsRow, TimingRow};
use record::{Held, Lock, Reader, Stream, open_to_read};
use rustix::process::{Pid, test_kill_process};
use serde::de::DeserializeOwned;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Updates that rates are measured over.
const RECENT: usize = 20;
/// How long at least the files of a run that nobody here writes may lie still before it
/// counts as stopped: another machine may be writing them.
const STILL: Duration = Duration::from_secs(60);

/// A folder that was asked for: a run, the runs of several seeds, or a sweep with such folders
/// in it; more may come.
pub(crate) struct Folder {
    path: PathBuf,
    runs: Vec<Run>,
}

impl Folder {
    /// # Errors
    /// If it holds no run.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let mut folder = Self {
            path: path.to_path_buf(),
            runs: Vec::new(),
        };
        folder.look()?;
        Ok(folder)
    }

    pub(crate) fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter()
    }

    /// Whether its runs lie in folders of their own, as those of a sweep, to which another
    /// rung and the seeds of the best setting may be added.
    fn is_sweep(&self) -> bool {
        let folders = |run: &Run| {
            let place = run.path.strip_prefix(&self.path);
            place.map_or(0, |place| place.components().count())
        };
        self.runs.iter().any(|run| folders(run) > 1)
    }

    /// Reads what is new.
    ///
    /// # Errors
    /// If the folder is gone.
    pub(crate) fn look(&mut self) -> Result<(), Failure> {
        for path in found_in(&self.path)? {
            if !self.runs.iter().any(|run| run.path == path) {
                self.runs.push(Run::new(path));
            }
        }
        self.runs.iter_mut().for_each(Run::look);
        Ok(())
    }
}

/// The runs of a folder, or of the folders in it.
///
/// # Errors
/// If there is none.
fn found_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    runs_in(folder).or_else(|failure| {
        let inside = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut inside: Vec<PathBuf> = inside.map(|entry| entry.path()).collect();
        inside.sort();
        let runs = inside.iter().filter_map(|folder| runs_in(folder).ok());
        let runs: Vec<PathBuf> = runs.flatten().collect();
        match runs.is_empty() {
            true => Err(failure),
            false => Ok(runs),
        }
    })
}

/// Whether a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    /// To its end.
    Done,
    /// Before its end, and nobody goes on with it.
    Stopped,
    /// Before its first update, and nobody works on it yet.
    Waiting,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Waiting => "not begun",
        }
    }
}

/// Tells when there is nothing more to see of some runs.
#[derive(Default)]
pub(crate) struct Ending {
    /// Since when nobody works on any of them.
    idle: Option<Instant>,
    /// Whether somebody has worked on them of late.
    worked_on: bool,
    /// Whether they are those of a sweep.
    sweep: bool,
}

impl Ending {
    /// The end of the runs of some folders.
    pub(super) fn of(folders: &[Folder]) -> Self {
        Self {
            sweep: folders.iter().any(Folder::is_sweep),
            ..Self::default()
        }
    }

    /// Whether all of them have ended. A command takes one run up when another one has ended,
    /// and writes a report or a score between the two: runs that have not begun, and where
    /// somebody has worked on any of them those that were stopped and what a sweep may add,
    /// are waited for until nobody has worked on any for [`STILL`].
    pub(crate) fn has_come(&mut self, runs: &[&Run]) -> bool {
        let states: Vec<State> = runs.iter().map(|run| run.state).collect();
        // A command that has just opened them is about to take one up.
        let fresh = |run: &&Run| run.state != State::Done && run.is_fresh();
        self.worked_on |= runs.iter().any(fresh);
        self.has_come_at(&states, Instant::now())
    }

    fn has_come_at(&mut self, states: &[State], now: Instant) -> bool {
        if states.contains(&State::Running) {
            self.worked_on = true;
            self.idle = None;
            return false;
        }
        let idle = *self.idle.get_or_insert(now);
        // One run alone has none after it.
        let left = states.len() > 1 && states.contains(&State::Stopped);
        let more = self.worked_on && (left || self.sweep);
        let waits = more || states.contains(&State::Waiting);
        !waits || now.duration_since(idle) >= STILL
    }
}

/// A run as its files tell.
pub(crate) struct Run {
    pub(crate) path: PathBuf,
    /// What to call it.
    pub(super) name: String,
    /// All updates that there will be, where the configuration says so.
    pub(super) updates: Option<u64>,
    /// Updates done.
    pub(crate) done: u64,
    /// Environment steps and mean returns of the updates.
    pub(super) returns: Vec<(u64, f64)>,
    /// Environment steps of a second, of late.
    pub(super) rate: Option<f64>,
    /// Seconds of an update, of late.
    pub(super) pace: Option<f64>,
    /// The last one on fresh tasks.
    pub(crate) evaluation: Option<EvalRow>,
    pub(crate) state: State,
    metrics: Tail,
    timing: Tail,
    tests: Tail,
    seconds: Vec<TimingRow>,
}

impl Run {
    fn new(path: PathBuf) -> Self {
        let parts: Vec<_> = path.iter().collect();
        let last = &parts[parts.len().saturating_sub(2)..];
        let name: Vec<_> = last.iter().map(|part| part.to_string_lossy()).collect();
        let tail = |stream: Stream| Tail {
            path: path.join(stream.file_name()),
            ..Tail::default()
        };
        Self {
            name: name.join("/"),
            updates: None,
            done: 0,
            returns: Vec::new(),
            rate: None,
            pace: None,
            evaluation: None,
            state: State::Running,
            metrics: tail(Stream::Metrics),
            timing: tail(Stream::Timing),
            tests: tail(Stream::Eval),
            seconds: Vec::new(),
            path,
        }
    }

    /// Seconds until the last update, as far as that can be told.
    pub(super) fn left(&self) -> Option<f64> {
        let left = self.updates?.checked_sub(self.done)?;
        let running = self.state == State::Running && left > 0;
        running.then_some(self.pace? * left as f64)
    }

    /// Reads what is new.
    fn look(&mut self) {
        // It went back to a checkpoint, or another one began in its place.
        let tails = [&self.metrics, &self.timing, &self.tests];
        if tails.into_iter().any(Tail::was_cut) {
            *self = Self::new(std::mem::take(&mut self.path));
        }
        if self.updates.is_none() {
            self.updates = updates(&self.path);
        }
        for row in self.metrics.rows::<MetricsRow>() {
            self.done = row.update;
            let mean = row
                .values
                .get("mean_return")
                .and_then(serde_json::Value::as_f64);
            self.returns.push((row.env_steps, mean.unwrap_or(f64::NAN)));
        }
        self.seconds.extend(self.timing.rows::<TimingRow>());
        if let Some(row) = self.tests.rows::<EvalRow>().pop() {
            self.evaluation = Some(row);
        }
        self.measure();
        self.state = self.state_now();
    }

    fn measure(&mut self) {
        let both = self.returns.len().min(self.seconds.len());
        let Some(last) = both.checked_sub(1) else {
            return;
        };
        let first = last.saturating_sub(RECENT);
        let seconds = self.seconds[last].seconds - self.seconds[first].seconds;
        if last > first && seconds > 0.0 {
            let steps = self.returns[last].0.saturating_sub(self.returns[first].0);
            self.rate = Some(steps as f64 / seconds);
            self.pace = Some(seconds / (last - first) as f64);
        }
    }

    fn state_now(&self) -> State {
        let held = Lock::held(&self.path);
        // What a run comes to is written last, but for pictures and what follows from it.
        if self.path.join("comparison.json").exists() {
            return match held {
                Held::Here => State::Running,
                Held::Nobody | Held::Unknown => State::Done,
            };
        }
        let goes_on = match held {
            Held::Here => true,
            Held::Nobody => false,
            Held::Unknown => is_alive(&self.path) || self.is_fresh(),
        };
        match goes_on {
            true => State::Running,
            false if self.done == 0 && self.evaluation.is_none() => State::Waiting,
            false => State::Stopped,
        }
    }

    /// Whether a file changed of late, by the time that an update takes.
    fn is_fresh(&self) -> bool {
        let files = [&self.metrics.path, &self.path.join("lock")].map(fs::metadata);
        let changed = files
            .into_iter()
            .flatten()
            .filter_map(|file| file.modified().ok());
        // Clocks of other machines may be ahead.
        let still = changed.map(|time| time.elapsed().unwrap_or_default());
        let updates = Duration::try_from_secs_f64(3.0 * self.pace.unwrap_or(0.0));
        let most = STILL.max(updates.unwrap_or_default());
        still.min().is_some_and(|still| still < most)
    }
}

/// Whether there is a process of the number that a run's lock has, which is asked only where
/// the system does not list its locks: once a process has ended, others are given its number.
fn is_alive(run: &Path) -> bool {
    if Path::new("/proc/locks").exists() {
        return false;
    }
    let holder = Lock::last_holder(run).and_then(|process| i32::try_from(process).ok());
    holder.and_then(Pid::from_raw).is_some_and(|pid| {
        // Somebody else's process cannot be signalled, but is there.
        !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH))
    })
}

/// The updates that a configuration says.
fn updates(run: &Path) -> Option<u64> {
    let config: toml::Table = Reader::open(run).ok()?.config().ok()?.parse().ok()?;
    let algorithm = config.get("algorithm")?.as_str()?;
    let updates = config.get(algorithm)?.get("updates")?.as_integer()?;
    u64::try_from(updates).ok()
}

/// A file of rows, of which more come.
#[derive(Debug, Default)]
struct Tail {
    path: PathBuf,
    read: u64,
}

impl Tail {
    /// Whether rows that were read are gone, as where a run went back to a checkpoint.
    fn was_cut(&self) -> bool {
        fs::metadata(&self.path).map_or(0, |file| file.len()) < self.read
    }

    /// The rows that were finished since. One that cannot be read is passed over.
    fn rows<T: DeserializeOwned>(&mut self) -> Vec<T> {
        let mut new = Vec::new();
        let Ok(Some(mut file)) = open_to_read(&self.path) else {
            return Vec::new();
        };
        let read = file
            .seek(SeekFrom::Start(self.read))
            .and_then(|_| file.read_to_end(&mut new));
        let finished = new.iter().rposition(|byte| *byte == b'\n');
        let (Ok(_), Some(end)) = (read, finished) else {
            return Vec::new();
        };
        self.read += end as u64 + 1;
        let lines = new[..end].split(|byte| *byte == b'\n');
        lines
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect()
    }
}

#[cfg(test)]
impl Run {
    /// One that never had files.
    pub(super) fn told(name: &str, updates: u64, returns: &[(u64, f64)], state: State) -> Self {
        Self {
            name: name.to_owned(),
            updates: Some(updates),
            done: returns.len() as u64,
            returns: returns.to_vec(),
            rate: Some(1.5e6),
            pace: Some(0.5),
            state,
            ..Self::new(PathBuf::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Write as _;

    #[test]
    fn rows_are_read_once_finished_and_it_is_seen_where_some_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("timing.jsonl");
        let mut tail = Tail {
            path: path.clone(),
            read: 0,
        };
        let mut updates = || -> Vec<u64> {
            if tail.was_cut() {
                tail.read = 0;
            }
            tail.rows::<TimingRow>()
                .iter()
                .map(|row| row.update)
                .collect()
        };
        assert!(updates().is_empty());
        let row = |update: u64| format!("{{\"update\":{update},\"seconds\":1.0}}\n");
        fs::write(&path, row(1) + "{\"update\":2,").unwrap();
        assert_eq!(updates(), [1]);
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"\"seconds\":2.0}\nno row\n").unwrap();
        assert_eq!(updates(), [2]);
        assert!(updates().is_empty());
        fs::write(&path, row(9)).unwrap();
        assert_eq!(updates(), [9]);
    }

    #[test]
    fn another_run_in_the_place_of_one_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let write = |stream: Stream, text: &str| {
            fs::write(folder.path().join(stream.file_name()), text).unwrap();
        };
        let metrics = |update: u64| {
            format!("{{\"update\":{update},\"env_steps\":{update}0,\"mean_return\":1.0}}\n")
        };
        let seconds = |update: u64| format!("{{\"update\":{update},\"seconds\":{update}.0}}\n");
        let first: Vec<u64> = (1..=3).collect();
        write(
            Stream::Metrics,
            &first.iter().map(|it| metrics(*it)).collect::<String>(),
        );
        write(
            Stream::Timing,
            &first.iter().map(|it| seconds(*it)).collect::<String>(),
        );
        let mut run = Run::new(folder.path().to_path_buf());
        run.look();
        assert_eq!((run.done, run.returns.len(), run.pace), (3, 3, Some(1.0)));
        // Only one of its files is shorter yet.
        write(Stream::Timing, "");
        write(Stream::Metrics, &metrics(1).repeat(3));
        run.look();
        assert_eq!((run.done, run.returns.len(), run.pace), (1, 3, None));
        write(Stream::Metrics, "");
        run.look();
        assert_eq!((run.done, run.returns.len()), (0, 0));
    }

    #[test]
    fn a_run_is_fresh_for_as_long_as_an_update_may_take() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        fs::write(&path, "").unwrap();
        let run = Run::new(folder.path().to_path_buf());
        let file = File::options().append(true).open(&path).unwrap();
        let set = |time: std::time::SystemTime| file.set_modified(time).unwrap();
        let now = std::time::SystemTime::now();
        set(now + Duration::from_secs(600));
        assert!(run.is_fresh());
        set(now - Duration::from_secs(100));
        assert!(!run.is_fresh());
        let slow = Run {
            pace: Some(50.0),
            ..run
        };
        assert!(slow.is_fresh());
    }

    #[test]
    fn a_run_that_was_killed_here_has_stopped_and_may_be_resumed() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(folder.path()).unwrap();
        let path = folder.path().join(Stream::Metrics.file_name());
        let row = "{\"update\":1,\"env_steps\":10,\"mean_return\":1.0}\n";
        fs::write(&path, row).unwrap();
        let mut run = Run::new(folder.path().to_path_buf());
        run.look();
        assert_eq!(run.state, State::Running);
        drop(lock);
        run.look();
        if Path::new("/proc/locks").exists() {
            assert_eq!(run.state, State::Stopped);
        }
        // Others of the same command are waited for.
        assert!(!Ending::default().has_come(&[&run, &run]));
    }

    #[test]
    fn a_run_that_nobody_began_has_not_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let mut run = Run::new(folder.path().to_path_buf());
        run.look();
        assert_eq!(run.state, State::Waiting);
        let path = folder.path().join(Stream::Metrics.file_name());
        let row = "{\"update\":1,\"env_steps\":10,\"mean_return\":1.0}\n";
        fs::write(&path, row).unwrap();
        let long_ago = std::time::SystemTime::now() - Duration::from_secs(600);
        let file = File::options().append(true).open(&path).unwrap();
        file.set_modified(long_ago).unwrap();
        run.look();
        assert_eq!(run.state, State::Stopped);
    }

    #[test]
    fn a_run_is_done_once_it_is_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join("lock");
        fs::write(&lock, format!("process {}\n", std::process::id())).unwrap();
        fs::write(folder.path().join("comparison.json"), "{}").unwrap();
        let mut run = Run::new(folder.path().to_path_buf());
        let mut state = || {
            run.look();
            run.state
        };
        assert_eq!(state(), State::Done);
        if Path::new("/proc/locks").exists() {
            let file = File::open(&lock).unwrap();
            file.lock().unwrap();
            assert_eq!(state(), State::Running);
            file.unlock().unwrap();
            assert_eq!(state(), State::Done);
        }
    }

    #[test]
    fn seeds_that_wait_for_others_have_not_ended() {
        use State::{Done, Running, Stopped, Waiting};
        let (mut ending, start) = (Ending::default(), Instant::now());
        let second = Duration::from_secs(1);
        let mut come = |states: &[State], at: Duration| ending.has_come_at(states, start + at);
        assert!(!come(&[Running, Waiting], Duration::ZERO));
        // A seed has ended, and the next one begins a minute later.
        assert!(!come(&[Done, Waiting], second));
        assert!(!come(&[Done, Waiting], STILL));
        assert!(!come(&[Done, Running, Waiting], 2 * STILL));
        // The next one fails, and the last one is still to come.
        assert!(!come(&[Done, Stopped, Waiting], 3 * STILL));
        assert!(!come(&[Done, Stopped, Waiting], 4 * STILL - second));
        // Nobody begins it: the process has died.
        assert!(come(&[Done, Stopped, Waiting], 4 * STILL));
        // Where nothing waits there is nothing to wait for.
        assert!(Ending::default().has_come_at(&[Done, Stopped], start));
        assert!(!Ending::default().has_come_at(&[Done, Waiting], start));
    }

    /// The report of one is written between two, which takes longer than a look.
    #[test]
    fn seeds_that_are_resumed_one_after_the_other_have_not_ended() {
        use State::{Done, Running, Stopped};
        let (mut ending, start) = (Ending::default(), Instant::now());
        let second = Duration::from_secs(1);
        let mut come = |states: &[State], at: Duration| ending.has_come_at(states, start + at);
        assert!(!come(&[Running, Stopped, Stopped], Duration::ZERO));
        assert!(!come(&[Done, Stopped, Stopped], second));
        assert!(!come(&[Done, Running, Stopped], 2 * second));
        assert!(!come(&[Done, Done, Stopped], 3 * second));
        assert!(come(&[Done, Done, Stopped], STILL + 3 * second));
        // Nobody goes on with those that were stopped long ago, nor with one alone.
        assert!(Ending::default().has_come_at(&[Stopped, Stopped], start));
        let mut alone = Ending::default();
        assert!(!alone.has_come_at(&[Running], start));
        assert!(alone.has_come_at(&[Stopped], start));
    }

    #[test]
    fn a_sweep_has_not_ended_between_two_rungs() {
        use State::{Done, Running};
        let sweep = || Ending {
            sweep: true,
            ..Ending::default()
        };
        let (mut ending, start) = (sweep(), Instant::now());
        let second = Duration::from_secs(1);
        let mut come = |states: &[State], at: Duration| ending.has_come_at(states, start + at);
        assert!(!come(&[Running, Done], Duration::ZERO));
        assert!(!come(&[Done, Done], second));
        // The best setting's seeds.
        assert!(!come(&[Done, Done, Running], 2 * second));
        assert!(!come(&[Done, Done, Done], 3 * second));
        assert!(come(&[Done, Done, Done], STILL + 3 * second));
        assert!(sweep().has_come_at(&[Done, Done], start));
    }

    #[test]
    fn a_sweep_is_told_by_the_folders_in_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let setting = folder.path().join("0000");
        let run = setting.join("seed-101");
        fs::create_dir_all(&run).unwrap();
        for file in ["config.toml", "lock"] {
            fs::write(run.join(file), "").unwrap();
        }
        let is_sweep = |path: &Path| Folder::open(path).unwrap().is_sweep();
        assert!(is_sweep(folder.path()));
        assert!(!is_sweep(&setting) && !is_sweep(&run));
    }
}
