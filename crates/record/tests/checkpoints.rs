//! Checkpoints: whole or not there, and checked when read.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use record::{Checkpoint, Existing, Reader, RecordError, RunDir, Stream};
use rl_core::{Array, Data, Tree};
use serde_json::json;
use tempfile::TempDir;

fn checkpoint(update: u64) -> Checkpoint {
    let x = update as f32;
    let weight = vec![x, -0.0, 1e-40, 3.5, 4.0, f32::MAX];
    let mut params = Tree::default();
    params.insert("policy.weight", Array::floats(vec![2, 3], weight));
    params.insert("encoder.bias", Array::floats(vec![1], vec![x]));
    let mut tree = Tree::default()
        .with_branch("params", params)
        .with_count("steps", u64::MAX - update)
        .with_number("penalty", 0.1 + 0.2);
    tree.insert("empty", Array::floats(vec![0, 4], vec![]));
    let shape = vec![4];
    let data = Data::Bytes(b"\0any".to_vec());
    tree.insert("note", Array { shape, data });
    Checkpoint {
        tree,
        // Floats whose parsing is off by a bit without correct rounding.
        state: json!({
            "floats": [0.1 + 0.2, 5e-324, 1.7976931348623157e308, 51.24817837550540_4],
            "stream": [1_u64 << 63, 3],
        }),
    }
}

fn new_run() -> (TempDir, RunDir) {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::create(folder.path().join("run"), "", Existing::Refuse).unwrap();
    (folder, run)
}

fn at(run: &Reader, update: u64) -> PathBuf {
    run.path().join(format!("checkpoints/{update:08}"))
}

const FILES: [&str; 3] = ["arrays.safetensors", "state.json", "timing.json"];

/// The numbers of the array that a NaN is put into.
fn bias(checkpoint: &mut Checkpoint) -> &mut [f32] {
    checkpoint.tree.floats_mut("params/encoder.bias").unwrap()
}

#[test]
fn a_checkpoint_comes_back_bit_by_bit() {
    let (_guard, run) = new_run();
    run.save_checkpoint(12, &checkpoint(12)).unwrap();
    let loaded = run.load_checkpoint(12).unwrap();
    // In words, where -0.0 is not 0.0.
    assert_eq!(format!("{loaded:?}"), format!("{:?}", checkpoint(12)));
    let text = fs::read_to_string(at(&run, 12).join("state.json")).unwrap();
    assert!(text.contains("\"blake3\""), "{text}");
    assert_eq!(fs::read_dir(at(&run, 12)).unwrap().count(), FILES.len());
}

#[test]
fn nan_in_an_array_keeps_its_bits_and_in_the_state_becomes_null() {
    let (_guard, run) = new_run();
    let mut with_nan = checkpoint(1);
    bias(&mut with_nan)[0] = f32::from_bits(0x7fc0_1234);
    with_nan.state = json!({ "loss": f64::NAN });
    run.save_checkpoint(1, &with_nan).unwrap();
    let mut loaded = run.load_checkpoint(1).unwrap();
    assert_eq!(bias(&mut loaded)[0].to_bits(), 0x7fc0_1234);
    assert_eq!(loaded.state, json!({ "loss": null }));
}

#[test]
fn every_flipped_byte_is_found_and_the_file_named() {
    let (_guard, run) = new_run();
    run.save_checkpoint(1, &checkpoint(1)).unwrap();
    for file in FILES {
        let path = at(&run, 1).join(file);
        let whole = fs::read(&path).unwrap();
        for index in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[index] ^= 1 << (index % 8);
            fs::write(&path, &flipped).unwrap();
            let error = run.load_checkpoint(1).unwrap_err();
            let damaged = matches!(error, RecordError::DamagedCheckpoint { .. });
            assert!(damaged, "byte {index} of {file}: {error}");
            // A flip in state.json can also be a wrong checksum of another file.
            assert!(
                file == "state.json" || error.to_string().contains(file),
                "{error}"
            );
        }
        fs::write(&path, &whole).unwrap();
    }
    assert_eq!(run.load_checkpoint(1).unwrap(), checkpoint(1));
}

