//! Runs are watched by their files.

use crate::lab::Lab;
use std::fs::{self, File};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

#[test]
fn watching_ends_with_the_runs_and_says_how_far_they_came() {
    let lab = Lab::new();
    let mut training = lab.start(&["train", "tiny.toml", "rl2.updates=60", "--name=slow"]);
    let metrics = lab.path("runs/slow/seed-0/metrics.jsonl");
    while !metrics.exists() {
        assert!(training.try_wait().unwrap().is_none(), "it ended by itself");
        sleep(Duration::from_millis(5));
    }
    let watched = lab.done(&["watch", "runs/slow"]);
    // It returned since the run was over.
    assert!(lab.path("runs/slow/seed-0/comparison.json").exists());
    let last = watched.stdout.lines().last().unwrap();
    assert!(
        last.starts_with("slow/seed-0: done, update 60/60, return "),
        "{last}"
    );
    assert!(
        last.contains(", evaluation ") && last.ends_with(" at update 60"),
        "{last}"
    );
    assert!(training.wait().unwrap().success());
    let row = lab.done(&["watch", "runs/slow/seed-0", "--json"]).last();
    assert_eq!(
        (&row["event"], &row["state"]),
        (&"progress".into(), &"done".into())
    );
    assert_eq!(
        (row["update"].as_u64(), row["env_steps"].as_u64()),
        (Some(60), Some(60 * 64 * 5))
    );
    lab.refused(&["watch", "nowhere"], 2, &["nowhere"]);
}

/// What is written row by row is in the end what is written of the whole.
#[test]
fn events_follow_a_training() {
    let lab = Lab::new();
    let mut training = lab.start(&["train", "tiny.toml", "rl2.updates=60", "--name=slow"]);
    while !lab.path("runs/slow/seed-0/metrics.jsonl").exists() {
        assert!(training.try_wait().unwrap().is_none(), "it ended by itself");
        sleep(Duration::from_millis(5));
    }
    let follow = ["export", "runs/slow", "--to=tensorboard", "--follow"];
    let mut following = lab.start(&follow);
    let file = "runs/slow/seed-0/tensorboard/events.out.tfevents.0.metarl";
    let length = |file: &str| fs::metadata(lab.path(file)).map_or(0, |file| file.len());
    while length(file) == 0 {
        let ended = following.try_wait().unwrap().is_some();
        assert!(!ended || length(file) > 0, "it ended and wrote nothing");
        sleep(Duration::from_millis(5));
    }
    assert!(training.wait().unwrap().success());
    assert!(following.wait().unwrap().success());
    let whole = ["export", "runs/slow", "--to=tensorboard", "--out=whole"];
    lab.done(&whole);
    let read = |file: &str| fs::read(lab.path(file)).unwrap();
    let other = read("whole/slow/seed-0/events.out.tfevents.0.metarl");
    assert!(other.len() > 60 * 50 && read(file) == other);
    // Of a run that is over at once.
    lab.done(&follow);
    assert!(read(file) == other);
    lab.refused(
        &["export", "runs/slow", "--to=numpy", "--follow"],
        2,
        &["--follow", "--to tensorboard"],
    );
}

/// A sweep is its folder, and all that lies in it once it is told apart.
#[test]
fn a_sweep_is_watched_by_its_folder_and_by_what_lies_in_it() {
    let lab = Lab::new();
    for setting in ["0000", "0001"] {
        lab.done(&["train", "tiny.toml", "--runs=rates", "--name", setting]);
    }
    for file in ["sweep.csv", "sweep.md", "sweep.png"] {
        fs::write(lab.path("rates").join(file), "a table").unwrap();
    }
    let whole = lab.done(&["watch", "rates"]).stdout;
    let names: Vec<&str> = whole.lines().map(|line| &line[..11]).collect();
    assert_eq!(names, ["0000/seed-0", "0001/seed-0"], "{whole}");
    let words = [
        "rates/0000",
        "rates/0001",
        "rates/sweep.csv",
        "rates/sweep.md",
    ];
    let said = lab.done(&[&["watch"], &words[..]].concat()).stdout;
    assert_eq!(said, whole);
    lab.refused(&["watch", "rates/sweep.csv"], 2, &["rates/sweep.csv"]);
}

#[test]
fn a_run_that_nobody_goes_on_with_is_stopped() {
    let lab = Lab::new();
    lab.done(&["train", "tiny.toml", "--name=left"]);
    let run = lab.path("runs/left/seed-0");
    fs::remove_file(run.join("comparison.json")).unwrap();
    let long_ago = SystemTime::now() - Duration::from_secs(600);
    for file in ["metrics.jsonl", "lock"] {
        let file = File::options().append(true).open(run.join(file)).unwrap();
        file.set_modified(long_ago).unwrap();
    }
    let said = lab.done(&["watch", "runs/left"]).stdout;
    assert!(
        said.starts_with("left/seed-0: stopped, update 12/12"),
        "{said}"
    );
}
