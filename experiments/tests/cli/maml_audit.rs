//! `table maml-audit`: the same for any number of workers, and what it must
//! show.

use crate::lab::Lab;
use std::fs;

const FILES: [&str; 5] = [
    "table.csv",
    "table.md",
    "table.html",
    "figure.svg",
    "figure.png",
];

#[test]
fn the_audit_does_not_depend_on_workers_and_finds_the_unbiased() {
    let lab = Lab::new();
    let audit = |out: &str, workers: &str| {
        let args = ["table", "maml-audit", "--quick", "--json"];
        lab.done(&[&args[..], &["--out", out, "--workers", workers]].concat())
    };
    let outcome = audit("one", "1");
    audit("two", "2");
    for file in FILES {
        let read = |folder: &str| fs::read(lab.path(folder).join(file)).unwrap();
        assert_eq!(read("one"), read("two"), "{file}");
    }
    let rows = outcome.rows();
    assert!(rows.iter().all(|row| row["event"] == "cell"));
    let infinite = rows.iter().filter(|row| row["row"]["amount"] == "infinite");
    let mut names = Vec::new();
    for row in infinite {
        let name = row["row"]["estimator"].as_str().unwrap();
        let gamma = row["row"]["gamma"].as_f64().unwrap();
        let bias = row["row"]["bias"]["value"].as_f64().unwrap();
        match (name, gamma == 1.0) {
            ("dice", _) | ("e-maml", true) => assert!(bias < 1e-9, "{name}, {gamma}: {bias}"),
            ("e-maml", false) => assert!(bias > 1e-3, "{name}, {gamma}: {bias}"),
            _ => assert!(bias > 0.05, "{name}, {gamma}: {bias}"),
        }
        names.push((name, gamma));
    }
    let all = ["log-prob", "ratio", "dice", "first-order", "e-maml"];
    let expected: Vec<_> = [1.0, 0.9]
        .into_iter()
        .flat_map(|gamma| all.map(|name| (name, gamma)))
        .collect();
    assert_eq!(names, expected);
}

#[test]
fn settings_of_the_audit_are_checked() {
    let lab = Lab::new();
    let refused = |word: &str, parts: &[&str]| {
        lab.refused(&["table", "maml-audit", "--quick", word], 2, parts);
    };
    refused("gamma=1.5", &["audit.gamma = 1.5", "a number, 0 to 1"]);
    refused(
        "gamma=[0.5,0.5]",
        &["audit.gamma = [0.5, 0.5]", "different"],
    );
    refused("lambda=2", &["audit.lambda = 2", "0 to 1"]);
    refused("horizon=6", &["audit.horizon = 6", "1 to 5"]);
    refused("gama=1", &["audit.gama: no such key"]);
    let args = ["table", "duan-bandits", "gamma=1"];
    lab.refused(&args, 2, &["gamma=1: duan-bandits has no settings"]);
    let words = ["gamma=0.5", "lambda=0.5", "baseline=exact", "horizon=2"];
    let args = ["table", "maml-audit", "--quick", "--json"];
    let rows = lab.done(&[&args[..], &words].concat()).rows();
    let dice = rows
        .iter()
        .find(|row| row["row"]["amount"] == "infinite" && row["row"]["estimator"] == "dice");
    // How values depend on the policy is no part of it.
    let bias = dice.unwrap()["row"]["bias"]["value"].as_f64().unwrap();
    assert!(bias > 1e-3, "{bias}");
}

#[test]
fn single_cells_of_the_audit_are_refused() {
    let lab = Lab::new();
    let args = ["table", "maml-audit", "--only", "a:b"];
    lab.refused(&args, 2, &["--only a:b", "leave out --only"]);
}
