//! Whether what lies in a run's folder belongs together.

use std::fs;
use std::path::{Path, PathBuf};

use record::{Checkpoint, Claim, Document, Existing, Reader, RecordError, RunDir, Stream};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A run with checkpoints after 2 and 4 updates, and a row more of each stream.
fn run() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let run = RunDir::create(&path, "seed = 0\n", Existing::Refuse).unwrap();
    for update in 1..=5 {
        for stream in Stream::ALL {
            run.append(stream, &json!({ "update": update, "x": 0.1 }))
                .unwrap();
        }
        if update % 2 == 0 {
            run.save_checkpoint(update, &Checkpoint::default()).unwrap();
        }
    }
    (folder, path)
}

/// Writes the comparison, as a run does at its end.
fn compare(path: &Path) {
    let run = RunDir::open(path).unwrap();
    run.write_document(Document::Comparison, &json!({ "earned": [1.5, 2] }))
        .unwrap();
}

fn newest(path: &Path) -> Option<u64> {
    let latest = Reader::open(path).unwrap().latest_checkpoint().unwrap();
    latest.newest.map(|(update, _)| update)
}

/// Each with the checkpoint whose rows are still there.
fn damages(whole: &str) -> Vec<(&'static str, String, Option<u64>)> {
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    vec![
        ("emptied", String::new(), None),
        ("cut after row 3", lines[..3].concat(), Some(2)),
        (
            "cut within row 4",
            whole[..whole.len() * 7 / 10].to_owned(),
            Some(2),
        ),
        ("without its row 1", lines[1..].concat(), None),
        ("doubled", [lines[0], whole].concat(), None),
        (
            "row 3 changed",
            whole.replace("3,\"x\":0.1", "3,\"x\":0.2"),
            Some(2),
        ),
        (
            "row 5 changed",
            whole.replace("5,\"x\":0.1", "5,\"x\":0.2"),
            Some(4),
        ),
        ("row 5 lost", lines[..4].concat(), Some(4)),
    ]
}

#[test]
fn a_checkpoint_is_used_only_beside_the_rows_that_it_counts() {
    let (_guard, path) = run();
    assert_eq!(newest(&path), Some(4));
    for stream in Stream::ALL {
        let file = path.join(stream.file_name());
        let whole = fs::read_to_string(&file).unwrap();
        for (what, text, usable) in damages(&whole) {
            fs::write(&file, text).unwrap();
            assert_eq!(newest(&path), usable, "{file:?} {what}");
            let verified = Reader::open(&path).unwrap().verify();
            assert_eq!(verified.is_ok(), usable == Some(4), "{file:?} {what}");
        }
        fs::remove_file(&file).unwrap();
        assert_eq!(newest(&path), None, "{file:?}");
        fs::write(&file, whole).unwrap();
    }
    assert_eq!(newest(&path), Some(4));
}

#[test]
fn rows_that_no_training_wrote_are_found() {
    let (_guard, path) = run();
    let verify = || Reader::open(&path).unwrap().verify();
    let row = |update| format!("{{\"update\":{update},\"x\":0.1}}\n");
    for stream in Stream::ALL {
        let file = path.join(stream.file_name());
        let whole = fs::read_to_string(&file).unwrap();
        let refused = |added: &str, line: &str, why: &str| {
            fs::write(&file, format!("{whole}{added}")).unwrap();
            let error = verify().unwrap_err();
            assert!(matches!(error, RecordError::DamagedRow { .. }), "{error}");
            let said = error.to_string();
            let place = format!("{}, line {line}: ", stream.file_name());
            assert!(said.contains(&place) && said.contains(why), "{said}");
        };
        refused(&row(5), "6", "update 5 does not follow one of update 5");
        refused(&row(3), "6", "update 3 does not follow one of update 5");
        refused(&whole, "6", "update 1 does not follow");
        refused("{\"update\":true}\n", "6", "invalid type");
        // What a training that goes on writes is fine.
        fs::write(&file, format!("{whole}{}", row(6))).unwrap();
        verify().unwrap();
        // Row 5 as a row of the checkpoint's update, which has one already.
        let twice = whole.replace(&row(5), &row(4));
        fs::write(&file, twice).unwrap();
        let said = verify().unwrap_err().to_string();
        assert!(said.contains("update 4 does not follow"), "{said}");
        fs::write(&file, &whole).unwrap();
    }
    // A run that has come to its end has no row that its checkpoint lacks.
    compare(&path);
    let said = verify().unwrap_err().to_string();
    assert!(said.contains("line 5: it was added after"), "{said}");
    let run = RunDir::open(&path).unwrap();
    let cut = run.rewind(&run.latest_checkpoint().unwrap()).unwrap();
    assert_eq!(cut, Stream::ALL.map(|stream| (stream, 1)));
    verify().unwrap();
}

