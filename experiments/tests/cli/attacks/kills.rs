//! The process is killed, or asked to end, at any instant.

use super::{OBEDIENCE, PATIENCE, Reference, Tally, send, waited};
use rl_core::Stream;
use rl_core::rand::RngExt as _;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Instant;

/// Lets a process run for a part of the undisturbed time.
fn a_while(reference: &Reference, rng: &mut Stream) {
    sleep(reference.took.mul_f64(rng.random::<f64>()));
}

#[test]
fn killed_at_random_instants() {
    let reference = Reference::new();
    Tally::new("kill −9 at random instants").attack(4, |rng| {
        let runs = reference.runs(rng);
        let mut command = reference.train(&runs);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let run = runs.join("tiny/seed-0");
        for _ in 0..3 {
            let mut child = command.spawn().map_err(|error| error.to_string())?;
            a_while(&reference, rng);
            child.kill().map_err(|error| error.to_string())?;
            child.wait().map_err(|error| error.to_string())?;
            if run.join("checkpoints").exists() {
                command = reference.command(&["resume"], &run);
                command.stdout(Stdio::null()).stderr(Stdio::null());
            } else {
                command.arg("--overwrite");
            }
        }
        reference.finish(&runs)
    });
}

#[test]
fn asked_to_end_at_random_instants() {
    let reference = Reference::new();
    let mut signals = ["TERM", "INT", "HUP"].into_iter().cycle();
    Tally::new("TERM, INT and HUP at random instants").attack(4, |rng| {
        let runs = reference.runs(rng);
        let mut command = reference.train(&runs);
        let spawned = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = spawned.map_err(|error| error.to_string())?;
        a_while(&reference, rng);
        let signal = signals.next().expect("a cycle");
        send(signal, &child)?;
        let asked = Instant::now();
        let status = waited(&mut child, OBEDIENCE)?;
        match status.code() {
            // Before there is a run a signal ends the process as it does by itself.
            Some(0 | 75) | None => reference.finish(&runs),
            _ => Err(format!("{signal}: {status} after {:?}", asked.elapsed())),
        }
    });
}

#[test]
fn a_hangup_that_the_parent_ignores_is_ignored() {
    let reference = Reference::new();
    Tally::new("HUP and INT, ignored by the parent").attack(2, |rng| {
        let runs = reference.runs(rng);
        let program = reference.train(&runs);
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' HUP INT; exec \"$@\"", "sh"]);
        shell.arg(program.get_program()).args(program.get_args());
        shell.current_dir(reference.lab.path(""));
        let spawned = shell.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = spawned.map_err(|error| error.to_string())?;
        a_while(&reference, rng);
        send("HUP", &child)?;
        send("INT", &child)?;
        let status = waited(&mut child, PATIENCE)?;
        match status.code() {
            Some(0) => reference.compare(&runs.join("tiny/seed-0"), None),
            _ => Err(format!("it ended with {status}")),
        }
    });
}
