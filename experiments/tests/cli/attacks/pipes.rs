//! Whoever reads the output goes away, or never came.

use super::{PATIENCE, Reference, Tally, waited};
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write, pipe};
use std::process::Stdio;

/// How a training's output ends up nowhere.
#[derive(Clone, Copy, Debug)]
enum Pipe {
    /// As with `| head -1`.
    ClosedAfterALine,
    /// As with `2>&1 | true`.
    ClosedErrors,
    /// As with `2>&1 | sleep 1000`, when nothing more goes into the pipe.
    UnreadErrors,
    /// As with `> /dev/full`.
    Full,
}

#[test]
fn a_training_does_not_need_its_readers() {
    let reference = Reference::new();
    let kinds = [
        Pipe::ClosedAfterALine,
        Pipe::ClosedErrors,
        Pipe::UnreadErrors,
        Pipe::Full,
    ];
    let mut kinds = kinds.into_iter().cycle();
    Tally::new("closed and full outputs").attack(4, |rng| {
        let kind = kinds.next().expect("a cycle");
        let runs = reference.runs(rng);
        let mut command = reference.train(&runs);
        command
            .arg("--json")
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let (_unread, mut full) = pipe().map_err(|error| error.to_string())?;
        match kind {
            Pipe::ClosedAfterALine => {}
            Pipe::UnreadErrors => {
                // As much as a pipe of Linux holds.
                let filled = full.write_all(&[b'x'; 65536]);
                filled.map_err(|error| error.to_string())?;
                command.stdout(Stdio::null()).stderr(full);
            }
            Pipe::ClosedErrors => {
                command.stdout(Stdio::null()).stderr(Stdio::piped());
            }
            Pipe::Full => {
                let full = OpenOptions::new().write(true).open("/dev/full");
                command.stdout(full.map_err(|error| error.to_string())?);
            }
        }
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        if let Some(output) = child.stdout.take() {
            let mut line = String::new();
            let mut output = BufReader::new(output);
            output
                .read_line(&mut line)
                .map_err(|error| error.to_string())?;
        }
        drop(child.stderr.take());
        let status = waited(&mut child, PATIENCE)?;
        let run = runs.join("tiny/seed-0");
        let whole = reference.compare(&run, None);
        match (status.code(), kind) {
            // Nobody wanted to read it, or it could not be written; the run is whole.
            (Some(0), Pipe::ClosedAfterALine | Pipe::ClosedErrors | Pipe::UnreadErrors) => whole,
            (Some(74 | 75), Pipe::Full) => reference.finish(&runs),
            _ => Err(format!("{kind:?}: {status}, {whole:?}")),
        }
    });
}
