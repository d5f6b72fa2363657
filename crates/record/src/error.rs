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
    /// A link stands where a run has a file or a folder of its own.
    #[error(
        "{} is a link, and inside a run's folder none is followed; put what it leads to in its \
         place, or remove it",
        path.display()
    )]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A file of rows grew or shrank while this process wrote it.
    #[error(
        "{} has {is} bytes, and {was} were written: something else changed it while the run was \
         trained",
        path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// How long it is.
        is: u64,
        /// How long it should be.
        was: u64,
    },
    /// The configuration was edited after the run had begun.
    #[error(
        "{} is not the configuration that the run was trained with; change it back, or train anew \
         from it with another --runs",
        path.display()
    )]
    OtherConfig {
        /// `config.toml`.
        path: PathBuf,
    },
    /// There is something to go on from, but nothing that can be used.
    #[error(
        "{}: no checkpoint can be used, and nothing was changed:\n  {why}\nPut the files back as \
         they were, or keep this folder and train anew under another --runs or --name",
        path.display()
    )]
    Unusable {
        /// The run directory.
        path: PathBuf,
        /// What there is, and what is wrong with it, a line for each.
        why: String,
    },
    /// A finished line of a JSON-lines file cannot be read.
    #[error(
        "{}, line {line}: {why}; put the file back as it was, or start the run again with \
         --overwrite",
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
    /// A file of a checkpoint, or one of the rows that it counts, is missing or
    /// was changed.
    #[error("{} is damaged: {why}", path.display())]
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

    /// Whether something else stands where a run has a file of its own.
    pub fn is_no_file(&self) -> bool {
        // The system's own errors are never of this kind.
        matches!(self, Self::Io { source, .. } if source.kind() == ErrorKind::Other)
    }

    /// Whether the disk is full, so that the same may work later.
    pub fn is_full_disk(&self) -> bool {
        matches!(self, Self::Io { source, .. } if is_full(source))
    }
}

/// Whether an operating system's error says that the disk, a quota or the limit
/// on the size of files is exhausted.
pub fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    )
}

/// What to do about an operating system's error, where that is known.
fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "; choose a folder that you can write to with --runs"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; free some space there",
        ErrorKind::FileTooLarge => "; raise the limit on the size of files (ulimit -f)",
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "; a file is in the way: choose another --runs folder"
        }
        _ => "",
    }
}
