//! What a run's folder holds belongs together, or a command says that it does
//! not; and nothing is lost that the same command could not make again.

use crate::lab::{Lab, assert_identical};
use record::{Existing, Reader, RunDir};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const RUN: &str = "runs/tiny/seed-0";

fn checkpoints(run: &Path) -> Vec<u64> {
    Reader::open(run).unwrap().checkpoints().unwrap()
}

#[test]
fn an_edited_configuration_is_neither_evaluated_nor_reported() {
    let lab = Lab::new();
    lab.done(&["train", "tiny.toml", "rl2.updates=2"]);
    let config = lab.path(RUN).join("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("pulls = 5", "pulls = 50")).unwrap();
    let edited = ["config.toml", "'pulls = 5'", "'pulls = 50'"];
    for command in ["eval", "resume"] {
        lab.refused(&[command, RUN], 78, &edited);
    }
    let report = "not the configuration that the run was trained with";
    lab.refused(&["report", RUN], 78, &["config.toml", report]);
    fs::write(&config, text).unwrap();
    lab.done(&["report", RUN]);
}

#[test]
fn a_run_without_a_usable_checkpoint_is_left_as_it_is() {
    let lab = Lab::new();
    lab.done(&["train", "tiny.toml"]);
    let run = lab.path(RUN);
    let metrics = fs::read(run.join("metrics.jsonl")).unwrap();
    for update in [8, 12] {
        let params = run.join(format!("checkpoints/{update:08}/params.safetensors"));
        fs::write(params, "damaged").unwrap();
    }
    let parts = [
        "no checkpoint can be used",
        "00000008",
        "00000012",
        "train anew",
    ];
    lab.refused(&["resume", RUN], 78, &parts);
    fs::remove_dir_all(run.join("checkpoints")).unwrap();
    lab.refused(&["resume", RUN], 78, &["metrics.jsonl holds rows"]);
    assert_eq!(fs::read(run.join("metrics.jsonl")).unwrap(), metrics);
}

#[test]
fn what_was_passed_over_is_said_and_made_again() {
    let lab = Lab::new();
    lab.done(&["train", "tiny.toml"]);
    lab.done(&["train", "tiny.toml", "--runs", "whole"]);
    let run = lab.path(RUN);
    // Row 10 is made again from the checkpoint before it.
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let damaged = metrics.replacen("{\"update\":10,", "{\"update\":11,", 1);
    fs::write(run.join("metrics.jsonl"), damaged).unwrap();
    let evaluated = lab.done(&["eval", RUN, "--json"]).last();
    assert_eq!(evaluated["update"], 8);
    let passed_over = evaluated["passed_over"][0].as_str().unwrap();
    assert!(passed_over.contains("metrics.jsonl"), "{passed_over}");
    lab.refused(&["report", RUN], 78, &["metrics.jsonl", "`resume` goes on"]);
    lab.done(&["resume", RUN]);
    assert_identical(&lab.path("whole/tiny/seed-0"), &run);
    let evaluated = lab.done(&["eval", RUN, "--json"]).last();
    assert_eq!(evaluated["passed_over"], Value::Array(Vec::new()));
}

#[test]
fn a_checkpoint_beyond_the_end_is_refused() {
    let lab = Lab::new();
    lab.done(&["train", "tiny.toml", "rl2.updates=2"]);
    let run = RunDir::open(lab.path(RUN)).unwrap();
    let (update, checkpoint) = run.latest_checkpoint().unwrap().newest.unwrap();
    assert_eq!(update, 2);
    run.save_checkpoint(3, &checkpoint).unwrap();
    drop(run);
    for command in ["resume", "eval"] {
        lab.refused(
            &[command, RUN],
            78,
            &["of update 3, and the training has 2"],
        );
    }
}

/// As if it had been killed between a checkpoint and the removal of the oldest.
#[test]
fn one_checkpoint_too_many_goes_with_a_resume() {
    let lab = Lab::new();
    lab.done(&["train", "tiny.toml"]);
    let path = lab.path(RUN);
    assert_eq!(checkpoints(&path), [8, 12]);
    let run = RunDir::open(&path).unwrap();
    let checkpoint = run.load_checkpoint(8).unwrap();
    run.save_checkpoint(4, &checkpoint).unwrap();
    drop(run);
    lab.done(&["resume", RUN]);
    assert_eq!(checkpoints(&path), [8, 12]);
}

#[test]
fn a_failed_update_leaves_the_state_before_it() {
    let lab = Lab::new();
    // The first step leaves numbers that the next update cannot compute with.
    let outcome = lab.run(&[
        "train",
        "tiny.toml",
        "rl2.learning_rate={from=1e30,to=1e30,shape=\"linear\"}",
        "checkpoint.interval=100",
    ]);
    assert_eq!(outcome.code, Some(70), "{outcome:?}");
    let run = lab.path(RUN);
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    let done = metrics.lines().count() as u64;
    assert_eq!(checkpoints(&run).last(), Some(&done));
    let said = format!("The state after update {done} is saved");
    assert!(outcome.stderr.contains(&said), "{outcome:?}");
    lab.done(&["report", RUN]);
}

#[test]
fn all_seeds_are_resumed_whenever_they_were_stopped() {
    let lab = Lab::new();
    let train = ["train", "tiny.toml", "rl2.updates=2", "--seeds", "3"];
    lab.done(&[&train[..], &["--runs", "whole"]].concat());
    lab.done(&train);
    let seed = |number| lab.path(&format!("runs/tiny/seed-{number}"));
    // Killed before the folder of seed 1 was made, and within that of seed 2.
    fs::remove_dir_all(seed(1)).unwrap();
    for entry in fs::read_dir(seed(2)).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => fs::remove_dir_all(path).unwrap(),
            false if path.ends_with("lock") => {}
            false => fs::remove_file(path).unwrap(),
        }
    }
    let last = lab.done(&["resume", "runs/tiny", "--json"]).last();
    assert_eq!(last["seeds"], 3);
    for number in 0..3 {
        let whole = lab.path(&format!("whole/tiny/seed-{number}"));
        assert_identical(&whole, &seed(number));
    }
}

