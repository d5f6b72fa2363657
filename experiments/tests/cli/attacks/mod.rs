//! Attacks on runs: whatever happens to the process, its files, its settings or its
//! pipes, nothing is lost, nothing panics or hangs, and nothing ends with 0 that
//! did not end as it would have undisturbed.
//!
//! Here are few tries of each kind. The long form makes so many times more, under
//! another seed, and prints how many of them failed:
//!
//! ```sh
//! ATTACKS=100 ATTACK_SEED=7 cargo test --release -p experiments --test cli attacks -- \
//!     --nocapture --test-threads 1
//! ```

mod damage;
mod files;
mod kills;
mod pipes;
mod settings;

use crate::lab::{Lab, Outcome, fingerprint};
use rl_core::rand::RngExt as _;
use rl_core::{Domain, Purpose, Stream, StreamKey};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A training that writes often: rows, evaluations, checkpoints, a comparison.
const TRAIN: [&str; 8] = [
    "train",
    "tiny.toml",
    "rl2.updates=40",
    "checkpoint.interval=3",
    "evaluation.interval=10",
    "--workers",
    "1",
    "--runs",
];

/// How long a process may take to end once it is told to.
const OBEDIENCE: Duration = Duration::from_secs(10);
/// How long a process may take for what takes a second on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn number(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable);
    text.map_or(default, |text| text.parse().expect("a whole number"))
}

/// Tries of one kind, and those that failed.
struct Tally {
    what: &'static str,
    tries: u64,
    failures: Vec<String>,
    rng: Stream,
}

impl Tally {
    fn new(what: &'static str) -> Self {
        let key = StreamKey::new(number("ATTACK_SEED", 0), Domain::Tuning, 0);
        let lane = what.bytes().map(u64::from).sum();
        Self {
            what,
            tries: 0,
            failures: Vec::new(),
            rng: key.lane(Purpose::Init, lane),
        }
    }

    /// Makes `few` tries, or so many times more as are asked for. A try returns
    /// what was wrong.
    fn attack(mut self, few: u64, mut attempt: impl FnMut(&mut Stream) -> Result<(), String>) {
        for _ in 0..few * number("ATTACKS", 1) {
            self.tries += 1;
            if let Err(why) = attempt(&mut self.rng) {
                println!("{}: try {}: {why}", self.what, self.tries);
                self.failures.push(why);
            }
        }
        println!(
            "{:<44} {:>6} tries {:>4} failures",
            self.what,
            self.tries,
            self.failures.len()
        );
        let why = self.failures.join("\n");
        assert!(why.is_empty(), "{}:\n{why}", self.what);
    }
}

/// The undisturbed training, and how long it took.
struct Reference {
    lab: Lab,
    files: Vec<(String, Vec<u8>)>,
    took: Duration,
}

impl Reference {
    fn new() -> Self {
        let lab = Lab::new();
        let start = Instant::now();
        lab.done(&[&TRAIN[..], &["reference"]].concat());
        Self {
            files: fingerprint(&lab.path("reference/tiny/seed-0")),
            took: start.elapsed(),
            lab,
        }
    }

    /// A folder for the runs of one try, which does not exist yet.
    fn runs(&self, rng: &mut Stream) -> PathBuf {
        self.lab.path(&format!("runs-{:016x}", rng.random::<u64>()))
    }

    /// The program with some arguments, below `runs`.
    fn command(&self, args: &[&str], runs: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_experiments"));
        command.args(args).arg(runs).current_dir(self.lab.path(""));
        command.stdin(Stdio::null());
        command
    }

    fn train(&self, runs: &Path) -> Command {
        self.command(&TRAIN, runs)
    }

    /// Takes a training that was disturbed to its end as a person would: resumes it
    /// where there is a run, else begins anew; and compares it with the undisturbed
    /// one.
    fn finish(&self, runs: &Path) -> Result<(), String> {
        let run = runs.join("tiny/seed-0");
        let mut resume = self.command(&["resume"], &run);
        let mut outcome = ended(&mut resume)?;
        if matches!(outcome.code, Some(2 | 74 | 78)) && !run.join("checkpoints").exists() {
            outcome = ended(self.train(runs).arg("--overwrite"))?;
        }
        match outcome.code {
            Some(0) => self.compare(&run, None),
            _ => Err(format!("it does not resume: {outcome:?}")),
        }
    }

    /// Whether a run has the undisturbed one's files, apart from one.
    fn compare(&self, run: &Path, apart_from: Option<&str>) -> Result<(), String> {
        let counted = |(name, _): &&(String, Vec<u8>)| Some(name.as_str()) != apart_from;
        let found = fingerprint(run);
        let names = |files: &[(String, Vec<u8>)]| {
            let counted = files.iter().filter(counted);
            counted.map(|file| file.0.clone()).collect::<Vec<_>>()
        };
        if names(&found) != names(&self.files) {
            let (ours, theirs) = (names(&self.files), names(&found));
            return Err(format!("{theirs:?} where there should be {ours:?}"));
        }
        let both = self.files.iter().filter(counted);
        let both = both.zip(found.iter().filter(counted));
        match both.into_iter().find(|(ours, theirs)| ours != theirs) {
            Some((file, _)) => Err(format!("another {}", file.0)),
            None => Ok(()),
        }
    }
}

/// Waits for a process to end, and kills one that does not.
fn waited(child: &mut Child, patience: Duration) -> Result<ExitStatus, String> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(status);
        }
        if start.elapsed() > patience {
            child.kill().map_err(|error| error.to_string())?;
            child.wait().map_err(|error| error.to_string())?;
            return Err(format!("it did not end within {patience:?}"));
        }
        sleep(Duration::from_millis(2));
    }
}

/// Runs a command to its end; an end that no command may have is an error.
fn ended(command: &mut Command) -> Result<Outcome, String> {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let spawned = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = spawned.map_err(|error| error.to_string())?;
    // Read beside waiting: a full pipe must not look like a process that hangs.
    let [out, err] = [drain(child.stdout.take()), drain(child.stderr.take())];
    let status = waited(&mut child, PATIENCE)?;
    let outcome = Outcome {
        code: status.code(),
        stdout: text(out.join().expect("a reader that does not panic")),
        stderr: text(err.join().expect("a reader that does not panic")),
    };
    match outcome.code {
        Some(0 | 2 | 74 | 75 | 78) if !outcome.stderr.contains("panicked at") => Ok(outcome),
        _ => Err(format!("{command:?} ended with {status}: {outcome:?}")),
    }
}

fn drain(pipe: Option<impl std::io::Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read until an error is all that there is.
            pipe.read_to_end(&mut bytes).unwrap_or_default();
        }
        bytes
    })
}

/// Sends a signal by its name.
fn send(signal: &str, child: &Child) -> Result<(), String> {
    let id = child.id().to_string();
    let args = [OsStr::new("-s"), OsStr::new(signal), OsStr::new(&id)];
    let sent: Output = Command::new("kill")
        .args(args)
        .output()
        .map_err(|error| error.to_string())?;
    // One that has ended already cannot be sent anything.
    let _gone = sent.status.success();
    Ok(())
}
