//! MAML on the command line: training, adaptation, resuming, bad settings.

use crate::lab::{Lab, assert_identical};
use serde_json::Value;
use std::fs;

/// A training of a second or less, with every part that a checkpoint holds: an
/// optimizer, an adaptive penalty and a value network.
pub(crate) const TINY: &str = r#"algorithm = "maml"

[environment]
name = "bernoulli-bandit"
arms = 3
pulls = 10

[evaluation]
tasks = 30
interval = 4
interval_tasks = 10
actions = "sample"
learners = [{ name = "random" }, { name = "ucb1" }]

[checkpoint]
interval = 3
keep = 2

[maml]
updates = 10
tasks = 6
trajectories = 5
order = "second"
bootstrap = true
normalize_advantages = true
max_gradient_norm = 1.0
learning_rate = { from = 1e-2, to = 1e-3, shape = "linear" }
gae = { gamma = 0.99, lambda = 0.95 }
inner = { steps = 2, rates = [0.5], learned = "per-step", surrogate = "ratio", adapt = "all" }
outer = { kind = "ppo", clip = 0.3, epochs = 2, penalty = { kind = "adaptive", coefficient = 5e-4, target = 0.01 } }
exploration = { kind = "none" }
baseline = { kind = "value", hidden = [8], activation = "tanh", optimizer = { kind = "adam", beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0.0 }, learning_rate = 1e-2, max_gradient_norm = inf, epochs = 2 }
policy = { hidden = [8], activation = "tanh", std = 1.0, min_std = 1e-3 }
optimizer = { kind = "adam", beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0.0 }
evaluation = { steps = 3, rates = [0.5], trajectories = 5 }
"#;

fn lab() -> Lab {
    let lab = Lab::new();
    fs::write(lab.path("maml.toml"), TINY).unwrap();
    lab
}

#[test]
fn training_shows_every_gradient_step() {
    let lab = lab();
    let outcome = lab.done(&["train", "maml.toml", "--json"]);
    let summary = outcome.last();
    let adaptation = &summary["adaptation"];
    assert_eq!(adaptation["tasks"], 30);
    let returns = adaptation["mean_return"].as_array().unwrap();
    assert_eq!(returns.len(), 4, "before and after each of 3 steps");
    assert_eq!(summary["mean_return"], returns[3]);
    let run = lab.path("runs/maml/seed-0");
    assert!(run.join("figures/adaptation.svg").exists());
    // Its evaluation by hand is the same.
    let again = lab.done(&["eval", "runs/maml/seed-0", "--json"]).last();
    assert_eq!(again["adaptation"], *adaptation);
}

/// An agent that takes no gradient step has lived in its task no more than any
/// other, so that the Bayes-optimal value is what it is to be compared with.
#[test]
fn an_agent_that_takes_no_steps_has_a_bayes_optimal_value() {
    let lab = lab();
    let bayes = |steps: &str| {
        let set = format!("maml.evaluation.steps={steps}");
        let args = ["train", "maml.toml", "maml.updates=0", &set, "--overwrite"];
        lab.done(&args);
        let comparison = fs::read_to_string(lab.path("runs/maml/seed-0/comparison.json"));
        let comparison: Value = serde_json::from_str(&comparison.unwrap()).unwrap();
        comparison["exact"]["bayes_optimal"].clone()
    };
    let still = bayes("0");
    // Of 3 arms and 10 pulls: more than the best arm known from the start to
    // be one of them earns, less than knowing it.
    let value = still["value"].as_f64();
    assert!(
        value.is_some_and(|value| value > 5.0 && value < 7.5),
        "{still}"
    );
    let adapted = bayes("1");
    let why = adapted["why"].as_str();
    assert!(
        why.is_some_and(|why| why.contains("per gradient step")),
        "{adapted}"
    );
}

