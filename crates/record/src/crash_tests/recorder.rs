//! A disk that logs its calls, and lets one of them fail.

use std::cell::{Cell, RefCell};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::disk::{Disk, System};

/// A call that changed the disk, or made a change last.
#[derive(Clone, Debug)]
pub(super) enum Call {
    MakeFolder(PathBuf),
    Create(PathBuf),
    Write(PathBuf, Vec<u8>),
    Cut(PathBuf, u64),
    Sync(PathBuf),
    SyncFolder(PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

/// Which call fails, why, and whether all later ones do as well.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) why: ErrorKind,
    pub(super) for_ever: bool,
}

/// Does all calls but those that wait for the disk, which is what takes long, and
/// logs them.
#[derive(Default)]
pub(super) struct Recorder {
    pub(super) log: RefCell<Vec<(usize, Call)>>,
    /// The step that calls belong to.
    pub(super) step: Cell<usize>,
    pub(super) calls: Cell<usize>,
    fault: Option<Fault>,
}

impl Recorder {
    pub(super) fn failing(fault: Fault) -> Self {
        let fault = Some(fault);
        Self {
            fault,
            ..Self::default()
        }
    }

    fn fails(&self) -> io::Result<()> {
        let call = self.calls.replace(self.calls.get() + 1);
        match self.fault {
            Some(Fault { at, why, for_ever }) if call == at || (for_ever && call > at) => {
                Err(why.into())
            }
            _ => Ok(()),
        }
    }

    fn logged<T>(&self, done: T, call: Call) -> io::Result<T> {
        self.log.borrow_mut().push((self.step.get(), call));
        Ok(done)
    }
}

impl Disk for Recorder {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.fails()?;
        System.make_folder(path)?;
        self.logged((), Call::MakeFolder(path.into()))
    }

    fn open(&self, path: &Path, options: &OpenOptions) -> io::Result<File> {
        let before = path.exists();
        self.fails()?;
        let file = System.open(path, options)?;
        match before {
            true => Ok(file),
            false => self.logged(file, Call::Create(path.into())),
        }
    }

    fn write(&self, file: &File, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.fails() {
            // As on a disk that becomes full: a part of it is written.
            System.write(file, path, &bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        System.write(file, path, bytes)?;
        self.logged((), Call::Write(path.into(), bytes.into()))
    }

    fn cut(&self, file: &File, path: &Path, length: u64) -> io::Result<()> {
        self.fails()?;
        System.cut(file, path, length)?;
        self.logged((), Call::Cut(path.into(), length))
    }

    fn sync(&self, _: &File, path: &Path) -> io::Result<()> {
        self.fails()?;
        self.logged((), Call::Sync(path.into()))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.fails()?;
        self.logged((), Call::SyncFolder(path.into()))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.fails()?;
        System.rename(from, to)?;
        self.logged((), Call::Rename(from.into(), to.into()))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.fails()?;
        System.remove_file(path)?;
        self.logged((), Call::Remove(path.into()))
    }

    /// In its single steps, between any two of which a process may be killed.
    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        for entry in fs::read_dir(path)? {
            let path = entry?.path();
            match path.is_dir() {
                true => self.remove_folder(&path)?,
                false => self.remove_file(&path)?,
            }
        }
        self.fails()?;
        fs::remove_dir(path)?;
        self.logged((), Call::Remove(path.into()))
    }
}
