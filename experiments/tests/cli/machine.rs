//! The machine around the program.

use crate::lab::{Lab, Outcome};
use std::fs;
use std::process::Command;

#[test]
fn a_deleted_working_directory_is_named() {
    let lab = Lab::new();
    fs::create_dir(lab.path("gone")).unwrap();
    let mut shell = Command::new("sh");
    let script = "rmdir \"$PWD\" && exec \"$0\" list";
    shell.args(["-c", script, env!("CARGO_BIN_EXE_experiments")]);
    let outcome = Outcome::of(shell.current_dir(lab.path("gone")));
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    let said = outcome
        .stderr
        .starts_with("error: the working directory cannot be found");
    assert!(said && outcome.stderr.contains("deleted"), "{outcome:?}");
}
