//! What the files of runs tell while they grow.

use lab::failure::Failure;
use lab::folders::runs_in;
use record::schema::{EvalRow, MetricsRow, TimingRow};
use record::{Reader, Stream, open_to_read};
use rustix::process::{Pid, test_kill_process};
use serde::de::DeserializeOwned;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Updates that rates are measured over.
const RECENT: usize = 20;
/// Bytes of a lock's file that are read.
const LOCK: u64 = 256;
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
}

impl Ending {
    /// Whether all of them have ended. One seed may begin when another has ended, and a report
    /// is written between the two: those that have not begun count as ended once nobody has
    /// worked on any of the runs for [`STILL`].
    pub(crate) fn has_come(&mut self, states: &[State]) -> bool {
        self.has_come_at(states, Instant::now())
    }

    fn has_come_at(&mut self, states: &[State], now: Instant) -> bool {
        if states.contains(&State::Running) {
            self.idle = None;
            return false;
        }
        let idle = *self.idle.get_or_insert(now);
        !states.contains(&State::Waiting) || now.duration_since(idle) >= STILL
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
        let lock = self.path.join("lock");
        // What a run comes to is written last, but for pictures and what follows from it. The
        // number in the lock's file stays there.
        if self.path.join("comparison.json").exists() {
            return match is_listed(&lock) {
                Some(true) => State::Running,
                _ => State::Done,
            };
        }
        match is_held(&lock) || self.is_fresh() {
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

/// Whether a process of this machine holds a run's lock. The number that the file says is
/// asked only where the system does not list its locks: once its process has ended, others
/// are given the same.
fn is_held(lock: &Path) -> bool {
    if let Some(held) = is_listed(lock) {
        return held;
    }
    let Ok(Some(opened)) = open_to_read(lock) else {
        return false;
    };
    let mut holder = String::new();
    if opened.take(LOCK).read_to_string(&mut holder).is_err() {
        return false;
    }
    let holder = holder.trim().strip_prefix("process ");
    let holder = holder.and_then(|pid| Pid::from_raw(pid.parse().ok()?));
    holder.is_some_and(|pid| {
        // Somebody else's process cannot be signalled, but is there.
        !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH))
    })
}

/// Whether the system lists a lock on a file that a process of this machine holds; `None`
/// where it lists none, or there is no such file.
fn is_listed(lock: &Path) -> Option<bool> {
    let opened = open_to_read(lock).ok()??;
    let locks = fs::read_to_string("/proc/locks").ok()?;
    Some(lists(&locks, opened.metadata().ok()?.ino()))
}

/// Whether locks as in proc_locks(5) have one of a file, which stands there as
/// `MAJOR:MINOR:INODE`. Devices are not compared: those of some file systems are called
/// otherwise there.
fn lists(locks: &str, inode: u64) -> bool {
    let inode = inode.to_string();
    let mut places = locks.lines().flat_map(str::split_whitespace);
    places.any(|place| {
        let parts: Vec<&str> = place.split(':').collect();
        matches!(parts[..], [_, _, last] if last == inode)
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
    fn a_run_is_held_by_its_lock_and_not_by_a_number_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        // A process that is there, but not the one that wrote it.
        fs::write(&path, format!("process {}\n", std::process::id())).unwrap();
        if Path::new("/proc/locks").exists() {
            assert!(!is_held(&path));
            let file = File::open(&path).unwrap();
            file.lock().unwrap();
            assert!(is_held(&path));
        }
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
        assert!(Ending::default().has_come(&[Done, Stopped]));
        assert!(!Ending::default().has_come(&[Done, Waiting]));
    }

    #[test]
    fn locks_are_told_by_their_inodes() {
        let locks = "1: FLOCK  ADVISORY  WRITE 23988 fe:00:10716083 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 23989 fe:00:77 0 EOF\n";
        assert!(lists(locks, 10_716_083));
        assert!(!lists(locks, 23_988) && !lists(locks, 716_083));
    }
}
