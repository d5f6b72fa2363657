//! `table baseline-variance`: the same for any number of workers, and what it must
//! show.

use crate::lab::Lab;
use std::fs;

const FILES: [&str; 4] = ["table.csv", "table.md", "figure.svg", "figure.png"];

#[test]
fn baselines_take_noise_away_and_workers_change_nothing() {
    let lab = Lab::new();
    let table = |out: &str, workers: &str| {
        let args = ["table", "baseline-variance", "--quick", "--json"];
        lab.done(&[&args[..], &["--out", out, "--workers", workers]].concat())
    };
    let rows = table("one", "1").rows();
    table("two", "2");
    for file in FILES {
        let read = |folder: &str| fs::read(lab.path(folder).join(file)).unwrap();
        assert_eq!(read("one"), read("two"), "{file}");
    }
    assert_eq!(rows.len(), 6);
    for row in rows.iter().map(|row| &row["row"]) {
        let share = |name: &str| row[name]["mean"].as_f64().unwrap();
        assert!(row["none"].as_f64().unwrap() > 0.0, "{row}");
        // Rewards are never negative, so that their mean is noise of its own.
        assert!(share("constant") < 0.9, "{row}");
        // A value head that was never trained adds noise of its own.
        match row["updates"].as_u64().unwrap() {
            0 => assert!(share("value") > 1.0, "{row}"),
            _ => assert!(share("value") < share("constant"), "{row}"),
        }
    }
}

#[test]
fn what_it_does_not_have_is_refused() {
    let lab = Lab::new();
    let table = |more: &[&str], parts: &[&str]| {
        lab.refused(&[&["table", "baseline-variance"], more].concat(), 2, parts);
    };
    table(&["--only", "a:b"], &["--only a:b", "leave out --only"]);
    table(
        &["gamma=1"],
        &["gamma=1: baseline-variance has no settings"],
    );
}
