//! Files and rows that are larger than any that a run writes are refused before there is
//! memory for them. They are sparse: on the disk they take nothing.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use record::{Checkpoint, Document, Existing, Reader, RecordError, RunDir, Stream};
use rl_core::{Array, Tree};
use serde_json::{Value, json};
use tempfile::TempDir;

const GIB: u64 = 1 << 30;

fn run() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let run = RunDir::create(&path, "seed = 0\n", Existing::Refuse).unwrap();
    let mut tree = Tree::default();
    tree.insert("params/w", Array::floats(vec![2], vec![0.5, 1.5]));
    let state = Value::Null;
    for update in 1..=2 {
        run.append(Stream::Metrics, &json!({ "update": update }))
            .unwrap();
        let tree = tree.clone();
        let state = state.clone();
        run.save_checkpoint(update, &Checkpoint { tree, state })
            .unwrap();
    }
    run.write_document(Document::Environment, &json!({}))
        .unwrap();
    (folder, path)
}

/// Gives a file another length; what is beyond its end reads as zeros.
fn lengthen(path: &Path, length: u64) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_len(length).unwrap();
}

/// The most memory that this process has held so far.
#[cfg(target_os = "linux")]
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.unwrap().split_whitespace().nth(1).unwrap();
    number.parse::<u64>().unwrap() * 1024
}

#[cfg(target_os = "linux")]
#[test]
fn files_of_a_terabyte_take_no_memory() {
    let (_guard, path) = run();
    let reader = Reader::open(&path).unwrap();
    let length = 1024 * GIB;
    let refused = |error: RecordError, file: &str| {
        let said = error.to_string();
        assert!(said.contains(file), "{said}");
        assert!(said.contains(&length.to_string()), "{said}");
    };
    lengthen(
        &path.join("checkpoints/00000002/arrays.safetensors"),
        length,
    );
    // It is passed over, like any other that is damaged.
    let latest = reader.latest_checkpoint().unwrap();
    assert_eq!(latest.newest.map(|(update, _)| update), Some(1));
    let error = latest.damaged.into_iter().next().unwrap();
    assert!(
        matches!(error, RecordError::DamagedCheckpoint { .. }),
        "{error}"
    );
    refused(error, "arrays.safetensors");
    for file in ["state.json", "timing.json"] {
        let file_path = path.join("checkpoints/00000001").join(file);
        let before = fs::metadata(&file_path).unwrap().len();
        lengthen(&file_path, length);
        refused(reader.load_checkpoint(1).unwrap_err(), file);
        lengthen(&file_path, before);
        reader.load_checkpoint(1).unwrap();
    }
    lengthen(&path.join("metrics.jsonl"), length);
    // A file of rows may have any length, and no row has that of what follows here.
    let error = reader.rows::<Value>(Stream::Metrics).unwrap_err();
    assert!(
        matches!(error, RecordError::DamagedRow { line: 3, .. }),
        "{error}"
    );
    assert!(
        RunDir::open(&path)
            .unwrap()
            .append(Stream::Metrics, &json!({ "update": 3 }))
            .is_err()
    );
    // What follows the newest checkpoint is taken off, however long it is.
    {
        let run = RunDir::open(&path).unwrap();
        run.rewind(&run.latest_checkpoint().unwrap()).unwrap();
        assert!(fs::metadata(path.join("metrics.jsonl")).unwrap().len() < 100);
        run.append(Stream::Metrics, &json!({ "update": 2 }))
            .unwrap();
    }
    lengthen(&path.join("environment.json"), length);
    let document = reader.document::<Value>(Document::Environment);
    refused(document.unwrap_err(), "environment.json");
    lengthen(&path.join("config.toml"), length);
    refused(reader.config().unwrap_err(), "config.toml");
    assert!(record::read_text(&path.join("config.toml")).is_err());
    assert!(record::read_long_text(&path.join("config.toml")).is_err());
    assert!(peak() < GIB / 4, "{} bytes", peak());
}