#[test]
fn every_truncated_or_missing_file_is_found_and_named() {
    let (_guard, run) = new_run();
    run.save_checkpoint(1, &checkpoint(1)).unwrap();
    for file in FILES {
        let path = at(&run, 1).join(file);
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let error = run.load_checkpoint(1).unwrap_err().to_string();
            assert!(error.contains(file), "{error}");
        }
        fs::remove_file(&path).unwrap();
        let error = run.load_checkpoint(1).unwrap_err().to_string();
        assert!(error.contains(file) && error.contains("missing"), "{error}");
        fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn the_latest_is_the_newest_whole_one_and_damage_is_reported() {
    let (_guard, run) = new_run();
    let latest = run.latest_checkpoint().unwrap();
    assert!(latest.newest.is_none() && latest.damaged.is_empty());
    for update in [9, 10, 100_000_000] {
        run.save_checkpoint(update, &checkpoint(update)).unwrap();
    }
    assert_eq!(run.checkpoints().unwrap(), [9, 10, 100_000_000]);
    let latest = run.latest_checkpoint().unwrap();
    assert_eq!(latest.newest, Some((100_000_000, checkpoint(100_000_000))));

    fs::remove_file(at(&run, 100_000_000).join("arrays.safetensors")).unwrap();
    fs::write(at(&run, 10).join("state.json"), "{}").unwrap();
    let latest = run.latest_checkpoint().unwrap();
    assert_eq!(latest.newest, Some((9, checkpoint(9))));
    let damaged: Vec<String> = latest.damaged.iter().map(ToString::to_string).collect();
    assert_eq!(damaged.len(), 2);
    assert!(damaged[0].contains("arrays.safetensors"), "{}", damaged[0]);
    assert!(damaged[1].contains("00000010"), "{}", damaged[1]);
    // A damaged one can be written anew.
    run.save_checkpoint(10, &checkpoint(10)).unwrap();
    assert_eq!(run.load_checkpoint(10).unwrap(), checkpoint(10));
}

#[test]
fn a_checkpoint_that_is_not_there_names_those_that_are() {
    let (_guard, run) = new_run();
    let error = run.load_checkpoint(5).unwrap_err().to_string();
    assert!(error.contains("update 5; it has none"), "{error}");
    for update in [1, 2] {
        run.save_checkpoint(update, &checkpoint(update)).unwrap();
    }
    let error = run.load_checkpoint(5).unwrap_err().to_string();
    assert!(error.contains("it has 1, 2"), "{error}");
}

#[test]
fn a_checkpoint_of_another_update_or_format_is_refused() {
    let (_guard, run) = new_run();
    run.save_checkpoint(1, &checkpoint(1)).unwrap();
    fs::rename(at(&run, 1), at(&run, 2)).unwrap();
    let error = run.load_checkpoint(2).unwrap_err().to_string();
    assert!(error.contains("belongs to update 1, not 2"), "{error}");
    let path = at(&run, 2).join("state.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"format\": 3", "\"format\": 2")).unwrap();
    let error = run.load_checkpoint(2).unwrap_err().to_string();
    assert!(
        error.contains("format 3") && error.contains("format 2"),
        "{error}"
    );
}

#[test]
fn arrays_that_cannot_be_stored_leave_nothing() {
    let (_guard, run) = new_run();
    let mut bad = checkpoint(1);
    bad.tree.get_mut("params/encoder.bias").unwrap().shape = vec![2, 2];
    let error = run.save_checkpoint(1, &bad).unwrap_err();
    assert!(matches!(error, RecordError::Unstorable { .. }), "{error}");
    let words = "has room for 4 numbers, it has 1";
    assert!(error.to_string().contains(words), "{error}");
    bad.tree.get_mut("params/encoder.bias").unwrap().shape = vec![usize::MAX, 2];
    assert!(run.save_checkpoint(1, &bad).is_err());
    let mut bad = checkpoint(1);
    bad.tree = bad.tree.with_count("__metadata__", 1);
    let error = run.save_checkpoint(1, &bad).unwrap_err();
    assert!(matches!(error, RecordError::Unstorable { .. }), "{error}");
    assert!(run.checkpoints().unwrap().is_empty());
}

