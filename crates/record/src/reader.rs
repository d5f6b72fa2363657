//! Reading a run.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::checkpoint::Surroundings;
use crate::claim::{FIGURES, NEXT};
use crate::files::{is_link, is_there, names_in, read_own_text};
use crate::lock::LOCK;
use crate::rows::Follow;
use crate::run_dir::{CHECKPOINTS, CONFIG, REPLACED};
use crate::{Checkpoint, Document, RecordError, Result, Stream, read_sealed, rows};

/// A run directory, to read. It takes no lock and changes nothing, so it can
/// look at a run that is being trained.
#[derive(Clone, Debug)]
pub struct Reader {
    path: PathBuf,
}

/// The newest checkpoint that can be used: it is whole, and the rows that it
/// counts are there as they were written.
#[derive(Debug)]
pub struct Latest {
    /// The update and its checkpoint; `None` if none can be used.
    pub newest: Option<(u64, Checkpoint)>,
    /// What is wrong with the newer ones that were passed over, newest first.
    pub damaged: Vec<RecordError>,
    /// What the newest says of the run around it.
    pub(crate) around: Surroundings,
}

impl Reader {
    /// Opens a run directory for reading.
    ///
    /// # Errors
    /// If there is no such folder, or it holds no run.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let run = Self::even_begun(path)?;
        if is_there(&run.path.join(NEXT)) {
            return Err(RecordError::NotARun {
                why: "it is just being made, or --overwrite was cut short there; `resume` goes on"
                    .to_string(),
                path: run.path,
            });
        }
        Ok(run)
    }

    /// Opens a run directory, be it one that is still being made.
    pub(crate) fn even_begun(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        if let Some(why) = why_not_a_run(&path) {
            return Err(RecordError::NotARun { path, why });
        }
        refuse_links(&path)?;
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
        read_own_text(&self.path.join(CONFIG))
    }

    /// What the configuration is known by: its BLAKE3, in hexadecimal.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn config_hash(&self) -> Result<String> {
        Ok(Surroundings::config_hash(self.config()?.as_bytes()))
    }

    /// All rows of a stream, oldest first; none if there is no such file yet.
    /// A last line without its line feed was cut short by a kill and does not
    /// count.
    ///
    /// # Errors
    /// [`RecordError::DamagedRow`] with the line's number if a finished line is
    /// not a `T`, or a line is longer than the 1 MiB that a row may have.
    pub fn rows<T: DeserializeOwned>(&self, stream: Stream) -> Result<Vec<T>> {
        rows::read(&self.path.join(stream.file_name()))
    }

    /// [`Self::rows`], one after another as they are read: for what has more of them than
    /// memory need hold.
    ///
    /// # Errors
    /// As [`Self::rows`]; the rows before were given.
    pub fn each_row<T: DeserializeOwned>(&self, stream: Stream, give: impl FnMut(T)) -> Result<()> {
        rows::each(&self.path.join(stream.file_name()), give)
    }

    /// The rows of `metrics.jsonl` of these updates, as far as it has them: it holds one
    /// for each update from the first on.
    ///
    /// # Errors
    /// [`RecordError::DamagedRow`] if another update's row stands in the place of one of
    /// them, or one is not a `T`.
    pub fn metrics_of<T: DeserializeOwned>(&self, updates: RangeInclusive<u64>) -> Result<Vec<T>> {
        rows::of_updates(&self.path.join(Stream::Metrics.file_name()), updates)
    }

    /// A document, `None` if it has not been written.
    ///
    /// # Errors
    /// [`RecordError::DamagedFile`] if it was changed, is of another
    /// configuration, or is not a `T`.
    pub fn document<T: DeserializeOwned>(&self, document: Document) -> Result<Option<T>> {
        let path = self.path.join(document.file_name());
        read_sealed(&path, document.context(&self.config()?))
    }

    /// Checks that the run's rows and its configuration are those that its
    /// newest checkpoint was written beside, and that the rows after them are
    /// such as a training writes; without a checkpoint there is nothing to
    /// compare with.
    ///
    /// # Errors
    /// [`RecordError::OtherConfig`], or what is wrong with the newest checkpoint,
    /// a row that it counts or one that follows.
    pub fn verify(&self) -> Result<()> {
        // Looked up first, because a training may end meanwhile.
        let ended = is_there(&self.path.join(Document::Comparison.file_name()));
        let latest = self.latest_checkpoint()?;
        let known = latest.newest.is_some();
        if let Some(damage) = latest.damaged.first() {
            let path = self.path.clone();
            let what_to_do = match known {
                true => "`resume` goes on from an earlier checkpoint and makes it anew",
                false => "put the files back as they were, or train anew under another --name",
            };
            let why = format!("{damage}; {what_to_do}");
            return Err(RecordError::DamagedCheckpoint { path, why });
        }
        let Some((update, _)) = latest.newest else {
            return Ok(());
        };
        if latest.around.config != self.config_hash()? {
            let path = self.path.join(CONFIG);
            return Err(RecordError::OtherConfig { path });
        }
        let follow = Follow { update, ended };
        latest.around.check_following(&self.path, &follow)
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

    /// The checkpoint of one update, checked against its checksums; the rows
    /// that it counts are not.
    ///
    /// # Errors
    /// [`RecordError::NoCheckpoint`] if there is none of that update,
    /// [`RecordError::DamagedCheckpoint`] with the file that is missing or
    /// changed.
    pub fn load_checkpoint(&self, update: u64) -> Result<Checkpoint> {
        Ok(self.load(update)?.0)
    }

    pub(crate) fn load(&self, update: u64) -> Result<(Checkpoint, Surroundings)> {
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
        let folder = self.folder_of(update);
        if is_link(&folder) {
            return Err(RecordError::Link { path: folder });
        }
        Checkpoint::read(&folder, update)
    }

    /// The newest checkpoint that can be used, and what is wrong with those
    /// after it.
    ///
    /// # Errors
    /// If the operating system refuses; a damaged checkpoint is no error here.
    pub fn latest_checkpoint(&self) -> Result<Latest> {
        // A process that trains may replace or remove what is just being read.
        for _ in 0..3 {
            let latest = self.latest_of(&self.checkpoints()?)?;
            if latest.damaged.is_empty() {
                return Ok(latest);
            }
        }
        self.latest_of(&self.checkpoints()?)
    }

    fn latest_of(&self, updates: &[u64]) -> Result<Latest> {
        let mut damaged = Vec::new();
        for &update in updates.iter().rev() {
            match self.usable(update)? {
                Ok((checkpoint, around)) => {
                    return Ok(Latest {
                        newest: Some((update, checkpoint)),
                        damaged,
                        around,
                    });
                }
                Err(damage) => damaged.push(damage),
            }
        }
        Ok(Latest {
            newest: None,
            damaged,
            around: Surroundings::default(),
        })
    }

    /// The checkpoint of an update, or what is wrong with it or with the rows that
    /// it counts.
    pub(crate) fn usable(
        &self,
        update: u64,
    ) -> Result<std::result::Result<(Checkpoint, Surroundings), RecordError>> {
        let usable = self.load(update).and_then(|(checkpoint, around)| {
            around.check_rows(&self.path)?;
            Ok((checkpoint, around))
        });
        match usable {
            Err(
                damage @ (RecordError::DamagedCheckpoint { .. }
                | RecordError::NoCheckpoint { .. }
                | RecordError::Link { .. }),
            ) => Ok(Err(damage)),
            usable => usable.map(Ok),
        }
    }

    /// Where the checkpoint of an update is, or the copy that was moved aside
    /// when the process was killed while replacing it.
    fn folder_of(&self, update: u64) -> PathBuf {
        let folder = self.path.join(CHECKPOINTS);
        let (name, aside) = (name_of(update), format!("{REPLACED}{}", name_of(update)));
        match is_there(&folder.join(&name)) {
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

/// Refuses links where a run has files and folders of its own: what was deleted
/// or written through one would lie somewhere else.
pub(crate) fn refuse_links(run: &Path) -> Result<()> {
    let own = [LOCK, CONFIG, NEXT, CHECKPOINTS, FIGURES].into_iter();
    let own = own.chain(Stream::ALL.map(Stream::file_name));
    for name in own.chain(Document::ALL.map(Document::file_name)) {
        let path = run.join(name);
        if is_link(&path) {
            return Err(RecordError::Link { path });
        }
    }
    Ok(())
}

/// Why a path is no run directory, `None` if it is one.
pub(crate) fn why_not_a_run(path: &Path) -> Option<String> {
    let has = |name: &str| is_there(&path.join(name));
    if !is_there(path) {
        Some("there is no such folder".to_string())
    } else if !path.is_dir() {
        Some("it is not a folder".to_string())
    } else if has(NEXT) {
        // Killed between the decision to begin a run and its beginning.
        None
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
