//! Lines, blocks and their greatest lengths.

use std::fs::{self, File};
use std::path::PathBuf;

use serde_json::Value;

use super::{Extent, LONGEST_ROW, Lines, Rows, Tally, append, of_updates};
use crate::{RecordError, Result};

fn file(text: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.jsonl");
    fs::write(&path, text).unwrap();
    (folder, path)
}

/// The finished lines, with a line of at most `longest` bytes.
fn lines(text: &[u8], longest: u64) -> Result<Vec<Vec<u8>>> {
    let (_guard, path) = file(text);
    let mut lines = Lines::of(File::open(&path).unwrap(), longest);
    let mut all = Vec::new();
    while let Some(line) = lines.next(&path)? {
        all.push(line.to_vec());
    }
    Ok(all)
}

#[test]
fn a_line_has_a_greatest_length_and_a_file_none() {
    let many = b"1234567\n".repeat(1000);
    assert_eq!(lines(&many, 8).unwrap().len(), 1000);
    assert_eq!(lines(b"", 8).unwrap().len(), 0);
    // A last one that was not finished is none.
    assert_eq!(lines(b"1234567\n12345678", 8).unwrap().len(), 1);
    for long in ["12345678\n", "123456789", "123456789012\n"] {
        let text = format!("1\n12\n{long}123\n");
        let error = lines(text.as_bytes(), 8).unwrap_err();
        assert!(
            matches!(error, RecordError::DamagedRow { line: 3, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("8 bytes"), "{error}");
    }
}

#[test]
fn a_row_that_no_reader_takes_is_not_written() {
    let (_guard, path) = file(b"");
    let mut tally = Tally::default();
    // What is left of the greatest length for the text.
    let room = LONGEST_ROW as usize - "{\"text\":\"\",\"update\":1}\n".len();
    let row = |length| serde_json::json!({ "update": 1, "text": "x".repeat(length) });
    let error = append(&path, &row(room + 1), &mut tally).unwrap_err();
    assert!(matches!(error, RecordError::Unstorable { .. }), "{error}");
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    append(&path, &row(room), &mut tally).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), LONGEST_ROW);
    assert_eq!(Rows::<Value>::of(&path).unwrap().count(), 1);
}

/// Files of several blocks, with rows that lie across their borders.
#[test]
fn a_file_of_many_blocks_is_hashed_cut_and_counted() {
    let row = |update: u64| format!("{{\"update\":{update}}}\n");
    let start: String = (1..=10_000).map(row).collect();
    let rest: String = (10_001..=20_000).map(row).collect();
    let (_guard, path) = file(format!("{start}{rest}{{\"upd").as_bytes());
    let extent = Extent {
        rows: 10_000,
        bytes: start.len() as u64,
        blake3: blake3::hash(start.as_bytes()).to_string(),
    };
    extent.check(&path).unwrap();
    let (tally, cut) = Tally::rewind(&path, &extent).unwrap();
    assert_eq!((tally.extent(), cut), (extent.clone(), 10_000));
    assert_eq!(fs::read_to_string(&path).unwrap(), start);
    // What is no row, such as zeros after a power cut, is taken off and not counted.
    let zeros = "\0".repeat(2 * LONGEST_ROW as usize);
    fs::write(&path, format!("{start}{}{zeros}\n\n", row(10_001))).unwrap();
    assert!(Tally::take_up(&path).is_err());
    assert_eq!(Tally::rewind(&path, &extent).unwrap().1, 1);
    assert_eq!(Tally::take_up(&path).unwrap().extent(), extent);
    fs::write(&path, &start[..start.len() - 1]).unwrap();
    let said = extent.check(&path).unwrap_err().to_string();
    assert!(said.contains("holds 9999 rows"), "{said}");
}

#[test]
fn rows_of_updates_stand_at_their_place() {
    let text: String = (1..=9).map(|n| format!("{{\"update\":{n}}}\n")).collect();
    let (_guard, path) = file(text.as_bytes());
    let updates = |range| -> Result<Vec<u64>> {
        let rows: Vec<Value> = of_updates(&path, range)?;
        Ok(rows
            .iter()
            .map(|row| row["update"].as_u64().unwrap())
            .collect())
    };
    assert_eq!(updates(4..=6).unwrap(), [4, 5, 6]);
    assert_eq!(updates(8..=12).unwrap(), [8, 9]);
    assert!(updates(10..=12).unwrap().is_empty());
    // A row is lost: those after it stand in the places of others.
    fs::write(&path, text.replacen("{\"update\":5}\n", "", 1)).unwrap();
    assert_eq!(updates(1..=4).unwrap(), [1, 2, 3, 4]);
    for (range, line) in [(4..=5, 5), (7..=7, 7)] {
        let said = updates(range).unwrap_err().to_string();
        let why = format!(
            "line {line}: a row of update {} stands in place of that of {line}",
            line + 1
        );
        assert!(said.contains(&why), "{said}");
    }
}
