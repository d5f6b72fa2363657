//! What puts libtorch in place, with a pip that downloads nothing of use.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use tests::root;

/// As pip where an environment has to be active; its wheel is none.
const PIP: &str = r#"
import os, sys
if "--version" in sys.argv:
    print("pip 24.0 from nowhere")
    sys.exit()
if os.environ.get("PIP_REQUIRE_VIRTUALENV", "0") not in ("0", "false"):
    sys.exit("ERROR: Could not find an activated virtualenv (required).")
folder = sys.argv[sys.argv.index("--dest") + 1]
os.makedirs(folder)
open(os.path.join(folder, "torch.whl"), "w").close()
"#;

/// Runs the fetcher with a cache folder of its own; its complaints.
fn fetch(folder: &Path) -> Result<(), String> {
    let pip = folder.join("python/pip");
    fs::create_dir_all(&pip).unwrap();
    fs::write(pip.join("__init__.py"), "").unwrap();
    fs::write(pip.join("__main__.py"), PIP).unwrap();
    let output = Command::new("python3")
        .arg(root().join(".cargo/libtorch.py"))
        .arg(folder.join("links/2.11.0"))
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .env("PYTHONPATH", folder.join("python"))
        .env("PIP_REQUIRE_VIRTUALENV", "1")
        .output()
        .unwrap();
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// The download got as far as its sum, which is that of nothing.
fn was_fetched(fetched: Result<(), String>) -> bool {
    fetched.is_err_and(|why| why.contains("has the SHA-256 sum e3b0c442"))
}

#[test]
fn no_environment_of_python_has_to_be_active() {
    let folder = tempfile::tempdir().unwrap();
    let fetched = fetch(folder.path());
    assert!(was_fetched(fetched.clone()), "{fetched:?}");
}

#[test]
fn a_library_that_was_cut_is_fetched_anew() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("cache/metarl/libtorch-2.11.0-cpu");
    fs::create_dir_all(home.join("lib")).unwrap();
    fs::write(home.join("build-version"), "2.11.0\n").unwrap();
    let sums = fs::read_to_string(root().join(".cargo/libtorch.sums")).unwrap();
    for row in sums.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = row.split(' ').collect();
        let library = File::create(home.join(fields[2])).unwrap();
        library.set_len(fields[1].parse().unwrap()).unwrap();
    }
    fetch(folder.path()).unwrap();
    let library = File::options().write(true).open(home.join("lib/libc10.so"));
    library.unwrap().set_len(1000).unwrap();
    let fetched = fetch(folder.path());
    assert!(was_fetched(fetched.clone()), "{fetched:?}");
}
