//! Writing a run.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::checkpoint::Surroundings;
use crate::claim::{NEXT, finish_beginning, remove_unfinished};
use crate::disk::disk;
use crate::files::{UNFINISHED, beside, is_there, names_in, remove, rename};
use crate::lock::Lock;
use crate::reader::{name_of, why_not_a_run};
use crate::rows::{self, Tally};
use crate::{
    Checkpoint, Claim, Existing, Latest, Reader, RecordError, Result, Stream, make_folder,
    sync_folder, write_sealed,
};

pub(crate) const CONFIG: &str = "config.toml";
pub(crate) const CHECKPOINTS: &str = "checkpoints";
/// Start of the name of a checkpoint that another of its update is replacing.
pub(crate) const REPLACED: &str = ".replaced-";

/// The JSON files that are written whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// `environment.json`: versions, CPU, seed, workers.
    Environment,
    /// `comparison.json`: the trained agent beside other learners.
    Comparison,
    /// `pictures.json`: drawings of the trained agent at work.
    Pictures,
    /// `deviations.json`: the trained agent beside the Bayes-optimal policy.
    Deviations,
    /// `indices.json`: the trained agent's index of a bandit's arms beside Gittins'.
    Indices,
    /// `beliefs.json`: what the trained agent believes of its task beside the exact posterior.
    Beliefs,
}

impl Document {
    pub(crate) const ALL: [Self; 6] = [
        Self::Beliefs,
        Self::Indices,
        Self::Deviations,
        Self::Pictures,
        Self::Comparison,
        Self::Environment,
    ];

    /// What the seal also covers: what was measured belongs to a configuration,
    /// and the machine to none.
    pub(crate) fn context(self, config: &str) -> &str {
        match self {
            Self::Environment => "",
            Self::Comparison
            | Self::Pictures
            | Self::Deviations
            | Self::Indices
            | Self::Beliefs => config,
        }
    }

    /// The file's name.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Environment => "environment.json",
            Self::Comparison => "comparison.json",
            Self::Pictures => "pictures.json",
            Self::Deviations => "deviations.json",
            Self::Indices => "indices.json",
            Self::Beliefs => "beliefs.json",
        }
    }
}

/// A run directory, to write. It holds the run's lock as long as it lives, and
/// reads through [`Reader`].
#[derive(Debug)]
pub struct RunDir {
    reader: Reader,
    /// The configuration when the run was opened, which all that is written is of.
    config: String,
    /// Of each stream, once its file was read or written.
    tallies: Mutex<[Option<Tally>; Stream::ALL.len()]>,
    /// Of each checkpoint that was saved or looked at, whether it can be used.
    usable: Mutex<BTreeMap<u64, bool>>,
    _lock: Lock,
}

impl Deref for RunDir {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl RunDir {
    pub(crate) fn new(reader: Reader, lock: Lock) -> Result<Self> {
        Ok(Self {
            config: reader.config()?,
            reader,
            tallies: Mutex::default(),
            usable: Mutex::default(),
            _lock: lock,
        })
    }

    /// Starts a run in a new or empty folder, which is made where it is missing.
    ///
    /// # Errors
    /// Those of [`Claim::take`] and [`Claim::begin`].
    pub fn create(path: impl Into<PathBuf>, config: &str, existing: Existing) -> Result<Self> {
        Claim::take(path, existing)?.begin(config)
    }

    /// Opens a run to continue it: finishes or removes what a killed process
    /// left unfinished. Rows are left as they are until [`Self::rewind`].
    ///
    /// # Errors
    /// If the folder holds no run, another process writes it, or it is not
    /// writable.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let reader = Reader::even_begun(path)?;
        let lock = Lock::take(reader.path())?;
        if is_there(&reader.path().join(NEXT)) {
            finish_beginning(reader.path())?;
        }
        remove_unfinished(reader.path())?;
        let run = Self::new(reader, lock)?;
        run.recover_checkpoints()?;
        Ok(run)
    }

    /// Whether [`Self::open`] would find a run, be it one that is still being made.
    pub fn is_begun(path: &Path) -> bool {
        why_not_a_run(path).is_none()
    }

    /// Appends one row with a single write. The row is a JSON object with the
    /// key `update`, a whole number; numbers that are not finite become `null`.
    ///
    /// # Errors
    /// If the row is no such object or longer than 1 MiB, the file cannot be
    /// written, or something else changed it; then the file stays as it was.
    pub fn append(&self, stream: Stream, row: &impl Serialize) -> Result<()> {
        let path = self.path().join(stream.file_name());
        self.with_tally(stream, |tally| rows::append(&path, row, tally))
    }

    /// Calls a function with what is known of a stream's file.
    fn with_tally<T>(
        &self,
        stream: Stream,
        work: impl FnOnce(&mut Tally) -> Result<T>,
    ) -> Result<T> {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = &mut tallies[stream as usize];
        let known = match tally.take() {
            Some(known) => known,
            None => Tally::take_up(&self.path().join(stream.file_name()))?,
        };
        work(tally.insert(known))
    }

