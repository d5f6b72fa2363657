//! `table unroll-audit`: the same for any number of workers, and what it must show.

use crate::lab::Lab;
use std::fs;

const FILES: [&str; 7] = [
    "table.csv",
    "table.md",
    "table.html",
    "figure.svg",
    "figure.png",
    "descent.svg",
    "descent.png",
];

#[test]
fn the_audit_of_unrolls_finds_the_unbiased_and_does_not_depend_on_workers() {
    let lab = Lab::new();
    let audit = |out: &str, workers: &str| {
        let args = ["table", "unroll-audit", "--quick", "--json"];
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
    let balanced = |row: &&serde_json::Value| row["row"]["problem"] == "influence balancing";
    for row in rows.iter().filter(balanced).map(|row| &row["row"]) {
        let (name, window) = (row["estimator"].as_str().unwrap(), row["window"].as_u64());
        let number = |key: &str| row[key].as_f64().unwrap();
        let (bias, error) = (number("bias"), number("bias_standard_error"));
        match (name, window.unwrap()) {
            ("full unroll" | "RTRL", _) => assert!(bias < 1e-9, "{row}"),
            // Not by a part of it, but the wrong way.
            ("truncated" | "ES", 1 | 10) => assert!(number("cosine") < -0.99, "{row}"),
            ("ES" | "PES", _) => assert!(bias < 3.0 * error && number("cosine") > 0.99, "{row}"),
            other => panic!("{other:?}"),
        }
    }
    let mut arrived = Vec::new();
    let courses = rows.iter().filter(|row| row["course"].is_object());
    for course in courses.map(|row| &row["course"]) {
        let last = course["theta"].as_array().unwrap().last().unwrap();
        let (name, theta) = (
            course["estimator"].as_str().unwrap(),
            last[1].as_f64().unwrap(),
        );
        let window = course["window"].as_u64().unwrap();
        match (name, window) {
            ("RTRL", _) => assert!((theta + 1.0 / 6.0).abs() < 0.01, "{course}"),
            ("truncated" | "ES", 1 | 10) | ("truncated", 100) => assert!(theta > 0.5, "{course}"),
            ("PES", 1 | 10) => assert!((theta + 1.0 / 6.0).abs() < 1e-3, "{course}"),
            other => panic!("{other:?}"),
        }
        arrived.push((name, window));
    }
    arrived.retain(|(name, _)| *name == "PES");
    assert_eq!(arrived, [("PES", 1), ("PES", 10)]);
}

#[test]
fn the_audit_of_unrolls_is_made_as_a_whole() {
    let lab = Lab::new();
    let table = ["table", "unroll-audit"];
    let refused = |more: &[&str], part: &str| {
        lab.refused(&[&table[..], more].concat(), 2, &[part]);
    };
    refused(&["--only", "a:b"], "--only a:b");
    refused(&["gamma=1"], "gamma=1: unroll-audit has no settings");
}
