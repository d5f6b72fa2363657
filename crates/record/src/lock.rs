//! One writer per run, and per folder of whatever else is written once.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::disk::disk;
use crate::files::open_own;
use crate::{RecordError, Result};

/// Name of the lock file. It stays behind, because deleting a lock file is a
/// race; only a lock on it counts, and the system drops that with its process.
pub(crate) const LOCK: &str = "lock";

/// Holds a folder for one process, as long as it lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that another thread is just
        // starting has a copy of it for a moment, and would keep the lock.
        let _ = self.file.unlock();
    }
}

impl Lock {
    /// Takes the lock of a folder, or says who has it.
    ///
    /// # Errors
    /// [`RecordError::Locked`] if another process holds it, or the folder is not writable.
    pub fn take(folder: &Path) -> Result<Self> {
        let path = folder.join(LOCK);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = open_own(&path, &mut options).map_err(RecordError::io("write", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            // Some cluster file systems have no locks. A run there is better than none.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(RecordError::io("lock", &path)(error)),
            Err(TryLockError::WouldBlock) => {
                return Err(RecordError::Locked {
                    path: folder.to_path_buf(),
                    holder: holder(&file),
                });
            }
        }
        let holder = format!("process {}\n", std::process::id());
        disk()
            .cut(&file, &path, 0)
            .and_then(|()| disk().write(&file, &path, holder.as_bytes()))
            .map_err(RecordError::io("write", &path))?;
        Ok(Self { file })
    }
}

/// Who wrote the lock file.
fn holder(file: &File) -> String {
    let mut text = String::new();
    // No more than a line is of interest, whatever is in the file.
    match file.take(1 << 10).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_string(),
        _ => "another process".to_string(),
    }
}
