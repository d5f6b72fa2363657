//! One seed gives one result: for any number of workers, and for a run that is
//! stopped or killed at any time and resumed.

use crate::lab::{Lab, assert_identical};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

#[test]
fn the_number_of_workers_does_not_matter() {
    let lab = Lab::new();
    for workers in ["1", "2", "3", "8"] {
        lab.done(&[
            "train",
            "tiny.toml",
            "--workers",
            workers,
            "--runs",
            workers,
        ]);
    }
    for workers in ["2", "3", "8"] {
        let other = lab.path(workers).join("tiny/seed-0");
        assert_identical(&lab.path("1/tiny/seed-0"), &other);
    }
    // Another seed is another result.
    lab.done(&["train", "tiny.toml", "--seed", "1", "--runs", "1"]);
    let metrics = |seed: &str| fs::read(lab.path("1/tiny").join(seed).join("metrics.jsonl"));
    assert_ne!(metrics("seed-0").unwrap(), metrics("seed-1").unwrap());
}

/// So that two machines can be compared line by line.
#[test]
fn rows_say_the_hash_of_the_parameters_where_that_is_asked_for() {
    let lab = Lab::new();
    let train = ["train", "tiny.toml", "checkpoint.hash=3"];
    for workers in ["1", "3"] {
        lab.done(&[&train[..], &["--workers", workers, "--runs", workers]].concat());
    }
    let run = lab.path("1/tiny/seed-0");
    assert_identical(&run, &lab.path("3/tiny/seed-0"));
    lab.done(&["train", "tiny.toml"]);
    let text = |runs: &str| {
        let metrics = lab.path(runs).join("tiny/seed-0/metrics.jsonl");
        fs::read_to_string(metrics).unwrap()
    };
    let (with, without) = (text("1"), text("runs"));
    for (index, (row, bare)) in with.lines().zip(without.lines()).enumerate() {
        let parsed: serde_json::Value = serde_json::from_str(row).unwrap();
        let Some(hash) = parsed["params_blake3"].as_str() else {
            assert_ne!((index + 1) % 3, 0, "{row}");
            assert_eq!(row, bare);
            continue;
        };
        assert_eq!((index + 1) % 3, 0, "{row}");
        // Nothing else of the row is written otherwise.
        assert_eq!(
            row.replace(&format!(",\"params_blake3\":\"{hash}\""), ""),
            bare
        );
    }
    let reader = record::Reader::open(&run).unwrap();
    let params = reader.load_checkpoint(12).unwrap().tree.branch("params");
    let hash = record::fingerprint(&params);
    assert!(
        with.lines().last().unwrap().contains(&hash),
        "{hash}: {with}"
    );
    lab.refused(
        &["train", "tiny.toml", "checkpoint.hash=0"],
        78,
        &["checkpoint.hash"],
    );
}

/// Long enough to be interrupted: the machine may be slow to notice.
const LONG: [&str; 4] = [
    "train",
    "tiny.toml",
    "rl2.updates=100",
    "checkpoint.interval=7",
];

