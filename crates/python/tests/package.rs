//! The package as Python has it: the library that cargo built beside this test, with the
//! Python sources around it, with NumPy and Gymnasium below the target folder.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is installed beside, into a folder of its own: pinned, so that a new release changes
/// nothing here, to what has wheels for every Python from 3.10 to 3.14.
const REQUIREMENTS: [&str; 3] = [
    "numpy==2.2.6; python_version < '3.14'",
    "numpy==2.3.5; python_version >= '3.14'",
    "gymnasium==1.4.0",
];

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// What a command printed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!(
            "{command:?} did not start: {error}; the tests need python3 of 3.10 or later with pip"
        )
    });
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let printed = said(&output.stdout);
    assert!(
        output.status.success(),
        "{command:?}\n{printed}{}",
        said(&output.stderr)
    );
    printed
}

/// The folder of the requirements; made once for each list of them and each Python.
fn requirements() -> PathBuf {
    let folder = scratch().join("python-requirements");
    let stamp = folder.join("requirements");
    let which = "import sys; print(sys.executable, sys.version)";
    let python = run(Command::new("python3").args(["-c", which]));
    let wanted = format!("{python}{}", REQUIREMENTS.join("\n"));
    if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return folder;
    }
    // Nothing to remove is the common case.
    let _ = fs::remove_dir_all(&folder);
    let pip = "-m pip install --quiet --disable-pip-version-check --only-binary=:all: --target";
    let mut install = Command::new("python3");
    install.args(pip.split(' ')).arg(&folder).args(REQUIREMENTS);
    // Some systems' pip installs for the user, which goes with no folder, or into
    // environments only; nothing of Python's own is written to here.
    install
        .env("PIP_USER", "0")
        .env("PIP_REQUIRE_VIRTUALENV", "0");
    run(&mut install);
    fs::write(stamp, wanted).unwrap();
    folder
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
    let path = std::env::join_paths([package(), requirements()]).unwrap();
    for file in ["package.py", "trainings.py"] {
        let mut command = Command::new("python3");
        command
            .arg("-W")
            .arg("error::DeprecationWarning")
            .arg(here().join("tests/python").join(file))
            .env("PYTHONPATH", &path)
            .env("PYTHONNOUSERSITE", "1")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(scratch());
        // Where other crates of the build have libtorch, so has the library.
        if let Some(libtorch) = option_env!("LIBTORCH") {
            command.env("LD_LIBRARY_PATH", Path::new(libtorch).join("lib"));
        }
        run(&mut command);
    }
}
