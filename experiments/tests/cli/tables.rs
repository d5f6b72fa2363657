//! `table`: cells that are kept, the same for any number of workers and after
//! any interruption.

use crate::lab::{Lab, TINY};
use record::RunDir;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

const FILES: [&str; 4] = ["cells.jsonl", "table.csv", "table.md", "table.html"];

/// Some cells of a quick table, and where they go.
fn some<'a>(out: &'a str, cells: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["table", "duan-bandits", "--quick", "--out", out];
    for cell in cells {
        args.extend(["--only", cell]);
    }
    args
}

const CELLS: [&str; 5] = [
    "10x5:ucb1",
    "10x5:epsilon-greedy",
    "10x5:greedy",
    "10x5:bayes-optimal",
    "10x10:thompson",
];

fn assert_same_files(one: &Path, two: &Path) {
    for file in FILES {
        let read = |folder: &Path| fs::read(folder.join(file)).unwrap();
        assert_eq!(read(one), read(two), "{file} of {one:?} and {two:?}");
    }
}

#[test]
fn a_table_does_not_depend_on_workers_or_on_when_its_cells_were_made() {
    let lab = Lab::new();
    lab.done(&[&some("one", &CELLS)[..], &["--workers", "1"]].concat());
    lab.done(&[&some("two", &CELLS)[..], &["--workers", "2"]].concat());
    assert_same_files(&lab.path("one"), &lab.path("two"));
    for cells in [&CELLS[..1], &CELLS[..3], &CELLS] {
        lab.done(&some("parts", cells));
    }
    assert_same_files(&lab.path("one"), &lab.path("parts"));
    // Another seed is another result, beside the first.
    lab.done(&[&some("one", &CELLS[..1])[..], &["--seed", "1"]].concat());
    let cells = fs::read_to_string(lab.path("one/cells.jsonl")).unwrap();
    assert_eq!(cells.lines().count(), CELLS.len() + 1);
    lab.done(&[&some("one", &CELLS[..1])[..], &["--overwrite"]].concat());
    let cells = fs::read_to_string(lab.path("one/cells.jsonl")).unwrap();
    assert_eq!(cells.lines().count(), 1);
}

#[test]
fn cells_say_what_they_are_of() {
    let lab = Lab::new();
    let outcome = lab.done(&[&some("out", &CELLS)[..], &["--json"]].concat());
    let rows = outcome.rows();
    assert_eq!(rows.len(), CELLS.len());
    assert!(rows.iter().all(|row| row["event"] == "cell"));
    let cell = |column: &str| {
        let found = rows.iter().find(|row| row["column"] == column);
        found.unwrap_or_else(|| panic!("no {column}: {rows:?}"))
    };
    let ucb1 = cell("ucb1");
    assert_eq!(ucb1["paper"], 6.7);
    assert_eq!(ucb1["value"]["learner"], "ucb1");
    assert!(ucb1["value"]["parameters"]["c"].as_f64().unwrap() > 0.0);
    assert!(ucb1["value"]["tuned"]["tasks"].as_u64().unwrap() > 0);
    let mean = |column: &str| cell(column)["value"]["mean"].as_f64().unwrap();
    let error = |column: &str| cell(column)["value"]["standard_error"].as_f64().unwrap();
    assert!((mean("bayes-optimal") - 6.66).abs() < 1e-3);
    assert!(mean("ucb1") < mean("bayes-optimal") + 4.0 * error("ucb1"));
    assert!(mean("ucb1") > 6.4, "{}", mean("ucb1"));
    // Chance does not pay in ten pulls: the better value was chosen.
    let epsilon_greedy = &cell("epsilon-greedy")["value"];
    assert_eq!(epsilon_greedy["parameters"]["epsilon"], 0.0);
    assert_eq!(mean("epsilon-greedy"), mean("greedy"));
    let markdown = fs::read_to_string(lab.path("out/table.md")).unwrap();
    assert!(markdown.contains("n = 10, k = 5"), "{markdown}");
    assert!(markdown.contains("(6.7), c=0."), "{markdown}");
    let again = lab.done(&some("out", &CELLS));
    assert!(again.stderr.contains("5 of 5 cells were finished before"));
    assert!(again.stdout.contains("(6.7) c=0."), "{}", again.stdout);
}

#[test]
fn regrets_are_the_lower_the_better() {
    let lab = Lab::new();
    let mut args = vec!["table", "wang-bandits", "--quick", "--json"];
    for cell in ["easy:ucb1", "easy:bayes-optimal", "medium:bayes-optimal"] {
        args.extend(["--only", cell]);
    }
    let rows = lab.done(&args).rows();
    let value = |index: usize| &rows[index]["value"];
    let mean = |index: usize| value(index)["mean"].as_f64().unwrap();
    // Exact, by a dynamic program of their own over the two hypotheses.
    assert!((mean(1) - 0.625).abs() < 1e-3, "{}", mean(1));
    assert!((mean(2) - 1.0).abs() < 1e-3, "{}", mean(2));
    assert_eq!(value(0)["parameters"]["c"], 0.1);
    assert!(mean(0) > mean(1) - 4.0 * value(0)["standard_error"].as_f64().unwrap());
    assert!(mean(0) < 1.0, "{}", mean(0));
}

