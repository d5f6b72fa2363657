//! Seeds of one command side by side: the same results as one after the other,
//! whatever ends the command.

use crate::lab::{Lab, assert_identical};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What is not the same for any number of jobs, so that it is given.
fn train<'a>(jobs: &'a str, runs: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["train", "tiny.toml", "--seeds", "3", "--workers", "2"];
    args.extend(["--jobs", jobs, "--runs", runs, "--json"]);
    args.extend(more);
    args
}

/// Fails if a seed of one folder came to something else than in the other.
fn assert_same_seeds(lab: &Lab, one: &str, other: &str) {
    for seed in ["seed-0", "seed-1", "seed-2"] {
        let run = |runs: &str| lab.path(runs).join("tiny").join(seed);
        assert_identical(&run(one), &run(other));
        assert!(run(other).join("report.html").exists());
    }
}

#[test]
fn the_number_of_jobs_does_not_matter() {
    let lab = Lab::new();
    let alone = lab.done(&train("1", "alone", &[]));
    let together = lab.done(&train("2", "together", &[]));
    assert_same_seeds(&lab, "alone", "together");
    // The rows of evaluations come as they are made, and say whose they are.
    let evaluations = |outcome: &crate::lab::Outcome| {
        let rows = outcome.rows().into_iter();
        let rows = rows.filter(|row| row["event"] == "evaluation");
        let mut rows: Vec<String> = rows.map(|row| row.to_string()).collect();
        rows.sort();
        rows
    };
    let rows = evaluations(&alone);
    assert_eq!(rows, evaluations(&together));
    for seed in 0..3 {
        let of = rows
            .iter()
            .filter(|row| row.contains(&format!("\"seed\":{seed}")));
        assert_eq!(of.count(), 4, "{rows:?}");
    }
    // Everything else is in the order of the seeds.
    let others = |outcome: &crate::lab::Outcome| {
        let events = outcome.events().replace("evaluation ", "");
        events.split(' ').map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(others(&alone), others(&together));
}

/// Long enough to be interrupted.
const LONG: [&str; 2] = ["rl2.updates=240", "checkpoint.interval=50"];

/// Starts three long trainings, two at a time, and waits until both are on their way.
fn started(lab: &Lab) -> Child {
    let mut child = lab.start(&train("2", "stopped", &LONG));
    let start = Instant::now();
    let rows = |seed: &str| {
        let run = lab.path("stopped/tiny").join(seed);
        let text = fs::read_to_string(run.join("metrics.jsonl"));
        text.map_or(0, |text| text.lines().count())
    };
    while rows("seed-0") < 3 || rows("seed-1") < 3 {
        assert!(start.elapsed() < Duration::from_secs(60), "no rows");
        assert!(child.try_wait().unwrap().is_none(), "it has ended");
        sleep(Duration::from_millis(2));
    }
    child
}

fn newest_checkpoint(run: &Path) -> usize {
    let entries = fs::read_dir(run.join("checkpoints")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| name.parse().ok()).max().unwrap()
}

/// Resumes what was stopped, and compares it with what never was.
fn assert_resumes(lab: &Lab) {
    lab.done(&["resume", "stopped/tiny", "--jobs", "3"]);
    lab.done(&train("1", "alone", &LONG));
    assert_same_seeds(lab, "alone", "stopped");
}

#[test]
fn a_signal_saves_all_of_them() {
    let lab = Lab::new();
    let mut child = started(&lab);
    let id = Pid::from_child(&child);
    kill_process(id, Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(75));
    for seed in ["seed-0", "seed-1"] {
        let run = lab.path("stopped/tiny").join(seed);
        let rows = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        assert_eq!(newest_checkpoint(&run), rows.lines().count(), "{seed}");
    }
    assert_resumes(&lab);
}

#[test]
fn no_process_outlives_a_command_that_is_killed() {
    let lab = Lab::new();
    let mut child = started(&lab);
    child.kill().unwrap();
    child.wait().unwrap();
    // Their folders are theirs until they have saved themselves and gone.
    let saved = ["seed-0", "seed-1"].map(|seed| {
        let run = lab.path("stopped/tiny").join(seed);
        let start = Instant::now();
        while record::RunDir::open(&run).is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "{seed} is held");
            sleep(Duration::from_millis(20));
        }
        newest_checkpoint(&run)
    });
    // The one that began later had hardly begun.
    assert!(saved.iter().any(|update| *update < 240), "{saved:?}");
    assert_resumes(&lab);
}

/// Be it the first, and however many there are at a time.
#[test]
fn what_one_run_fails_of_does_not_stop_the_others() {
    let lab = Lab::new();
    lab.done(&train("1", "alone", &["rl2.updates=1"]));
    let run = |seed: &str| lab.path("alone/tiny").join(seed);
    let seeds = ["seed-0", "seed-1", "seed-2"];
    for (jobs, failing) in [("1", "seed-1"), ("2", "seed-0")] {
        // All but one are to be compared anew, and that is of another configuration.
        let others = seeds.iter().filter(|seed| **seed != failing);
        for seed in others.clone() {
            fs::remove_file(run(seed).join("comparison.json")).unwrap();
        }
        let config = run(failing).join("config.toml");
        let text = fs::read_to_string(&config).unwrap();
        fs::write(&config, text.replace("arms = 2", "arms = 3")).unwrap();
        let outcome = lab.run(&["resume", "alone/tiny", "--jobs", jobs, "--json"]);
        assert_eq!(outcome.code, Some(78), "{outcome:?}");
        let failed = format!("{}: ", failing.replace('-', " "));
        for part in [
            &failed,
            "config.toml",
            "'arms = 2' to 'arms = 3'",
            "finished: 2",
        ] {
            assert!(outcome.stderr.contains(part), "{part}: {outcome:?}");
        }
        let runs = outcome.events().matches("run").count();
        assert_eq!(runs, 2, "{outcome:?}");
        for seed in others {
            assert!(run(seed).join("comparison.json").exists(), "{seed}");
        }
        fs::write(&config, text).unwrap();
    }
}
