//! Whether libtorch is whole, and computes.

use super::Finding;
use nets::Libtorch;
use nets::tch::{self, Kind, Tensor};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// What the build has installed: SHA-256, bytes, file.
const SUMS: &str = include_str!("../../../../.cargo/libtorch.sums");

pub(super) fn findings() -> Vec<Finding> {
    vec![
        Finding::new("libtorch", libtorch()),
        Finding::new("arithmetic", arithmetic()),
        Finding::new("threads", threads()),
    ]
}

fn libtorch() -> Result<String, String> {
    let libtorch = nets::libtorch().map_err(|error| error.to_string())?;
    let Libtorch { version, folder } = libtorch.ok_or("none")?;
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
    let ones = Tensor::ones([64, 64], (Kind::Float, tch::Device::Cpu));
    let sum = ones.matmul(&ones).sum(Kind::Float).double_value(&[]);
    match sum == 64.0_f64.powi(3) {
        true => Ok("libtorch multiplies matrices correctly".to_owned()),
        false => Err(format!(
            "libtorch's product of matrices sums up to {sum}, not 262144"
        )),
    }
}

fn threads() -> Result<String, String> {
    match tch::get_num_threads() {
        1 => Ok("libtorch keeps to the thread that calls it".to_owned()),
        threads => Err(format!(
            "libtorch uses {threads} threads; its results would depend on them"
        )),
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