#[test]
fn a_killed_or_stopped_table_goes_on() {
    let lab = Lab::new();
    // The last cell takes long enough to be caught at it.
    let cells = [&CELLS[..], &["500x50:thompson"]].concat();
    lab.done(&some("whole", &cells));
    for (signal, code) in [("-KILL", None), ("-TERM", Some(75))] {
        let out = format!("stopped{signal}");
        let args = some(&out, &cells);
        let mut child = lab.start(&args);
        let path = lab.path(&out).join("cells.jsonl");
        let lines = || fs::read_to_string(&path).map_or(0, |text| text.lines().count());
        let start = Instant::now();
        while lines() < CELLS.len() {
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "{} cells",
                lines()
            );
            assert!(child.try_wait().unwrap().is_none(), "it is done");
            sleep(Duration::from_millis(2));
        }
        let sent = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        let output = child.wait_with_output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), code, "{message}");
        if code.is_some() {
            assert!(message.contains("stopped after 5 of 6 cells"), "{message}");
            assert!(
                message.contains("table duan-bandits --quick --only"),
                "{message}"
            );
        }
        lab.done(&args);
        assert_same_files(&lab.path("whole"), &lab.path(&out));
    }
}

#[test]
fn trained_agents_have_a_column() {
    let lab = Lab::new();
    let text = TINY
        .replace("updates = 12", "updates = 2")
        .replace("interval = 4", "interval = 2");
    fs::write(lab.path("tiny.toml"), text).unwrap();
    let train = |seeds: &str, more: &[&str]| {
        let args = [
            "train",
            "tiny.toml",
            "environment.arms=5",
            "environment.pulls=10",
        ];
        lab.done(&[&args[..], &["--seeds", seeds], more].concat());
    };
    let cell = |args: &[&str]| {
        let table = ["table", "duan-bandits", "--only", "10x5:rl2", "--json"];
        lab.done(&[&table[..], args].concat()).last()
    };
    assert_eq!(cell(&[])["value"]["kind"], "not-trained");
    train("1", &["rl2.lanes=32", "--runs", "runs/other"]);
    assert_eq!(cell(&[])["value"]["seeds"], serde_json::json!([0]));
    train("2", &[]);
    let value = cell(&[])["value"].clone();
    assert_eq!(value["seeds"], serde_json::json!([0, 1]), "{value}");
    assert_eq!(value["runs"], "runs/tiny");
    let own = |seed: &str, key: &str| {
        let path = lab.path("runs/tiny").join(seed).join("comparison.json");
        let comparison: serde_json::Value =
            serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        comparison["learners"][0][key].as_f64().unwrap()
    };
    let of = |key: &str| (own("seed-0", key), own("seed-1", key));
    let (one, two) = of("mean_return");
    let close = |key: &str, wanted: f64| {
        let found = value[key].as_f64().unwrap();
        assert!((found - wanted).abs() < 1e-9, "{key} {found} {wanted}");
    };
    close("mean", (one + two) / 2.0);
    // Over seeds, and no less than over the 100 tasks of each.
    let (first, second) = of("standard_error");
    let of_tasks = first.hypot(second) / 2.0;
    close("standard_error", of_tasks.max((one - two).abs() / 2.0));
    // What it took to come to that.
    assert_eq!(value["network"], "gru 6");
    assert_eq!(value["env_steps"], 2 * 64 * 10);
    let seconds = |seed: &str| {
        let path = lab.path("runs/tiny").join(seed).join("timing.jsonl");
        let rows = fs::read_to_string(path).unwrap();
        let last: serde_json::Value = serde_json::from_str(rows.lines().last().unwrap()).unwrap();
        last["seconds"].as_f64().unwrap()
    };
    close("seconds", (seconds("seed-0") + seconds("seed-1")) / 2.0);
    let shown = fs::read_to_string(lab.path("tables/duan-bandits/table.md")).unwrap();
    assert!(shown.contains("2 seeds, gru 6, 1.3k steps, "), "{shown}");
    // Runs of another environment are none of this row's.
    let other = ["table", "duan-bandits", "--only", "10x10:rl2", "--json"];
    assert_eq!(lab.done(&other).last()["value"]["kind"], "not-trained");
}

