//! The program with libtorch in it: its environment variables, its libraries, its
//! folders, its bits.

use crate::lab::{Lab, Outcome, assert_identical, fingerprint};
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
fn the_number_of_workers_does_not_matter_to_libtorch() {
    let lab = Lab::new();
    for workers in ["1", "3"] {
        let torch = ["rl2.backend=torch", "--workers", workers, "--seed", "7"];
        lab.done(&[&["train", "tiny.toml", "--runs", workers], &torch[..]].concat());
    }
    assert_identical(&lab.path("1/tiny/seed-7"), &lab.path("3/tiny/seed-7"));
}
