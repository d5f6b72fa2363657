//! Everything that this crate changes on a disk, call by call. Nothing else here
//! creates, writes, cuts, flushes, renames or removes a file, so that a test that
//! puts its own [`Disk`] in place sees all of it: it lets any one call fail, and
//! finds out what a power cut after any of them leaves behind.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// The calls, each as the system does it.
pub(crate) trait Disk {
    /// Makes a folder in a folder that there is.
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    /// Opens a file to change it, as `options` say; it may be made by that.
    fn open(&self, path: &Path, options: &OpenOptions) -> io::Result<File> {
        options.open(path)
    }

    /// Writes to a file, which was opened at `path`, where it stands or at its end.
    fn write(&self, mut file: &File, _path: &Path, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    /// Cuts a file, which was opened at `path`, to a length.
    fn cut(&self, file: &File, _path: &Path, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    /// Waits until a file, which was opened at `path`, is on the disk.
    fn sync(&self, file: &File, _path: &Path) -> io::Result<()> {
        file.sync_all()
    }

    /// Waits until the names in a folder are on the disk.
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        // Only Unix can open a folder as a file; elsewhere the rename is all there is.
        match cfg!(unix) {
            true => File::open(path)?.sync_all(),
            false => Ok(()),
        }
    }

    /// Renames a file or a folder, in place of a file that may be there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Removes a file or a link.
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    /// Removes a folder with all that is in it.
    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }
}

/// The system's own.
pub(crate) struct System;

impl Disk for System {}

/// Where calls go.
#[cfg(not(test))]
pub(crate) fn disk() -> &'static dyn Disk {
    &System
}

#[cfg(test)]
pub(crate) use in_tests::{disk, with_disk};

#[cfg(test)]
mod in_tests {
    use super::{Disk, System};
    use std::cell::RefCell;
    use std::rc::Rc;

    thread_local! {
        static IN_PLACE: RefCell<Rc<dyn Disk>> = RefCell::new(Rc::new(System));
    }

    /// Where calls of this thread go.
    pub(crate) fn disk() -> Rc<dyn Disk> {
        IN_PLACE.with_borrow(Rc::clone)
    }

    /// Does some work whose calls go to another disk than the system's.
    pub(crate) fn with_disk<R>(disk: Rc<dyn Disk>, work: impl FnOnce() -> R) -> R {
        let before = IN_PLACE.replace(disk);
        let done = work();
        IN_PLACE.set(before);
        done
    }
}
