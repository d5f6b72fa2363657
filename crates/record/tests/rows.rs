//! Rows that are appended, torn, damaged and taken back.

use std::fs;

use proptest::prelude::*;
use record::{Checkpoint, Existing, Reader, RecordError, RunDir, Stream};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tempfile::TempDir;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    update: u64,
    #[serde(deserialize_with = "record::null_as_nan")]
    loss: f64,
}

fn row(update: u64) -> Row {
    let loss = 1.0 / update as f64;
    Row { update, loss }
}

fn run_with(rows: u64) -> (TempDir, RunDir) {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::create(folder.path().join("run"), "", Existing::Refuse).unwrap();
    for update in 1..=rows {
        run.append(Stream::Metrics, &row(update)).unwrap();
    }
    (folder, run)
}

#[test]
fn rows_come_back_in_order() {
    let (_guard, run) = run_with(3);
    let rows: Vec<Row> = run.rows(Stream::Metrics).unwrap();
    assert_eq!(rows, [row(1), row(2), row(3)]);
    let text = fs::read_to_string(run.path().join("metrics.jsonl")).unwrap();
    assert!(text.starts_with("{\"update\":1,\"loss\":1.0}\n"), "{text}");
    let none: Vec<Row> = run.rows(Stream::Eval).unwrap();
    assert!(none.is_empty());
}

#[test]
fn numbers_that_are_not_finite_become_null_and_read_as_nan() {
    let (_guard, run) = run_with(0);
    for loss in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.5] {
        let update = 1;
        run.append(Stream::Metrics, &Row { update, loss }).unwrap();
    }
    let text = fs::read_to_string(run.path().join("metrics.jsonl")).unwrap();
    assert_eq!(text.matches("\"loss\":null").count(), 3);
    let rows: Vec<Row> = run.rows(Stream::Metrics).unwrap();
    let finite: Vec<bool> = rows.iter().map(|row| row.loss.is_finite()).collect();
    assert_eq!(finite, [false, false, false, true]);
}

#[test]
fn a_row_without_its_update_is_refused() {
    let (_guard, run) = run_with(1);
    for bad in [json!({ "loss": 1.0 }), json!({ "update": -1 }), json!(3)] {
        let error = run.append(Stream::Metrics, &bad).unwrap_err();
        assert!(matches!(error, RecordError::Unstorable { .. }), "{error}");
    }
    assert_eq!(run.rows::<Row>(Stream::Metrics).unwrap().len(), 1);
}

#[test]
fn a_last_row_cut_at_any_byte_is_dropped() {
    let (_guard, run) = run_with(3);
    let folder = run.path().to_path_buf();
    let file = folder.join("metrics.jsonl");
    drop(run);
    let whole = fs::read(&file).unwrap();
    let last = whole[..whole.len() - 1]
        .iter()
        .rposition(|&b| b == b'\n')
        .unwrap()
        + 1;
    for length in last..whole.len() {
        fs::write(&file, &whole[..length]).unwrap();
        // A reader passes over it, and a writer's next row takes its place.
        let rows: Vec<Row> = Reader::open(&folder)
            .unwrap()
            .rows(Stream::Metrics)
            .unwrap();
        assert_eq!(rows, [row(1), row(2)], "cut at byte {length}");
        let run = RunDir::open(&folder).unwrap();
        run.append(Stream::Metrics, &row(3)).unwrap();
        assert_eq!(fs::read(&file).unwrap(), whole);
    }
}

#[test]
fn a_damaged_row_is_named_by_file_and_line() {
    let (_guard, run) = run_with(3);
    let file = run.path().join("metrics.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    for damage in [
        "{\"update\":2,",
        "",
        "{\"update\":\"two\",\"loss\":0}",
        "\u{0}",
    ] {
        let damaged: Vec<&str> = text
            .lines()
            .enumerate()
            .map(|(index, line)| if index == 1 { damage } else { line })
            .collect();
        fs::write(&file, damaged.join("\n") + "\n").unwrap();
        let error = run.rows::<Row>(Stream::Metrics).unwrap_err();
        assert!(
            matches!(error, RecordError::DamagedRow { line: 2, .. }),
            "{error}"
        );
        let text = error.to_string();
        assert!(text.contains("metrics.jsonl, line 2: "), "{text}");
    }
}

#[test]
fn rows_after_a_checkpoint_are_taken_back_and_the_rest_keeps_its_bytes() {
    let (_guard, run) = run_with(3);
    let timing = json!({ "update": 3 });
    run.append(Stream::Timing, &timing).unwrap();
    run.save_checkpoint(3, &Checkpoint::default()).unwrap();
    for update in [4, 5] {
        run.append(Stream::Metrics, &row(update)).unwrap();
        let other = json!({ "update": update });
        run.append(Stream::Eval, &other).unwrap();
        run.append(Stream::Timing, &other).unwrap();
    }
    let file = run.path().join("metrics.jsonl");
    let whole = fs::read(&file).unwrap();
    run.rewind(&run.latest_checkpoint().unwrap()).unwrap();
    let metrics: Vec<Row> = run.rows(Stream::Metrics).unwrap();
    assert_eq!(metrics, [row(1), row(2), row(3)]);
    let rows = |stream| run.rows::<serde_json::Value>(stream).unwrap();
    assert_eq!(rows(Stream::Timing), [timing]);
    assert!(rows(Stream::Eval).is_empty());
    run.append(Stream::Metrics, &row(4)).unwrap();
    run.append(Stream::Metrics, &row(5)).unwrap();
    assert_eq!(fs::read(file).unwrap(), whole);
}

proptest! {
    #[test]
    fn every_finite_number_survives_to_the_last_bit(loss in any::<f64>()) {
        let (_guard, run) = run_with(0);
        run.append(Stream::Metrics, &Row { update: 1, loss }).unwrap();
        let rows: Vec<Row> = run.rows(Stream::Metrics).unwrap();
        let expected = if loss.is_finite() { loss } else { f64::NAN };
        prop_assert!(rows[0].loss.to_bits() == expected.to_bits() || rows[0].loss.is_nan() && expected.is_nan());
    }
}
