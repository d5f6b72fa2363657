//! The rules of the house: who may depend on whom, and who may do what.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use tests::{Crate, crates, integration_tests, root, sources};

/// Whether a crate is the engine, or stands on it: it may know all that the engine does.
fn runs_trainings(c: &Crate) -> bool {
    c.name == "lab" || c.dependencies.iter().any(|d| d == "lab")
}

/// Algorithms: the libraries that stand on the floor of learners, below the engine
/// that runs them.
fn algorithms(all: &BTreeMap<String, Crate>) -> Vec<String> {
    let libraries = all.values().filter(|c| c.folder.starts_with("crates"));
    let learns = |c: &&Crate| c.dependencies.iter().any(|d| d == "agent");
    let algorithms = libraries.filter(learns).filter(|c| !runs_trainings(c));
    algorithms.map(|c| c.name.clone()).collect()
}

fn by_name() -> BTreeMap<String, Crate> {
    crates().into_iter().map(|c| (c.name.clone(), c)).collect()
}

/// Everything of this workspace that a crate depends on, however indirectly.
fn reach(name: &str, all: &BTreeMap<String, Crate>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        for dependency in &all[&name].dependencies {
            if all.contains_key(dependency) && found.insert(dependency.clone()) {
                open.push(dependency.clone());
            }
        }
    }
    found
}

fn environments(all: &BTreeMap<String, Crate>) -> Vec<&Crate> {
    all.values()
        .filter(|c| c.folder.starts_with("envs"))
        .collect()
}

#[test]
fn a_crates_folder_has_its_name() {
    for c in crates() {
        let folder = c.folder.file_name().unwrap().to_str().unwrap();
        assert_eq!(folder, c.name);
        let parent = c.folder.parent().unwrap();
        let house = ["", "crates", "envs", "experiments/examples"];
        assert!(
            house.iter().any(|h| Path::new(h) == parent),
            "{:?}",
            c.folder
        );
    }
}

#[test]
fn the_top_level_is_as_the_house_draws_it() {
    let known = [
        "book",
        "crates",
        "envs",
        "experiments",
        "tests",
        "target",
        "runs",
    ];
    for entry in fs::read_dir(root()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() && !name.starts_with('.') {
            assert!(
                known.contains(&name.as_str()),
                "a folder '{name}' at the top level"
            );
        }
    }
}

#[test]
fn environments_depend_on_the_core_alone() {
    let all = by_name();
    assert!(!environments(&all).is_empty());
    for env in environments(&all) {
        let ours: Vec<&String> = env
            .dependencies
            .iter()
            .filter(|d| all.contains_key(*d))
            .collect();
        assert_eq!(ours, ["rl-core"], "{}", env.name);
    }
}

#[test]
fn libtorch_stays_where_it_belongs() {
    let all = by_name();
    let algorithms = algorithms(&all);
    for (name, c) in &all {
        let direct = c
            .dependencies
            .iter()
            .any(|d| d == "tch" || d == "torch-sys");
        let through = reach(name, &all).contains("nets");
        let learns = ["nets", "agent"].contains(&name.as_str()) || algorithms.contains(name);
        let allowed = learns || runs_trainings(c) || c.folder.starts_with("experiments");
        assert!(allowed || !(direct || through), "{name} needs libtorch");
    }
}

