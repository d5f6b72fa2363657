//! Every preset, cut short, computes the numbers that it always did. What a change
//! moves is named by this test, column by column; a change that means to move it
//! makes `golden.json` anew:
//!
//! ```sh
//! GOLDEN=write cargo test -p experiments --test cli golden
//! ```
//!
//! Without the feature `torch` all but the other backend's numbers are computed, and
//! are the same.

use crate::lab::Lab;
use record::{Reader, Stream};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

/// Hashes of what a run computed, by what it is: `metrics.mean_return`, `params`, …
type Hashes = BTreeMap<String, String>;

/// Trainings that differ from their preset in more than length: the other backend.
const TWINS: [(&str, &[&str]); 2] = [
    ("rl2/bernoulli-bandit-5x10", &["rl2.backend=torch"]),
    ("rl2/dirichlet-mdp", &["rl2.backend=torch", "rl2.tile=2"]),
];

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..16].to_owned()
}

/// The hash of each key's values over all rows of a stream.
fn columns(run: &Reader, (stream, name): (Stream, &str), hashes: &mut Hashes) {
    let mut columns: BTreeMap<String, String> = BTreeMap::new();
    for row in run.rows::<Map<String, Value>>(stream).unwrap() {
        for (key, value) in row {
            let column = columns.entry(key).or_default();
            column.push_str(&value.to_string());
            column.push('\n');
        }
    }
    assert!(!columns.is_empty(), "{}: no {name}", run.path().display());
    for (key, text) in columns {
        hashes.insert(format!("{name}.{key}"), hash(text.as_bytes()));
    }
}

/// What a finished run computed.
fn hashes_of(run: &Path) -> Hashes {
    let run = Reader::open(run).unwrap();
    let mut hashes = Hashes::new();
    columns(&run, (Stream::Metrics, "metrics"), &mut hashes);
    columns(&run, (Stream::Eval, "eval"), &mut hashes);
    let (_, checkpoint) = run.latest_checkpoint().unwrap().newest.unwrap();
    for part in ["params", "optimizer"] {
        let arrays = checkpoint.tree.branch(part);
        let text: Vec<String> = arrays.iter().map(|array| format!("{array:?}\n")).collect();
        assert!(
            !text.is_empty(),
            "{preset}: no {part}",
            preset = run.path().display()
        );
        hashes.insert(part.to_owned(), hash(text.concat().as_bytes()));
    }
    hashes
}

/// Lanes of a tile in a preset of RL² or of imitation. They learn from two minibatches of
/// two tiles here: what hundreds of lanes compute is no other code.
fn tile(preset: &str) -> Option<usize> {
    let algorithm = preset.split('/').next()?;
    if !["rl2", "imitation"].contains(&algorithm) {
        return None;
    }
    let path = folder().join(preset).with_extension("toml");
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("tile = "));
    line?.split_whitespace().next()?.parse().ok()
}

/// Where the presets are that come with the program.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("presets")
}

/// Two updates of a preset, evaluated before and after.
fn cut_short(lab: &Lab, preset: &str, more: &[&str]) -> Hashes {
    let algorithm = preset.split('/').next().unwrap();
    let updates = format!("{algorithm}.updates=2");
    let runs = preset.replace('/', "-") + &more.join("");
    let mut args = vec!["train", preset, &updates, "--runs", &runs];
    args.extend([
        "checkpoint.interval=2",
        "evaluation.interval=2",
        "evaluation.interval_tasks=16",
        "evaluation.tasks=16",
        "evaluation.learners=[{ name = \"random\" }]",
    ]);
    if algorithm == "maml" {
        args.push("maml.tasks=4");
    }
    if algorithm == "learned-optimizer" {
        args.push("learned-optimizer.problems=4");
    }
    if preset.ends_with("x500") {
        args.push("environment.pulls=50"); // The teacher's table is as long as the trial cubed.
    }
    let few = tile(preset).map(|tile| {
        let lanes = format!("{algorithm}.lanes={}", 4 * tile);
        [lanes, format!("{algorithm}.outer.minibatches=2")]
    });
    args.extend(few.iter().flatten().map(String::as_str));
    args.extend(more);
    lab.done(&args);
    let mut folder = fs::read_dir(lab.path(&runs)).unwrap();
    hashes_of(&folder.next().unwrap().unwrap().path().join("seed-0"))
}

/// The names of all presets that come with the program.
fn presets() -> Vec<String> {
    let mut names = Vec::new();
    let folder = folder();
    for algorithm in fs::read_dir(&folder).unwrap() {
        for preset in fs::read_dir(algorithm.unwrap().path()).unwrap() {
            let path = preset.unwrap().path().with_extension("");
            names.push(path.strip_prefix(&folder).unwrap().display().to_string());
        }
    }
    names.sort();
    names
}

#[test]
fn every_preset_computes_what_it_always_did() {
    let lab = Lab::new();
    let presets = presets();
    // Two at a time: some of them have little to share between workers.
    let half = |first: usize| {
        let own = presets.iter().skip(first).step_by(2);
        own.map(|preset| (preset.clone(), cut_short(&lab, preset, &[])))
            .collect::<Vec<_>>()
    };
    let mut found: BTreeMap<String, Hashes> = thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        let own = half(0);
        own.into_iter().chain(other.join().unwrap()).collect()
    });
    let twin = |(preset, more): &(&str, &[&str])| format!("{preset} {}", more.join(" "));
    for (preset, more) in TWINS.iter().filter(|_| cfg!(feature = "torch")) {
        found.insert(twin(&(preset, more)), cut_short(&lab, preset, more));
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cli/golden.json");
    if std::env::var_os("GOLDEN").is_some_and(|what| what == "write") {
        let all = presets.len() + TWINS.len();
        assert_eq!(found.len(), all, "written with the feature torch");
        fs::write(&path, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
        return;
    }
    let mut golden: BTreeMap<String, Hashes> =
        serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    if !cfg!(feature = "torch") {
        TWINS.iter().for_each(|of| drop(golden.remove(&twin(of))));
    }
    let mut moved = Vec::new();
    for name in golden.keys().chain(found.keys()) {
        let none = Hashes::new();
        let before = golden.get(name).unwrap_or(&none);
        let now = found.get(name).unwrap_or(&none);
        for what in before.keys().chain(now.keys()) {
            if before.get(what) != now.get(what) {
                moved.push(format!("{name}: {what}"));
            }
        }
    }
    moved.sort();
    moved.dedup();
    assert!(
        moved.is_empty(),
        "no longer what it was:\n{}",
        moved.join("\n")
    );
}
