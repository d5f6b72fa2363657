//! Settings that nobody would type, and some that somebody does.

use super::{OBEDIENCE, PATIENCE, Reference, Tally, send, waited};
use rl_core::rand::RngExt as _;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use toml::{Table, Value};

/// Values of all kinds, in range and far out of it.
const VALUES: [&str; 34] = [
    "0",
    "1",
    "2",
    "3",
    "7",
    "64",
    "-1",
    "4294967296",
    "9223372036854775807",
    "1e3",
    "0.5",
    ".5",
    "1.",
    "-0.0",
    "1e-300",
    "1e300",
    "nan",
    "inf",
    "-inf",
    "true",
    "false",
    "\"\"",
    "\"text\"",
    "text",
    "[]",
    "[1, 2]",
    "[[]]",
    "{}",
    "{ kind = \"gru\" }",
    "{ kind = \"mlp\" }",
    "{ from = 1, to = 0, shape = \"linear\" }",
    "\u{1f980}",
    "'",
    "=",
];

/// The dotted names of all settings of a table.
fn keys(prefix: &str, table: &Table, found: &mut Vec<String>) {
    for (key, value) in table {
        let name = match prefix {
            "" => key.clone(),
            _ => format!("{prefix}.{key}"),
        };
        if let Value::Table(inner) = value {
            keys(&name, inner, found);
        }
        found.push(name);
    }
}

#[test]
fn random_settings_are_followed_or_refused() {
    let reference = Reference::new();
    let text = fs::read_to_string(reference.lab.path("tiny.toml")).expect("a preset");
    let mut names = Vec::new();
    keys("", &text.parse().expect("a preset"), &mut names);
    Tally::new("random settings").attack(16, |rng| {
        let runs = reference.runs(rng);
        let mut command = Command::new("sh");
        // Little memory, so that whoever takes more than it reckoned with is found out.
        command.args(["-c", "ulimit -v 6000000; exec \"$@\"", "sh"]);
        command.arg(env!("CARGO_BIN_EXE_experiments"));
        command.args(["train", "tiny.toml", "rl2.updates=2", "--runs"]);
        command.arg(&runs).current_dir(reference.lab.path(""));
        let mut settings = Vec::new();
        for _ in 0..rng.random_range(1..4) {
            let key = &names[rng.random_range(0..names.len())];
            let value = VALUES[rng.random_range(0..VALUES.len())];
            settings.push(format!("{key}={value}"));
        }
        command.args(&settings).stdin(Stdio::null());
        let error = reference.lab.path("errors");
        let errors = fs::File::create(&error).map_err(|error| error.to_string())?;
        command.stdout(Stdio::null()).stderr(errors);
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let start = Instant::now();
        // What is allowed may take years; it then has to stop when it is asked to.
        let mut status = None;
        while status.is_none() && start.elapsed() < Duration::from_secs(5) {
            status = child.try_wait().map_err(|error| error.to_string())?;
            std::thread::sleep(Duration::from_millis(5));
        }
        if status.is_none() {
            send("TERM", &child)?;
        }
        let status = waited(&mut child, OBEDIENCE.min(PATIENCE))
            .map_err(|why| format!("{settings:?}: {why}"))?;
        let said = fs::read_to_string(&error).unwrap_or_default();
        fs::remove_dir_all(&runs).unwrap_or_default();
        match status.code() {
            Some(0 | 2 | 75 | 78) if !said.contains("panicked at") => Ok(()),
            // Numbers that left the finite ones, in words and with nothing lost.
            Some(70) if said.contains("parameters are unchanged since update") => Ok(()),
            _ => Err(format!("{settings:?}: {status}: {said}")),
        }
    });
}
