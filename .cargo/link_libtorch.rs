//! Build script of every crate whose binaries or tests load libtorch: lets them
//! find it at run time without `LD_LIBRARY_PATH`.
//!
//! A crate uses it with `build = "../.cargo/link_libtorch.rs"` and a dependency
//! on `torch-sys`, which tells its direct dependents where libtorch is.

use std::path::{Path, PathBuf};
use std::process::{Command, exit};
use std::{env, fs};

fn main() {
    let lib = PathBuf::from(env::var("DEP_TCH_LIBTORCH_LIB").expect(
        "torch-sys told no libtorch folder: the crate needs `torch-sys.workspace = true` \
         among its dependencies",
    ));
    println!(
        "cargo::rerun-if-changed={}",
        lib.join("libtorch_cpu.so").display()
    );
    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", lib.display());
    restore(&lib);
    expose_to_doctests(&lib);
}

/// Fetches libtorch anew if it was deleted after torch-sys had been built.
fn restore(lib: &Path) {
    // [checkout]/.libtorch/[version]/lib; another layout is the user's own.
    let fetcher = lib
        .ancestors()
        .nth(3)
        .map(|checkout| checkout.join(".cargo/libtorch.py"));
    if let (false, Some(fetcher)) = (lib.join("libtorch_cpu.so").exists(), fetcher)
        && fetcher.exists()
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
