//! The program without libtorch in it.

use crate::lab::Lab;
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};

#[test]
fn no_libtorch_is_loaded_and_help_is_there_at_once() {
    let program = fs::read(env!("CARGO_BIN_EXE_experiments")).unwrap();
    let program = String::from_utf8_lossy(&program);
    for library in ["libtorch_cpu.so", "libc10.so"] {
        assert!(!program.contains(library), "{library}");
    }
    // The quickest of many, since other programs take their share of the time.
    let lab = Lab::new();
    let start = || {
        let start = Instant::now();
        lab.done(&["--help"]);
        start.elapsed()
    };
    let quickest = (0..100).map(|_| start()).min().unwrap();
    assert!(quickest < Duration::from_millis(20), "{quickest:?}");
}

#[test]
fn what_needs_libtorch_is_refused_with_the_reason() {
    let lab = Lab::new();
    lab.refused(
        &["train", "tiny.toml", "rl2.backend=torch"],
        78,
        &["rl2.backend = torch; allowed: native, since this program was built without libtorch"],
    );
    lab.refused(
        &["bench", "rl2", "rl2.backend=torch", "rl2.trunk.hidden=4"],
        78,
        &["rl2.backend = torch; allowed: native"],
    );
    lab.refused(
        &["train", "tiny.toml", "--device", "cuda"],
        2,
        &[
            "device 'cuda' is not available",
            "built without libtorch",
            "feature torch",
        ],
    );
    assert!(!lab.path("runs").exists());
}

#[test]
fn a_run_says_that_there_was_no_libtorch() {
    let lab = Lab::new();
    lab.done(&["train", "tiny.toml", "rl2.updates=1"]);
    let text = fs::read_to_string(lab.path("runs/tiny/seed-0/environment.json")).unwrap();
    let machine: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(machine["libtorch"], "none", "{machine}");
    assert_eq!(machine["device"], "cpu");
}
