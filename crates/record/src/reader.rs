//! Reading a run.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::files::names_in;
use crate::lock::LOCK;
use crate::run_dir::{CHECKPOINTS, CONFIG, REPLACED};
use crate::{Checkpoint, Document, RecordError, Result, Stream, rows};

/// A run directory, to read. It takes no lock and changes nothing, so it can
/// look at a run that is being trained.
#[derive(Clone, Debug)]
pub struct Reader {
    path: PathBuf,
}

/// The newest checkpoint that is whole.
#[derive(Debug)]
pub struct Latest {
    /// The update and its checkpoint; `None` if there is no whole one.
    pub newest: Option<(u64, Checkpoint)>,
    /// What is wrong with the newer ones that were passed over, newest first.
    pub damaged: Vec<RecordError>,
}

impl Reader {
    /// Opens a run directory for reading.
    ///
    /// # Errors
    /// If there is no such folder, or it holds no run.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        if let Some(why) = why_not_a_run(&path) {
            return Err(RecordError::NotARun { path, why });
        }
        Ok(Self { path })
    }

    /// Where the run is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The text of `config.toml`.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn config(&self) -> Result<String> {
        let path = self.path.join(CONFIG);
        fs::read_to_string(&path).map_err(RecordError::io("read", &path))
    }

    /// All rows of a stream, oldest first; none if there is no such file yet.
    /// A last line without its line feed was cut short by a kill and does not
    /// count.
    ///
    /// # Errors
    /// [`RecordError::DamagedRow`] with the line's number if a finished line is
    /// not a `T`.
    pub fn rows<T: DeserializeOwned>(&self, stream: Stream) -> Result<Vec<T>> {
        rows::read(&self.path.join(stream.file_name()))
    }

    /// A document, `None` if it has not been written.
    ///
    /// # Errors
    /// [`RecordError::DamagedFile`] if it is not a `T`.
    pub fn document<T: DeserializeOwned>(&self, document: Document) -> Result<Option<T>> {
        let path = self.path.join(document.file_name());
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            bytes => bytes.map_err(RecordError::io("read", &path))?,
        };
        match serde_json::from_slice(&bytes) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(RecordError::DamagedFile {
                path,
                why: error.to_string(),
            }),
        }
    }

    /// The updates that have a checkpoint, oldest first. They are not checked.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn checkpoints(&self) -> Result<Vec<u64>> {
        let names = names_in(&self.path.join(CHECKPOINTS))?;
        let mut updates: Vec<u64> = names.iter().filter_map(|name| update_of(name)).collect();
        updates.sort_unstable();
        Ok(updates)
    }

    /// The checkpoint of one update, checked against its checksums.
    ///
    /// # Errors
    /// [`RecordError::NoCheckpoint`] if there is none of that update,
    /// [`RecordError::DamagedCheckpoint`] with the file that is missing or
    /// changed.
    pub fn load_checkpoint(&self, update: u64) -> Result<Checkpoint> {
        let available = self.checkpoints()?;
        if !available.contains(&update) {
            let list: Vec<String> = available.iter().map(u64::to_string).collect();
            return Err(RecordError::NoCheckpoint {
                path: self.path.clone(),
                update,
                available: match list.is_empty() {
                    true => "none".to_string(),
                    false => list.join(", "),
                },
            });
        }
        Checkpoint::read(&self.folder_of(update), update)
    }

    /// The newest whole checkpoint, and what is wrong with those after it.
    ///
    /// # Errors
    /// If the operating system refuses; a damaged checkpoint is no error here.
    pub fn latest_checkpoint(&self) -> Result<Latest> {
        let mut damaged = Vec::new();
        for update in self.checkpoints()?.into_iter().rev() {
            match self.load_checkpoint(update) {
                Ok(checkpoint) => {
                    let newest = Some((update, checkpoint));
                    return Ok(Latest { newest, damaged });
                }
                Err(error @ RecordError::DamagedCheckpoint { .. }) => damaged.push(error),
                Err(error) => return Err(error),
            }
        }
        let newest = None;
        Ok(Latest { newest, damaged })
    }

    /// Where the checkpoint of an update is, or the copy that was moved aside
    /// when the process was killed while replacing it.
    fn folder_of(&self, update: u64) -> PathBuf {
        let folder = self.path.join(CHECKPOINTS);
        let (name, aside) = (name_of(update), format!("{REPLACED}{}", name_of(update)));
        match folder.join(&name).exists() {
            true => folder.join(name),
            false => folder.join(aside),
        }
    }
}

/// The folder name of an update's checkpoint.
pub(crate) fn name_of(update: u64) -> String {
    format!("{update:08}")
}

/// The update of a checkpoint's folder name.
fn update_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(REPLACED).unwrap_or(name);
    let update = digits.parse().ok()?;
    (name_of(update) == digits).then_some(update)
}

/// Why a path is no run directory, `None` if it is one.
pub(crate) fn why_not_a_run(path: &Path) -> Option<String> {
    let has = |name: &str| path.join(name).exists();
    if !path.exists() {
        Some("there is no such folder".to_string())
    } else if !path.is_dir() {
        Some("it is not a folder".to_string())
    } else if !has(CONFIG) {
        Some(format!("it has no {CONFIG}"))
    } else if ![LOCK, Stream::Metrics.file_name(), CHECKPOINTS]
        .into_iter()
        .any(has)
    {
        // Other programs have a config.toml too, and --overwrite deletes files.
        Some(format!(
            "it has a {CONFIG}, but nothing else that a run has"
        ))
    } else {
        None
    }
}