/// Names of all that is built for packages, tests included.
fn built(packages: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--prefix=none", "--format={p}"])
        .args(packages)
        .current_dir(root())
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let names = lines.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

#[test]
fn without_its_feature_nothing_needs_libtorch() {
    let with = built(&["--workspace"]);
    let without = built(&["--workspace", "--no-default-features"]);
    assert!(without.contains("experiments") && without.contains("nets"));
    for name in ["tch", "torch-sys"] {
        assert!(with.contains(name) && !without.contains(name), "{name}");
    }
}

#[test]
fn algorithms_know_no_environment_no_record_and_no_other_algorithm() {
    let all = by_name();
    let environments: Vec<&str> = environments(&all).iter().map(|e| e.name.as_str()).collect();
    let algorithms = algorithms(&all);
    assert!(algorithms.len() > 1, "{algorithms:?}");
    for algorithm in &algorithms {
        for dependency in reach(algorithm, &all) {
            assert!(
                !environments.contains(&dependency.as_str()),
                "{algorithm} → {dependency}"
            );
            assert!(
                !algorithms.contains(&dependency),
                "{algorithm} → {dependency}"
            );
            let files = ["record", "report", "lab", "experiments"];
            assert!(
                !files.contains(&dependency.as_str()),
                "{algorithm} → {dependency}"
            );
        }
    }
}

/// Nobody has a library know more than its manifest says that it may. The engine, and
/// who stands on it, knows all of them.
#[test]
fn libraries_know_what_they_declare_and_no_more() {
    let all = by_name();
    let libraries = all
        .values()
        .filter(|c| c.folder.starts_with("crates") || c.folder.starts_with("envs"))
        .filter(|c| !runs_trainings(c));
    for c in libraries {
        let place = c.folder.join("Cargo.toml").display().to_string();
        let knows = c.knows.as_ref();
        let knows = knows.unwrap_or_else(|| panic!("{place}: [package.metadata.house] knows = …"));
        let knows: BTreeSet<String> = knows.iter().cloned().collect();
        assert_eq!(reach(&c.name, &all), knows, "{place}");
    }
}

/// The code of a file without comments, its tests included.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines();
    let kept = lines.filter(|line| !line.trim_start().starts_with("//"));
    kept.collect::<Vec<_>>().join("\n")
}

/// Refuses words in the sources of every crate but this one, and of those whose
/// manifests say that they do what a lint of this name refuses.
fn refuse(rule: &str, lint: &str, words: &[&str]) {
    let mut found = Vec::new();
    let own = |c: &&Crate| c.name != "tests" && !c.does.iter().any(|does| does == lint);
    for c in crates().iter().filter(own) {
        for file in sources(c) {
            let code = code(&file);
            let hits = words.iter().filter(|word| code.contains(**word));
            found.extend(hits.map(|word| format!("{}: {word}", file.display())));
        }
    }
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

/// Who prints, reads the clock or the environment, or is unsafe is refused by the
/// lints of the workspace, which hold where a crate takes them over and does not
/// allow itself what they refuse.
#[test]
fn every_crate_keeps_the_lints() {
    for c in crates() {
        let manifest = fs::read_to_string(root().join(&c.folder).join("Cargo.toml")).unwrap();
        let lints = "[lints]\nworkspace = true\n";
        assert!(manifest.contains(lints), "{}: {lints}", c.name);
    }
    refuse(
        "lints",
        "disallowed_methods",
        &["clippy::disallowed_methods"],
    );
    refuse("lints", "", &["clippy::print_std", "clippy::dbg_macro"]);
    refuse("lints", "unsafe_code", &["unsafe_code"]);
}

#[test]
fn nobody_draws_from_generators_that_may_change() {
    let words = [
        "StdRng",
        "SmallRng",
        "thread_rng",
        "rand::rng()",
        "manual_seed",
        "Tensor::rand",
    ];
    refuse("value-stable streams only", "", &words);
}

#[test]
fn nothing_is_left_unfinished() {
    let words = ["#[ignore"];
    refuse("unfinished code", "", &words);
    for c in crates().iter().filter(|c| c.name != "tests") {
        for file in integration_tests(c) {
            let found = words.iter().find(|word| code(&file).contains(**word));
            assert_eq!(found, None, "{}", file.display());
        }
    }
}

#[test]
fn every_crate_says_what_it_is_for_and_what_it_must_not_know() {
    for c in crates()
        .iter()
        .filter(|c| c.folder.starts_with("crates") || c.folder.starts_with("envs"))
    {
        let text = fs::read_to_string(root().join(&c.folder).join("src/lib.rs")).unwrap();
        let header = text.lines().take_while(|line| line.starts_with("//!"));
        let header = header.map(|line| line.trim_start_matches("//!").trim());
        let header = header.collect::<Vec<_>>().join(" ");
        assert!(header.len() > 80, "{}: no introduction", c.name);
        assert!(
            header.contains("must not"),
            "{}: what must it not know?",
            c.name
        );
    }
}
