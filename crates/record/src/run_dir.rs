//! Writing a run.

use std::fs;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::files::{UNFINISHED, beside, names_in, remove};
use crate::lock::{LOCK, Lock};
use crate::reader::{name_of, why_not_a_run};
use crate::{Checkpoint, Reader, RecordError, Result, Stream, rows, sync_folder, write_atomically};

pub(crate) const CONFIG: &str = "config.toml";
pub(crate) const CHECKPOINTS: &str = "checkpoints";
/// Start of the name of a checkpoint that another of its update is replacing.
pub(crate) const REPLACED: &str = ".replaced-";

/// Where `report` writes beside the run itself.
const REPORT: [&str; 3] = ["report.html", "table.md", "table.csv"];
const FIGURES: &str = "figures";

/// What to do where a run exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leave it and return [`RecordError::Exists`].
    Refuse,
    /// Delete the run's own files, and nothing else, and start over.
    Overwrite,
}

/// The JSON files that are written whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// `environment.json`: versions, CPU, seed, workers.
    Environment,
    /// `comparison.json`: the trained agent beside other learners.
    Comparison,
    /// `pictures.json`: drawings of the trained agent at work.
    Pictures,
}

impl Document {
    const ALL: [Self; 3] = [Self::Pictures, Self::Comparison, Self::Environment];

    /// The file's name.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Environment => "environment.json",
            Self::Comparison => "comparison.json",
            Self::Pictures => "pictures.json",
        }
    }
}

/// A run directory, to write. It holds the run's lock as long as it lives, and
/// reads through [`Reader`].
#[derive(Debug)]
pub struct RunDir {
    reader: Reader,
    _lock: Lock,
}

impl Deref for RunDir {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl RunDir {
    /// Starts a run in a new or empty folder, which is made where it is missing.
    ///
    /// # Errors
    /// If the folder holds a run and `existing` says to refuse, if it holds
    /// anything else, if another process writes there, or if it is not writable.
    pub fn create(path: impl Into<PathBuf>, config: &str, existing: Existing) -> Result<Self> {
        let path = path.into();
        // First without the lock, so that a folder that is not ours stays as it is.
        check_free(&path, existing)?;
        fs::create_dir_all(&path).map_err(RecordError::io("create", &path))?;
        let lock = Lock::take(&path)?;
        check_free(&path, existing)?;
        clear(&path)?;
        write_atomically(&path.join(CONFIG), config.as_bytes())?;
        Ok(Self {
            reader: Reader::open(path)?,
            _lock: lock,
        })
    }

    /// Opens a run to continue it: removes what a killed process left
    /// unfinished, that is temporary files and a last row cut short.
    ///
    /// # Errors
    /// If the folder holds no run, another process writes it, or it is not
    /// writable.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let reader = Reader::open(path)?;
        let run = Self {
            _lock: Lock::take(reader.path())?,
            reader,
        };
        remove_unfinished(run.path())?;
        run.recover_checkpoints()?;
        for stream in Stream::ALL {
            rows::drop_torn_line(&run.path().join(stream.file_name()))?;
        }
        Ok(run)
    }

    /// Appends one row with a single write. The row is a JSON object with the
    /// key `update`, a whole number; numbers that are not finite become `null`.
    ///
    /// # Errors
    /// If the row is no such object, or the file cannot be written; then the
    /// file stays as it was.
    pub fn append(&self, stream: Stream, row: &impl Serialize) -> Result<()> {
        rows::append(&self.path().join(stream.file_name()), row)
    }

    /// Removes the rows of updates after `update` from all streams, so that a
    /// run resumed from that update's checkpoint writes them anew, byte by byte.
    ///
    /// # Errors
    /// [`RecordError::DamagedRow`] if a line cannot be read.
    pub fn truncate_after(&self, update: u64) -> Result<()> {
        for stream in Stream::ALL {
            rows::truncate_after(&self.path().join(stream.file_name()), update)?;
        }
        Ok(())
    }

