//! Readers that go away or do not read.

use crate::lab::{Lab, end, signal};
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::Duration;

pub(crate) const TESTS: &[(&str, fn())] = &[
    (
        "a_training_goes_on_when_nobody_reads_its_results",
        a_training_goes_on_when_nobody_reads_its_results,
    ),
    (
        "results_that_cannot_be_written_fail_a_training_at_its_end",
        results_that_cannot_be_written_fail_a_training_at_its_end,
    ),
    (
        "help_that_cannot_be_written_is_a_failure",
        help_that_cannot_be_written_is_a_failure,
    ),
    (
        "a_listing_ends_quietly_when_its_reader_goes",
        a_listing_ends_quietly_when_its_reader_goes,
    ),
    (
        "nobody_who_does_not_read_can_keep_a_training_from_stopping",
        nobody_who_does_not_read_can_keep_a_training_from_stopping,
    ),
];

const LONG: Duration = Duration::from_secs(60);

fn a_training_goes_on_when_nobody_reads_its_results() {
    for seeds in [&[][..], &["--seeds", "2"]] {
        let lab = Lab::new();
        let args = [&["train", "tiny.toml", "--json"], seeds].concat();
        let mut command = lab.command(&args);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert!(line.contains("evaluation"), "{line}");
        drop(reader);
        assert_eq!(end(&mut child, LONG).code(), Some(0));
        assert_eq!(lab.rows("metrics.jsonl"), 12);
        let last = seeds.last().map_or("seed-0", |_| "seed-1");
        let comparison = lab.path("runs/tiny").join(last).join("comparison.json");
        assert!(comparison.exists());
    }
}

fn results_that_cannot_be_written_fail_a_training_at_its_end() {
    let lab = Lab::new();
    let full = std::fs::File::options().write(true).open("/dev/full");
    let mut command = lab.command(&["train", "tiny.toml", "--json"]);
    let output = command.stdout(full.unwrap()).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("cannot write to standard output"), "{text}");
    assert_eq!(lab.rows("metrics.jsonl"), 12);
}

fn help_that_cannot_be_written_is_a_failure() {
    let lab = Lab::new();
    for args in [&["--help"][..], &["--version"], &["train", "--help"]] {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let output = lab.command(args).stdout(full.unwrap()).output().unwrap();
        assert_eq!(output.status.code(), Some(74), "{args:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("cannot write to standard output"), "{text}");
        let output = lab.command(args).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(output.stdout.ends_with(b"\n") && output.stderr.is_empty());
    }
}

fn a_listing_ends_quietly_when_its_reader_goes() {
    let lab = Lab::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = lab.command(&["list"]);
    let output = command.stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{output:?}");
}

/// A pipe that takes nothing more.
fn full_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    // As much as a pipe of Linux holds.
    writer.write_all(&[b'x'; 65536]).unwrap();
    (reader, writer)
}

fn nobody_who_does_not_read_can_keep_a_training_from_stopping() {
    for stdout in [false, true] {
        let lab = Lab::new();
        let (_reader, writer) = full_pipe();
        let args = ["train", "tiny.toml", "--json", "rl2.updates=1000000"];
        let mut command = lab.command(&args);
        match stdout {
            true => command.stdout(writer).stderr(Stdio::null()),
            false => command.stdout(Stdio::null()).stderr(writer),
        };
        let mut child = command.spawn().unwrap();
        // Standard output waits for its reader at the first evaluation.
        while lab.rows("eval.jsonl") == 0 || (!stdout && lab.rows("metrics.jsonl") < 20) {
            assert!(child.try_wait().unwrap().is_none());
            std::thread::sleep(Duration::from_millis(20));
        }
        signal(&child, "TERM");
        let status = end(&mut child, Duration::from_secs(7));
        assert_eq!(status.code(), Some(75), "stdout: {stdout}");
        // Saved where it stood, not at the end of its time.
        let checkpoints = std::fs::read_dir(lab.path(crate::lab::RUN).join("checkpoints"));
        let done = lab.rows("metrics.jsonl");
        let names = checkpoints.unwrap().map(|entry| entry.unwrap().file_name());
        let names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        let saved = names.iter().any(|name| name.ends_with(&done.to_string()));
        assert!(saved, "{done}: {names:?}");
    }
}
