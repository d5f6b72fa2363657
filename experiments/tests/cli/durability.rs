//! What a run's folder holds belongs together, or a command says that it does
//! not; and nothing is lost that the same command could not make again.

use crate::lab::{Lab, assert_identical};
use record::{Existing, Reader, RunDir};
use serde_json::{Value, json};
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
        let params = run.join(format!("checkpoints/{update:08}/arrays.safetensors"));
        fs::write(params, "damaged").unwrap();
    }
    let parts = [
        "no checkpoint can be used",
        "00000008",
        "00000012",
        "train anew",
    ];
    let said = lab.run(&["resume", RUN]);
    assert_eq!(said.stderr.matches("00000012").count(), 1, "{said:?}");
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
    // As in the warning, and in Python.
    assert!(passed_over.starts_with("passing over a checkpoint: "));
    lab.refused(&["report", RUN], 78, &["metrics.jsonl", "`resume` goes on"]);
    let resumed = lab.done(&["resume", RUN]).stderr;
    let said = "metrics.jsonl: rows after the checkpoint, which are taken off: 4";
    assert!(resumed.contains(said), "{resumed}");
    assert_identical(&lab.path("whole/tiny/seed-0"), &run);
    let evaluated = lab.done(&["eval", RUN, "--json"]).last();
    assert_eq!(evaluated["passed_over"], Value::Array(Vec::new()));
}

#[test]
fn a_row_that_no_training_wrote_is_not_reported() {
    let lab = Lab::new();
    lab.done(&["train", "tiny.toml", "rl2.updates=2"]);
    let file = lab.path(RUN).join("eval.jsonl");
    let whole = fs::read_to_string(&file).unwrap();
    let last: Value = serde_json::from_str(whole.lines().last().unwrap()).unwrap();
    for update in [1, 2, 7] {
        let mut row = last.clone();
        row["update"] = update.into();
        row["mean_return"] = 4000.into();
        fs::write(&file, format!("{whole}{row}\n")).unwrap();
        lab.refused(
            &["report", RUN],
            78,
            &["eval.jsonl, line 3", "`resume` takes it off"],
        );
    }
    lab.done(&["resume", RUN]);
    assert_eq!(fs::read_to_string(&file).unwrap(), whole);
    lab.done(&["report", RUN]);
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
    let place = "in environment 'bernoulli-bandit' under seed 0";
    assert!(outcome.stderr.contains(place), "{outcome:?}");
    lab.done(&["report", RUN]);
    // It comes again, and nothing is changed by that.
    let mut lines = outcome.stderr.lines();
    let failed = lines.find_map(|line| line.strip_prefix("error: "));
    lab.refused(&["replay", RUN], 70, &[failed.unwrap()]);
    assert_eq!(checkpoints(&run).last(), Some(&done));
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
    // The same command says how all of them go on.
    lab.refused(&train, 2, &["seed-0 holds a run", "resume runs/tiny,"]);
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
    let one = lab.path("runs/tiny/seed-1");
    let new = Reader::open(&one).unwrap().config().unwrap();
    let old = new.replace("updates = 3", "updates = 2");
    let begin_again = |text: &str| {
        let run = RunDir::create(&one, text, Existing::Overwrite).unwrap();
        run.config_hash().unwrap()
    };
    let seeds = lab.path("runs/tiny/seeds.json");
    let mut group: Value = record::read_sealed(&seeds, "").unwrap().unwrap();
    assert_eq!(group["replaces"], json!({}));
    group["replaces"] = json!({ "1": begin_again(&old) });
    record::write_sealed(&seeds, &group, "").unwrap();
    // Not one that was begun since, though.
    let newer = new.replace("updates = 3", "updates = 4");
    begin_again(&newer);
    let parts = ["seed-1", "another configuration", "left as it is"];
    lab.refused(&["resume", "runs/tiny"], 78, &parts);
    assert_eq!(Reader::open(&one).unwrap().config().unwrap(), newer);
    begin_again(&old);
    lab.done(&["resume", "runs/tiny"]);
    assert_eq!(Reader::open(&one).unwrap().config().unwrap(), new);
}

#[test]
fn a_refused_group_leaves_nothing_behind() {
    let lab = Lab::new();
    fs::create_dir_all(lab.path("runs/tiny/seed-2")).unwrap();
    fs::write(lab.path("runs/tiny/seed-2/thesis.tex"), "mine").unwrap();
    lab.refused(&["train", "tiny.toml", "--seeds", "4"], 2, &["thesis.tex"]);
    let left = fs::read_dir(lab.path("runs/tiny")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["seed-2"]);
    assert_eq!(
        fs::read_dir(lab.path("runs/tiny/seed-2")).unwrap().count(),
        1
    );
}

/// Under a limit on the size of files, in KiB.
#[cfg(unix)]
pub(crate) fn limited(lab: &Lab, limit: u64, args: &[&str]) -> Output {
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
        lab.done(&["watch", RUN]);
        fs::remove_file(&path).unwrap();
        fs::write(&path, text).unwrap();
    }
    let lock = lab.path(RUN).join("lock");
    fs::remove_file(&lock).unwrap();
    pipe(&lock);
    lab.refused(&["resume", RUN], 78, &["lock", "not a regular file"]);
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    lab.refused(&["resume", RUN], 78, &["lock", "not a regular file"]);
}

#[test]
fn a_folder_that_is_taken_away_ends_a_training() {
    let lab = Lab::new();
    let long = [
        "train",
        "tiny.toml",
        "rl2.updates=100000",
        "checkpoint.interval=5",
    ];
    let mut child = lab.start(&long);
    let run = lab.path(RUN);
    while !run.join("checkpoints/00000005").exists() {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    fs::rename(lab.path("runs"), lab.path("elsewhere")).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("was removed or renamed while"), "{said}");
    assert!(
        !lab.path("runs").exists(),
        "it was made again, without its rows"
    );
    // Nothing of it is lost.
    let moved = lab.path("elsewhere/tiny/seed-0");
    let checkpoints = checkpoints(&moved);
    assert!(checkpoints.last() >= Some(&5), "{checkpoints:?}");
    lab.done(&["eval", "elsewhere/tiny/seed-0", "--tasks", "10"]);
}

#[test]
fn the_readme_has_the_exit_codes_of_the_help() {
    let codes = |text: &str| {
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = words.join(" ");
        let (_, codes) = text.split_once("Exit codes: ").unwrap();
        codes.split_once('.').unwrap().0.to_owned()
    };
    let help = codes(&Lab::new().done(&["--help"]).stdout);
    for code in ["0", "2", "70", "74", "75", "78"] {
        assert!(
            format!(", {help}").contains(&format!(", {code} ")),
            "{help}"
        );
    }
    assert_eq!(codes(include_str!("../../../README.md")), help);
}
