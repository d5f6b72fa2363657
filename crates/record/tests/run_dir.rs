//! Creating, opening, overwriting and locking a run directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use record::{Checkpoint, Document, Existing, Reader, RecordError, RunDir, Stream};
use rl_core::Tree;
use serde_json::json;
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs/quick/seed-0");
    (folder, path)
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn small_checkpoint() -> Checkpoint {
    Checkpoint {
        tree: Tree::default().with_count("update", 3),
        state: json!({ "env_steps": 7 }),
    }
}

#[test]
fn a_new_run_holds_its_config_and_can_be_opened_again() {
    let (_guard, path) = folder();
    let run = RunDir::create(&path, "seed = 0\n", Existing::Refuse).unwrap();
    assert_eq!(run.config().unwrap(), "seed = 0\n");
    assert_eq!(names(&path), ["config.toml", "lock"]);
    drop(run);
    assert_eq!(RunDir::open(&path).unwrap().config().unwrap(), "seed = 0\n");
}

#[test]
fn an_existing_run_is_refused_with_the_ways_out() {
    let (_guard, path) = folder();
    drop(RunDir::create(&path, "a", Existing::Refuse).unwrap());
    let error = RunDir::create(&path, "b", Existing::Refuse).unwrap_err();
    assert!(matches!(error, RecordError::Exists { .. }), "{error}");
    let text = error.to_string();
    assert!(text.starts_with(&path.display().to_string()), "{text}");
    assert!(
        text.contains("--overwrite") && text.contains("resume"),
        "{text}"
    );
    assert_eq!(Reader::open(&path).unwrap().config().unwrap(), "a");
}

#[test]
fn overwriting_deletes_the_run_and_nothing_else() {
    let (_guard, path) = folder();
    let run = RunDir::create(&path, "old", Existing::Refuse).unwrap();
    for stream in Stream::ALL {
        run.append(stream, &json!({ "update": 1 })).unwrap();
    }
    for document in [
        Document::Environment,
        Document::Comparison,
        Document::Pictures,
        Document::Deviations,
        Document::Indices,
    ] {
        run.write_document(document, &json!({})).unwrap();
    }
    run.save_checkpoint(3, &small_checkpoint()).unwrap();
    drop(run);
    fs::create_dir(path.join("figures")).unwrap();
    for file in ["report.html", "table.md", "figures/regret.svg"] {
        fs::write(path.join(file), "old").unwrap();
    }
    for file in ["notes.txt", "figures/sketch.pdf", "checkpoints/best"] {
        fs::write(path.join(file), "mine").unwrap();
    }

    let run = RunDir::create(&path, "new", Existing::Overwrite).unwrap();
    assert_eq!(run.config().unwrap(), "new");
    assert_eq!(
        names(&path),
        ["checkpoints", "config.toml", "figures", "lock", "notes.txt"]
    );
    assert_eq!(names(&path.join("figures")), ["sketch.pdf"]);
    assert_eq!(names(&path.join("checkpoints")), ["best"]);
}

#[test]
fn a_folder_that_holds_something_else_is_never_touched() {
    let (_guard, path) = folder();
    for files in [&["thesis.tex"][..], &["config.toml", "metrics.csv"]] {
        fs::create_dir_all(&path).unwrap();
        for file in files {
            fs::write(path.join(file), "precious").unwrap();
        }
        for existing in [Existing::Refuse, Existing::Overwrite] {
            let error = RunDir::create(&path, "new", existing).unwrap_err();
            assert!(matches!(error, RecordError::Foreign { .. }), "{error}");
            assert!(error.to_string().contains(files[0]), "{error}");
            assert_eq!(names(&path), files);
        }
        fs::remove_dir_all(&path).unwrap();
    }
}

#[test]
fn a_run_killed_before_its_config_can_be_started_again() {
    let (_guard, path) = folder();
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("lock"), "process 1\n").unwrap();
    fs::write(path.join(".unfinished-config.toml"), "se").unwrap();
    RunDir::create(&path, "seed = 0", Existing::Refuse).unwrap();
    assert_eq!(names(&path), ["config.toml", "lock"]);
}