/// Arrays of the right length with a header that lies of itself: their hash tells, and
/// where that was forged too, what they hold.
#[test]
fn forged_lengths_are_found() {
    let (_guard, path) = run();
    let folder = path.join("checkpoints/00000002");
    let arrays = folder.join("arrays.safetensors");
    let whole = fs::read(&arrays).unwrap();
    let state = folder.join("state.json");
    let manifest: Value = record::read_sealed(&state, "").unwrap().unwrap();
    let load = |bytes: &[u8], change: &dyn Fn(&mut Value)| {
        let mut forged = manifest.clone();
        forged["blake3"]["arrays.safetensors"] = json!(blake3::hash(bytes).to_string());
        forged["bytes"] = json!(bytes.len());
        change(&mut forged);
        fs::write(&arrays, bytes).unwrap();
        record::write_sealed(&state, &forged, "").unwrap();
        // The third file is sealed with the second's hash.
        let text = fs::read(&state).unwrap();
        let context = blake3::hash(&text).to_string();
        let timing = json!({ "rows": 0, "bytes": 0, "blake3": blake3::hash(b"").to_string() });
        record::write_sealed(&folder.join("timing.json"), &timing, &context).unwrap();
        Reader::open(&path).unwrap().load_checkpoint(2)
    };
    let nothing = |_: &mut Value| {};
    load(&whole, &nothing).unwrap();
    for header in [0, 1, 8, 1 << 20, u64::MAX, u64::MAX - 7] {
        let mut bytes = whole.clone();
        bytes[..8].copy_from_slice(&header.to_le_bytes());
        let error = load(&bytes, &nothing).unwrap_err();
        assert!(
            matches!(error, RecordError::DamagedCheckpoint { .. }),
            "{error}"
        );
    }
    let text = String::from_utf8_lossy(&whole[8..]).into_owned();
    let header = text[..text.rfind('}').unwrap() + 1].to_owned();
    let data = &whole[8 + header.len()..];
    for (from, to) in [
        ("[2]", "[18446744073709551615]"),
        ("[2]", "[4294967296,4294967296]"),
        ("[2]", "[2,0]"),
        ("\"F32\"", "\"F64\""),
        ("[0,8]", "[0,18446744073709551615]"),
        ("[0,8]", "[8,0]"),
        ("[0,8]", "[4,12]"),
    ] {
        assert!(header.contains(from), "{header}");
        let header = header.replace(from, to);
        let length = (header.len() as u64).to_le_bytes();
        let bytes = [&length[..], header.as_bytes(), data].concat();
        let error = load(&bytes, &nothing).unwrap_err();
        assert!(
            matches!(error, RecordError::DamagedCheckpoint { .. }),
            "{to}: {error}"
        );
    }
    for (key, value) in [
        ("bytes", json!(u64::MAX)),
        ("bytes", json!(0)),
        ("bytes", json!(-1)),
        ("update", json!(u64::MAX)),
        ("format", json!(1e300)),
        ("blake3", json!(null)),
        (
            "rows",
            json!({ "metrics.jsonl": { "rows": u64::MAX, "bytes": u64::MAX, "blake3": "" } }),
        ),
    ] {
        let loaded = load(&whole, &|forged| forged[key] = value.clone());
        // The rows are not of the checkpoint's files, and are looked at beside it.
        let reader = Reader::open(&path).unwrap();
        let newest = reader.latest_checkpoint().unwrap().newest;
        assert_eq!(
            newest.map(|(update, _)| update),
            Some(1),
            "{key} {value}: {loaded:?}"
        );
    }
}

/// A checkpoint that counts the rows of what is no file of rows, under sums that match: it
/// is damaged, and the one before it is taken.
#[test]
fn rows_are_counted_in_files_of_rows() {
    for file in [
        "../../config.toml",
        "/dev/zero",
        "other.jsonl",
        &"0".repeat(400),
    ] {
        let (_guard, path) = run();
        let folder = path.join("checkpoints/00000002");
        let state = folder.join("state.json");
        let mut forged: Value = record::read_sealed(&state, "").unwrap().unwrap();
        let before = blake3::hash(&fs::read(&state).unwrap()).to_string();
        let timing: Value = record::read_sealed(&folder.join("timing.json"), &before)
            .unwrap()
            .unwrap();
        forged["rows"][file] = json!({ "rows": 1, "bytes": 1, "blake3": "" });
        record::write_sealed(&state, &forged, "").unwrap();
        let context = blake3::hash(&fs::read(&state).unwrap()).to_string();
        record::write_sealed(&folder.join("timing.json"), &timing, &context).unwrap();
        let reader = Reader::open(&path).unwrap();
        let error = reader.load_checkpoint(2).unwrap_err();
        assert!(
            matches!(error, RecordError::DamagedCheckpoint { .. }),
            "{error}"
        );
        let said = error.to_string();
        assert!(said.contains("metrics.jsonl") && said.len() < 600, "{said}");
        let latest = reader.latest_checkpoint().unwrap();
        assert_eq!(latest.newest.unwrap().0, 1, "{file}");
    }
}
