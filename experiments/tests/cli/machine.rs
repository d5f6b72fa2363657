//! The machine around the program: its environment variables, its libraries, its
//! folders.

use crate::lab::{Lab, Outcome, fingerprint};
use std::fs;
use std::process::Command;

/// Each of these gives other bits where libtorch sees it.
#[test]
fn exported_variables_do_not_change_the_bits() {
    let lab = Lab::new();
    let trained = |runs: &str, variables: &[(&str, &str)]| {
        let settings = ["rl2.backend=torch", "rl2.updates=2"];
        let args = [&["train", "tiny.toml", "--runs", runs], &settings[..]].concat();
        let outcome = Outcome::of(lab.command(&args).envs(variables.iter().copied()));
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        fingerprint(&lab.path(runs).join("tiny/seed-0"))
    };
    let plain = trained("plain", &[]);
    for variable in [
        ("ATEN_CPU_CAPABILITY", "default"),
        ("MKL_CBWR", "COMPATIBLE"),
        ("MKL_ENABLE_INSTRUCTIONS", "SSE4_2"),
    ] {
        assert!(trained(variable.0, &[variable]) == plain, "{variable:?}");
    }
}

/// The folder holds files by the names of libtorch's that are no libraries.
#[test]
fn another_libtorch_in_the_search_path_is_not_taken() {
    let lab = Lab::new();
    for library in ["libtorch_cpu.so", "libc10.so", "libgomp.so.1"] {
        fs::write(lab.path(library), "another").unwrap();
    }
    let mut command = lab.command(&["list", "envs"]);
    let outcome = Outcome::of(command.env("LD_LIBRARY_PATH", lab.path("")));
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}

#[test]
fn the_doctor_knows_which_folders_can_be_written() {
    let lab = Lab::new();
    let doctor = |set: &dyn Fn(&mut Command) -> &mut Command| {
        let outcome = Outcome::of(set(&mut lab.command(&["doctor", "--json"])));
        let rows = outcome.rows();
        let row = rows.into_iter().find(|row| row["topic"] == "cache folder");
        row.unwrap_or_else(|| panic!("{outcome:?}"))
    };
    // Not even root can make folders there.
    let row = doctor(&|command| command.env("XDG_CACHE_HOME", "/proc/nowhere"));
    assert_eq!(row["ok"], false, "{row}");
    let text = row["text"].as_str().unwrap();
    assert!(
        text.contains("/proc/nowhere/metarl: cannot write there"),
        "{text}"
    );
    assert!(text.contains("set XDG_CACHE_HOME"), "{text}");
    // The system knows where the user's home is.
    let row = doctor(&|command| command.env_clear());
    let text = row["text"].as_str().unwrap();
    assert!(text.contains("/.cache/metarl"), "{text}");
}

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
