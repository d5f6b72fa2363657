//! Learned optimizers on the command line: training, evaluation, resuming, bad settings.

use crate::lab::{Lab, assert_identical};
use std::fs;

/// A training of a second or less.
const TINY: &str = r#"algorithm = "learned-optimizer"

[environment]
name = "quadratics"
parameters = 3
rows = 4
steps = 8

[evaluation]
tasks = 40
interval = 4
interval_tasks = 10
actions = "greedy"
learners = [{ name = "sgd", rate = 0.01 }, { name = "adam", rate = 0.1 }]

[checkpoint]
interval = 3
keep = 2

[learned-optimizer]
updates = 10
problems = 50
steps = 8
start = "given"
loss = "every"
max_gradient_norm = 1.0
rule = { kind = "lstm", hidden = 4, layers = 2, preprocess = 5.0, scale = 0.1 }
training = { kind = "gradient", truncation = 4, order = "first" }
learning_rate = { from = 1e-2, to = 1e-3, shape = "linear" }
optimizer = { kind = "adam", beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0.0 }
"#;

fn lab() -> Lab {
    let lab = Lab::new();
    fs::write(lab.path("tiny.toml"), TINY).unwrap();
    lab
}

#[test]
fn a_learned_optimizer_is_trained_and_measured_beside_others() {
    let lab = lab();
    let summary = lab.done(&["train", "tiny.toml", "--json"]).last();
    let run = lab.path("runs/tiny/seed-0");
    // Losses by gradients, the rule as a curve, and what is kept and taken.
    let text = fs::read_to_string(run.join("pictures.json")).unwrap();
    for analysis in ["Loss by gradients", "What a step does", "Kept and taken"] {
        assert!(text.contains(analysis), "{analysis}");
    }
    let again = lab.done(&["eval", "runs/tiny/seed-0", "--json"]).last();
    assert_eq!(again["mean_return"], summary["mean_return"]);
    // Beyond the steps and the size that it was trained on.
    let words = ["environment.steps=30", "environment.parameters=5", "--json"];
    let args = [&["eval", "runs/tiny/seed-0"][..], &words].concat();
    assert!(lab.done(&args).last()["mean_return"].as_f64().unwrap() < 0.0);
    lab.done(&["report", "runs/tiny"]);
    // Who knows the function loses its minimum alone.
    let oracle = lab.done(&["oracle", "quadratics", "--json"]).last();
    assert_eq!(oracle["known_task_optimum"], 0.0);
}

#[test]
fn workers_and_interruptions_do_not_change_a_learned_optimizer() {
    let lab = lab();
    let train = |workers: &str, runs: &str| {
        let args = ["train", "tiny.toml", "--workers", workers, "--runs", runs];
        lab.done(&args);
    };
    train("1", "one");
    train("3", "three");
    let (one, three) = (lab.path("one/tiny/seed-0"), lab.path("three/tiny/seed-0"));
    assert_identical(&one, &three);
    // As if it had been killed behind its last checkpoint but one.
    fs::remove_file(three.join("comparison.json")).unwrap();
    let mut saved: Vec<_> = fs::read_dir(three.join("checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    saved.sort();
    fs::remove_dir_all(saved.pop().unwrap()).unwrap();
    lab.done(&["resume", "three/tiny/seed-0"]);
    assert_identical(&one, &three);
}

#[test]
fn bad_settings_of_learned_optimizers_are_refused() {
    let lab = lab();
    let refused = |word: &str, parts: &[&str]| {
        lab.refused(&["train", "tiny.toml", word], 78, parts);
    };
    let key = "learned-optimizer";
    refused(
        "learned-optimizer.training.truncation=3",
        &[
            &format!("{key}.training.truncation = 3"),
            "a divisor of learned-optimizer.steps = 8",
        ],
    );
    refused(
        "learned-optimizer.rule.hidden=0",
        &[&format!("{key}.rule.hidden = 0"), "1 to 1024"],
    );
    refused("learned-optimizer.rule.hiden=4", &["hiden"]);
    refused(
        "learned-optimizer.problems=0",
        &[&format!("{key}.problems = 0")],
    );
    refused(
        "learned-optimizer.updates=0",
        &[&format!("{key}.updates = 0")],
    );
    refused("environment.rows=0", &["rows = 0", "1 to 1000"]);
    // What is no function cannot be minimized, and optimizers act nowhere else.
    let none = [
        "train",
        "tiny.toml",
        "environment.name=maze",
        "evaluation.learners=[]",
    ];
    lab.refused(&none, 78, &["'maze' shows none", "list envs"]);
    lab.refused(&["baseline", "maze", "adam"], 78, &["'maze' shows none"]);
}
