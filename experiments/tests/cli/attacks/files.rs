//! The process dies, or the disk is full, at any single operation on files.

use super::{Reference, Tally, ended};
use rl_core::rand::RngExt as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The library that counts operations on files and lets them fail.
struct Shim(PathBuf);

impl Shim {
    /// Compiles it, with the compiler that the project needs anyway.
    fn build(folder: &Path) -> Self {
        let library = folder.join("shim.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/attacks/shim.c");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let mut command = Command::new(compiler);
        command.args(["-shared", "-fPIC", "-O1", "-o"]);
        let built = command.arg(&library).arg(source).arg("-ldl").status();
        assert!(built.is_ok_and(|status| status.success()), "{command:?}");
        Self(library)
    }

    /// Sets a command up to be struck at an operation below a folder.
    fn strike(&self, command: &mut Command, root: &Path, (how, at): (&str, u64)) {
        command.env("LD_PRELOAD", &self.0).env("SHIM_ROOT", root);
        command.env("SHIM_HOW", how).env("SHIM_AT", at.to_string());
    }

    /// How many operations an undisturbed training takes.
    fn operations(&self, reference: &Reference) -> u64 {
        let (runs, count) = (reference.lab.path("counted"), reference.lab.path("count"));
        let mut command = reference.train(&runs);
        self.strike(&mut command, &runs, ("none", 0));
        ended(command.env("SHIM_COUNT", &count)).expect("it trains");
        let text = fs::read_to_string(count).expect("the shim writes it at the end");
        let operations = text.trim().parse().expect("a number");
        assert!(
            operations > 100,
            "{operations} operations are too few to be all"
        );
        operations
    }
}

#[test]
fn killed_at_any_operation_on_files() {
    let reference = Reference::new();
    let shim = Shim::build(&reference.lab.path(""));
    let operations = shim.operations(&reference);
    Tally::new("kill −9 at single operations on files").attack(8, |rng| {
        let runs = reference.runs(rng);
        let at = rng.random_range(1..=operations);
        let mut command = reference.train(&runs);
        shim.strike(&mut command, &runs, ("kill", at));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let status = command.status().map_err(|error| error.to_string())?;
        let result = match status.code() {
            None => reference.finish(&runs),
            code => Err(format!("it was not killed, but ended with {code:?}")),
        };
        result.map_err(|why| format!("operation {at} of {operations}: {why}"))
    });
}

#[test]
fn a_disk_that_is_full_at_any_operation() {
    let reference = Reference::new();
    let shim = Shim::build(&reference.lab.path(""));
    let operations = shim.operations(&reference);
    let mut kinds = ["full", "once"].into_iter().cycle();
    Tally::new("full disks at single operations on files").attack(8, |rng| {
        let runs = reference.runs(rng);
        let at = rng.random_range(1..=operations);
        let how = kinds.next().expect("a cycle");
        let mut command = reference.train(&runs);
        shim.strike(&mut command, &runs, (how, at));
        let outcome = ended(&mut command);
        let result = outcome.and_then(|outcome| match outcome.code {
            Some(74 | 75) => reference.finish(&runs),
            // One failure may have been in what is tried again, or not needed.
            Some(0) if how == "once" => reference.compare(&runs.join("tiny/seed-0"), None),
            code => Err(format!("it ended with {code:?}: {}", outcome.stderr)),
        });
        result.map_err(|why| format!("{how}, operation {at} of {operations}: {why}"))
    });
}
