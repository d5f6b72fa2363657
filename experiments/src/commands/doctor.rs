//! `doctor`: whether this machine has what is needed.

use crate::cli::DoctorArgs;
use crate::console::{Console, Event};
use crate::failure::Failure;
use crate::host;
use nets::tch::{Kind, Tensor};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// What the build has installed: SHA-256, bytes, file.
const SUMS: &str = include_str!("../../../.cargo/libtorch.sums");

/// One finding.
struct Finding {
    topic: &'static str,
    text: String,
    /// Whether nothing has to be done about it.
    fine: bool,
}

impl Finding {
    fn new(topic: &'static str, found: Result<String, String>) -> Self {
        let fine = found.is_ok();
        let text = found.unwrap_or_else(|text| text);
        Self { topic, text, fine }
    }
}

pub(crate) fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let console = Console::new(args.output.json);
    let findings = [
        Finding::new("metarl", Ok(env!("CARGO_PKG_VERSION").to_owned())),
        Finding::new("libtorch", libtorch()),
        Finding::new("arithmetic", arithmetic()),
        Finding::new("threads", threads()),
        // No GPU is no fault: everything works without.
        Finding::new("CUDA", Ok(nets::load_cuda().to_string())),
        Finding::new("CPU", Ok(host::cpu())),
        Finding::new("CPU features", Ok(host::cpu_features().join(" "))),
        Finding::new(
            "cores",
            Ok(format!("{}, so as many workers by default", host::cores())),
        ),
        Finding::new("system", Ok(host::system())),
        Finding::new(
            "runs folder",
            writable(&args.runs, "choose another with --runs"),
        ),
        Finding::new("cache folder", cache_folder()),
    ];
    for finding in &findings {
        let mark = match finding.fine {
            true => console.good("ok    "),
            false => console.bad("FAILED"),
        };
        console.say(format!("{mark}  {:<14}{}", finding.topic, finding.text))?;
        console.emit(
            Event::Check,
            &json!({
                "topic": finding.topic,
                "ok": finding.fine,
                "text": finding.text,
            }),
        )?;
    }
    match findings.iter().filter(|finding| !finding.fine).count() {
        0 => Ok(()),
        faults => Err(Failure::config(format!(
            "{faults} of these must be put right"
        ))),
    }
}

fn libtorch() -> Result<String, String> {
    let libtorch = nets::Libtorch::in_use().map_err(|error| error.to_string())?;
    let (version, folder) = (libtorch.version, libtorch.folder);
    let place = folder.display();
    let built_with = Path::new(env!("LIBTORCH_FOLDER"));
    if fs::canonicalize(built_with).is_ok_and(|linked| linked != folder) {
        return Err(format!(
            "{version} in {place} was loaded, and {} is what the program was built with; unset \
             LD_PRELOAD",
            built_with.display()
        ));
    }
    // One of the user's own has other sums.
    let installed = format!("libtorch-{version}-cpu/lib");
    if !folder.ends_with(Path::new("metarl").join(installed)) {
        return Ok(format!("{version} in {place}, which is your own"));
    }
    let damaged = damaged(folder.parent().unwrap_or(&folder), SUMS);
    match &damaged[..] {
        [] => Ok(format!("{version} in {place}, as it was installed")),
        damaged => Err(format!(
            "{version} in {place} is damaged: {}; delete {} and build again, which fetches it anew",
            damaged.join(", "),
            folder.parent().unwrap_or(&folder).display()
        )),
    }
}

/// The files of a table of sums that are not as the table says, and why.
fn damaged(home: &Path, sums: &str) -> Vec<String> {
    let rows = sums.lines().filter(|line| !line.starts_with('#'));
    let fault = |row: &str| {
        let mut fields = row.split(' ');
        let (sum, file) = (fields.next()?, fields.next_back()?);
        match sha256(&home.join(file)) {
            Ok(found) if found == sum => None,
            Ok(_) => Some(format!("{file} holds other bytes")),
            Err(error) => Some(format!("{file}: {error}")),
        }
    };
    rows.filter_map(fault).collect()
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut digest = Sha256::new();
    io::copy(&mut File::open(path)?, &mut digest)?;
    Ok(digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// libtorch answers, and is not only there.
fn arithmetic() -> Result<String, String> {
    let ones = Tensor::ones([64, 64], (Kind::Float, nets::tch::Device::Cpu));
    let sum = ones.matmul(&ones).sum(Kind::Float).double_value(&[]);
    match sum == 64.0_f64.powi(3) {
        true => Ok("libtorch multiplies matrices correctly".to_owned()),
        false => Err(format!(
            "libtorch's product of matrices sums up to {sum}, not 262144"
        )),
    }
}

fn threads() -> Result<String, String> {
    match nets::tch::get_num_threads() {
        1 => Ok("libtorch keeps to the thread that calls it".to_owned()),
        threads => Err(format!(
            "libtorch uses {threads} threads; its results would depend on them"
        )),
    }
}

/// Whether files can be made in a folder, which may have to be made as well.
fn writable(folder: &Path, otherwise: &str) -> Result<String, String> {
    let place = folder.display();
    // The deepest that exists decides: what is missing would be made in it.
    let there = folder.ancestors().find(|folder| folder.exists());
    let there = there.unwrap_or(Path::new("."));
    let probe = there.join(format!(".metarl-doctor-{}", std::process::id()));
    let written = fs::create_dir(&probe)
        .and_then(|()| fs::write(probe.join("probe"), b"x"))
        .and_then(|()| fs::remove_dir_all(&probe));
    match written {
        Ok(()) => Ok(format!("{place} is writable")),
        Err(error) => {
            // Whatever was made of it.
            let _ = fs::remove_dir_all(&probe);
            Err(format!("{place}: cannot write there: {error}; {otherwise}"))
        }
    }
}

fn cache_folder() -> Result<String, String> {
    let otherwise = "a build that fetches libtorch needs it: set XDG_CACHE_HOME to the absolute \
                     path of a folder that you can write to";
    match host::cache_folder() {
        Some(folder) => writable(&folder, otherwise),
        None => Err(format!("no home folder is known; {otherwise}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for (file, bytes) in [("whole", "abc"), ("changed", "abd"), ("cut", "ab")] {
            fs::write(folder.path().join(file), bytes).unwrap();
        }
        // The sum of "abc", as FIPS 180-2 gives it.
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let rows = ["whole", "changed", "cut", "gone"].map(|file| format!("{sum} 3 {file}\n"));
        let found = damaged(folder.path(), &format!("# sums\n{}", rows.concat()));
        assert_eq!(
            found[..2],
            ["changed holds other bytes", "cut holds other bytes"]
        );
        assert!(
            found.len() == 3 && found[2].starts_with("gone: "),
            "{found:?}"
        );
    }
}
