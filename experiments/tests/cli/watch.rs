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
    assert!(last.ends_with("on fresh tasks at update 60"), "{last}");
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
