//! What an author's code does wrong is an error that names it, once.

use crate::environment::SAID;
use crate::lab::{Lab, RUN};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) const TESTS: &[(&str, fn())] = &[
    (
        "every_method_that_panics_is_named_once",
        every_method_that_panics_is_named_once,
    ),
    (
        "what_no_episode_calls_is_checked_too",
        what_no_episode_calls_is_checked_too,
    ),
    ("what_is_too_wide_is_refused", what_is_too_wide_is_refused),
    (
        "a_first_observation_that_is_no_number_is_the_environments",
        a_first_observation_that_is_no_number_is_the_environments,
    ),
    (
        "what_comes_late_is_saved_and_comes_again_in_a_replay",
        what_comes_late_is_saved_and_comes_again_in_a_replay,
    ),
    (
        "what_breaks_the_comparison_comes_again_in_a_replay",
        what_breaks_the_comparison_comes_again_in_a_replay,
    ),
    (
        "arguments_reach_the_terminal_without_control_characters",
        arguments_reach_the_terminal_without_control_characters,
    ),
];

fn every_method_that_panics_is_named_once() {
    let lab = Lab::new();
    let baseline = ["baseline", "hostile", "random", "--tasks", "8"];
    let optimal = ["baseline", "hostile", "bayes-optimal", "--tasks", "8"];
    let train = ["train", "tiny.toml", "--workers", "2"];
    let oracle = ["oracle", "hostile"];
    let cases: [(&str, &[&str], i32); 12] = [
        ("build", &oracle, 78),
        ("exact_values", &oracle, 70),
        ("exact_values", &train, 70),
        ("learners", &baseline, 70),
        ("bayes_optimal_policy", &optimal, 70),
        ("sample", &baseline, 70),
        ("known_task_optimum", &baseline, 70),
        ("sample", &train, 70),
        ("reset", &train, 70),
        ("step", &train, 70),
        ("observe", &train, 70),
        ("draw", &["render", "hostile", "random"], 70),
    ];
    for (method, args, code) in cases {
        let set = match args[0] {
            "train" => format!("environment.flaw={method}"),
            _ => format!("flaw={method}"),
        };
        let args = [args, &[set.as_str()][..]].concat();
        let text = lab.refused(&args, code);
        let named = match method {
            "build" => "environment 'hostile' panicked while it was built".to_owned(),
            method => format!("environment 'hostile' panicked in `{method}`"),
        };
        assert!(text.contains(&named), "{args:?}: {text}");
        assert_eq!(
            text.matches("oh no\\u{1b}[2J").count(),
            1,
            "{args:?}: {text}"
        );
        assert!(
            !text.contains(SAID) && !text.contains("backtrace"),
            "{text}"
        );
        let _ = std::fs::remove_dir_all(lab.path("runs"));
    }
}

fn what_no_episode_calls_is_checked_too() {
    let lab = Lab::new();
    let beside = ["exact_values", "bayes_optimal_policy", "learners", "draw"];
    for method in beside.into_iter().chain(["step"]) {
        let flaw = format!("flaw={method}");
        let output = lab.command(&["check-env", "hostile", &flaw]).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(78), "{method}");
        let told = String::from_utf8(output.stdout).unwrap();
        let named = format!("panicked in `{method}`: oh no");
        assert_eq!(told.matches(&named).count(), 1, "{told}");
    }
}

fn what_is_too_wide_is_refused() {
    let lab = Lab::new();
    let refusal = "observation.size = 100000000; allowed: 0 to 1048576";
    let commands: [&[&str]; 3] = [
        &["check-env", "hostile", "flaw=wide"],
        &["bench", "envs", "hostile", "flaw=wide"],
        &["train", "tiny.toml", "environment.flaw=wide"],
    ];
    for args in commands {
        let text = lab.refused(args, 78);
        assert!(text.contains(refusal), "{args:?}: {text}");
    }
}

fn a_first_observation_that_is_no_number_is_the_environments() {
    let lab = Lab::new();
    let text = lab.refused(&["train", "tiny.toml", "environment.flaw=no-number"], 70);
    let start = "environment 'hostile' gave observation NaN in task 0 of lane 0 (seed 0, ";
    assert!(text.contains(start), "{text}");
    assert!(text.contains("resume runs/tiny/seed-0"), "{text}");
}

/// The bytes of all files below a folder.
fn files(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false => drop(found.insert(path.clone(), fs::read(path).unwrap())),
        }
    }
}

/// What a message says of the environment, with the place and its own text.
fn sentence(text: &str) -> &str {
    let start = text.find("environment 'hostile' ").unwrap();
    text[start..].lines().next().unwrap()
}

