//! Crates that `new` makes are compiled: their sources are modules of this test, made by the
//! build script in the same way, and cargo finds all that their manifests name.

use crate::lab::Lab;
use std::fs;
use std::path::Path;
use std::process::Command;

include!(concat!(env!("OUT_DIR"), "/made.rs"));

#[test]
fn what_is_made_is_what_was_compiled_and_has_all_it_needs() {
    let lab = Lab::new();
    for (kind, name, module) in [
        ("env", "my-own-cave", "my_own_cave"),
        ("algorithm", "my-own-rule", "my_own_rule"),
    ] {
        lab.done(&["new", kind, name]);
        let compiled = Path::new(env!("OUT_DIR")).join(name);
        for file in ["src/main.rs".to_owned(), format!("src/{module}.rs")] {
            let [made, compiled] = [lab.path(name), compiled.clone()]
                .map(|folder| fs::read_to_string(folder.join(&file)).unwrap());
            assert_eq!(made, compiled, "{name}/{file}");
        }
        let found = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--prefix=none", "--format={p}"])
            .current_dir(lab.path(name))
            .output()
            .unwrap();
        let complaints = String::from_utf8_lossy(&found.stderr);
        assert!(found.status.success(), "{complaints}");
        let packages = String::from_utf8(found.stdout).unwrap();
        for package in [name, "experiments", "rl-core"] {
            let named = |line: &str| line.split(' ').next() == Some(package);
            assert!(packages.lines().any(named), "{package}: {packages}");
        }
    }
}
