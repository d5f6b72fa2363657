//! What memory cannot hold is refused before anything is made.

use crate::lab::Lab;
use std::process::Command;

/// Address space of a command in these tests, in kibibytes.
const LIMIT: &str = "6000000";

/// A command line under a limit that it must be refused for, with what its
/// message must hold.
fn refused(args: &[&str], parts: &[&str]) {
    let lab = Lab::new();
    let limited = format!("ulimit -v {LIMIT} && exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &limited, env!("CARGO_BIN_EXE_experiments")])
        .args(args)
        .current_dir(lab.path(""))
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{args:?}: {message}");
    for part in parts.iter().chain(&["of memory: ", " has left"]) {
        assert!(message.contains(part), "{args:?}: no {part:?} in {message}");
    }
    assert!(!lab.path("runs").exists(), "{args:?}: a folder was made");
}

#[test]
fn trainings_are_refused_for_what_they_would_take() {
    let wide = [
        "train",
        "tiny.toml",
        "rl2.lanes=65536",
        "rl2.tile=64",
        "environment.pulls=5000",
        "rl2.updates=1",
        "--workers",
        "1",
    ];
    refused(&wide, &["trajectories of 65536 lanes", "ulimit -v"]);
    // The square of ten thousand symbols, in every task.
    let baseline = ["train", "maml/gridnavi", "environment.size=100"];
    refused(&baseline, &["linear baselines", "maml.tasks"]);
    let tasks = ["train", "maml/gridnavi", "maml.tasks=65537"];
    refused(&tasks, &["65537 tasks"]);
}

#[test]
fn evaluations_and_benchmarks_are_refused_likewise() {
    let tables = ["states=300", "actions=11", "--workers", "8"];
    let learner = [&["baseline", "dirichlet-mdp", "psrl"], &tables[..]].concat();
    refused(&learner, &["psrl(", "tasks and states of 512 lanes"]);
    let long = [
        "baseline",
        "dark-key-door",
        "random",
        "horizon=1000000",
        "--workers",
        "16",
    ];
    refused(&long, &["trajectories of 1024 lanes"]);
    refused(
        &["bench", "rl2", "environment.pulls=999999"],
        &["activations of"],
    );
    let functions = [
        "bench",
        "learned-optimizer",
        "learned-optimizer.problems=65536",
        "environment.parameters=1000",
        "--workers",
        "1",
    ];
    refused(
        &functions,
        &["65536 functions", "learned-optimizer.problems"],
    );
}
