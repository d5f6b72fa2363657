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

/// A page without its scripts, of which one does something and the others hold data.
pub(crate) fn without_scripts(page: &str) -> String {
    let mut parts = page.split("<script");
    let mut text = parts.next().unwrap().to_string();
    let mut codes = 0;
    for part in parts {
        let (script, after) = part.split_once("</script>").expect("an unclosed script");
        match script.strip_prefix(" type=\"application/json\">") {
            Some(data) => drop(serde_json::from_str::<Value>(data).expect("data of a figure")),
            None => {
                assert!(script.starts_with('>'), "a script from elsewhere");
                codes += 1;
            }
        }
        text.push_str(after);
    }
    assert_eq!(codes, 1, "scripts that do something");
    text
}

/// What must hold of every page: it is well-formed, stands alone, and tells a reader who
/// does not see it, or has no mouse, all that it shows.
pub(crate) fn check_page(page: &str) {
    assert!(!page.contains("http"), "the page refers to the network");
    let page = &without_scripts(page);
    check_access(page);
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

/// The tags of a page that begin an element of this name.
pub(crate) fn tags<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let begin = format!("<{name}");
    let tags = page.match_indices(&begin).map(|(at, _)| &page[at..]);
    let own = tags.filter(|tag| !tag[begin.len()..].starts_with(|c: char| c.is_alphanumeric()));
    own.map(|tag| &tag[..tag.find('>').unwrap()]).collect()
}

fn check_access(page: &str) {
    assert!(page.contains("<html lang=\"en\">") && page.contains("<title>"));
    for landmark in ["main", "footer", "h1"] {
        assert_eq!(tags(page, landmark).len(), 1, "{landmark}");
    }
    // A heading is at most one level below the one before it.
    let levels = page
        .match_indices("<h")
        .filter_map(|(at, _)| page[at + 2..].chars().next()?.to_digit(10));
    let levels: Vec<u32> = levels.collect();
    assert!(
        levels.windows(2).all(|pair| pair[1] <= pair[0] + 1),
        "{levels:?}"
    );
    for heading in tags(page, "th") {
        assert!(heading.contains(" scope=\""), "{heading}");
    }
    for figure in tags(page, "svg") {
        let named = figure
            .split_once("aria-label=\"")
            .is_some_and(|(_, name)| !name.starts_with('"'));
        assert!(figure.contains("role=\"img\"") && named, "{figure}");
    }
    // What is scrolled can be reached with the keyboard, and has a name there.
    let scrolled = page.matches("class=\"scroll\"").count();
    assert_eq!(
        page.matches("class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"")
            .count(),
        scrolled
    );
    let ids: Vec<&str> = page
        .split(" id=\"")
        .skip(1)
        .map(|id| id.split('"').next().unwrap())
        .collect();
    let different: std::collections::BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(different.len(), ids.len(), "an id is there twice: {ids:?}");
    // Every CSV file that is in the page is a table too.
    assert_eq!(
        page.matches("<a class=\"csv\"").count(),
        page.matches("<details class=\"values\">").count()
    );
}

/// Changes a document that belongs to a configuration, and seals it again.
pub(crate) fn change(path: &Path, change: impl FnOnce(&mut Value)) {
    let config = fs::read_to_string(path.with_file_name("config.toml")).unwrap();
    let mut value: Value = record::read_sealed(path, &config).unwrap().unwrap();
    change(&mut value);
    record::write_sealed(path, &value, &config).unwrap();
}
