//! Power cuts and failing calls: after each of them whoever opens the run finds it
//! as it was before the step in which that happened, or as it is after it.
//!
//! The calls of a run are logged. A [`Model`](model::Model) of a disk then knows, after any of
//! them, what was flushed and what was not, and so what a power cut may leave: names
//! and bytes that were not flushed are there, or are not, or only in part. POSIX
//! promises no more than that; the file systems in use promise more.

mod cuts;
mod faults;
mod model;
mod recorder;
mod script;

use std::fs;
use std::path::Path;

/// All changes go through [`Disk`](crate::disk::Disk), or the tests above would not see them.
#[test]
fn nothing_else_changes_a_disk() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let words = [
        "fs::write",
        "fs::rename",
        "fs::remove",
        "fs::create",
        "fs::copy",
        "hard_link",
        "File::create",
        ".write_all(",
        ".set_len(",
        ".sync_all(",
        ".sync_data(",
        "set_permissions",
    ];
    for entry in fs::read_dir(sources).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("disk.rs") || path.is_dir() {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        // Tests come last in a file, and may write what they like.
        let program = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for word in words {
            assert!(
                !program.contains(word),
                "{path:?}: {word} belongs into disk.rs"
            );
        }
    }
}
