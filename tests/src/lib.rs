//! What must hold across crates. The tests are in `tests/tests/`; this library
//! holds what they share.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The checkout's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("tests/ lies in the root").to_owned()
}

/// A crate of this workspace.
#[derive(Clone, Debug)]
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its folder, relative to the root.
    pub folder: PathBuf,
    /// Names of what it depends on, build-dependencies included and
    /// dev-dependencies not.
    pub dependencies: Vec<String>,
    /// Names of all of this workspace that it may depend on, however indirectly, as its
    /// manifest declares; `None` if it declares nothing.
    pub knows: Option<Vec<String>>,
    /// What its manifest declares that it does although the lints of the workspace
    /// refuse it: names of lints.
    pub does: Vec<String>,
}

/// Every crate of this workspace, as cargo sees them.
pub fn crates() -> Vec<Crate> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages.iter().map(package).collect()
}

fn package(package: &Value) -> Crate {
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let manifest = PathBuf::from(text(&package["manifest_path"]));
    let folder = manifest.parent().expect("a manifest lies in a folder");
    let dependencies = package["dependencies"].as_array().expect("dependencies");
    let kept = dependencies.iter().filter(|d| d["kind"] != "dev");
    let house = &package["metadata"]["house"];
    let words = |value: &Value| -> Option<Vec<String>> {
        let words = value.as_array()?.iter();
        Some(words.map(text).collect())
    };
    Crate {
        knows: words(&house["knows"]),
        does: words(&house["does"]).unwrap_or_default(),
        name: text(&package["name"]),
        folder: folder.strip_prefix(root()).expect("in the root").to_owned(),
        dependencies: kept.map(|d| text(&d["name"])).collect(),
    }
}

/// Every Rust source file of a crate that is part of its library or binary.
pub fn sources(of: &Crate) -> Vec<PathBuf> {
    below(root().join(&of.folder).join("src"))
}

/// Every Rust source file of a crate's integration tests.
pub fn integration_tests(of: &Crate) -> Vec<PathBuf> {
    below(root().join(&of.folder).join("tests"))
}

fn below(folder: PathBuf) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = folder.exists().then_some(folder).into_iter().collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a source folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
