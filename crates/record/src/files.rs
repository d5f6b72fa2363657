//! Every operation on files that a run consists of: files that appear whole or
//! not at all, names that are on the disk before something counts on them, and
//! no way out of a run's folder by a link.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::disk::disk;
use crate::{RecordError, Result};

/// Start of the names of unfinished files and folders. Nobody but the process
/// that writes them has a use for them: they are removed when a run is opened.
pub(crate) const UNFINISHED: &str = ".unfinished-";

/// A text that people write, such as a configuration, is no longer than this.
const LONGEST_TEXT: u64 = 16 << 20;

/// A JSON file, which is read whole, is no longer than this, and none longer is
/// written. Files of rows, which grow with the training, have no such bound.
pub(crate) const LONGEST_FILE: u64 = 1 << 30;

/// How often a file is written anew when its unfinished one was removed.
const ATTEMPTS: usize = 10;

/// Writes a file so that a reader, or a process killed on the way, finds either
/// the old contents or the new, never a part. Of several that are written to
/// one path at once, by threads or processes, the last one stays. A link in its
/// place is replaced, not followed.
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
        remove(&temporary)?;
        let renamed = write_durably(&temporary, contents).and_then(|()| {
            disk()
                .rename(&temporary, path)
                .map_err(RecordError::io("write", path))
        });
        match renamed {
            // Another process has opened the run, and removed what was unfinished.
            Err(RecordError::Io { source, .. })
                if left > 0
                    && source.kind() == ErrorKind::NotFound
                    && temporary.parent().is_some_and(Path::is_dir) => {}
            Err(error) => {
                // On a full disk what was begun takes room that others need.
                let _ = disk().remove_file(&temporary);
                return Err(error);
            }
            Ok(()) => break,
        }
    }
    sync_folder(parent(path))
}

/// Writes a new file and waits until it is on the disk.
pub(crate) fn write_durably(path: &Path, contents: &[u8]) -> Result<()> {
    let write = || {
        let mut new = OpenOptions::new();
        let file = disk().open(path, new.write(true).create_new(true))?;
        disk().write(&file, path, contents)?;
        disk().sync(&file, path)
    };
    write().map_err(RecordError::io("write", path))
}

/// Reads a text that a user names, a configuration for example. Links are
/// followed; what is no regular file is refused, because a pipe or a device
/// could keep the reader waiting for ever.
///
/// # Errors
/// If there is no such file, it is not a regular one, longer than 16 MiB, or no
/// text.
pub fn read_text(path: &Path) -> io::Result<String> {
    text_of(open_regular(path)?)
}

/// [`read_text`] of up to 1 GiB, which no person writes.
///
/// # Errors
/// As those of [`read_text`].
pub fn read_long_text(path: &Path) -> io::Result<String> {
    let bytes = read_bytes(path)?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

/// [`read_long_text`] of bytes.
///
/// # Errors
/// If there is no such file, it is not a regular one, or longer than 1 GiB.
pub fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    bytes_of(open_regular(path)?)
}

/// Reads a text inside a run's folder, where links are not followed.
pub(crate) fn read_own_text(path: &Path) -> Result<String> {
    open_own(path, OpenOptions::new().read(true))
        .and_then(text_of)
        .map_err(RecordError::io("read", path))
}

fn text_of(file: File) -> io::Result<String> {
    let mut text = String::new();
    expect_within(&file, LONGEST_TEXT)?;
    // It may grow meanwhile.
    file.take(LONGEST_TEXT).read_to_string(&mut text)?;
    Ok(text)
}