#[test]
fn where_nothing_can_be_used_nothing_is_lost() {
    let (_guard, path) = run();
    let file = path.join("metrics.jsonl");
    let damaged = fs::read_to_string(&file).unwrap().replacen("0.1", "0.2", 1);
    fs::write(&file, &damaged).unwrap();
    let refused = |parts: &[&str]| {
        let run = RunDir::open(&path).unwrap();
        let latest = run.latest_checkpoint().unwrap();
        let error = run.rewind(&latest).unwrap_err();
        assert!(matches!(error, RecordError::Unusable { .. }), "{error}");
        for part in parts {
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), damaged);
    };
    refused(&["metrics.jsonl", "its first 4 rows", "train anew"]);
    assert_eq!(Reader::open(&path).unwrap().checkpoints().unwrap(), [2, 4]);
    fs::remove_dir_all(path.join("checkpoints")).unwrap();
    refused(&["metrics.jsonl holds rows", "eval.jsonl holds rows"]);
}

#[test]
fn rows_that_something_else_changes_stop_the_writer() {
    let (_guard, path) = run();
    let run = RunDir::open(&path).unwrap();
    run.rewind(&run.latest_checkpoint().unwrap()).unwrap();
    let file = path.join("metrics.jsonl");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 3]).unwrap();
    let error = run.append(Stream::Metrics, &json!({ "update": 5 }));
    assert!(
        matches!(error, Err(RecordError::Changed { .. })),
        "{error:?}"
    );
    assert_eq!(fs::read(&file).unwrap(), &whole[..whole.len() - 3]);
}

#[test]
fn an_edited_configuration_is_found() {
    let (_guard, path) = run();
    compare(&path);
    fs::write(path.join("config.toml"), "seed = 1\n").unwrap();
    let reader = Reader::open(&path).unwrap();
    let error = reader.verify().unwrap_err();
    assert!(matches!(error, RecordError::OtherConfig { .. }), "{error}");
    // What was measured is of the configuration of then.
    let read = reader.document::<Value>(Document::Comparison);
    assert!(
        matches!(read, Err(RecordError::DamagedFile { .. })),
        "{read:?}"
    );
}

#[test]
fn every_byte_of_a_document_counts() {
    let (_guard, path) = run();
    compare(&path);
    let reader = Reader::open(&path).unwrap();
    let file = path.join("comparison.json");
    let whole = fs::read(&file).unwrap();
    let value: Option<Value> = reader.document(Document::Comparison).unwrap();
    assert_eq!(value, Some(json!({ "earned": [1.5, 2] })));
    let parsed: Value = serde_json::from_slice(&whole).unwrap();
    assert_eq!(parsed["earned"], json!([1.5, 2]), "it is JSON for others");
    for index in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[index] ^= 1;
        fs::write(&file, &flipped).unwrap();
        let read = reader.document::<Value>(Document::Comparison);
        assert!(read.is_err(), "byte {index}: {read:?}");
        fs::write(&file, &whole[..index]).unwrap();
        let read = reader.document::<Value>(Document::Comparison);
        assert!(read.is_err(), "cut at {index}: {read:?}");
    }
}

