//! Pictures, and the learners that environments bring along.

use crate::lab::{Lab, TINY};
use serde_json::Value;
use std::fs;
use std::process::Command;

#[test]
fn tasks_and_episodes_are_drawn() {
    let lab = Lab::new();
    let rows = lab.done(&[
        "render",
        "gridnavi",
        "known-goal",
        "task=shown",
        "episodes=2",
        "--out",
        "here",
        "--json",
    ]);
    let rows = rows.rows();
    let names: Vec<_> = rows
        .iter()
        .map(|row| row["picture"].as_str().unwrap())
        .collect();
    let analyses = ["return-by-goal", "return-by-episode"];
    assert_eq!(
        names,
        [&["task", "episode-1", "episode-2"][..], &analyses].concat()
    );
    for row in &rows {
        assert_eq!(row["event"], "picture");
        let svg = fs::read_to_string(lab.path(row["svg"].as_str().unwrap())).unwrap();
        let of = match analyses.contains(&row["picture"].as_str().unwrap()) {
            true => "nown-goal: Return by",
            false => "ridnavi",
        };
        assert!(svg.starts_with("<svg") && svg.contains(of), "{svg}");
        let png = fs::read(lab.path(row["png"].as_str().unwrap())).unwrap();
        assert!(png.starts_with(b"\x89PNG"));
    }
}

/// A folder holds pictures of one learner in one setting.
#[test]
fn pictures_of_different_settings_do_not_mix() {
    let lab = Lab::new();
    let drawn = |words: &[&str]| {
        let args = [&["render", "gridnavi", "episodes=1", "--json"], words].concat();
        lab.done(&args).last()["svg"].as_str().unwrap().to_owned()
    };
    let folder = "runs/pictures/gridnavi-random,episodes=1";
    assert_eq!(drawn(&[]), format!("{folder}/return-by-goal.svg"));
    let other = drawn(&["size=4", "--seed", "2"]);
    let folder = "runs/pictures/gridnavi-random,size=4,episodes=1,seed=2";
    assert_eq!(other, format!("{folder}/return-by-goal.svg"));
    drawn(&["--out", "here"]);
    drawn(&["--out", "here"]);
    let before = fs::read(lab.path("here/task.svg")).unwrap();
    let args = [
        "render",
        "gridnavi",
        "episodes=1",
        "size=4",
        "--out",
        "here",
    ];
    lab.refused(
        &args,
        2,
        &[
            "here holds pictures of something else",
            "\"size\":5",
            "--out",
        ],
    );
    fs::remove_file(lab.path("here/pictures.json")).unwrap();
    lab.refused(
        &args,
        2,
        &["here holds pictures of something else", "task.svg"],
    );
    assert_eq!(fs::read(lab.path("here/task.svg")).unwrap(), before);
}

/// What says what the pictures of a folder are of may be anything.
#[test]
fn a_folder_that_something_else_claims_is_refused_in_a_few_words() {
    let lab = Lab::new();
    let args = ["render", "gridnavi", "episodes=1", "--out", "here"];
    fs::create_dir(lab.path("here")).unwrap();
    let claim = lab.path("here/pictures.json");
    fs::write(&claim, "é".repeat(5000)).unwrap();
    let refused = lab.run(&args);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.stderr.contains("é…); move them away"),
        "{refused:?}"
    );
    assert!(refused.stderr.len() < 1500, "{refused:?}");
    fs::remove_file(&claim).unwrap();
    let made = Command::new("mkfifo").arg(&claim).status().unwrap();
    assert!(made.success());
    lab.refused(
        &args,
        2,
        &["here", "pictures.json: it is not a regular file"],
    );
}

#[test]
fn two_step_shows_stay_probabilities() {
    let lab = Lab::new();
    let args = [
        "render",
        "two-step",
        "bayes-optimal",
        "--out",
        "here",
        "--json",
    ];
    let rows = lab.done(&args).rows();
    // The task, ten of a hundred rounds, and the analysis.
    assert_eq!(rows.len(), 12);
    assert_eq!(rows[11]["picture"], "stay-probability");
    assert!(lab.path("here/stay-probability.png").exists());
    assert!(lab.path("here/episode-100.svg").exists() && !lab.path("here/episode-50.svg").exists());
}