    /// Writes a document, whole or not at all. It replaces an earlier one.
    ///
    /// # Errors
    /// If it cannot be written as JSON, or not to this folder.
    pub fn write_document(&self, document: Document, value: &impl Serialize) -> Result<()> {
        let path = self.path().join(document.file_name());
        let mut text =
            serde_json::to_vec_pretty(value).map_err(|error| RecordError::Unstorable {
                what: document.file_name().to_string(),
                why: error.to_string(),
            })?;
        text.push(b'\n');
        write_atomically(&path, &text)
    }

    /// Saves a checkpoint, whole or not at all: when this returns, it is on the
    /// disk, and so are all rows appended before. It replaces an earlier one of
    /// the same update.
    ///
    /// # Errors
    /// If two arrays of a file share a name, an array's shape does not match
    /// its data, or the folder is not writable.
    pub fn save_checkpoint(&self, update: u64, checkpoint: &Checkpoint) -> Result<()> {
        for stream in Stream::ALL {
            rows::sync(&self.path().join(stream.file_name()))?;
        }
        let folder = self.path().join(CHECKPOINTS);
        let finished = folder.join(name_of(update));
        let unfinished = beside(&finished, UNFINISHED);
        remove(&unfinished)?;
        fs::create_dir_all(&unfinished).map_err(RecordError::io("create", &unfinished))?;
        checkpoint.write(&unfinished, update)?;
        let replaced = beside(&finished, REPLACED);
        if finished.exists() {
            remove(&replaced)?;
            rename(&finished, &replaced)?;
        }
        rename(&unfinished, &finished)?;
        sync_folder(&folder)?;
        sync_folder(self.path())?;
        remove(&replaced)
    }

    /// Deletes all checkpoints but the newest `keep`.
    ///
    /// # Errors
    /// If a folder cannot be deleted.
    pub fn prune_checkpoints(&self, keep: NonZeroUsize) -> Result<()> {
        let updates = self.checkpoints()?;
        let folder = self.path().join(CHECKPOINTS);
        for &update in updates.iter().rev().skip(keep.get()) {
            // Renamed first, so that a kill on the way leaves no half checkpoint.
            let path = folder.join(name_of(update));
            let doomed = beside(&path, UNFINISHED);
            remove(&doomed)?;
            rename(&path, &doomed)?;
            remove(&doomed)?;
        }
        Ok(())
    }

    /// Finishes or undoes replacements of checkpoints that a kill cut short.
    fn recover_checkpoints(&self) -> Result<()> {
        let folder = self.path().join(CHECKPOINTS);
        for name in names_in(&folder)? {
            let Some(original) = name.strip_prefix(REPLACED) else {
                continue;
            };
            match folder.join(original).exists() {
                true => remove(&folder.join(&name))?,
                false => rename(&folder.join(&name), &folder.join(original))?,
            }
        }
        Ok(())
    }
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(RecordError::io("rename", from))
}

/// Whether a run may start in a folder, which may be missing.
fn check_free(path: &Path, existing: Existing) -> Result<()> {
    if !path.exists() {
        return Ok(());
    }
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
/// config.toml, which is replaced. Checkpoints go first: were the process
/// killed on the way, rows without a checkpoint are dropped by a resume, and a
/// checkpoint without its rows is not.
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
    if path.join(REPORT[0]).exists() {
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
    if folder.is_dir() && names_in(folder)?.is_empty() {
        remove(folder)?;
    }
    Ok(())
}

/// Deletes temporary files and folders of a killed process.
fn remove_unfinished(path: &Path) -> Result<()> {
    for folder in [path.to_path_buf(), path.join(CHECKPOINTS)] {
        for name in names_in(&folder)? {
            if name.starts_with(UNFINISHED) {
                remove(&folder.join(name))?;
            }
        }
    }
    Ok(())
}
