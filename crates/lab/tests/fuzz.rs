//! The same checks as in `mutations`, of inputs that are found by what they reach in the
//! program: targets of bolero.
//!
//! As a test, each target tries the inputs in its folders `__fuzz__/TARGET/corpus`, which are
//! written by hand, and `crashes`, the same at every call. It is built for libFuzzer, on
//! stable Rust, and then tries others for so many seconds:
//!
//! ```sh
//! tests/fuzz.sh 3600              # each target
//! tests/fuzz.sh 60 rows plan
//! ```
//!
//! What fails is kept in `crashes`, and is tried by the test from then on.

mod checks;

use checks::{
    Forgery, MARKUP, Reported, Run, check_tries, folder, is_followed, is_found, is_planned, plan_of,
};
use lab::presets::{PRESETS, Preset};
use lab::registry::Registry;
use lab::session::Session;
use lab::sweep::{Line, Plan};
use serde_json::{Map, Value};
use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;

/// Tries what there is for a target; built for libFuzzer, it does not come back.
fn fuzz(target: &str, read: impl Fn(&[u8]) -> bool) {
    let read = AssertUnwindSafe(read);
    let (mut tries, mut taken) = (0, 0);
    bolero::check!(name = target)
        .with_iterations(0)
        .for_each(|input: &[u8]| {
            let read = &read;
            tries += 1;
            taken += u64::from(read(input));
        });
    // It keeps what panics to itself until then.
    bolero::bolero_engine::panic::forward_panic(true);
    check_tries(target, tries, taken);
}

/// Tries texts; what is none is refused before anything looks into it.
fn fuzz_text(target: &str, read: impl Fn(&str) -> bool) {
    fuzz(target, |input| str::from_utf8(input).is_ok_and(&read));
}

#[test]
fn configuration() {
    let registry = Registry::standard();
    let session = Session::new(&registry, &(), 1, "cpu").unwrap();
    fuzz_text("configuration", |text| is_followed(&session, text, &[]));
}

/// The name of a preset, and an override on each line that follows.
#[test]
fn overrides() {
    let registry = Registry::standard();
    let session = Session::new(&registry, &(), 1, "cpu").unwrap();
    fuzz_text("overrides", |text| {
        let mut lines = text.lines();
        let preset = lines.next().and_then(Preset::find).unwrap_or(&PRESETS[0]);
        let words: Vec<String> = lines.map(str::to_owned).collect();
        is_followed(&session, preset.text, &words)
    });
}

#[test]
fn sweep() {
    let registry = Registry::standard();
    fuzz_text("sweep", |text| is_planned(&registry, text));
}

/// A head and lines as those of a plan, with checksums that match.
fn sealed(text: &str) -> serde_json::Result<Plan> {
    let (head, rows) = text.split_once('\n').unwrap_or((text, ""));
    let line = |row: &str| {
        let mut line: Line = serde_json::from_str(row)?;
        line.blake3 = blake3::hash(line.config.as_bytes()).to_string();
        Ok(line)
    };
    Ok(Plan {
        head: serde_json::from_str(head)?,
        lines: rows.lines().map(line).collect::<Result<_, _>>()?,
    })
}

/// A plan's file, or what it is made of where somebody knows how to seal it.
#[test]
fn plan() {
    let folder = folder();
    let path = folder.path().join("plan.jsonl");
    fuzz_text("plan", |text| {
        let forged = sealed(text).ok().and_then(|plan| {
            let read = plan_of(&path, plan.to_text().unwrap().as_bytes())?;
            assert_eq!(read, plan);
            Some(read)
        });
        forged.or_else(|| plan_of(&path, text.as_bytes())).is_some()
    });
}

/// The arrays of a checkpoint, beside checksums that match.
#[test]
fn checkpoint() {
    let forgery = Forgery::new();
    fuzz("checkpoint", |arrays| {
        forgery.is_read(arrays, &forgery.manifest(arrays))
    });
}

/// Entries of a checkpoint's `state.json` that are other than they were.
#[test]
fn manifest() {
    let forgery = Forgery::new();
    fuzz("manifest", |text| {
        let mut manifest = forgery.manifest(&forgery.arrays);
        let entries = manifest.as_object_mut().unwrap();
        let others = serde_json::from_slice::<Map<String, Value>>(text);
        let read = others.map(|others| entries.extend(others));
        read.is_ok() && forgery.is_read(&forgery.arrays, &manifest)
    });
}

/// Rows after those that a run has, in each of its files in turn.
#[test]
fn rows() {
    let run = Run::new();
    let is_rows = |file: &&PathBuf| file.extension().is_some_and(|end| end == "jsonl");
    let files: Vec<_> = run.files.iter().filter(is_rows).collect();
    fuzz("rows", |rows| {
        let read = files.iter().filter(|file| {
            let before = fs::read(file).unwrap();
            run.is_read_with(file, &[&before, rows].concat())
        });
        read.count() > 0
    });
}

#[test]
fn run_name() {
    let folder = folder();
    fuzz("run_name", |name| is_found(folder.path(), name));
}

/// Where in its documents a run has another text, as a JSON pointer, and on the lines that
/// follow the text, which goes on with markup.
#[test]
fn page_text() {
    let reported = Reported::new();
    fuzz_text("page_text", |input| {
        let (pointer, text) = input.split_once('\n').unwrap_or_default();
        let documents = reported.documents.iter().enumerate();
        let shown = documents.filter(|(which, document)| {
            let mut changed = (*document).clone();
            let Some(leaf @ Value::String(_)) = changed.pointer_mut(pointer) else {
                return false;
            };
            *leaf = format!("{text}{MARKUP}").into();
            reported.is_shown(*which, &changed)
        });
        shown.count() > 0
    });
}
