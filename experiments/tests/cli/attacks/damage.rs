//! Files of a run are damaged behind its back.

use super::{Reference, Tally, ended};
use rl_core::Stream;
use rl_core::rand::RngExt as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

/// All regular files below a folder but the lock.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder).expect("a folder that this test made");
    for entry in entries {
        let path = entry.expect("a folder that this test made").path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.file_name().is_some_and(|name| name != "lock") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    for file in files_below(from) {
        let name = file.strip_prefix(from).expect("below it");
        let target = to.join(name);
        fs::create_dir_all(target.parent().expect("below it")).expect("a folder");
        fs::copy(&file, target).expect("a copy");
    }
}

/// Damages bytes in one of the ways that disks, editors and scripts do; returns
/// which.
fn damage(bytes: &mut Vec<u8>, rng: &mut Stream) -> &'static str {
    if bytes.is_empty() {
        bytes.extend(b"{}\n");
        return "filled";
    }
    let at = rng.random_range(0..bytes.len());
    match rng.random_range(0..6) {
        0 => {
            bytes[at] ^= 1 << rng.random_range(0..8);
            "one bit flipped"
        }
        1 => {
            bytes.truncate(at);
            "cut short"
        }
        2 => {
            bytes.clear();
            "emptied"
        }
        3 => {
            let again = bytes[at..].to_vec();
            bytes.extend(again);
            "its end doubled"
        }
        4 => {
            let end = bytes.len().min(at + 16);
            bytes[at..end].fill(0);
            "zeros over it"
        }
        _ => {
            bytes.drain(..at);
            "its beginning gone"
        }
    }
}

/// A run that was killed on its way, in a folder of its own.
fn half_way(reference: &Reference, rng: &mut Stream) -> PathBuf {
    loop {
        let runs = reference.runs(rng);
        let mut command = reference.train(&runs);
        let spawned = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = spawned.expect("it starts");
        let run = runs.join("tiny/seed-0");
        let rows = || fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
        while rows().lines().count() < 8 && child.try_wait().is_ok_and(|end| end.is_none()) {
            sleep(Duration::from_millis(1));
        }
        child.kill().expect("it can be killed");
        child.wait().expect("it was killed");
        if (8..40).contains(&rows().lines().count()) {
            return run;
        }
    }
}

#[test]
fn damaged_files_are_found_or_do_not_matter() {
    let reference = Reference::new();
    let mut first = Tally::new("a run to damage");
    let half = half_way(&reference, &mut first.rng);
    let whole = reference.lab.path("reference/tiny/seed-0");
    Tally::new("damaged files, then resume").attack(16, |rng| {
        let original = if rng.random() { &half } else { &whole };
        let runs = reference.runs(rng);
        let run = runs.join("tiny/seed-0");
        copy(original, &run);
        let files = files_below(&run);
        let file = &files[rng.random_range(0..files.len())];
        let mut bytes = fs::read(file).map_err(|error| error.to_string())?;
        let before = bytes.clone();
        let how = damage(&mut bytes, rng);
        fs::write(file, &bytes).map_err(|error| error.to_string())?;
        let name = file.strip_prefix(&run).expect("below it").display();
        let name = name.to_string();
        let outcome = ended(&mut reference.command(&["resume"], &run))?;
        let result = match outcome.code {
            Some(0) if before == bytes => reference.compare(&run, None),
            // What the results do not come from: the other checkpoint is whole.
            Some(0) => {
                let spare = not_of_the_results(&name) || name.starts_with("checkpoints");
                reference.compare(&run, spare.then_some(&name))
            }
            Some(78) => kept(original, &run, &name),
            _ => Err(format!("{outcome:?}")),
        };
        result.map_err(|why| format!("{name}, {how}: {why}"))
    });
}

/// Whether a file says nothing of what was computed: the clock, the machine, pages
/// that are drawn from other files.
fn not_of_the_results(name: &str) -> bool {
    [
        "timing",
        "environment",
        "report",
        "table",
        "figures",
        "pictures",
    ]
    .iter()
    .any(|start| name.starts_with(start) || name.ends_with("timing.json"))
}

/// Whether a refused run has lost nothing: all files but the damaged one are as
/// they were, and but what the kill left unfinished, which nobody can read and
/// whoever opens the run sweeps away.
fn kept(original: &Path, run: &Path, damaged: &str) -> Result<(), String> {
    for file in files_below(original) {
        let name = file.strip_prefix(original).expect("below it");
        if name.to_string_lossy().contains(".unfinished-") {
            continue;
        }
        let before = fs::read(&file).map_err(|error| error.to_string())?;
        let same = fs::read(run.join(name)).is_ok_and(|after| after == before);
        if name != Path::new(damaged) && !same {
            let name = name.display();
            return Err(format!("{name} was changed by a command that refused"));
        }
    }
    Ok(())
}
