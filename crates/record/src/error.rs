//! What can go wrong with a run directory.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What went wrong with a run directory, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The folder holds a run, and the caller did not want to overwrite one.
    #[error(
        "{} already holds a run; resume it, choose another --runs folder or pass --overwrite",
        path.display()
    )]
    Exists {
        /// The run directory.
        path: PathBuf,
    },
    /// The folder holds things that are not a run; nothing in it was touched.
    #[error(
        "{} holds files but no run (found {example}); choose an empty or new folder with --runs",
        path.display()
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// One of the things that it holds.
        example: String,
    },
    /// The folder is not a run directory.
    #[error(
        "{} is not a run directory: {why}; give a folder that a training wrote, one with config.toml in it",
        path.display()
    )]
    NotARun {
        /// What was given.
        path: PathBuf,
        /// What is missing or wrong.
        why: String,
    },
    /// Another process writes this run.
    #[error(
        "{} is being written by {holder}; wait until it has ended, or stop it",
        path.display()
    )]
    Locked {
        /// The run directory.
        path: PathBuf,
        /// Who holds the lock, as "process 1234".
        holder: String,
    },
    /// The operating system refused.
    #[error("cannot {what} {}: {source}{}", path.display(), advice(source))]
    Io {
        /// What was tried, as a verb: "write".
        what: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A finished line of a JSON-lines file cannot be read.
    #[error(
        "{}, line {line}: {why}; repair or delete that line, or start the run again with --overwrite",
        path.display()
    )]
    DamagedRow {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// A file that is written whole cannot be read.
    #[error("{} is damaged: {why}; delete it and run what wrote it again", path.display())]
    DamagedFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file of a checkpoint is missing or was changed.
    #[error(
        "{} is damaged: {why}; delete its checkpoint's folder and resume from an earlier one",
        path.display()
    )]
    DamagedCheckpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is no checkpoint of this update.
    #[error("{} has no checkpoint of update {update}; it has {available}", path.display())]
    NoCheckpoint {
        /// The run directory.
        path: PathBuf,
        /// The update asked for.
        update: u64,
        /// Which ones there are, as text.
        available: String,
    },
    /// The caller gave something that cannot be stored.
    #[error("cannot store {what}: {why}")]
    Unstorable {
        /// What was to be stored.
        what: String,
        /// Why that is impossible.
        why: String,
    },
}

impl RecordError {
    /// Wraps an operating system's error; for `map_err`.
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { what, path, source }
    }
}

/// What to do about an operating system's error, where that is known.
fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "; choose a folder that you can write to with --runs"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; free some space there",
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "; a file is in the way: choose another --runs folder"
        }
        _ => "",
    }
}