fn what_comes_late_is_saved_and_comes_again_in_a_replay() {
    let cases = [
        ("late", 0, "panicked in `step`"),
        ("late", 1, "panicked in `step`"),
        ("late-reward", 2, "gave reward inf"),
        ("late-observation", 3, "gave observation NaN"),
    ];
    let mut with_rows = 0;
    for (flaw, seed, what) in cases {
        let lab = Lab::new();
        let set = [
            format!("environment.flaw={flaw}"),
            format!("seed={seed}"),
            "rl2.updates=100".to_owned(),
            "checkpoint.interval=1".to_owned(),
            "checkpoint.keep=100".to_owned(),
            "evaluation.interval_tasks=2".to_owned(),
        ];
        let set: Vec<&str> = set.iter().map(String::as_str).collect();
        let text = lab.refused(&[&["train", "tiny.toml"], &set[..]].concat(), 70);
        let said = sentence(&text);
        assert!(said.contains(what), "{text}");
        let place = format!("(seed {seed}, ");
        for part in ["task ", " of lane ", &place, " batch ", "episode ", "step "] {
            assert!(said.contains(part), "{part}: {text}");
        }
        assert!(
            !flaw.eq("late") || said.contains("unlucky number "),
            "{text}"
        );
        let run = lab.path("runs/tiny").join(format!("seed-{seed}"));
        let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
        files(&run, &mut before);
        // The command that it says, as it stands there.
        let (_, command) = text.split_once("change nothing: ").unwrap();
        let (_, replay) = command.trim().split_once(" replay ").unwrap();
        for workers in ["1", "3"] {
            let again = lab.refused(&["replay", replay, "--workers", workers], 70);
            assert_eq!(sentence(&again), said, "{again}");
        }
        files(&run, &mut after);
        // But for the lock nothing is even touched.
        assert_eq!(before, after);
        // What was done before it is the run's to the bit, and a changed row is not.
        let metrics = run.join("metrics.jsonl");
        let Ok(rows) = fs::read_to_string(&metrics) else {
            continue; // It came in the first update.
        };
        with_rows += 1;
        let output = lab
            .command(&["replay", replay, "--update", "1", "--json"])
            .output();
        let told: serde_json::Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
        assert_eq!((&told["from"], &told["update"]), (&0.into(), &1.into()));
        assert_eq!(
            (&told["compared"], told["failure"].is_null()),
            (&1.into(), true)
        );
        fs::write(
            &metrics,
            rows.replacen("\"update\":1,", "\"update\":1, ", 1),
        )
        .unwrap();
        let other = lab.refused(&["replay", replay, "--update", "1"], 70);
        assert!(other.contains("is not the one that the run has"), "{other}");
        // Nor is one of another update that stands in its place.
        fs::write(&metrics, rows.replacen("\"update\":1,", "\"update\":3,", 1)).unwrap();
        let misplaced = lab.refused(&["replay", replay, "--update", "1"], 78);
        assert!(
            misplaced.contains("line 1: a row of update 3 stands in place of that of 1"),
            "{misplaced}"
        );
        let beyond = lab.refused(&["replay", replay, "--update", "101"], 2);
        assert!(beyond.contains("updates 1 to 100"), "{beyond}");
    }
    assert!(with_rows > 1, "{with_rows}");
    let lab = Lab::new();
    assert!(
        lab.refused(&["replay", RUN], 2)
            .contains("there is no such folder")
    );
}

fn what_breaks_the_comparison_comes_again_in_a_replay() {
    let lab = Lab::new();
    // Twenty steps until the last update, and fifty thousand after it.
    let set = [
        "environment.flaw=late",
        "rl2.updates=1",
        "rl2.lanes=2",
        "rl2.tile=1",
        "evaluation.interval_tasks=2",
        "evaluation.tasks=10000",
    ];
    let text = lab.refused(&[&["train", "tiny.toml"], &set[..]].concat(), 70);
    let said = sentence(&text);
    assert!(said.contains("panicked in `step`"), "{text}");
    assert_eq!(lab.rows("metrics.jsonl"), 1, "{text}");
    assert_eq!(lab.rows("eval.jsonl"), 2, "{text}");
    assert!(text.contains("The state after update 1 is saved"), "{text}");
    let (_, command) = text.split_once("change nothing: ").unwrap();
    let (_, replay) = command.trim().split_once(" replay ").unwrap();
    for workers in ["1", "3"] {
        let again = lab.refused(&["replay", replay, "--workers", workers], 70);
        assert_eq!(sentence(&again), said, "{again}");
    }
}

fn arguments_reach_the_terminal_without_control_characters() {
    let lab = Lab::new();
    let commands: [&[&str]; 3] = [
        &["oracle", "ho\x1b[2Jle"],
        &["no\x1b[2Jcommand"],
        &["check-env", "hostile", "fl\x1b[2Jaw=step"],
    ];
    for args in commands {
        let output = lab.command(args).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && !text.contains('\x1b'), "{text}");
    }
}
