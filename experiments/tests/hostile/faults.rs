//! The program of faults, `tests/faults/faults.py`, run on this one: it kills, stops,
//! delays and breaks trainings, and prints how many tries of each kind failed.
//!
//! ```sh
//! cargo test --release -p experiments --test hostile -- faults --kills 1000
//! ```

use crate::PROGRAM;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

pub(crate) const TESTS: &[(&str, fn())] = &[("faults_in_short", faults_in_short)];

/// Fewer of each kind, in a few seconds: the program itself must not break.
const SHORT: [&str; 12] = [
    "--kills",
    "2",
    "--terms",
    "1",
    "--panics",
    "1",
    "--delays",
    "1",
    "--settings",
    "4",
    "--algorithms",
    "rl2",
];

fn command(args: &[impl AsRef<std::ffi::OsStr>]) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/faults/faults.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(std::env::current_exe().unwrap());
    command.args(args).env(PROGRAM, "1").stdin(Stdio::null());
    command
}

/// Runs it with arguments of the caller's.
pub(crate) fn run(args: &[String]) -> ExitCode {
    match command(args).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn faults_in_short() {
    // In memory where that is possible: what survives a process does so on every disk.
    let memory = Path::new("/dev/shm");
    let place = match memory.is_dir() {
        true => vec!["--folder", "/dev/shm"],
        false => Vec::new(),
    };
    let output = command(&[&SHORT[..], &place].concat()).output().unwrap();
    let [told, said] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{told}{said}");
    for kind in ["kill -9", "SIGTERM", "panics", "workers", "random settings"] {
        assert!(told.contains(kind), "{kind}: {told}");
    }
}