/// A process that is killed while it replaces a run leaves `next-config.toml`
/// and any part of the old run.
#[test]
fn a_replacement_that_was_decided_is_finished() {
    for removed in [
        &[][..],
        &["checkpoints/00000004"],
        &["checkpoints", "metrics.jsonl"],
    ] {
        let (_guard, path) = run();
        compare(&path);
        fs::write(path.join("next-config.toml"), "seed = 9\n").unwrap();
        for name in removed {
            let path = path.join(name);
            match path.is_dir() {
                true => fs::remove_dir_all(path).unwrap(),
                false => fs::remove_file(path).unwrap(),
            }
        }
        let error = Reader::open(&path).unwrap_err().to_string();
        assert!(error.contains("`resume` goes on"), "{error}");
        let run = RunDir::open(&path).unwrap();
        assert_eq!(run.config().unwrap(), "seed = 9\n");
        run.rewind(&run.latest_checkpoint().unwrap()).unwrap();
        assert!(run.rows::<Value>(Stream::Metrics).unwrap().is_empty());
        assert!(!path.join("comparison.json").exists());
    }
}

#[test]
fn a_claim_changes_nothing_and_keeps_others_away() {
    let (_guard, path) = run();
    let before = fs::read(path.join("metrics.jsonl")).unwrap();
    let claim = Claim::take(&path, Existing::Overwrite).unwrap();
    let error = RunDir::open(&path).unwrap_err();
    assert!(matches!(error, RecordError::Locked { .. }), "{error}");
    drop(claim);
    assert_eq!(newest(&path), Some(4));
    assert_eq!(fs::read(path.join("metrics.jsonl")).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn no_link_is_followed_inside_a_run() {
    use std::os::unix::fs::symlink;

    let outside = tempfile::tempdir().unwrap();
    let kept = outside.path().join("00000007");
    for name in [
        "lock",
        "checkpoints",
        "figures",
        "metrics.jsonl",
        "config.toml",
    ] {
        let (_guard, path) = run();
        fs::create_dir_all(&kept).unwrap();
        fs::write(outside.path().join("a.svg"), "precious").unwrap();
        fs::write(path.join("report.html"), "old").unwrap();
        let place = path.join(name);
        match place.is_dir() {
            true => fs::remove_dir_all(&place).unwrap(),
            false => drop(fs::remove_file(&place)),
        }
        let target = match name {
            // It leads nowhere, and nothing may be made there.
            "lock" => outside.path().join("made"),
            "metrics.jsonl" | "config.toml" => outside.path().join("a.svg"),
            _ => outside.path().to_path_buf(),
        };
        symlink(&target, &place).unwrap();
        for error in [
            RunDir::create(&path, "seed = 1\n", Existing::Overwrite).unwrap_err(),
            RunDir::open(&path).unwrap_err(),
            Reader::open(&path).unwrap_err(),
        ] {
            assert!(matches!(error, RecordError::Link { .. }), "{name}: {error}");
            assert!(error.to_string().contains(name), "{error}");
        }
        assert!(kept.exists() && !outside.path().join("made").exists());
        assert_eq!(fs::read(outside.path().join("a.svg")).unwrap(), b"precious");
    }
    // The checkpoint of an update, too.
    let (_guard, path) = run();
    let four = path.join("checkpoints/00000004");
    fs::rename(&four, outside.path().join("00000004")).unwrap();
    symlink(outside.path().join("00000004"), &four).unwrap();
    assert_eq!(newest(&path), Some(2));
    drop(RunDir::create(&path, "seed = 1\n", Existing::Overwrite).unwrap());
    assert!(outside.path().join("00000004/state.json").exists());
}