#[test]
fn seeds_are_overwritten_all_or_none() {
    let lab = Lab::new();
    let train = ["train", "tiny.toml", "--seeds", "2"];
    lab.done(&[&train[..], &["rl2.updates=2"]].concat());
    let metrics = lab.path(RUN).join("metrics.jsonl");
    let before = fs::read(&metrics).unwrap();
    let overwrite = [&train[..], &["rl2.updates=3", "--overwrite"]].concat();
    let busy = RunDir::open(lab.path("runs/tiny/seed-1")).unwrap();
    lab.refused(&overwrite, 2, &["seed-1", "is being written by"]);
    assert_eq!(fs::read(&metrics).unwrap(), before);
    drop(busy);
    // Killed after the first of them was replaced: the other one is, too.
    lab.done(&overwrite);
    let seeds = lab.path("runs/tiny/seeds.json");
    let mut group: Value = record::read_sealed(&seeds, "").unwrap().unwrap();
    assert_eq!(group["replacing"], false);
    group["replacing"] = true.into();
    record::write_sealed(&seeds, &group, "").unwrap();
    let new = fs::read_to_string(lab.path("runs/tiny/seed-1/config.toml")).unwrap();
    let old = new.replace("updates = 3", "updates = 2");
    drop(RunDir::create(lab.path("runs/tiny/seed-1"), &old, Existing::Overwrite).unwrap());
    lab.done(&["resume", "runs/tiny"]);
    let now = fs::read_to_string(lab.path("runs/tiny/seed-1/config.toml")).unwrap();
    assert_eq!(now, new);
}

/// Under a limit on the size of files, in KiB.
#[cfg(unix)]
fn limited(lab: &Lab, limit: u64, args: &[&str]) -> Output {
    Command::new("bash")
        .args(["-c", "ulimit -f $0; exec \"$@\"", &limit.to_string()])
        .arg(env!("CARGO_BIN_EXE_experiments"))
        .args(args)
        .current_dir(lab.path(""))
        .output()
        .unwrap()
}

#[cfg(unix)]
#[test]
fn a_full_disk_stops_a_run_that_goes_on_when_there_is_room() {
    let lab = Lab::new();
    lab.done(&["train", "tiny.toml", "--runs", "whole"]);
    // Not even the configuration; rows and checkpoints; the report.
    for (limit, code) in [(0, 74), (2, 75), (16, 75)] {
        let runs = limit.to_string();
        let stopped = limited(&lab, limit, &["train", "tiny.toml", "--runs", &runs]);
        let said = String::from_utf8_lossy(&stopped.stderr).into_owned();
        assert_eq!(stopped.status.code(), Some(code), "{limit}: {said}");
        if code == 74 {
            lab.done(&["train", "tiny.toml", "--runs", &runs]);
        } else {
            let run = format!("{runs}/tiny/seed-0");
            assert!(said.contains(&format!("resume {run}")), "{said}");
            lab.done(&["resume", &run]);
        }
        let run = lab.path(&runs).join("tiny/seed-0");
        assert_identical(&lab.path("whole/tiny/seed-0"), &run);
    }
    let out = limited(
        &lab,
        1,
        &["report", "whole/tiny/seed-0", "--out", "elsewhere"],
    );
    assert_eq!(out.status.code(), Some(74), "{out:?}");
}

#[cfg(unix)]
#[test]
fn only_regular_files_are_read() {
    let lab = Lab::new();
    lab.done(&["train", "tiny.toml", "rl2.updates=1"]);
    let pipe = |path: &Path| {
        let made = Command::new("mkfifo").arg(path).status().unwrap();
        assert!(made.success());
    };
    pipe(&lab.path("pipe.toml"));
    lab.refused(&["train", "pipe.toml"], 78, &["not a regular file"]);
    for file in ["config.toml", "metrics.jsonl", "comparison.json"] {
        let path = lab.path(RUN).join(file);
        let text = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        pipe(&path);
        for command in ["resume", "report", "eval"] {
            lab.refused(&[command, RUN], 78, &[file, "not a regular file"]);
        }
        fs::remove_file(&path).unwrap();
        fs::write(&path, text).unwrap();
    }
}