fn bytes_of(file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    expect_within(&file, LONGEST_FILE)?;
    file.take(LONGEST_FILE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Refuses a file before there is memory for it.
fn expect_within(file: &File, longest: u64) -> io::Result<()> {
    match file.metadata()?.len() {
        length if length > longest => {
            let why = format!("it is {length} bytes long; allowed: at most {longest}");
            Err(io::Error::new(ErrorKind::InvalidData, why))
        }
        _ => Ok(()),
    }
}

/// Reads a JSON file inside a run's folder; `None` if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let file = open_to_read(path)?;
    let bytes = file.map(bytes_of).transpose();
    bytes.map_err(RecordError::io("read", path))
}

/// Opens a file inside a run's folder, to read it part by part; `None` if there is
/// none.
///
/// # Errors
/// If it is a link or no regular file, or cannot be opened.
pub fn open_to_read(path: &Path) -> Result<Option<File>> {
    match open_own(path, OpenOptions::new().read(true)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        file => file.map(Some).map_err(RecordError::io("read", path)),
    }
}

/// Reads a file inside a run's folder that was so long when it was written; `None`
/// if there is none.
///
/// # Errors
/// If it has another length now, or there is no memory for it.
pub(crate) fn read_exactly(path: &Path, length: u64) -> Result<Option<Vec<u8>>> {
    let damaged = |why: String| RecordError::DamagedCheckpoint {
        path: path.to_path_buf(),
        why,
    };
    let Some(mut file) = open_to_read(path)? else {
        return Ok(None);
    };
    let metadata = file.metadata().map_err(RecordError::io("read", path))?;
    if metadata.len() != length {
        let is = metadata.len();
        return Err(damaged(format!(
            "it is {is} bytes long, and {length} were written"
        )));
    }
    let mut bytes = Vec::new();
    let room = usize::try_from(length).ok();
    let room = room.and_then(|room| bytes.try_reserve_exact(room).ok());
    room.ok_or_else(|| damaged(format!("there is no memory for its {length} bytes")))?;
    let read = (&mut file).take(length).read_to_end(&mut bytes);
    read.map_err(RecordError::io("read", path))?;
    Ok(Some(bytes))
}

/// Opens a file inside a run's folder: a regular one, and no link.
pub(crate) fn open_own(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => {
            let why = "it is a link, and inside a run's folder none is followed";
            return Err(io::Error::other(why));
        }
        Ok(metadata) => regular(&metadata)?,
        Err(_) => {}
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Against what takes its place between the look and the opening.
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    }
    let file = disk().open(path, options)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

fn open_regular(path: &Path) -> io::Result<File> {
    // Opening a pipe would wait for its other end, and a device may do anything.
    regular(&fs::metadata(path)?)?;
    File::open(path)
}

fn regular(metadata: &fs::Metadata) -> io::Result<()> {
    match (metadata.is_file(), metadata.is_dir()) {
        (true, _) => Ok(()),
        (_, true) => Err(io::Error::other("it is a folder, not a regular file")),
        _ => Err(io::Error::other("it is not a regular file")),
    }
}

/// Whether a path is a link, wherever that leads.
pub(crate) fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
}

/// Whether there is something at a path, be it a link that leads nowhere.
pub(crate) fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Makes a folder and those around it, and waits until their names are on the
/// disk.
///
/// # Errors
/// If one of them cannot be made, or a file is in the way.
pub fn make_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let around = parent(path);
    if around != path {
        make_folder(around)?;
    }
    match disk().make_folder(path) {
        // Another process was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.map_err(RecordError::io("create", path)),
    }?;
    sync_folder(around)
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

/// Waits until the names in a folder are on the disk.
///
/// # Errors
/// If the folder cannot be opened or flushed.
pub fn sync_folder(path: &Path) -> Result<()> {
    disk()
        .sync_folder(path)
        .map_err(RecordError::io("flush", path))
}

/// Renames a file or a folder within its folder.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    disk()
        .rename(from, to)
        .map_err(RecordError::io("rename", from))
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

/// Deletes a file, a link or a folder; it is no error if there is none.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let deleted = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => disk().remove_folder(path),
        Ok(_) => disk().remove_file(path),
        Err(error) => Err(error),
    };
    match deleted {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(RecordError::io("delete", path)(error))
        }
        _ => Ok(()),
    }
}
