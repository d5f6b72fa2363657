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
        let bias = row["row"]["bias"]["value"].as_f64().unwrap();
        match name {
            "dice" | "e-maml" => assert!(bias < 1e-9, "{name}: {bias}"),
            _ => assert!(bias > 0.05, "{name}: {bias}"),
        }
        names.push(name);
    }
    assert_eq!(
        names,
        ["log-prob", "ratio", "dice", "first-order", "e-maml"]
    );
}

#[test]
fn single_cells_of_the_audit_are_refused() {
    let lab = Lab::new();
    let args = ["table", "maml-audit", "--only", "a:b"];
    lab.refused(&args, 2, &["--only a:b", "leave out --only"]);
}
