//! Memory does not grow with updates. Alone in its binary, so that no other test
//! allocates beside it.

#![cfg(target_os = "linux")]

#[allow(dead_code, reason = "the other tests use the rest")]
#[path = "maml/common.rs"]
mod common;

use common::{config, points, promp, trainer, trpo};
use std::fs;

/// Pages of the process that are in memory.
fn resident() -> i64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn resident_memory_is_flat() {
    for outer in [trpo(), promp()] {
        let mut config = config(outer);
        config.inner.steps = 2;
        config.tasks = 4;
        config.trajectories = 5;
        let mut trainer = trainer(&points(), config, 2);
        let mut updates = |count| {
            for _ in 0..count {
                trainer.update().unwrap();
            }
            resident()
        };
        let warm = updates(15);
        let later = updates(50);
        // An update works on about 1 MiB: were a tenth of it kept, it would show.
        let growth = (later - warm) * 4096;
        assert!(growth < 2 << 20, "{growth} bytes in 50 updates");
    }
}