#[test]
fn what_is_no_run_says_why() {
    let (guard, path) = folder();
    let file = guard.path().join("file");
    fs::write(&file, "").unwrap();
    for (path, why) in [
        (path, "there is no such folder"),
        (file.clone(), "it is not a folder"),
        (guard.path().to_path_buf(), "it has no config.toml"),
    ] {
        let error = RunDir::open(&path).unwrap_err();
        assert!(matches!(error, RecordError::NotARun { .. }), "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
    let error = RunDir::create(file.join("run"), "", Existing::Refuse).unwrap_err();
    assert!(error.to_string().contains("--runs"), "{error}");
    let error = RunDir::create(&file, "", Existing::Overwrite).unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
}

#[test]
fn only_one_writer_and_the_error_names_it() {
    let (_guard, path) = folder();
    let first = RunDir::create(&path, "", Existing::Refuse).unwrap();
    for second in [
        RunDir::open(&path),
        RunDir::create(&path, "", Existing::Overwrite),
    ] {
        let error = second.unwrap_err();
        assert!(matches!(error, RecordError::Locked { .. }), "{error}");
        let holder = format!("process {}", std::process::id());
        assert!(error.to_string().contains(&holder), "{error}");
    }
    Reader::open(&path).unwrap();
    drop(first);
    RunDir::open(&path).unwrap();
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "the test starts itself anew, told by a variable"
)]
fn the_lock_ends_with_its_process() {
    const RUN: &str = "RECORD_TEST_LOCKED_RUN";
    if let Some(path) = std::env::var_os(RUN) {
        std::mem::forget(RunDir::open(PathBuf::from(path)).unwrap());
        std::process::abort();
    }
    let (_guard, path) = folder();
    drop(RunDir::create(&path, "", Existing::Refuse).unwrap());
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_lock_ends_with_its_process"])
        .env(RUN, &path)
        .output()
        .unwrap()
        .status;
    assert!(!status.success());
    RunDir::open(&path).unwrap();
}

#[test]
fn a_run_that_is_closed_can_be_opened_while_other_processes_start() {
    let (_guard, path) = folder();
    drop(RunDir::create(&path, "", Existing::Refuse).unwrap());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // A process that is just being started has a copy of every open file.
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let _ = Command::new(std::env::current_exe().unwrap())
                    .arg("--list")
                    .output();
            }
        });
        let opened = (0..1500).try_for_each(|_| RunDir::open(&path).map(drop));
        done.store(true, Ordering::Relaxed);
        opened.unwrap();
    });
}

#[test]
fn documents_are_replaced_whole() {
    let (_guard, path) = folder();
    let run = RunDir::create(&path, "", Existing::Refuse).unwrap();
    let none: Option<serde_json::Value> = run.document(Document::Comparison).unwrap();
    assert_eq!(none, None);
    for seed in [1, 2] {
        let value = json!({ "seed": seed });
        run.write_document(Document::Environment, &value).unwrap();
        let read: Option<serde_json::Value> = run.document(Document::Environment).unwrap();
        assert_eq!(read, Some(value));
    }
    assert_eq!(names(&path), ["config.toml", "environment.json", "lock"]);

    fs::write(path.join("environment.json"), "{").unwrap();
    let error = run
        .document::<serde_json::Value>(Document::Environment)
        .unwrap_err();
    assert!(matches!(error, RecordError::DamagedFile { .. }), "{error}");
    assert!(error.to_string().contains("environment.json"), "{error}");
}

#[test]
fn opening_removes_what_a_kill_left() {
    let (_guard, path) = folder();
    drop(RunDir::create(&path, "", Existing::Refuse).unwrap());
    let leftover = path.join("checkpoints/.unfinished-00000004");
    fs::create_dir_all(&leftover).unwrap();
    fs::write(leftover.join("arrays.safetensors"), "half").unwrap();
    fs::write(path.join(".unfinished-comparison.json"), "{").unwrap();
    RunDir::open(&path).unwrap();
    assert_eq!(names(&path), ["checkpoints", "config.toml", "lock"]);
    assert!(names(&path.join("checkpoints")).is_empty());
}

#[cfg(unix)]
#[test]
fn an_unwritable_folder_says_what_to_do() {
    use std::os::unix::fs::PermissionsExt;

    let (guard, path) = folder();
    fs::set_permissions(guard.path(), fs::Permissions::from_mode(0o555)).unwrap();
    // The superuser may write everywhere; /proc refuses even that one.
    for path in [path, PathBuf::from("/proc/run")] {
        if let Err(error) = RunDir::create(&path, "", Existing::Refuse) {
            assert!(matches!(error, RecordError::Io { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains(&path.display().to_string()), "{text}");
        }
    }
    fs::set_permissions(guard.path(), fs::Permissions::from_mode(0o755)).unwrap();
}

/// Threads stand for processes: what tells their unfinished files apart is in
/// the names alone.
#[test]
fn one_file_is_written_by_many_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    let text = |writer: usize| writer.to_string().repeat(10_000);
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let path = &path;
            scope.spawn(move || {
                for _ in 0..5 {
                    record::write_atomically(path, text(writer).as_bytes()).unwrap();
                }
            });
        }
    });
    let written = fs::read_to_string(&path).unwrap();
    assert!((0..8).any(|writer| written == text(writer)));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
