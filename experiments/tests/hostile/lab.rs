//! A folder of its own for each test, and this program to run in it.

use crate::PROGRAM;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A training of a second or less.
const TINY: &str = r#"algorithm = "rl2"

[environment]
name = "hostile"

[evaluation]
tasks = 100
interval = 5
interval_tasks = 70
actions = "sample"
learners = [{ name = "random" }]

[checkpoint]
interval = 50
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

/// The run that `train tiny.toml` makes.
pub(crate) const RUN: &str = "runs/tiny/seed-0";

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

    /// Rows of a file of the run.
    pub(crate) fn rows(&self, file: &str) -> usize {
        let text = fs::read_to_string(self.path(RUN).join(file));
        text.unwrap_or_default().lines().count()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(args).current_dir(self.folder.path());
        command.env(PROGRAM, "1").env_remove("RUST_BACKTRACE");
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command line that must fail; what it says on standard error.
    pub(crate) fn refused(&self, args: &[&str], code: i32) -> String {
        let output = self.command(args).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
        text
    }
}

/// Waits for the end, but not for ever.
pub(crate) fn end(child: &mut Child, within: Duration) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if start.elapsed() > within {
            child.kill().unwrap();
            panic!("no end within {within:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn signal(child: &Child, name: &str) {
    let mut kill = Command::new("kill");
    kill.args(["-s", name, &child.id().to_string()]);
    assert!(kill.status().unwrap().success());
}

/// All lines, as they come.
pub(crate) fn lines(stderr: ChildStderr) -> Receiver<String> {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            // Those that nobody waits for any more are read and forgotten.
            let _ = tell.send(line);
        }
    });
    told
}

/// Waits until a line holds a part, but not for ever.
pub(crate) fn heard(stderr: ChildStderr, part: &str, within: Duration) -> String {
    let (start, lines) = (Instant::now(), lines(stderr));
    let mut said = Vec::new();
    let left = || within.saturating_sub(start.elapsed());
    while let Ok(line) = lines.recv_timeout(left()) {
        if line.contains(part) {
            return line;
        }
        said.push(line);
    }
    panic!("nobody said {part:?} within {within:?}, but {said:?}")
}
