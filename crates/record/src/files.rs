//! Files that appear whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{RecordError, Result};

/// Start of the names of unfinished files and folders. Nobody but the process
/// that writes them has a use for them: they are removed when a run is opened.
pub(crate) const UNFINISHED: &str = ".unfinished-";

/// How often a file is written anew when its unfinished one was removed.
const ATTEMPTS: usize = 10;

/// Writes a file so that a reader, or a process killed on the way, finds either
/// the old contents or the new, never a part. Of several that are written to
/// one path at once, by threads or processes, the last one stays.
///
/// # Errors
/// If the folder is not writable, with the path and the reason.
pub fn write_atomically(path: &Path, contents: &[u8]) -> Result<()> {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    for left in (0..ATTEMPTS).rev() {
        let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
        // A name of its own, or others that write the same file would rename it.
        let prefix = format!("{UNFINISHED}{}-{number}-", process::id());
        let temporary = beside(path, &prefix);
        let renamed = write_durably(&temporary, contents)
            .and_then(|()| fs::rename(&temporary, path).map_err(RecordError::io("write", path)));
        match renamed {
            // Another process has opened the run, and removed what was unfinished.
            Err(RecordError::Io { source, .. })
                if left > 0
                    && source.kind() == ErrorKind::NotFound
                    && temporary.parent().is_some_and(Path::is_dir) => {}
            Err(error) => {
                let _ = fs::remove_file(&temporary);
                return Err(error);
            }
            Ok(()) => break,
        }
    }
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Writes a file and waits until it is on the disk.
pub(crate) fn write_durably(path: &Path, contents: &[u8]) -> Result<()> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(contents)?;
        file.sync_all()
    };
    write().map_err(RecordError::io("write", path))
}

/// Waits until the names in a folder are on the disk.
///
/// # Errors
/// If the folder cannot be opened or flushed.
pub fn sync_folder(path: &Path) -> Result<()> {
    // Only Unix can open a folder as a file; elsewhere the rename is all there is.
    if cfg!(unix) {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        File::open(path)
            .and_then(|folder| folder.sync_all())
            .map_err(RecordError::io("flush", path))?;
    }
    Ok(())
}

/// The path beside `path` whose name has `prefix` in front.
pub(crate) fn beside(path: &Path, prefix: &str) -> PathBuf {
    let mut name = OsString::from(prefix);
    name.push(path.file_name().unwrap_or_default());
    path.with_file_name(name)
}

/// The names in a folder, sorted; none if there is no such folder.
pub(crate) fn names_in(path: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RecordError::io("list", path)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(RecordError::io("list", path))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Deletes a file or a folder; it is no error if there is none.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let deleted = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match deleted {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(RecordError::io("delete", path)(error))
        }
        _ => Ok(()),
    }
}
