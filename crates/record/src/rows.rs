//! Files with one JSON object per line.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{RecordError, Result, write_atomically};

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

/// The same for a list of numbers. For
/// `#[serde(deserialize_with = "record::nulls_as_nan")]`.
///
/// # Errors
/// If there is no list of numbers and `null`s.
pub fn nulls_as_nan<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Vec<f64>, D::Error> {
    let list: Vec<Option<f64>> = Vec::deserialize(deserializer)?;
    Ok(list.into_iter().map(|x| x.unwrap_or(f64::NAN)).collect())
}

/// The same for a list or `null`. For
/// `#[serde(default, deserialize_with = "record::optional_nulls_as_nan")]`.
///
/// # Errors
/// If there is neither `null` nor a list of numbers and `null`s.
pub fn optional_nulls_as_nan<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Vec<f64>>, D::Error> {
    let list: Option<Vec<Option<f64>>> = Option::deserialize(deserializer)?;
    Ok(list.map(|list| list.into_iter().map(|x| x.unwrap_or(f64::NAN)).collect()))
}

/// The one key that this crate knows of a row.
#[derive(Deserialize)]
struct Stamp {
    update: u64,
}

/// Appends one row with a single write.
pub(crate) fn append(path: &Path, row: &impl Serialize) -> Result<()> {
    let unstorable = |why: serde_json::Error| RecordError::Unstorable {
        what: format!("a row of {}", path.display()),
        why: why.to_string(),
    };
    let mut line = serde_json::to_vec(row).map_err(unstorable)?;
    // A row without its update could not be undone when the run is resumed.
    let Stamp { update: _ } = serde_json::from_slice(&line).map_err(unstorable)?;
    line.push(b'\n');
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(RecordError::io("write", path))?;
    let before = file.metadata().map(|metadata| metadata.len());
    file.write_all(&line).map_err(|error| {
        // Part of the row may be there, for example on a full disk. The next
        // row must not be glued to it; if this fails as well, opening the run
        // drops the torn row.
        if let Ok(before) = before {
            let _ = file.set_len(before);
        }
        RecordError::io("write", path)(error)
    })
}

/// The finished lines: all up to the last line feed. What follows it was being
/// written when the process was killed.
fn finished(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| byte == b'\n');
    &bytes[..end.map_or(0, |at| at + 1)]
}

fn read_file(path: &Path) -> Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        bytes => bytes.map_err(RecordError::io("read", path)),
    }
}

/// Parses each finished line; returns it with its bytes, line feed included.
fn parse<'a, T: DeserializeOwned>(path: &Path, bytes: &'a [u8]) -> Result<Vec<(&'a [u8], T)>> {
    let mut rows = Vec::new();
    for (index, line) in finished(bytes).split_inclusive(|&b| b == b'\n').enumerate() {
        let row = serde_json::from_slice(line).map_err(|error| RecordError::DamagedRow {
            path: path.to_path_buf(),
            line: index + 1,
            why: describe(&error),
        })?;
        rows.push((line, row));
    }
    Ok(rows)
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

/// Reads all finished rows; none if there is no such file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let bytes = read_file(path)?;
    let rows = parse(path, &bytes)?;
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// Cuts off an unfinished last line.
pub(crate) fn drop_torn_line(path: &Path) -> Result<()> {
    let bytes = read_file(path)?;
    let keep = finished(&bytes).len();
    if keep < bytes.len() {
        let file = OpenOptions::new().write(true).open(path);
        file.and_then(|file| file.set_len(keep as u64))
            .map_err(RecordError::io("repair", path))?;
    }
    Ok(())
}

/// Removes the rows of updates after `update`; the others keep their bytes.
pub(crate) fn truncate_after(path: &Path, update: u64) -> Result<()> {
    let bytes = read_file(path)?;
    let rows: Vec<(&[u8], Stamp)> = parse(path, &bytes)?;
    let kept: Vec<u8> = rows
        .iter()
        .filter(|(_, stamp)| stamp.update <= update)
        .flat_map(|(line, _)| line.iter().copied())
        .collect();
    if kept.len() < bytes.len() {
        write_atomically(path, &kept)?;
    }
    Ok(())
}

/// Waits until a file's rows are on the disk.
pub(crate) fn sync(path: &Path) -> Result<()> {
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        file => file
            .and_then(|file| file.sync_all())
            .map_err(RecordError::io("flush", path)),
    }
}