/// Waits until a run has so many rows.
fn wait_for_rows(run: &Path, rows: usize, child: &mut Child) {
    let start = Instant::now();
    let count = || fs::read_to_string(run.join("metrics.jsonl")).map_or(0, |t| t.lines().count());
    while count() < rows {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "no {rows} rows in {run:?}"
        );
        if let Some(status) = child.try_wait().unwrap() {
            panic!("it ended with {status} after {} rows", count());
        }
        sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_killed_run_resumes_to_the_identical_result() {
    let lab = Lab::new();
    lab.done(&[&LONG[..], &["--runs", "whole"]].concat());
    let whole = lab.path("whole/tiny/seed-0");
    let run = lab.path("killed/tiny/seed-0");
    let mut child = lab.start(&[&LONG[..], &["--runs", "killed"]].concat());
    // Before the second checkpoint, and between later ones.
    for rows in [3, 30, 60] {
        wait_for_rows(&run, rows, &mut child);
        child.kill().unwrap();
        child.wait().unwrap();
        child = lab.start(&["resume", "killed/tiny/seed-0", "--workers", "3"]);
    }
    assert!(child.wait().unwrap().success());
    assert_identical(&whole, &run);
}

#[test]
fn a_run_killed_before_its_first_checkpoint_resumes() {
    let lab = Lab::new();
    lab.done(&["train", "tiny.toml"]);
    lab.done(&["train", "tiny.toml", "--runs", "young"]);
    let run = lab.path("young/tiny/seed-0");
    // What is there between the folder's making and the first checkpoint.
    for file in [
        "metrics.jsonl",
        "timing.jsonl",
        "eval.jsonl",
        "comparison.json",
    ] {
        fs::remove_file(run.join(file)).unwrap();
    }
    fs::remove_dir_all(run.join("checkpoints")).unwrap();
    lab.done(&["resume", "young/tiny/seed-0"]);
    assert_identical(&lab.path("runs/tiny/seed-0"), &run);
}

#[test]
fn a_run_that_is_asked_to_stop_saves_itself() {
    let lab = Lab::new();
    lab.done(&[&LONG[..], &["--runs", "whole"]].concat());
    let run = lab.path("runs/tiny/seed-0");
    let mut child = lab.start(&LONG);
    wait_for_rows(&run, 20, &mut child);
    let sent = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let status = child.wait().unwrap();
    let mut message = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut message)
        .unwrap();
    assert_eq!(status.code(), Some(75), "{message}");
    assert!(message.contains("resume runs/tiny/seed-0"), "{message}");
    lab.done(&["resume", "runs/tiny/seed-0"]);
    assert_identical(&lab.path("whole/tiny/seed-0"), &run);
}

#[cfg(unix)]
#[test]
fn what_has_nothing_to_save_ends_when_it_is_asked_to() {
    let lab = Lab::new();
    let long = [
        "baseline",
        "bernoulli-bandit",
        "thompson",
        "arms=1000",
        "pulls=100000",
        "--tasks",
        "1000",
    ];
    let mut child = lab.start(&long);
    std::thread::sleep(Duration::from_secs(2));
    assert!(child.try_wait().unwrap().is_none(), "it takes hours");
    let kill = Command::new("kill").arg(child.id().to_string()).status();
    assert!(kill.unwrap().success());
    let asked = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if asked.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
            panic!("a TERM was swallowed");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Trainings whose first evaluation, or whose comparison, takes hours.
#[cfg(unix)]
#[test]
fn evaluations_stop_when_they_are_asked_to() {
    let lab = Lab::new();
    fs::write(lab.path("maml.toml"), crate::maml::TINY).unwrap();
    // With the evaluations that are done before it.
    let cases = [
        (
            0,
            "tiny",
            "evaluation.interval_tasks=1000000000",
            "rl2.updates=3",
        ),
        (2, "tiny", "evaluation.tasks=1000000000", "rl2.updates=1"),
        (
            0,
            "maml",
            "evaluation.interval_tasks=100000000",
            "maml.updates=3",
        ),
        (1, "maml", "evaluation.tasks=100000000", "maml.updates=0"),
    ];
    for (number, (evaluated, name, tasks, updates)) in cases.into_iter().enumerate() {
        let (runs, preset) = (number.to_string(), format!("{name}.toml"));
        let mut child = lab.start(&["train", &preset, tasks, updates, "--runs", &runs]);
        let run = lab.path(&runs).join(name).join("seed-0");
        let rows = || fs::read_to_string(run.join("eval.jsonl")).map_or(0, |t| t.lines().count());
        let start = Instant::now();
        while rows() < evaluated || !run.join("checkpoints/00000000").exists() {
            assert!(child.try_wait().unwrap().is_none(), "{name} {tasks} ended");
            assert!(start.elapsed() < Duration::from_secs(30), "{name} {tasks}");
            sleep(Duration::from_millis(5));
        }
        sleep(Duration::from_millis(300));
        let kill = Command::new("kill").arg(child.id().to_string()).status();
        assert!(kill.unwrap().success());
        let asked = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if asked.elapsed() > Duration::from_secs(20) {
                child.kill().unwrap();
                panic!("{name} {tasks}: a TERM was not obeyed");
            }
            sleep(Duration::from_millis(10));
        }
        let mut message = String::new();
        let mut stderr = child.stderr.take().unwrap();
        stderr.read_to_string(&mut message).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(75), "{message}");
        for part in ["stopped after update", "resume "] {
            assert!(message.contains(part), "{name} {tasks}: {message}");
        }
        assert!(!run.join("comparison.json").exists());
    }
}
