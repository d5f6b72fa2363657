//! One agent for a finite set of tasks, from the command line.

use crate::lab::{Lab, assert_identical};
use serde_json::Value;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

const SMALL: [&str; 12] = [
    "train",
    "multi-task/gridnavi",
    "environment.size=3",
    "environment.horizon=6",
    "multi-task.updates=6",
    "multi-task.lanes=84",
    "multi-task.tile=21",
    "multi-task.outer.minibatches=2",
    "multi-task.outer.epochs=1",
    "multi-task.network.hidden=[8]",
    "evaluation.tasks=42",
    "checkpoint.interval=2",
];

/// Of settings that are given twice, the later one.
fn small(more: &[&'static str]) -> Vec<&'static str> {
    let whole = ["evaluation.learners=[]", "multi-task.cosine_interval=2"];
    let key = |word: &str| word.split_once('=').map(|(key, _)| key.to_owned());
    let mut words: Vec<&str> = Vec::new();
    for word in SMALL.iter().chain(&whole).chain(more) {
        let replaced = |earlier: &str| {
            let whole = word.starts_with("environment=") && earlier.starts_with("environment.");
            whole || (key(word).is_some() && key(earlier) == key(word))
        };
        words.retain(|earlier| !replaced(earlier));
        words.push(word);
    }
    words
}

/// However tasks share, one seed gives one result, which says what each task earned and how
/// far their gradients agree.
#[test]
fn every_sharing_gives_the_same_bits_and_says_what_each_task_earned() {
    let lab = Lab::new();
    for sharing in [
        "multi-task.sharing={kind=\"blind\"}",
        "multi-task.sharing={kind=\"input\"}",
        "multi-task.sharing={kind=\"film\"}",
        "multi-task.sharing={kind=\"heads\"}",
        "multi-task.sharing={kind=\"separate\"}",
        "multi-task.sharing={kind=\"distral\",pull=0.1}",
    ] {
        for workers in ["1", "3"] {
            let more = [
                sharing,
                "--workers",
                workers,
                "--runs",
                workers,
                "--overwrite",
            ];
            lab.done(&small(&more));
        }
        let run = |workers: &str| lab.path(workers).join("multi-task-gridnavi/seed-0");
        assert_identical(&run("1"), &run("3"));
        let rows = fs::read_to_string(run("1").join("metrics.jsonl")).unwrap();
        let rows: Vec<Value> = rows
            .lines()
            .map(|row| serde_json::from_str(row).unwrap())
            .collect();
        assert_eq!(rows.len(), 6, "{sharing}");
        for (update, row) in rows.iter().enumerate() {
            let returns = row["task_returns"].as_array().unwrap();
            let known: Vec<f64> = returns.iter().filter_map(Value::as_f64).collect();
            assert!(returns.len() == 5 && known.len() == 5, "{row}");
            let bounds = |earned: &f64| (-0.6001..=4.91).contains(earned);
            assert!(known.iter().all(bounds), "{row}");
            // Networks that share nothing have nothing to disagree on; of Distral's, tasks
            // share what is distilled, whose gradient is small at first.
            let cosine = row["gradient_cosine"].as_f64();
            let shares = !sharing.contains("separate");
            assert_eq!(cosine.is_some(), shares && update % 2 == 0, "{row}");
            assert!(cosine.is_none_or(|cosine| cosine != 0.0), "{row}");
            assert_eq!(
                row["divergence"].is_number(),
                sharing.contains("distral"),
                "{row}"
            );
        }
    }
}

#[test]
fn a_killed_run_goes_on_to_the_identical_result() {
    let lab = Lab::new();
    let long = |runs| small(&["multi-task.sharing={kind=\"film\"}", "--runs", runs]);
    lab.done(&long("whole"));
    let run = lab.path("killed/multi-task-gridnavi/seed-0");
    let mut child = lab.start(&long("killed"));
    let start = Instant::now();
    let rows = || fs::read_to_string(run.join("metrics.jsonl")).map_or(0, |t| t.lines().count());
    while rows() < 3 && start.elapsed() < Duration::from_secs(60) {
        sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    lab.done(&[
        "resume",
        "killed/multi-task-gridnavi/seed-0",
        "--workers",
        "2",
    ]);
    assert_identical(&lab.path("whole/multi-task-gridnavi/seed-0"), &run);
}

#[test]
fn tasks_that_are_not_shown_counted_or_chosen_in_are_refused() {
    let lab = Lab::new();
    let refused = |more: &[&'static str], parts: &[&str]| {
        lab.refused(&small(more), 78, parts);
    };
    refused(
        &["environment.task=hidden"],
        &[
            "environment = gridnavi with tasks hidden",
            "environment.task=shown",
        ],
    );
    // Where nothing is observed at all.
    refused(
        &["environment={name=\"informative-arm\",arms=4,pulls=3}"],
        &[
            "environment = informative-arm with tasks hidden",
            "environment.task=shown",
        ],
    );
    refused(
        &["environment={name=\"bernoulli-bandit\",task=\"shown\"}"],
        &["environment = bernoulli-bandit", "can be counted"],
    );
    refused(
        &["environment={name=\"point-corners\",task=\"shown\"}"],
        &["environment = point-corners", "discrete actions"],
    );
    refused(
        &["multi-task.sharing={kind=\"distral\",pull=-1.0}"],
        &["multi-task.sharing.pull = -1", "allowed"],
    );
    refused(
        &["multi-task.sharing={kind=\"film\",pull=1.0}"],
        &["multi-task.sharing", "pull"],
    );
    refused(
        &["multi-task.tile=5"],
        &["multi-task.tile = 5", "a divisor of multi-task.lanes = 84"],
    );
    refused(
        &["multi-task.network.hidden=[0]"],
        &["multi-task.network.hidden.0 = 0", "1 to 4096"],
    );
    assert!(!lab.path("runs").exists(), "nothing was made");
}

/// What is trained feeds the rules that combine policies of single tasks.
#[test]
fn a_trained_library_is_combined() {
    let lab = Lab::new();
    let grid = "environment={name=\"gridnavi\",task=\"shown\",size=4,horizon=8,episodes=3}";
    let learns = [
        "multi-task.updates=60",
        "multi-task.outer.epochs=4",
        "--runs",
        "runs",
    ];
    let wide = [
        "multi-task.network.hidden=[32]",
        "multi-task.sharing={kind=\"separate\"}",
        grid,
    ];
    lab.done(&small(&[&learns[..], &wide].concat()));
    let run = "library=runs/multi-task-gridnavi/seed-0";
    let args = ["table", "combination", "--quick", "--json", run];
    let rows = lab.done(&args).rows();
    let mean = |policy: &str| {
        let own = |row: &&Value| {
            let row = &row["row"];
            let grid = row["environment"].as_str().unwrap().starts_with("gridnavi");
            grid && row["policy"] == policy
        };
        let row = rows.iter().find(own).unwrap_or_else(|| panic!("{policy}"));
        row["row"]["simulated"]["mean"].as_f64().unwrap()
    };
    // As good as the policies that know their task, but for what learning left.
    for rule in ["expert-sampling", "expert-mixture"] {
        let (trained, exact) = (mean(&format!("{rule} of trained policies")), mean(rule));
        assert!((trained - exact).abs() < 1.0, "{rule}: {trained}, {exact}");
        assert!(trained > mean("random") + 2.0, "{rule}: {trained}");
    }
    lab.done(&["train", "tiny.toml", "rl2.updates=1", "--name", "other"]);
    let other = [
        "table",
        "combination",
        "--quick",
        "library=runs/other/seed-0",
    ];
    lab.refused(
        &other,
        78,
        &["library=runs/other/seed-0", "'rl2'", "multi-task"],
    );
    let wrong = ["table", "combination", "libary=x"];
    lab.refused(&wrong, 2, &["libary", "'library'"]);
}