#[test]
fn pruning_keeps_the_newest() {
    let (_guard, run) = new_run();
    for update in 1..=5 {
        run.save_checkpoint(update, &checkpoint(update)).unwrap();
    }
    let all = |_| true;
    run.prune_checkpoints(NonZeroUsize::new(2).unwrap(), all)
        .unwrap();
    assert_eq!(run.checkpoints().unwrap(), [4, 5]);
    run.prune_checkpoints(NonZeroUsize::MIN, all).unwrap();
    run.prune_checkpoints(NonZeroUsize::MIN, all).unwrap();
    assert_eq!(run.load_checkpoint(5).unwrap(), checkpoint(5));
    assert_eq!(
        fs::read_dir(run.path().join("checkpoints"))
            .unwrap()
            .count(),
        1
    );
}

#[test]
fn damaged_checkpoints_do_not_count() {
    let (_guard, run) = new_run();
    for update in 1..=5 {
        run.save_checkpoint(update, &checkpoint(update)).unwrap();
    }
    for update in [2, 4, 5] {
        fs::write(at(&run, update).join("arrays.safetensors"), "damaged").unwrap();
    }
    let path = run.path().to_path_buf();
    drop(run);
    let run = RunDir::open(path).unwrap();
    // The newest two whole ones are 1 and 3; nothing is older.
    run.prune_checkpoints(NonZeroUsize::new(2).unwrap(), |_| true)
        .unwrap();
    assert_eq!(run.checkpoints().unwrap(), [1, 2, 3, 4, 5]);
    run.prune_checkpoints(NonZeroUsize::MIN, |_| true).unwrap();
    assert_eq!(run.checkpoints().unwrap(), [3, 4, 5]);
}

/// Or each save would cost as many readings as checkpoints are kept.
#[test]
fn pruning_does_not_read_what_was_saved() {
    let (_guard, run) = new_run();
    for update in 1..=3 {
        run.save_checkpoint(update, &checkpoint(update)).unwrap();
        // Whoever reads it finds it damaged, and does not count it.
        fs::write(at(&run, update).join("state.json"), "").unwrap();
    }
    run.prune_checkpoints(NonZeroUsize::new(2).unwrap(), |_| true)
        .unwrap();
    assert_eq!(run.checkpoints().unwrap(), [2, 3]);
}

/// Its rows are gone, so that it is no reason to delete one that was saved since.
#[test]
fn a_checkpoint_that_was_gone_back_over_does_not_count() {
    let (_guard, run) = new_run();
    let row = |update| json!({ "update": update, "x": 0.1 });
    for update in 1..=6 {
        run.append(Stream::Metrics, &row(update)).unwrap();
        if update % 2 == 0 {
            run.save_checkpoint(update, &checkpoint(update)).unwrap();
        }
    }
    let path = run.path().to_path_buf();
    drop(run);
    let metrics = path.join("metrics.jsonl");
    let text = fs::read_to_string(&metrics).unwrap();
    fs::write(metrics, text.replace("5,\"x\":0.1", "5,\"x\":0.2")).unwrap();
    let run = RunDir::open(&path).unwrap();
    run.rewind(&run.latest_checkpoint().unwrap()).unwrap();
    // Stopped after update 5, which no schedule has.
    run.append(Stream::Metrics, &row(5)).unwrap();
    run.save_checkpoint(5, &checkpoint(5)).unwrap();
    let (two, even) = (NonZeroUsize::new(2).unwrap(), |update| update % 2 == 0);
    run.prune_checkpoints(two, even).unwrap();
    assert_eq!(run.checkpoints().unwrap(), [2, 4, 5, 6]);
    drop(run);
    let run = RunDir::open(&path).unwrap();
    let latest = run.latest_checkpoint().unwrap();
    assert_eq!(latest.newest.as_ref().map(|(update, _)| *update), Some(5));
    // The next that is planned takes the place of the one before.
    run.rewind(&latest).unwrap();
    run.append(Stream::Metrics, &row(6)).unwrap();
    run.save_checkpoint(6, &checkpoint(6)).unwrap();
    run.prune_checkpoints(two, even).unwrap();
    assert_eq!(run.checkpoints().unwrap(), [4, 6]);
    assert_eq!(run.load_checkpoint(6).unwrap(), checkpoint(6));
}