/// By name everywhere: on the command line and in files.
#[test]
fn environments_learners_are_known_by_name() {
    let lab = Lab::new();
    let small = ["size=4", "horizon=6", "episodes=2"];
    let learners = [
        "baseline",
        "gridnavi",
        "posterior-sampling",
        "exhaustive-search",
    ];
    let args = [&learners[..], &small, &["--tasks", "2000", "--json"]].concat();
    let rows = lab.done(&args).rows();
    let mean = |index: usize| rows[index]["mean_return"].as_f64().unwrap();
    assert!(mean(0) < mean(1), "{rows:?}");
    let hidden = ["render", "gridnavi", "known-goal"];
    lab.refused(&hidden, 78, &["known-goal", "set task=shown"]);
    lab.refused(&["render", "gridnavi", "known-gaol"], 2, &["'known-goal'"]);
    lab.refused(
        &["render", "gridnavi", "random", "greedy"],
        2,
        &["one learner"],
    );
    let grid = TINY
        .replace(
            "\"bernoulli-bandit\"\narms = 2\npulls = 5",
            "\"gridnavi\"\nsize = 4\nhorizon = 6\nepisodes = 2",
        )
        .replace("ucb1", "exhaustive-search");
    fs::write(lab.path("grid.toml"), grid).unwrap();
    let flags = ["--runs", "here", "rl2.updates=2", "--json"];
    let args = [&["train", "grid.toml"], &flags[..]].concat();
    let trained = lab.done(&args).stdout;
    assert!(trained.contains("exhaustive-search"), "{trained}");
    // The agent at work is in the report.
    let figures = lab.path("here/grid/seed-0/figures");
    let svg = fs::read_to_string(figures.join("episodes.svg")).unwrap();
    assert!(svg.contains("RL² in the first and the last episode of a trial"));
    assert!(
        svg.contains("Episode 1: ") && svg.contains("Episode 2: ") && !svg.contains("Episode 3")
    );
}

/// As the newest checkpoint left it, where it was trained; one that adapts, once it has.
#[test]
fn the_agent_of_a_run_is_drawn() {
    let lab = Lab::new();
    lab.done(&["train", "tiny.toml", "rl2.updates=2", "checkpoint.hash=2"]);
    let run = "runs/tiny/seed-0";
    let drawn = |words: &[&str]| {
        let rows = lab
            .done(&[&["render"][..], words, &["--json"]].concat())
            .rows();
        let names: Vec<&str> = rows.iter().filter_map(|r| r["picture"].as_str()).collect();
        assert_eq!(names[..2], ["task", "episode-1"], "{rows:?}");
        let svg = fs::read_to_string(lab.path(rows[1]["svg"].as_str().unwrap())).unwrap();
        (rows[1].clone(), svg)
    };
    let (row, svg) = drawn(&[run]);
    let folder = "path=runs-tiny-seed-0,update=2/episode-1.svg";
    assert!(row["svg"].as_str().unwrap().ends_with(folder), "{row}");
    let rows = fs::read_to_string(lab.path(run).join("metrics.jsonl")).unwrap();
    let last: Value = serde_json::from_str(rows.lines().last().unwrap()).unwrap();
    let hash = &last["params_blake3"];
    assert!(hash.is_string(), "{last}");
    let told = serde_json::json!({ "path": run, "update": 2, "params_blake3": hash });
    assert_eq!(
        (&row["learner"], &row["parameters"]),
        (&"rl2".into(), &told)
    );
    assert_eq!(row["settings"]["arms"], 2, "{row}");
    assert!(svg.contains("l2: "), "{svg}");
    // The same again, and another task beside it.
    assert_eq!(drawn(&["runs/tiny/seed-0/"]), (row, svg.clone()));
    let (row, other) = drawn(&[run, "--seed", "1"]);
    let folder = "update=2,seed=1/episode-1.svg";
    assert!(row["svg"].as_str().unwrap().ends_with(folder), "{row}");
    assert_ne!(svg, other);
    // Another training in its place, of as many updates, has another agent.
    let again = ["train", "tiny.toml", "rl2.updates=2", "rl2.lanes=32"];
    lab.done(&[&again[..], &["--overwrite"]].concat());
    let parts = ["holds pictures of something else", "params_blake3", "--out"];
    lab.refused(&["render", run], 2, &parts);
    drawn(&[run, "--out", "again"]);
    fs::write(lab.path("maml.toml"), crate::maml::TINY).unwrap();
    lab.done(&["train", "maml.toml", "maml.updates=1"]);
    let (row, svg) = drawn(&["runs/maml/seed-0", "--out", "adapted"]);
    assert_eq!(row["learner"], "maml after 3 gradient steps");
    assert!(svg.contains("aml after 3 gradient steps"), "{svg}");
}

#[test]
fn what_is_no_run_with_an_agent_is_not_drawn() {
    let lab = Lab::new();
    lab.done(&["train", "tiny.toml", "rl2.updates=1", "--seeds", "2"]);
    let run = "runs/tiny/seed-0";
    let allowed = "allowed beside a run: --seed, --out and --json";
    for word in ["arms=3", "environment.arms=3", "random"] {
        lab.refused(&["render", run, word], 2, &[word, run, allowed]);
    }
    let seeds = ["runs/tiny holds the runs of 2 seeds", "runs/tiny/seed-0"];
    lab.refused(&["render", "runs/tiny"], 2, &seeds);
    // As where they were trained one by one.
    fs::remove_file(lab.path("runs/tiny/seeds.json")).unwrap();
    lab.refused(&["render", "runs/tiny"], 2, &seeds);
    lab.refused(&["render", "runs/none"], 2, &["there is no such folder"]);
    lab.refused(&["render", "girdnavi"], 2, &["'gridnavi'"]);
    fs::remove_dir_all(lab.path(run).join("checkpoints")).unwrap();
    let parts = [run, "has no checkpoint yet; train it first"];
    lab.refused(&["render", run], 2, &parts);
    assert!(!lab.path("runs/pictures").exists());
}
