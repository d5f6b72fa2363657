//! A folder of its own for each test, and the program to run in it.

use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A training of a second or less.
pub(crate) const TINY: &str = r#"# A tiny training.
algorithm = "rl2"

[environment]
name = "bernoulli-bandit"
arms = 2
pulls = 5

[evaluation]
tasks = 100
interval = 5
interval_tasks = 70
actions = "sample"
learners = [{ name = "random" }, { name = "ucb1" }, { name = "bayes-optimal" }]

[checkpoint]
interval = 4
keep = 2

[rl2]
updates = 12
lanes = 64
tile = 8
backend = "native"
inputs = ["observation", "action", "reward", "outcome"]
reward_scale = 1.0
normalize_advantages = true
value_coefficient = 0.5
max_gradient_norm = 0.5
entropy_coefficient = { from = 0.01, to = 0.0, shape = "linear" }
learning_rate = { from = 1e-3, to = 0.0, shape = "linear" }
gae = { gamma = 0.99, lambda = 0.9 }
outer = { kind = "ppo", clip = 0.2, epochs = 2, minibatches = 2 }
optimizer = { kind = "adam", beta1 = 0.9, beta2 = 0.999, epsilon = 1e-5, weight_decay = 0.0 }
policy = { gain = 0.01, std = 1.0 }
trunk = { kind = "gru", hidden = 6, input_gain = 1.0, memory = 2.0 }
"#;

/// What a command did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The lines of standard output, all of which must be JSON.
    pub(crate) fn rows(&self) -> Vec<Value> {
        let parse =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.stdout.lines().map(parse).collect()
    }

    /// What the lines say they are, one after the other.
    pub(crate) fn events(&self) -> String {
        let rows = self.rows();
        let events = rows
            .iter()
            .map(|row| row["event"].as_str().unwrap_or("none"));
        events.collect::<Vec<_>>().join(" ")
    }

    /// The last line.
    pub(crate) fn last(&self) -> Value {
        self.rows()
            .pop()
            .unwrap_or_else(|| panic!("nothing on standard output: {self:?}"))
    }
}

/// A folder with `tiny.toml` in it.
pub(crate) struct Lab {
    folder: TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tiny.toml"), TINY).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command line, to be run in the folder.
    pub(crate) fn command(&self, args: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_experiments"));
        command.args(args).current_dir(self.folder.path());
        command
    }

    /// Runs a command line to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Outcome {
        Outcome::of(&mut self.command(args))
    }

    /// Runs a command line that must succeed.
    pub(crate) fn done(&self, args: &[&str]) -> Outcome {
        let outcome = self.run(args);
        assert_eq!(outcome.code, Some(0), "{args:?}: {outcome:?}");
        outcome
    }

    /// Starts a command line without waiting for it.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// A command line that must fail, with what its message must hold.
    pub(crate) fn refused(&self, args: &[&str], code: i32, parts: &[&str]) {
        let outcome = self.run(args);
        assert_eq!(outcome.code, Some(code), "{args:?}: {outcome:?}");
        for part in parts {
            assert!(
                outcome.stderr.contains(part),
                "{args:?}: no {part:?} in {}",
                outcome.stderr
            );
        }
    }
}

/// The files of a run that must not depend on the clock or the workers.
pub(crate) fn fingerprint(run: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = vec!["metrics.jsonl".to_owned(), "eval.jsonl".to_owned()];
    files.push("comparison.json".to_owned());
    files.push("pictures.json".to_owned());
    // Where there is an exact policy or index to be compared with.
    let beside = ["deviations.json", "indices.json"].map(str::to_owned);
    files.extend(beside.into_iter().filter(|file| run.join(file).exists()));
    for checkpoint in fs::read_dir(run.join("checkpoints")).unwrap() {
        let name = checkpoint.unwrap().file_name().into_string().unwrap();
        for file in ["arrays.safetensors", "state.json"] {
            files.push(format!("checkpoints/{name}/{file}"));
        }
    }
    files.sort();
    let read = |file: String| {
        let bytes = fs::read(run.join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        (file, bytes)
    };
    files.into_iter().map(read).collect()
}

/// Fails with the names of the files that differ.
pub(crate) fn assert_identical(one: &Path, two: &Path) {
    let (ours, theirs) = (fingerprint(one), fingerprint(two));
    let names = |files: &[(String, Vec<u8>)]| {
        files
            .iter()
            .map(|(name, _)| name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&ours), names(&theirs), "{one:?} {two:?}");
    let differ = ours.iter().zip(&theirs).filter(|(one, two)| one != two);
    let differ: Vec<&String> = differ.map(|((name, _), _)| name).collect();
    assert!(
        differ.is_empty(),
        "{differ:?} of {one:?} and {two:?} differ"
    );
}