#[test]
fn checkpoints_that_were_not_planned_go_with_the_next_that_was() {
    let (_guard, run) = new_run();
    let (two, even) = (NonZeroUsize::new(2).unwrap(), |update| update % 2 == 0);
    for update in [2, 4, 5] {
        run.save_checkpoint(update, &checkpoint(update)).unwrap();
        run.prune_checkpoints(two, even).unwrap();
    }
    assert_eq!(run.checkpoints().unwrap(), [2, 4, 5]);
    run.save_checkpoint(6, &checkpoint(6)).unwrap();
    run.prune_checkpoints(two, even).unwrap();
    assert_eq!(run.checkpoints().unwrap(), [4, 6]);
}

#[test]
fn a_replacement_cut_short_is_undone_or_finished() {
    let (_guard, run) = new_run();
    run.save_checkpoint(7, &checkpoint(7)).unwrap();
    let folder = run.path().to_path_buf();
    let (finished, aside) = (at(&run, 7), folder.join("checkpoints/.replaced-00000007"));
    drop(run);
    // Killed between the two renames: the old one is still the checkpoint.
    fs::rename(&finished, &aside).unwrap();
    let reader = Reader::open(&folder).unwrap();
    assert_eq!(reader.load_checkpoint(7).unwrap(), checkpoint(7));
    let run = RunDir::open(&folder).unwrap();
    assert_eq!(run.load_checkpoint(7).unwrap(), checkpoint(7));
    assert!(finished.exists() && !aside.exists());
    drop(run);
    // Killed after them: the old one goes.
    fs::create_dir(&aside).unwrap();
    let run = RunDir::open(&folder).unwrap();
    assert_eq!(run.load_checkpoint(7).unwrap(), checkpoint(7));
    assert!(!aside.exists());
}

const WRITER: &str = "RECORD_TEST_WRITER";

/// Appends rows and saves checkpoints, again and again, until it is killed.
fn write_forever(path: &Path) -> ! {
    let run = RunDir::open(path).unwrap();
    let latest = run.latest_checkpoint().unwrap();
    run.rewind(&latest).unwrap();
    let done = latest.newest.map_or(0, |(update, _)| update);
    for update in done + 1.. {
        let row = json!({ "update": update, "text": "x".repeat(300) });
        run.append(Stream::Metrics, &row).unwrap();
        run.save_checkpoint(update, &checkpoint(update)).unwrap();
        // Also replace one, as a run does after an evaluation.
        let row = json!({ "update": update });
        run.append(Stream::Eval, &row).unwrap();
        run.save_checkpoint(update, &checkpoint(update)).unwrap();
        run.prune_checkpoints(NonZeroUsize::new(3).unwrap(), |_| true)
            .unwrap();
    }
    unreachable!("updates do not run out")
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "the test starts itself anew, told by a variable"
)]
fn a_writer_killed_at_any_instant_leaves_a_run_that_goes_on() {
    if let Some(path) = std::env::var_os(WRITER) {
        write_forever(Path::new(&path));
    }
    let (_guard, run) = new_run();
    let path = run.path().to_path_buf();
    // Rows are written from the first checkpoint on.
    run.save_checkpoint(0, &checkpoint(0)).unwrap();
    drop(run);
    let mut reached = 0;
    for kill in 0..25 {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "a_writer_killed_at_any_instant_leaves_a_run_that_goes_on",
            ])
            .env(WRITER, &path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(20_000 + 1_777 * kill));
        writer.kill().unwrap();
        writer.wait().unwrap();

        let run = RunDir::open(&path).unwrap();
        let latest = run.latest_checkpoint().unwrap();
        assert!(latest.damaged.is_empty(), "{:?}", latest.damaged);
        let Some((update, loaded)) = latest.newest else {
            continue;
        };
        assert_eq!(loaded, checkpoint(update));
        assert!(update >= reached, "a finished checkpoint went missing");
        reached = update;
        let rows: Vec<serde_json::Value> = run.rows(Stream::Metrics).unwrap();
        let updates: Vec<u64> = rows
            .iter()
            .map(|row| row["update"].as_u64().unwrap())
            .collect();
        assert_eq!(updates, (1..=updates.len() as u64).collect::<Vec<_>>());
        assert!(
            updates.len() as u64 >= update,
            "a checkpoint is ahead of its rows"
        );
    }
    assert!(reached > 0, "the writer never got anywhere");
}
