//! Files with one JSON object per line.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::disk::disk;
use crate::files::{self, open_own};
use crate::{RecordError, Result};

/// The files of a run that grow by rows. Every row is a JSON object with the
/// key `update`: how many updates were finished when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// `metrics.jsonl`: one row per update, free of the clock, so that equal
    /// seeds give equal bytes.
    Metrics,
    /// `timing.jsonl`: one row per update with what differs from run to run.
    Timing,
    /// `eval.jsonl`: one row per evaluation on fresh tasks.
    Eval,
}

impl Stream {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Metrics, Self::Timing, Self::Eval];

    /// The file's name.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics.jsonl",
            Self::Timing => "timing.jsonl",
            Self::Eval => "eval.jsonl",
        }
    }
}

/// Reads a number, and NaN where there is `null`: the counterpart of how
/// serde_json writes numbers that are not finite. For
/// `#[serde(deserialize_with = "record::null_as_nan")]`.
///
/// # Errors
/// If there is neither a number nor `null`.
pub fn null_as_nan<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// [`null_as_nan`] for a list of numbers.
///
/// # Errors
/// If there is no list of numbers and `null`.
pub fn nulls_as_nan<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Vec<f64>, D::Error> {
    let list: Vec<Option<f64>> = Vec::deserialize(deserializer)?;
    Ok(list.into_iter().map(|x| x.unwrap_or(f64::NAN)).collect())
}

/// [`nulls_as_nan`] for a list that may be missing.
///
/// # Errors
/// If there is neither `null` nor a list of numbers and `null`.
pub fn optional_nulls_as_nan<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Vec<f64>>, D::Error> {
    let list: Option<Vec<Option<f64>>> = Option::deserialize(deserializer)?;
    Ok(list.map(|list| list.into_iter().map(|x| x.unwrap_or(f64::NAN)).collect()))
}

/// How far a file of rows reached when a checkpoint was written, and what it
/// held until there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Extent {
    rows: u64,
    bytes: u64,
    /// BLAKE3 of those bytes, in hexadecimal.
    blake3: String,
}

/// What this process knows of a file of rows, as it wrote or checked it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    rows: u64,
    bytes: u64,
    hasher: blake3::Hasher,
}

impl Tally {
    fn of(bytes: &[u8]) -> Self {
        let mut tally = Self::default();
        tally.add(bytes);
        tally
    }

    fn add(&mut self, lines: &[u8]) {
        self.rows += lines.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.bytes += lines.len() as u64;
        self.hasher.update(lines);
    }

    pub(crate) fn extent(&self) -> Extent {
        Extent {
            rows: self.rows,
            bytes: self.bytes,
            blake3: self.hasher.finalize().to_string(),
        }
    }

    /// Takes up the finished rows of a file, and cuts off a last one that was
    /// being written when the process was killed.
    pub(crate) fn take_up(path: &Path) -> Result<Self> {
        let bytes = files::read(path)?.unwrap_or_default();
        let tally = Self::of(finished(&bytes));
        tally.cut(path, bytes.len() as u64)?;
        Ok(tally)
    }

    /// Goes back to the rows that a checkpoint counts; those after them are made
    /// again by the updates after it.
    /// Also returns how many they were.
    pub(crate) fn rewind(path: &Path, extent: &Extent) -> Result<(Self, u64)> {
        let bytes = files::read(path)?.unwrap_or_default();
        let tally = extent.of(&bytes).map_err(|why| damage(path, why))?;
        tally.cut(path, bytes.len() as u64)?;
        let cut = Self::of(finished(&bytes)).rows - tally.rows;
        Ok((tally, cut))
    }

    /// Cuts a file of `length` bytes to what is known of it.
    fn cut(&self, path: &Path, length: u64) -> Result<()> {
        if self.bytes < length {
            open_own(path, OpenOptions::new().write(true))
                .and_then(|file| disk().cut(&file, path, self.bytes))
                .map_err(RecordError::io("repair", path))?;
        }
        Ok(())
    }
}

impl Extent {
    /// What the file holds until there, or why it is not as it was written.
    fn of(&self, bytes: &[u8]) -> std::result::Result<Tally, String> {
        let there = Tally::of(finished(bytes));
        let start = usize::try_from(self.bytes).ok();
        let Some(start) = start.and_then(|length| bytes.get(..length)) else {
            return Err(format!(
                "it holds {} rows in {} bytes, and the checkpoint counts {} in {}: rows are missing",
                there.rows,
                bytes.len(),
                self.rows,
                self.bytes
            ));
        };
        let tally = Tally::of(start);
        match tally.extent() == *self {
            true => Ok(tally),
            false => Err(format!(
                "its first {} rows are not those that were written: a row was changed, lost or \
                 added",
                self.rows
            )),
        }
    }

