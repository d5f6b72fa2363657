//! The first signal is obeyed soon, wherever the work is.

use crate::lab::{Lab, RUN, end, heard, lines, signal};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) const TESTS: &[(&str, fn())] = &[
    (
        "an_environment_that_sleeps_is_named_and_cannot_keep_a_training_from_stopping",
        an_environment_that_sleeps_is_named_and_cannot_keep_a_training_from_stopping,
    ),
    (
        "an_exact_solution_ends_at_once",
        an_exact_solution_ends_at_once,
    ),
    (
        "a_long_update_is_called_off_and_changes_nothing",
        a_long_update_is_called_off_and_changes_nothing,
    ),
    (
        "what_cannot_be_resumed_is_not_said_to_be_stopped",
        what_cannot_be_resumed_is_not_said_to_be_stopped,
    ),
    (
        "nothing_is_said_after_the_end",
        nothing_is_said_after_the_end,
    ),
];

const LONG: Duration = Duration::from_secs(60);

fn start(command: &mut Command) -> Child {
    let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn an_environment_that_sleeps_is_named_and_cannot_keep_a_training_from_stopping() {
    let lab = Lab::new();
    let mut check = start(&mut lab.command(&["check-env", "hostile", "flaw=sleep"]));
    let args = ["train", "tiny.toml", "environment.flaw=sleep"];
    let mut train = start(&mut lab.command(&args));
    let word = "environment 'hostile' has not answered for 10 s, in `step` of lane ";
    for child in [&mut check, &mut train] {
        let stderr = child.stderr.take().unwrap();
        heard(stderr, word, Duration::from_secs(25));
    }
    check.kill().unwrap();
    check.wait().unwrap();
    signal(&train, "TERM");
    assert_eq!(end(&mut train, Duration::from_secs(10)).code(), Some(75));
}

fn an_exact_solution_ends_at_once() {
    let lab = Lab::new();
    let args = ["train", "tiny.toml", "environment.flaw=slow-oracle"];
    let mut child = start(&mut lab.command(&args));
    while !last_checkpoint(&lab).is_some_and(|name| name.ends_with("12")) {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(20));
    }
    // From the last checkpoint to the exact solution.
    std::thread::sleep(Duration::from_millis(1500));
    signal(&child, "TERM");
    assert_eq!(end(&mut child, Duration::from_secs(3)).code(), Some(75));
}

fn last_checkpoint(lab: &Lab) -> Option<String> {
    let entries = std::fs::read_dir(lab.path(RUN).join("checkpoints")).ok()?;
    let names = entries.map_while(Result::ok).map(|entry| entry.file_name());
    names.filter_map(|name| name.into_string().ok()).max()
}

/// One update of each algorithm, stopped in its middle, and anew from its start.
fn a_long_update_is_called_off_and_changes_nothing() {
    let rl2 = ["rl2.updates=1", "rl2.lanes=2048", "rl2.outer.epochs=300"];
    let maml = ["maml.updates=1", "maml.tasks=200", "maml.trajectories=50"];
    let set = ["evaluation.tasks=10", "evaluation.interval_tasks=10"];
    let cases = [
        ("tiny.toml", rl2, "tiny"),
        (
            "maml/bernoulli-bandit-5x100",
            maml,
            "maml-bernoulli-bandit-5x100",
        ),
    ];
    for (preset, own, name) in cases {
        let lab = Lab::new();
        let train = |runs: &str| {
            let args = ["train", preset, "--workers", "2", "--runs", runs];
            start(&mut lab.command(&[&args[..], &own, &set].concat()))
        };
        let mut child = train("stopped");
        let run = format!("stopped/{name}/seed-0");
        while !lab.path(&run).join("eval.jsonl").exists() {
            assert!(child.try_wait().unwrap().is_none());
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(100));
        let stderr = child.stderr.take().unwrap();
        signal(&child, "TERM");
        // Before the time is up at which the process would be ended.
        let line = heard(stderr, "stopped after update", Duration::from_secs(7));
        assert!(line.contains("stopped after update 0 of"), "{line}");
        assert_eq!(end(&mut child, Duration::from_secs(3)).code(), Some(75));
        let mut resumed = start(&mut lab.command(&["resume", &run]));
        assert_eq!(end(&mut resumed, LONG).code(), Some(0));
        assert_eq!(end(&mut train("whole"), LONG).code(), Some(0));
        for file in ["metrics.jsonl", "eval.jsonl", "comparison.json"] {
            let [ours, theirs] = ["stopped", "whole"].map(|runs| {
                let run = lab.path(runs).join(name).join("seed-0");
                std::fs::read_to_string(run.join(file)).unwrap()
            });
            assert_eq!(ours, theirs, "{file}");
        }
    }
}

/// Nothing was begun yet, so that there is nothing to go on with.
fn what_cannot_be_resumed_is_not_said_to_be_stopped() {
    let lab = Lab::new();
    let args = [
        "train",
        "tiny.toml",
        "environment.flaw=slow-policy",
        "evaluation.learners=[{name=\"bayes-optimal\"}]",
    ];
    let mut child = start(&mut lab.command(&args));
    let said = lines(child.stderr.take().unwrap());
    let within = Duration::from_secs(10);
    while said.recv_timeout(within).unwrap() != "solving" {}
    signal(&child, "TERM");
    let status = end(&mut child, Duration::from_secs(3));
    assert_eq!(status.signal(), Some(15), "{status}");
    assert_eq!(said.iter().collect::<Vec<_>>(), Vec::<String>::new());
    assert!(!lab.path("runs").exists());
}

/// The word that the work is being stopped comes before what became of it.
fn nothing_is_said_after_the_end() {
    let lab = Lab::new();
    for name in ["TERM", "INT", "HUP", "TERM", "INT", "HUP"] {
        let args = ["train", "tiny.toml", "rl2.updates=100000", "--overwrite"];
        let mut child = start(&mut lab.command(&args));
        let said = lines(child.stderr.take().unwrap());
        // The first evaluation is over.
        said.recv_timeout(Duration::from_secs(10)).unwrap();
        signal(&child, name);
        assert_eq!(end(&mut child, Duration::from_secs(10)).code(), Some(75));
        let said: Vec<String> = said.iter().collect();
        let last = said.last().unwrap();
        assert!(last.starts_with("error: stopped after update"), "{said:?}");
    }
}