    /// Goes back to the checkpoint that [`Reader::latest_checkpoint`] found: the
    /// rows that came after it are taken off, and made again byte by byte by the
    /// updates that follow. Returns how many those are, of each file that had any.
    ///
    /// # Errors
    /// [`RecordError::Unusable`] if there is no checkpoint that can be used, but
    /// one that cannot, or rows; nothing is changed then.
    pub fn rewind(&self, latest: &Latest) -> Result<Vec<(Stream, u64)>> {
        let mut cut = Vec::new();
        if latest.newest.is_none() {
            self.refuse_leftovers(latest)?;
        }
        for stream in Stream::ALL {
            let file = stream.file_name();
            let extent = latest.around.rows.get(file).cloned().unwrap_or_default();
            let (tally, rows) = match latest.newest {
                Some(_) => Tally::rewind(&self.path().join(file), &extent)?,
                None => Default::default(),
            };
            cut.extend((rows > 0).then_some((stream, rows)));
            let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
            tallies[stream as usize] = Some(tally);
        }
        // The rows that a later one counts are gone, and it with them, even where
        // its own files are whole.
        let newest = latest.newest.as_ref().map(|(update, _)| *update);
        for update in self.checkpoints()? {
            if Some(update) >= newest {
                self.known().insert(update, Some(update) == newest);
            }
        }
        Ok(cut)
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<u64, bool>> {
        self.usable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a checkpoint can be used, which is looked up once.
    fn is_usable(&self, update: u64) -> Result<bool> {
        let known = self.known().get(&update).copied();
        known.map_or_else(
            || {
                let usable = self.usable(update)?.is_ok();
                self.known().insert(update, usable);
                Ok(usable)
            },
            Ok,
        )
    }

    /// Refuses to begin at the beginning where something was trained already.
    fn refuse_leftovers(&self, latest: &Latest) -> Result<()> {
        let mut why: Vec<String> = latest.damaged.iter().map(ToString::to_string).collect();
        for stream in Stream::ALL {
            let path = self.path().join(stream.file_name());
            if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.len() > 0) {
                why.push(format!("{} holds rows", path.display()));
            }
        }
        match why.is_empty() {
            true => Ok(()),
            false => Err(RecordError::Unusable {
                path: self.path().to_path_buf(),
                why: why.join("\n  "),
            }),
        }
    }

    /// Writes a document, whole or not at all. It replaces an earlier one.
    ///
    /// # Errors
    /// If it cannot be written as a JSON object, or not to this folder.
    pub fn write_document(&self, document: Document, value: &impl Serialize) -> Result<()> {
        let path = self.path().join(document.file_name());
        write_sealed(&path, value, document.context(&self.config))
    }

    /// Saves a checkpoint, whole or not at all: when this returns, it is on the
    /// disk, and so are all rows appended before, which it counts. It replaces
    /// an earlier one of the same update.
    ///
    /// # Errors
    /// If two arrays of a file share a name, an array's shape does not match
    /// its data, or the folder is not writable.
    pub fn save_checkpoint(&self, update: u64, checkpoint: &Checkpoint) -> Result<()> {
        let mut around = Surroundings {
            config: Surroundings::config_hash(self.config.as_bytes()),
            ..Surroundings::default()
        };
        for stream in Stream::ALL {
            let file = stream.file_name();
            let extent = self.with_tally(stream, |tally| Ok(tally.extent()))?;
            around.rows.insert(file.to_string(), extent);
            rows::sync(&self.path().join(file))?;
        }
        // Also their names, before there is a checkpoint that counts them.
        sync_folder(self.path())?;
        let folder = self.path().join(CHECKPOINTS);
        make_folder(&folder)?;
        let finished = folder.join(name_of(update));
        let unfinished = beside(&finished, UNFINISHED);
        remove(&unfinished)?;
        disk()
            .make_folder(&unfinished)
            .map_err(RecordError::io("create", &unfinished))?;
        checkpoint.write(&unfinished, update, &around)?;
        let replaced = beside(&finished, REPLACED);
        if is_there(&finished) {
            remove(&replaced)?;
            rename(&finished, &replaced)?;
        }
        rename(&unfinished, &finished)?;
        sync_folder(&folder)?;
        self.known().insert(update, true);
        remove(&replaced)
    }

    /// Deletes checkpoints that are older than the newest `keep` that can be used.
    /// Only those of `schedule` are counted: one that was saved because the run
    /// stopped there is kept while it is the newest, so that in the end the
    /// checkpoints are those of a run that was never stopped. What this process
    /// saved or looked at before is not read again.
    ///
    /// # Errors
    /// If a folder cannot be read or deleted.
    pub fn prune_checkpoints(
        &self,
        keep: NonZeroUsize,
        schedule: impl Fn(u64) -> bool,
    ) -> Result<()> {
        let updates = self.checkpoints()?;
        let (mut usable, mut scheduled) = (0, 0);
        for &update in updates.iter().rev() {
            if scheduled == keep.get() || (usable > 0 && !schedule(update)) {
                self.delete_checkpoint(update)?;
            } else if self.is_usable(update)? {
                usable += 1;
                scheduled += usize::from(schedule(update));
            }
            // Another one counts for nothing, and may still be of use to somebody
            // as long as it is newer than those that are kept.
        }
        Ok(())
    }

    fn delete_checkpoint(&self, update: u64) -> Result<()> {
        // Renamed first, so that a kill on the way leaves no half checkpoint.
        let path = self.path().join(CHECKPOINTS).join(name_of(update));
        let doomed = beside(&path, UNFINISHED);
        remove(&doomed)?;
        rename(&path, &doomed)?;
        self.known().remove(&update);
        remove(&doomed)
    }

    /// Finishes or undoes replacements of checkpoints that a kill cut short.
    fn recover_checkpoints(&self) -> Result<()> {
        let folder = self.path().join(CHECKPOINTS);
        for name in names_in(&folder)? {
            let Some(original) = name.strip_prefix(REPLACED) else {
                continue;
            };
            match is_there(&folder.join(original)) {
                true => remove(&folder.join(&name))?,
                false => rename(&folder.join(&name), &folder.join(original))?,
            }
        }
        Ok(())
    }
}
