//! The whole command line works on an environment from outside, and the agent
//! learns it.

use std::path::Path;
use std::process::{Command, Output};

fn run(args: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_custom-env"))
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
    (output, stdout)
}

/// The number behind a key in the last line.
fn number(stdout: &str, key: &str) -> f64 {
    let line = stdout.lines().last().unwrap();
    let row: serde_json::Value = serde_json::from_str(line).unwrap();
    row[key]
        .as_f64()
        .unwrap_or_else(|| panic!("no {key} in {line}"))
}

#[test]
fn the_preset_trains_an_agent_that_searches() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().to_str().unwrap();
    let brief = ["rl2.updates=50", "rl2.lanes=256", "evaluation.tasks=4000"];
    let flags = ["--json", "--runs", runs];
    let (_, stdout) = run(&[&["train", "custom-env.toml"][..], &brief, &flags].concat());
    // Random play gives 6/7. Trying one number after the other gives 3, the most
    // that can be had without using the answers.
    assert!(number(&stdout, "mean_return") > 3.4, "{stdout}");
    assert!(number(&stdout, "mean_return") < number(&stdout, "bayes_optimal") + 0.2);
    let run_folder = Path::new(runs).join("custom-env/seed-0");
    assert!(run_folder.join("report.html").exists());
    let (_, again) = run(&[
        "eval",
        run_folder.to_str().unwrap(),
        "--tasks",
        "4000",
        "--json",
    ]);
    assert_eq!(
        number(&again, "mean_return"),
        number(&stdout, "mean_return")
    );
}

#[test]
fn it_is_listed_and_keeps_the_rules() {
    assert!(
        run(&["list", "envs"])
            .1
            .contains("train quickstart environment.name=guess-the-number")
    );
    run(&["check-env", "guess-the-number", "numbers=9"]);
    let (_, oracle) = run(&["oracle", "guess-the-number", "--json"]);
    // One number is found by the first guess, two by the second, four by the third.
    assert_eq!(
        number(&oracle, "bayes_optimal"),
        (6.0 + 2.0 * 5.0 + 4.0 * 4.0) / 7.0
    );
}
