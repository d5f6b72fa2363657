//! Commands that a message tells the user to run, so that they work as they are.

use std::env;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// How the user called this program.
pub fn program() -> String {
    let called = env::args_os().next();
    called.map_or_else(
        || "experiments".to_owned(),
        |path| quoted(&PathBuf::from(path)),
    )
}

/// A path as a shell takes it.
pub fn quoted(path: &Path) -> String {
    let Some(text) = path.to_str() else {
        return ansi_c_quoted(path.as_os_str().as_bytes());
    };
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%,=".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// Bytes that are no text, as bash, zsh and ksh take them.
fn ansi_c_quoted(bytes: &[u8]) -> String {
    let mut quoted = "$'".to_owned();
    for byte in bytes {
        match byte {
            b'\'' | b'\\' => quoted.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => quoted.push(char::from(*byte)),
            _ => quoted.push_str(&format!("\\x{byte:02x}")),
        }
    }
    quoted + "'"
}

/// Says how a run is resumed where that is no command of a shell.
static RESUME: OnceLock<fn(&Path) -> String> = OnceLock::new();

/// Has messages say that a run is resumed so, from now on: for who uses this crate
/// without the command line. The first who says it is heard.
pub fn resume_as(command: fn(&Path) -> String) {
    RESUME.get_or_init(|| command);
}

/// The command that resumes a run.
pub fn resume_command(path: &Path) -> String {
    match RESUME.get() {
        Some(command) => command(path),
        None => format!("{} resume {}", program(), quoted(path)),
    }
}

/// The command that does again what failed; `None` where there is no command line.
pub fn replay_command(path: &Path) -> Option<String> {
    let command = || format!("{} replay {}", program(), quoted(path));
    RESUME.get().is_none().then(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn a_shell_takes_every_path_back() {
        let quoted = |bytes: &[u8]| quoted(Path::new(OsStr::from_bytes(bytes)));
        assert_eq!(quoted(b"runs/a-1"), "runs/a-1");
        assert_eq!(quoted(b"a b's"), r"'a b'\''s'");
        assert_eq!(quoted(b"caf\xe9's \\1"), r"$'caf\xe9\'s \\1'");
    }
}
