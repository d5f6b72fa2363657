//! The first signal is obeyed soon, wherever the work is.

use crate::lab::{Lab, RUN, end, heard, signal};
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
        "a_signal_that_the_parent_ignores_is_ignored",
        a_signal_that_the_parent_ignores_is_ignored,
    ),
];

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

/// One update of each algorithm that takes far longer than the test.
fn a_long_update_is_called_off_and_changes_nothing() {
    let rl2 = [
        "rl2.lanes=2048",
        "rl2.outer.epochs=10000",
        "evaluation.interval=100000",
    ];
    let maml = [
        "maml.tasks=1000",
        "maml.trajectories=50",
        "evaluation.interval=100000",
    ];
    for (preset, set) in [("tiny.toml", rl2), ("maml/bernoulli-bandit-5x100", maml)] {
        let lab = Lab::new();
        let args = [&["train", preset, "--workers", "2"], &set[..]].concat();
        let mut child = start(&mut lab.command(&args));
        std::thread::sleep(Duration::from_secs(3));
        let stderr = child.stderr.take().unwrap();
        signal(&child, "TERM");
        // Before the time is up at which the process would be ended.
        let line = heard(stderr, "stopped after update", Duration::from_secs(7));
        assert!(line.contains("stopped after update 0 of"), "{line}");
        assert_eq!(end(&mut child, Duration::from_secs(3)).code(), Some(75));
    }
}

fn a_signal_that_the_parent_ignores_is_ignored() {
    let lab = Lab::new();
    let program = std::env::current_exe().unwrap();
    let script = format!(
        "trap '' HUP INT; exec '{}' train tiny.toml rl2.updates=60",
        program.display()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(lab.path(""));
    let mut child = start(command.env(crate::PROGRAM, "1"));
    while lab.rows("metrics.jsonl") == 0 {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
    for name in ["HUP", "INT", "HUP", "INT"] {
        signal(&child, name);
    }
    assert_eq!(end(&mut child, Duration::from_secs(60)).code(), Some(0));
    assert_eq!(lab.rows("metrics.jsonl"), 60);
}
