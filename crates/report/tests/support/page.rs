//! Reports on synthetic runs, and what must hold of every page.

use std::fs;
use std::path::{Path, PathBuf};

use report::{Written, load, write};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::Synthetic;

/// Writes seeds into `<temporary>/quick` and reports on them.
pub(crate) fn reported(synthetic: &Synthetic, seeds: u64) -> (TempDir, Written, String) {
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..seeds {
        synthetic.write(&folder.path().join("quick"), seed);
    }
    let (written, page) = report(&[folder.path().join("quick")], folder.path());
    (folder, written, page)
}

pub(crate) fn report(paths: &[PathBuf], out: &Path) -> (Written, String) {
    let written = write(&load(paths, &mut |_| ()).unwrap(), out, &mut |_| ()).unwrap();
    let page = fs::read_to_string(&written.html).unwrap();
    check_page(&page);
    (written, page)
}

/// What must hold of every page: it is well-formed and stands alone.
pub(crate) fn check_page(page: &str) {
    assert!(!page.contains("http"), "the page refers to the network");
    assert!(!page.contains("<script"), "the page has a script");
    assert!(!page.contains("NaN") && !page.contains("inf ") && !page.contains("None"));
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("an unclosed tag");
        let name = tag
            .trim_start_matches('/')
            .split([' ', '\n'])
            .next()
            .unwrap();
        match tag {
            tag if tag.starts_with('!') || tag.ends_with('/') => {}
            tag if tag.starts_with('/') => assert_eq!(open.pop(), Some(name), "</{name}>"),
            _ if ["meta", "br"].contains(&name) => {}
            _ => open.push(name),
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
}

/// Changes a document that belongs to a configuration, and seals it again.
pub(crate) fn change(path: &Path, change: impl FnOnce(&mut Value)) {
    let config = fs::read_to_string(path.with_file_name("config.toml")).unwrap();
    let mut value: Value = record::read_sealed(path, &config).unwrap().unwrap();
    change(&mut value);
    record::write_sealed(path, &value, &config).unwrap();
}
