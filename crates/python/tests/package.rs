//! The package as Python has it: the library that cargo built beside this test, with the
//! Python sources around it, in an environment of its own below the target folder.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is installed beside: pinned, so that a new release changes nothing here.
const REQUIREMENTS: [&str; 2] = ["numpy==2.2.6", "gymnasium==1.4.0"];

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{command:?} did not start: {error}; the tests need python3 of 3.10 or later with pip and venv")
    });
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        said(&output.stdout),
        said(&output.stderr)
    );
}

/// A Python with the requirements; made once for each list of them.
fn python() -> PathBuf {
    let folder = scratch().join("python-environment");
    let (stamp, python) = (folder.join("requirements"), folder.join("bin/python"));
    let wanted = REQUIREMENTS.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return python;
    }
    // Nothing to remove is the common case.
    let _ = fs::remove_dir_all(&folder);
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    run(Command::new(&python).args(pip).args(REQUIREMENTS));
    fs::write(stamp, wanted).unwrap();
    python
}

/// The library that this test was built beside.
fn library() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let name = format!("{DLL_PREFIX}metarl_native{DLL_SUFFIX}");
    let folders = tests.ancestors().skip(1).take(2);
    let mut files = folders.map(|folder| folder.join(&name));
    files
        .find(|file| file.exists())
        .expect("cargo builds the library first")
}

/// The package, as it is after it was installed.
fn package() -> PathBuf {
    let folder = scratch().join("python-package");
    // Nothing to remove is the common case.
    let _ = fs::remove_dir_all(&folder);
    let package = folder.join("metarl");
    fs::create_dir_all(&package).unwrap();
    for file in fs::read_dir(here().join("python/metarl")).unwrap() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_file() {
            fs::copy(file.path(), package.join(file.file_name())).unwrap();
        }
    }
    fs::copy(library(), package.join("_native.abi3.so")).unwrap();
    folder
}

/// Everything that the package promises and that is quick to see.
#[test]
fn python_has_the_package() {
    let mut command = Command::new(python());
    command
        .arg("-W")
        .arg("error::DeprecationWarning")
        .arg(here().join("tests/python/package.py"))
        .env("PYTHONPATH", package())
        .current_dir(scratch());
    // Where other crates of the build have libtorch, so has the library.
    if let Some(libtorch) = option_env!("LIBTORCH") {
        command.env("LD_LIBRARY_PATH", Path::new(libtorch).join("lib"));
    }
    run(&mut command);
}
