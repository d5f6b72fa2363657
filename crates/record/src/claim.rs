//! Beginning a run: in a folder that is free for it, or in place of the run that
//! is there.

use std::path::{Path, PathBuf};

use crate::checkpoint::Surroundings;
use crate::files::{UNFINISHED, is_link, is_there, names_in, read, remove, rename};
use crate::lock::{LOCK, Lock};
use crate::reader::{refuse_links, why_not_a_run};
use crate::run_dir::{CHECKPOINTS, CONFIG, REPLACED};
use crate::{
    Document, Reader, RecordError, Result, RunDir, Stream, make_folder, sync_folder,
    write_atomically,
};

/// The configuration of a run that is being made: from the moment that this
/// file is on the disk, whatever else is in the folder is of a run before it.
pub(crate) const NEXT: &str = "next-config.toml";

/// Where `report` writes beside the run itself.
const REPORT: [&str; 3] = ["report.html", "table.md", "table.csv"];
pub(crate) const FIGURES: &str = "figures";

/// What to do where a run exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leave it and return [`RecordError::Exists`].
    Refuse,
    /// Delete the run's own files, and nothing else, and start over.
    Overwrite,
}

/// A folder that is locked and free for a new run. Nothing in it has changed
/// yet, so that a command that needs several can give up when one is not free.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    lock: Lock,
}

impl Claim {
    /// Takes a folder, which is made where it is missing.
    ///
    /// # Errors
    /// If the folder holds a run and `existing` says to refuse, if it holds
    /// anything else, if another process writes there, or if it is not writable.
    pub fn take(path: impl Into<PathBuf>, existing: Existing) -> Result<Self> {
        let path = path.into();
        // First without the lock, so that a folder that is not ours stays as it is.
        check_free(&path, existing)?;
        make_folder(&path)?;
        let lock = Lock::take(&path)?;
        check_free(&path, existing)?;
        Ok(Self { path, lock })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the configuration of the run that is there is known by, as
    /// [`Reader::config_hash`] gives it; `None` if there is no run.
    ///
    /// # Errors
    /// If the configuration cannot be read.
    pub fn config_hash(&self) -> Result<Option<String>> {
        let next = self.path.join(NEXT);
        let bytes = match is_there(&next) {
            // Whoever opens the run goes on with this one.
            true => read(&next)?,
            false => read(&self.path.join(CONFIG))?,
        };
        Ok(bytes.map(|bytes| Surroundings::config_hash(&bytes)))
    }

    /// Begins the run, in place of the one that may be there. A process killed
    /// on the way leaves the one or the other, and [`RunDir::open`] finishes
    /// what was begun.
    ///
    /// # Errors
    /// If a file cannot be written or deleted.
    pub fn begin(self, config: &str) -> Result<RunDir> {
        write_atomically(&self.path.join(NEXT), config.as_bytes())?;
        finish_beginning(&self.path)?;
        RunDir::new(Reader::open(self.path)?, self.lock)
    }
}

/// Removes the run before, and makes the next configuration that of the run.
pub(crate) fn finish_beginning(path: &Path) -> Result<()> {
    clear(path)?;
    // What was removed must not come back beside the new run after a power cut.
    let checkpoints = path.join(CHECKPOINTS);
    if is_there(&checkpoints) {
        sync_folder(&checkpoints)?;
    }
    sync_folder(path)?;
    rename(&path.join(NEXT), &path.join(CONFIG))?;
    sync_folder(path)
}

/// Whether a run may start in a folder, which may be missing.
fn check_free(path: &Path, existing: Existing) -> Result<()> {
    if !is_there(path) {
        return Ok(());
    }
    refuse_links(path)?;
    if why_not_a_run(path).is_none() {
        return match existing {
            Existing::Overwrite => Ok(()),
            Existing::Refuse => Err(RecordError::Exists {
                path: path.to_path_buf(),
            }),
        };
    }
    // A run killed before its config.toml leaves its lock and temporary files.
    let ours = |name: &String| name == LOCK || name.starts_with(UNFINISHED);
    match names_in(path)?.into_iter().find(|name| !ours(name)) {
        None => Ok(()),
        Some(example) => Err(RecordError::Foreign {
            path: path.to_path_buf(),
            example,
        }),
    }
}

/// Deletes what a run directory consists of, but neither its lock nor its
/// config.toml, which is replaced.
fn clear(path: &Path) -> Result<()> {
    let checkpoints = path.join(CHECKPOINTS);
    for name in names_in(&checkpoints)? {
        let bare = [REPLACED, UNFINISHED]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))
            .unwrap_or(&name);
        if !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit()) {
            remove(&checkpoints.join(&name))?;
        }
    }
    remove_if_empty(&checkpoints)?;
    for stream in Stream::ALL {
        remove(&path.join(stream.file_name()))?;
    }
    for document in Document::ALL {
        remove(&path.join(document.file_name()))?;
    }
    let figures = path.join(FIGURES);
    // Only where a report was written are the figures its own.
    if is_there(&path.join(REPORT[0])) {
        for name in names_in(&figures)? {
            if name.ends_with(".svg") || name.ends_with(".png") {
                remove(&figures.join(name))?;
            }
        }
        remove_if_empty(&figures)?;
        for name in REPORT {
            remove(&path.join(name))?;
        }
    }
    remove_unfinished(path)
}

fn remove_if_empty(folder: &Path) -> Result<()> {
    if folder.is_dir() && !is_link(folder) && names_in(folder)?.is_empty() {
        remove(folder)?;
    }
    Ok(())
}

/// Deletes temporary files and folders of a killed process.
pub(crate) fn remove_unfinished(path: &Path) -> Result<()> {
    for folder in [path.to_path_buf(), path.join(CHECKPOINTS)] {
        for name in names_in(&folder)? {
            if name.starts_with(UNFINISHED) {
                remove(&folder.join(name))?;
            }
        }
    }
    Ok(())
}