    /// Checks that a file begins with these rows; more may follow.
    pub(crate) fn check(&self, path: &Path) -> Result<()> {
        let bytes = files::read(path)?.unwrap_or_default();
        self.of(&bytes).map_err(|why| damage(path, why))?;
        Ok(())
    }
}

fn damage(path: &Path, why: String) -> RecordError {
    RecordError::DamagedCheckpoint {
        path: path.to_path_buf(),
        why,
    }
}

/// The one key that this crate knows of a row.
#[derive(Deserialize)]
struct Stamp {
    update: u64,
}

/// What a checkpoint says of the rows that follow those that it counts.
pub(crate) struct Follow {
    /// The checkpoint's update.
    pub(crate) update: u64,
    /// Whether the run has come to its end, so that none follow.
    pub(crate) ended: bool,
}

impl Extent {
    /// Checks that the rows of a file that follow these are such as a training
    /// that goes on from the checkpoint writes.
    pub(crate) fn check_following(
        &self,
        path: &Path,
        stream: Stream,
        follow: &Follow,
    ) -> Result<()> {
        let mut before = None;
        for (index, Stamp { update }) in read(path)?.into_iter().enumerate() {
            let (last, new) = (before.replace(update), index as u64 >= self.rows);
            // An evaluation comes after the checkpoint of its update.
            let first = follow.update + u64::from(stream != Stream::Eval);
            let why = if new && follow.ended {
                "it was added after the run had come to its end".to_string()
            } else if let Some(last) = last.filter(|last| *last >= update) {
                format!("a row of update {update} does not follow one of update {last}")
            } else if new && update < first {
                let checkpoint = follow.update;
                format!("a row of update {update} does not follow the checkpoint of {checkpoint}")
            } else {
                continue;
            };
            return Err(RecordError::DamagedRow {
                path: path.to_path_buf(),
                line: index + 1,
                why: format!("{why}; `resume` takes it off, with what follows it"),
            });
        }
        Ok(())
    }
}

/// Appends one row with a single write, to a file that is as `tally` says.
pub(crate) fn append(path: &Path, row: &impl Serialize, tally: &mut Tally) -> Result<()> {
    let unstorable = |why: serde_json::Error| RecordError::Unstorable {
        what: format!("a row of {}", path.display()),
        why: why.to_string(),
    };
    let mut line = serde_json::to_vec(row).map_err(unstorable)?;
    // Readers know where a row belongs by its update.
    let Stamp { update: _ } = serde_json::from_slice(&line).map_err(unstorable)?;
    line.push(b'\n');
    let file = open_own(path, OpenOptions::new().create(true).append(true))
        .map_err(RecordError::io("write", path))?;
    let length = file.metadata().map_err(RecordError::io("write", path))?;
    if length.len() != tally.bytes {
        return Err(RecordError::Changed {
            path: path.to_path_buf(),
            is: length.len(),
            was: tally.bytes,
        });
    }
    if let Err(error) = disk().write(&file, path, &line) {
        // Part of the row may be there, for example on a full disk. The next
        // row must not be glued to it.
        let _ = disk().cut(&file, path, tally.bytes);
        return Err(RecordError::io("write", path)(error));
    }
    tally.add(&line);
    Ok(())
}

/// The finished lines: all up to the last line feed. What follows it was being
/// written when the process was killed.
fn finished(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| byte == b'\n');
    &bytes[..end.map_or(0, |at| at + 1)]
}

/// Reads all finished rows; none if there is no such file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let bytes = files::read(path)?.unwrap_or_default();
    let lines = finished(&bytes).split_inclusive(|&byte| byte == b'\n');
    let parse = |(index, line)| {
        serde_json::from_slice(line).map_err(|error| RecordError::DamagedRow {
            path: path.to_path_buf(),
            line: index + 1,
            why: describe(&error),
        })
    };
    lines.enumerate().map(parse).collect()
}

/// serde_json's message without its own line number, which is always 1 here.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let known = match text.rfind(" at line ") {
        Some(at) => &text[..at],
        None => &text,
    };
    format!("{known} (column {})", error.column())
}

/// Waits until a file's rows are on the disk.
pub(crate) fn sync(path: &Path) -> Result<()> {
    let opened = open_own(path, OpenOptions::new().read(true));
    match opened.and_then(|file| disk().sync(&file, path)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        synced => synced.map_err(RecordError::io("flush", path)),
    }
}
