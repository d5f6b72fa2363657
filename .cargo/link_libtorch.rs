//! Build script of every crate whose binaries or tests load libtorch: lets them
//! find it at run time without `LD_LIBRARY_PATH`.
//!
//! A crate uses it with `build = "../.cargo/link_libtorch.rs"`, or calls its `main` in a
//! build script of its own, and has a feature `torch` that turns on its dependency on
//! `torch-sys`, which tells its direct dependents where libtorch is. Without the feature
//! there is nothing to find.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a build script reads the environment and prints for cargo"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, exit};
use std::{env, fs};

pub(crate) fn main() {
    // A file that is new there would not be embedded otherwise.
    if Path::new("presets").is_dir() {
        println!("cargo::rerun-if-changed=presets");
    }
    if env::var_os("CARGO_FEATURE_TORCH").is_none() {
        return;
    }
    let lib = PathBuf::from(env::var("DEP_TCH_LIBTORCH_LIB").expect(
        "torch-sys told no libtorch folder: the crate's feature `torch` needs \
         `dep:torch-sys`",
    ));
    println!(
        "cargo::rerun-if-changed={}",
        lib.join("libtorch_cpu.so").display()
    );
    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", lib.display());
    // DT_RPATH, which comes before LD_LIBRARY_PATH: another libtorch there is not
    // taken for the one that the program was built with.
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo::rustc-link-arg=-Wl,--disable-new-dtags");
    }
    println!("cargo::rustc-env=LIBTORCH_FOLDER={}", lib.display());
    restore(&lib);
    expose_to_doctests(&lib);
}

/// Fetches libtorch anew if it was deleted or cut after torch-sys had been built.
fn restore(lib: &Path) {
    // [checkout]/.libtorch/[version]/lib; another layout is the user's own.
    let fetcher = lib
        .ancestors()
        .nth(3)
        .map(|checkout| checkout.join(".cargo/libtorch.py"));
    if let Some(fetcher) = fetcher.filter(|fetcher| fetcher.exists())
        && !is_whole(lib, &fetcher.with_extension("sums"))
    {
        let status = Command::new("python3").arg(fetcher).status();
        if !status.is_ok_and(|status| status.success()) {
            eprintln!(
                "libtorch is gone from {} and could not be fetched again",
                lib.display()
            );
            exit(1);
        }
    }
}

/// Whether every library is there with all its bytes.
fn is_whole(lib: &Path, sums: &Path) -> bool {
    let sums = fs::read_to_string(sums).unwrap_or_default();
    let rows = sums.lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| row.split(' ').collect::<Vec<_>>())
        .all(|row| {
            let file = row[2].trim_start_matches("lib/");
            fs::metadata(lib.join(file)).is_ok_and(|file| file.len().to_string() == row[1])
        })
}

/// Doctests are linked without the arguments above. Cargo runs them, and all
/// that `cargo run` starts, with every library folder below the target folder
/// in the search path, so a link there reaches them too.
#[cfg(unix)]
fn expose_to_doctests(lib: &Path) {
    let link = PathBuf::from(env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join("libtorch");
    // Nothing to remove is the common case; any other trouble shows below.
    let _ = fs::remove_file(&link);
    std::os::unix::fs::symlink(lib, &link).unwrap_or_else(|error| {
        panic!(
            "cannot link {} to {}: {error}",
            link.display(),
            lib.display()
        )
    });
    println!("cargo::rustc-link-search=native={}", link.display());
}

#[cfg(not(unix))]
fn expose_to_doctests(_lib: &Path) {}
