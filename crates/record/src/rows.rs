//! Files with one JSON object per line. A training may have any number of updates, so
//! that these files have no greatest length: they are read row by row or block by
//! block, and it is a row that has one.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::disk::disk;
use crate::files::{self, open_own};
use crate::{RecordError, Result};

/// A row with its line feed is no longer than this, and none longer is written: what is
/// longer in a file, such as zeros after a power cut, is not read into memory.
const LONGEST_ROW: u64 = 1 << 20;

/// How much of a file is hashed at a time.
const BLOCK: usize = 64 << 10;

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
    /// What the first bytes of a file hold, so many or all that there are.
    fn of_start(file: &File, bytes: u64) -> io::Result<Self> {
        let mut tally = Self::default();
        let mut block = vec![0; BLOCK];
        let mut start = file.take(bytes);
        loop {
            match start.read(&mut block) {
                Ok(0) => return Ok(tally),
                Ok(length) => tally.add(&block[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
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
        let mut tally = Self::default();
        let Some(file) = files::open_to_read(path)? else {
            return Ok(tally);
        };
        let length = length_of(&file, path)?;
        let mut lines = Lines::of(file, LONGEST_ROW);
        while let Some(line) = lines.next(path)? {
            tally.add(line);
        }
        tally.cut(path, length)?;
        Ok(tally)
    }

    /// Goes back to the rows that a checkpoint counts; those after them are made
    /// again by the updates after it.
    /// Also returns how many they were.
    pub(crate) fn rewind(path: &Path, extent: &Extent) -> Result<(Self, u64)> {
        let (tally, file) = extent.of(path)?;
        let Some(file) = file else {
            return Ok((tally, 0));
        };
        let length = length_of(&file, path)?;
        // From there on, where the hashing has stopped.
        let cut = count_rows(file, path)?;
        tally.cut(path, length)?;
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
    /// What a file holds until there, and the file, which stands there; none where there
    /// are no such rows and no file.
    ///
    /// # Errors
    /// If it is not as it was written.
    fn of(&self, path: &Path) -> Result<(Tally, Option<File>)> {
        let file = files::open_to_read(path)?;
        let tally = match &file {
            Some(file) => Tally::of_start(file, self.bytes),
            None => Ok(Tally::default()),
        };
        let tally = tally.map_err(RecordError::io("read", path))?;
        if tally.bytes < self.bytes {
            return Err(damage(
                path,
                format!(
                    "it holds {} rows in {} bytes, and the checkpoint counts {} in {}: rows are \
                     missing",
                    tally.rows, tally.bytes, self.rows, self.bytes
                ),
            ));
        }
        match tally.extent() == *self {
            true => Ok((tally, file)),
            false => Err(damage(
                path,
                format!(
                    "its first {} rows are not those that were written: a row was changed, lost \
                     or added",
                    self.rows
                ),
            )),
        }
    }

    /// Checks that a file begins with these rows; more may follow.
    pub(crate) fn check(&self, path: &Path) -> Result<()> {
        self.of(path)?;
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
        for (index, row) in Rows::of(path)?.enumerate() {
            let Stamp { update } = row?;
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
            return Err(misplaced(path, index + 1, &why));
        }
        Ok(())
    }
}

/// A row that is well formed and does not stand where it belongs.
fn misplaced(path: &Path, line: usize, why: &str) -> RecordError {
    damaged_row(
        path,
        line,
        format!("{why}; `resume` takes it off, with what follows it"),
    )
}

fn damaged_row(path: &Path, line: usize, why: String) -> RecordError {
    RecordError::DamagedRow {
        path: path.to_path_buf(),
        line,
        why,
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
    if line.len() as u64 > LONGEST_ROW {
        return Err(RecordError::Unstorable {
            what: format!("a row of {}", path.display()),
            why: format!(
                "it has {} bytes; allowed: at most {LONGEST_ROW}",
                line.len()
            ),
        });
    }
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

/// The finished lines of a file, one after another: all up to the last line feed. What
/// follows it was being written when the process was killed.
struct Lines {
    file: BufReader<File>,
    longest: u64,
    line: Vec<u8>,
    /// How many were begun.
    number: usize,
}

impl Lines {
    fn of(file: File, longest: u64) -> Self {
        Self {
            file: BufReader::with_capacity(BLOCK, file),
            longest,
            line: Vec::new(),
            number: 0,
        }
    }

    /// The next one, with its line feed; `None` after the last.
    ///
    /// # Errors
    /// If it is longer than any row, finished or not.
    fn next(&mut self, path: &Path) -> Result<Option<&[u8]>> {
        self.line.clear();
        self.number += 1;
        // One byte more tells what is too long from what fits.
        let mut line = (&mut self.file).take(self.longest.saturating_add(1));
        let read = line.read_until(b'\n', &mut self.line);
        let length = read.map_err(RecordError::io("read", path))? as u64;
        if length > self.longest {
            let longest = self.longest;
            let why = format!("it is longer than {longest} bytes, and no row is");
            return Err(damaged_row(path, self.number, why));
        }
        Ok(self.line.ends_with(b"\n").then_some(self.line.as_slice()))
    }
}

/// How many rows follow where a file stands. What is longer than any row is none, and
/// what follows it does not count.
fn count_rows(file: File, path: &Path) -> Result<u64> {
    let (mut lines, mut rows) = (Lines::of(file, LONGEST_ROW), 0);
    loop {
        match lines.next(path) {
            Ok(Some(_)) => rows += 1,
            Ok(None) | Err(RecordError::DamagedRow { .. }) => return Ok(rows),
            Err(error) => return Err(error),
        }
    }
}

fn length_of(file: &File, path: &Path) -> Result<u64> {
    let metadata = file.metadata().map_err(RecordError::io("read", path))?;
    Ok(metadata.len())
}

/// The finished rows of a file, parsed one after another; none if there is no such file.
struct Rows<'a, T> {
    path: &'a Path,
    lines: Option<Lines>,
    row: PhantomData<T>,
}

impl<'a, T> Rows<'a, T> {
    fn of(path: &'a Path) -> Result<Self> {
        let file = files::open_to_read(path)?;
        Ok(Self {
            path,
            lines: file.map(|file| Lines::of(file, LONGEST_ROW)),
            row: PhantomData,
        })
    }
}

impl<T: DeserializeOwned> Iterator for Rows<'_, T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        let lines = self.lines.as_mut()?;
        let number = lines.number + 1;
        match lines.next(self.path) {
            Ok(Some(line)) => Some(parse(self.path, number, line)),
            ended => {
                let error = ended.err();
                self.lines = None;
                error.map(Err)
            }
        }
    }
}

fn parse<T: DeserializeOwned>(path: &Path, number: usize, line: &[u8]) -> Result<T> {
    let parsed = serde_json::from_slice(line);
    parsed.map_err(|error| damaged_row(path, number, describe(&error)))
}

/// Reads all finished rows; none if there is no such file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    Rows::of(path)?.collect()
}

/// Gives all finished rows one after another; none if there is no such file.
pub(crate) fn each<T: DeserializeOwned>(path: &Path, mut give: impl FnMut(T)) -> Result<()> {
    let mut rows = Rows::of(path)?;
    rows.try_for_each(|row| row.map(&mut give))
}

/// Reads the rows of these updates from a file that has one for each update, as far as
/// it goes.
///
/// # Errors
/// If one of them is another update's, or not a `T`.
pub(crate) fn of_updates<T: DeserializeOwned>(
    path: &Path,
    updates: RangeInclusive<u64>,
) -> Result<Vec<T>> {
    let mut rows = Vec::new();
    let Some(file) = files::open_to_read(path)? else {
        return Ok(rows);
    };
    let mut lines = Lines::of(file, LONGEST_ROW);
    for expected in 1..=*updates.end() {
        let number = lines.number + 1;
        let Some(line) = lines.next(path)? else {
            break;
        };
        if !updates.contains(&expected) {
            continue;
        }
        let Stamp { update } = parse(path, number, line)?;
        if update != expected {
            let why = format!("a row of update {update} stands in place of that of {expected}");
            return Err(misplaced(path, number, &why));
        }
        rows.push(parse(path, number, line)?);
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

/// Waits until a file's rows are on the disk.
pub(crate) fn sync(path: &Path) -> Result<()> {
    let opened = open_own(path, OpenOptions::new().read(true));
    match opened.and_then(|file| disk().sync(&file, path)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        synced => synced.map_err(RecordError::io("flush", path)),
    }
}

#[cfg(test)]
mod tests;
