//! Commands that a message tells the user to run, so that they work as they are.

use std::env;
use std::path::Path;

/// How the user called this program.
pub(crate) fn program() -> String {
    env::args()
        .next()
        .unwrap_or_else(|| "experiments".to_owned())
}

/// A path as a shell takes it.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%,=".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// The command that resumes a run.
pub(crate) fn resume_command(path: &Path) -> String {
    format!("{} resume {}", program(), quoted(path))
}