#[test]
fn bad_names_say_what_was_meant() {
    let lab = Lab::new();
    let refused = |args: &[&str], parts: &[&str]| {
        lab.refused(&[&["table"], args].concat(), 2, parts);
    };
    refused(
        &["duan-bandit"],
        &["no table 'duan-bandit'", "did you mean 'duan-bandits'?"],
    );
    refused(
        &["atari"],
        &["allowed: duan-bandits, duan-mdps, wang-bandits"],
    );
    refused(
        &["duan-bandits", "--only", "10x5:ucb"],
        &["no column 'ucb'", "did you mean 'ucb1'?"],
    );
    refused(
        &["duan-mdps", "--only", "11:psrl"],
        &["no row '11'", "'10'"],
    );
    refused(
        &["duan-mdps", "--only", "psrl"],
        &["ROW:COLUMN", "10:random"],
    );
    assert!(
        !lab.path("tables").exists(),
        "nothing may be made by a refused command"
    );
    fs::create_dir_all(lab.path("tables/duan-bandits")).unwrap();
    fs::write(lab.path("tables/duan-bandits/cells.jsonl"), "what\n").unwrap();
    let args = ["table", "duan-bandits", "--only", "10x5:greedy", "--quick"];
    lab.refused(&args, 78, &["cells.jsonl, line 1", "delete the line"]);
    lab.done(&[&args[..], &["--overwrite"]].concat());
}

/// Memories by tasks, trained by one command: what is there is not trained again, what was
/// cut short is gone on with, and a run of other settings is not taken for one of it.
#[test]
fn a_table_of_memories_is_gone_on_with() {
    let lab = Lab::new();
    let table = |more: &[&'static str]| {
        let mut args = vec!["table", "memory", "--quick", "--out", "out"];
        args.extend(["--only", "chain-10:gru", "--only", "chain-10:lru"]);
        args.extend(more);
        args
    };
    lab.done(&table(&["--workers", "1"]));
    let run = "out/quick/runs/chain-10/gru/seed-0";
    let read = |name: &str| fs::read(lab.path(name)).unwrap();
    let names = ["table.csv", "table.md", "figure.svg"].map(|name| format!("out/quick/{name}"));
    let (made, metrics) = (
        names.each_ref().map(|name| read(name)),
        read(&format!("{run}/metrics.jsonl")),
    );
    // Nothing is trained again, and what is missing is.
    let again = lab.done(&table(&[]));
    assert!(!again.stderr.contains("update"), "{}", again.stderr);
    fs::remove_dir_all(lab.path(run)).unwrap();
    let again = lab.done(&table(&["--json"]));
    assert!(
        again.stderr.contains("[1/2] chain of 10, GRU"),
        "{}",
        again.stderr
    );
    assert!(
        !again.stderr.contains("chain of 10, LRU"),
        "{}",
        again.stderr
    );
    assert_eq!(read(&format!("{run}/metrics.jsonl")), metrics);
    let seconds = |csv: &[u8]| -> Vec<String> {
        let text = String::from_utf8(csv.to_vec()).unwrap();
        let fields = |line: &str| {
            line.split(',')
                .enumerate()
                .filter(|(at, _)| *at != 5)
                .map(|(_, field)| field.to_owned())
                .collect::<Vec<_>>()
                .join(",")
        };
        text.lines().map(fields).collect()
    };
    assert_eq!(seconds(&read("out/quick/table.csv")), seconds(&made[0]));
    assert_eq!(read("out/quick/figure.svg"), made[2]);
    let rows = again.rows();
    let cell = rows
        .iter()
        .find(|row| row["cell"]["column"] == "gru")
        .unwrap();
    assert_eq!(cell["cell"]["ends"], serde_json::json!([0.0, 1.0]));
    // Of another length: made by hand, in place of the run.
    fs::remove_dir_all(lab.path(run)).unwrap();
    lab.done(&[
        "train",
        "rl2/memory-chain",
        "rl2.updates=1",
        "rl2.lanes=32",
        "rl2.outer.minibatches=1",
        "evaluation.tasks=100",
        "--runs",
        "out/quick/runs/chain-10",
        "--name",
        "gru",
    ]);
    let other = "is a run of other settings; --overwrite --only chain-10:gru makes it anew";
    lab.refused(
        &table(&[]),
        2,
        &["out/quick/runs/chain-10/gru/seed-0", other],
    );
    // One that is being written is in the way of all: nothing is replaced.
    let there = read(&format!("{run}/metrics.jsonl"));
    assert_ne!(there, metrics);
    let busy = RunDir::open(lab.path("out/quick/runs/chain-10/lru/seed-0")).unwrap();
    lab.refused(
        &table(&["--overwrite"]),
        2,
        &["chain-10/lru/seed-0", "is being written by"],
    );
    assert_eq!(read(&format!("{run}/metrics.jsonl")), there);
    drop(busy);
    lab.done(&table(&["--overwrite"]));
    assert_eq!(read(&format!("{run}/metrics.jsonl")), metrics);
    let unknown = ["table", "memory", "--only", "chain-10:gro"];
    lab.refused(&unknown, 2, &["no column 'gro'"]);
}