/// Of four fresh tasks, a few trials before and after the adaptation.
#[test]
fn before_and_after_are_drawn() {
    let lab = lab();
    let plane = TINY.replace(
        "name = \"bernoulli-bandit\"\narms = 3\npulls = 10",
        "name = \"point-navigation\"\nhorizon = 20",
    );
    let plane = plane.replace(", { name = \"ucb1\" }", "");
    fs::write(lab.path("plane.toml"), plane).unwrap();
    lab.done(&["train", "plane.toml", "maml.updates=2"]);
    let run = lab.path("runs/plane/seed-0");
    let text = fs::read(run.join("pictures.json")).unwrap();
    let pictures: Value = serde_json::from_slice(&text).unwrap();
    let tasks = pictures["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 4);
    for (number, task) in tasks.iter().enumerate() {
        assert_eq!(task["task"], number);
        let scenes = task["scenes"].as_array().unwrap();
        let steps: Vec<_> = scenes.iter().map(|it| &it["gradient_steps"]).collect();
        assert_eq!(steps, [0, 3]);
        for scene in scenes {
            assert_eq!(scene["earned"].as_array().unwrap().len(), 5);
        }
    }
    let svg = fs::read_to_string(run.join("figures/before-and-after.svg")).unwrap();
    assert!(svg.contains("MAML before and after 3 gradient steps on 4 tasks"));

    // A run that was finished without them gets the same.
    fs::remove_file(run.join("pictures.json")).unwrap();
    lab.done(&["resume", "runs/plane/seed-0"]);
    assert_eq!(fs::read(run.join("pictures.json")).unwrap(), text);
}

/// Steps that an LSTM gates: trained, taken up again, evaluated beyond the steps that it
/// was trained on, and drawn; and refused where nothing would train it.
#[test]
fn steps_are_gated() {
    let lab = lab();
    let gated = TINY.replace(
        "adapt = \"all\" }",
        "adapt = \"all\", rule = { kind = \"gated\", hidden = 4, range = 10.0, weights = 0.01, \
         forget_bias = { low = 4.0, high = 5.0 }, input_bias = { low = 0.0, high = 0.0 }, \
         inputs = \"differentiated\" } }",
    );
    fs::write(lab.path("gated.toml"), gated).unwrap();
    let summary = lab.done(&["train", "gated.toml", "--json"]).last();
    let returns = summary["adaptation"]["mean_return"].as_array().unwrap();
    assert_eq!(returns.len(), 4, "one step more than in training");
    let run = lab.path("runs/gated/seed-0");
    let rows = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let row: Value = serde_json::from_str(rows.lines().last().unwrap()).unwrap();
    for gates in ["forget_gates", "input_gates"] {
        let gates = row[gates].as_array().unwrap();
        let inside = |gate: &Value| gate.as_f64().is_some_and(|gate| gate > 0.0 && gate < 1.0);
        assert!(gates.len() == 2 && gates.iter().all(inside), "{gates:?}");
    }
    let figure = fs::read_to_string(run.join("figures/training.svg")).unwrap();
    for name in ["Forget gate, step 1", "Input gate, step 2"] {
        assert!(figure.contains(name), "{name}");
    }
    assert!(!figure.contains("step 3"), "there is none");
    let again = lab.done(&["eval", "runs/gated/seed-0", "--json"]).last();
    assert_eq!(again["adaptation"], summary["adaptation"]);
    let args = ["train", "gated.toml", "maml.outer={kind=\"reptile\"}"];
    let parts = [
        "maml.inner.rule.kind = gated; allowed: gradient",
        "goes with vpg, ppo or trpo",
    ];
    lab.refused(
        &[&args[..], &["maml.inner.learned=none"]].concat(),
        78,
        &parts,
    );
}

#[test]
fn workers_and_interruptions_do_not_matter() {
    let lab = lab();
    for workers in ["1", "3"] {
        let args = [
            "train",
            "maml.toml",
            "--workers",
            workers,
            "--runs",
            workers,
        ];
        lab.done(&args);
    }
    let one = lab.path("1/maml/seed-0");
    assert_identical(&one, &lab.path("3/maml/seed-0"));
    // As if it had been killed after its second checkpoint but one.
    let three = lab.path("3/maml/seed-0");
    let checkpoints = three.join("checkpoints");
    let mut names: Vec<_> = fs::read_dir(&checkpoints)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    fs::remove_dir_all(names.last().unwrap()).unwrap();
    fs::remove_file(three.join("comparison.json")).unwrap();
    lab.done(&["resume", "3/maml/seed-0"]);
    let same =
        |file: &str| fs::read(one.join(file)).unwrap() == fs::read(three.join(file)).unwrap();
    for file in [
        "metrics.jsonl",
        "eval.jsonl",
        "comparison.json",
        "pictures.json",
    ] {
        assert!(same(file), "{file}");
    }
}

#[test]
fn bad_settings_are_named() {
    let lab = lab();
    let cases = [
        ("maml.inner.steps=-1", "maml.inner.steps"),
        ("maml.outer.clip=0", "maml.outer.clip"),
        ("maml.inner.surogate=dice", "surogate"),
        ("maml.policy.hidden=[0]", "hidden"),
    ];
    for (setting, name) in cases {
        lab.refused(&["train", "maml.toml", setting], 78, &[name]);
    }
    let cuda = ["train", "maml.toml", "--device", "cuda"];
    let outcome = lab.run(&cuda);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
}

#[test]
fn greedy_evaluations_are_greedy_and_nothing_trained_has_no_rate() {
    let lab = lab();
    let run = |actions: &str| {
        let set = format!("evaluation.actions={actions}");
        let args = [
            "train",
            "maml.toml",
            "maml.updates=0",
            &set,
            "--runs",
            actions,
        ];
        let text = lab.done(&args);
        assert!(text.stdout.contains("0 environment steps"), "{text:?}");
        assert!(!text.stdout.contains("NaN"), "{text:?}");
        let json = lab.done(&[&args[..], &["--json", "--overwrite"]].concat());
        let summary = json.last();
        assert!(summary.get("env_steps_per_second").is_none(), "{summary}");
        summary["adaptation"].clone()
    };
    assert_ne!(run("greedy"), run("sample"));
}

#[test]
fn evaluations_that_memory_cannot_hold_are_refused() {
    let lab = lab();
    let settings = [
        "maml.evaluation.trajectories=1000000",
        "environment.pulls=1000",
    ];
    let parts = [
        "maml.toml needs",
        "evaluations of",
        "maml.evaluation.trajectories",
    ];
    lab.refused(
        &[&["train", "maml.toml"], &settings[..]].concat(),
        78,
        &parts,
    );
}

/// To resume would come to the same end, and the value network is at fault.
#[test]
fn what_diverged_is_named_and_has_to_be_trained_anew() {
    let lab = lab();
    let train = ["train", "maml.toml", "maml.baseline.learning_rate=1e38"];
    let parts = [
        "update 1: the value network",
        "maml.baseline.learning_rate",
        "train anew with a changed setting",
        "train runs/maml/seed-0/config.toml",
    ];
    lab.refused(&train, 70, &parts);
}

#[test]
fn a_run_that_is_given_twice_is_reported_once() {
    let lab = lab();
    lab.done(&["train", "maml.toml", "maml.updates=1"]);
    let report = lab.done(&[
        "report",
        "runs/maml/seed-0",
        "runs/maml/seed-0",
        "--out",
        "out",
    ]);
    assert!(report.stdout.starts_with("report of 1 run: "), "{report:?}");
}
