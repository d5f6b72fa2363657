//! Where the runs of several seeds lie.

use crate::failure::Failure;
use record::schema::SeedGroup;
use record::{Reader, RunDir};
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of a seed's run, in the folder around the runs of several seeds.
pub fn path_of(folder: &Path, seed: u64) -> PathBuf {
    folder.join(format!("seed-{seed}"))
}

/// A name that is one folder, and no way out of the one it is in.
///
/// # Errors
/// What is allowed, if it is not.
pub fn folder_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_alphanumeric() || "-_.+=,@".contains(c);
    match text.starts_with(|c: char| c.is_alphanumeric()) && text.chars().all(plain) {
        true => Ok(text.to_owned()),
        false => Err("allowed: letters, digits and -_.+=,@, a letter or digit first".to_owned()),
    }
}

/// Whether a folder is the one around the runs of several seeds of a command.
pub fn holds_seeds(folder: &Path) -> bool {
    folder.join(SeedGroup::FILE_NAME).exists()
}

/// The seed that the folder of a run is named after.
pub fn seed_of(run: &Path) -> Option<u64> {
    let name = run.file_name()?.to_str()?;
    name.strip_prefix("seed-")?.parse().ok()
}

/// The runs of a folder: itself, or its `seed-*` folders in the order of their
/// seeds.
///
/// # Errors
/// If there is none.
pub fn runs_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    if RunDir::is_begun(folder) {
        return Ok(vec![folder.to_path_buf()]);
    }
    let mut seeds = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let seed = seed_of(&entry.path());
        if let Some(seed) = seed.filter(|_| RunDir::is_begun(&entry.path())) {
            seeds.push((seed, entry.path()));
        }
    }
    seeds.sort();
    match seeds.is_empty() {
        // Says why the folder itself is no run.
        true => Ok(vec![Reader::open(folder)?.path().to_path_buf()]),
        false => Ok(seeds.into_iter().map(|(_, path)| path).collect()),
    }
}

/// The run's own folder, or the one around all of several runs.
pub fn common_folder(runs: &[PathBuf]) -> PathBuf {
    let [first, rest @ ..] = runs else {
        return PathBuf::from(".");
    };
    let around = |folder: &&Path| rest.iter().all(|run| run.starts_with(folder));
    let start = first.ancestors().skip(usize::from(!rest.is_empty()));
    let common = start.into_iter().find(around).unwrap_or(Path::new("."));
    match common.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => common.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rl_core::rand::RngExt as _;
    use rl_core::{Domain, Purpose, StreamKey};
    use std::path::Component;

    #[test]
    fn a_report_lies_around_its_runs() {
        let common = |runs: &[&str]| {
            let runs: Vec<PathBuf> = runs.iter().map(PathBuf::from).collect();
            common_folder(&runs).display().to_string()
        };
        assert_eq!(common(&["runs/a/seed-0"]), "runs/a/seed-0");
        assert_eq!(common(&["runs/a/seed-0", "runs/a/seed-1"]), "runs/a");
        assert_eq!(common(&["runs/a/seed-0", "runs/b/seed-0"]), "runs");
        assert_eq!(common(&["a", "b"]), ".");
        assert_eq!(common(&["/a", "b"]), ".");
    }

    /// Whatever a run is called, its folder lies in the one of all runs.
    #[test]
    fn a_name_is_one_folder_or_refused() {
        const PIECES: [&str; 16] = [
            "a",
            "Z9",
            "é",
            "\u{1f980}",
            ".",
            "..",
            "/",
            "\\",
            "-",
            "_",
            " ",
            "\0",
            "\n",
            "~",
            "$x",
            "con",
        ];
        let mut rng = StreamKey::new(0, Domain::Tuning, 0).lane(Purpose::Init, 0);
        let mut taken = 0;
        for _ in 0..20_000 {
            let length = rng.random_range(0..6);
            let pieces = (0..length).map(|_| PIECES[rng.random_range(0..PIECES.len())]);
            let text: String = pieces.collect();
            if let Ok(name) = folder_name(&text) {
                taken += 1;
                let parts: Vec<_> = Path::new(&name).components().collect();
                let one = matches!(parts[..], [Component::Normal(part)] if part == name.as_str());
                assert!(
                    one && name == text && !name.starts_with(['-', '.']),
                    "{text:?}"
                );
            }
        }
        assert!(taken > 100, "{taken}");
    }
}
