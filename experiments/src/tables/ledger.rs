//! `cells.jsonl`: every finished cell of a table, so that no work is done
//! twice. A line holds all that its cell depends on; what was asked for
//! differently is another cell. Each line ends with a sum of itself, so that no number is
//! published that was changed since.

use crate::tables::cell::Value;
use lab::failure::Failure;
use record::{Lock, RecordError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// All that a cell's value depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) table: String,
    pub(crate) row: String,
    pub(crate) column: String,
    pub(crate) seed: u64,
    /// The program's version.
    pub(crate) version: String,
    /// The environment, the candidates and the number of tasks.
    pub(crate) inputs: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<V> {
    cell: Identity,
    value: V,
}

/// A finished cell, and the line that it is in the file: written once and never again from
/// the number that it is read as, whose last bit decimals may lose.
struct Entry<V> {
    line: Line<V>,
    text: Vec<u8>,
}

/// The finished cells of a folder, and what is known of each. Nobody else can write there
/// as long as there is one.
pub(crate) struct Ledger<V = Value> {
    path: PathBuf,
    entries: Vec<Entry<V>>,
    _lock: Lock,
}

impl<V: Serialize + DeserializeOwned> Ledger<V> {
    /// Opens the ledger of a folder, or begins one. A last line that was cut short is
    /// dropped: its cell is worked out again.
    ///
    /// # Errors
    /// If a line is not as this program wrote it, another process works there, or the disk
    /// refuses.
    pub(crate) fn open(folder: &Path) -> Result<Self, Failure> {
        let mut ledger = Self::anew(folder)?;
        let path = &ledger.path;
        let bytes = match record::read_bytes(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            bytes => bytes.map_err(|error| cannot("use", path, &error))?,
        };
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        let whole = &bytes[..whole.map_or(0, |at| at + 1)];
        for (index, text) in whole.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let line = read(text).map_err(|why| {
                let (path, number) = (path.display(), index + 1);
                Failure::config(format!(
                    "{path}, line {number}: not a cell of a table: {why}; delete the line, and \
                     its cell is worked out again, or move the file away to begin anew"
                ))
            })?;
            let text = text.to_vec();
            ledger.entries.push(Entry { line, text });
        }
        if whole.len() < bytes.len() {
            ledger.save()?;
        }
        Ok(ledger)
    }

    /// A ledger of no cells, whatever is in the file: that stays until the first
    /// [`Self::forget`] or [`Self::add`].
    ///
    /// # Errors
    /// If another process works in the folder, or the disk refuses.
    pub(crate) fn anew(folder: &Path) -> Result<Self, Failure> {
        let elsewhere = |error: RecordError| {
            let failure = Failure::from(error);
            Failure {
                message: format!("{}; --out chooses another folder", failure.message),
                ..failure
            }
        };
        record::make_folder(folder).map_err(elsewhere)?;
        Ok(Self {
            _lock: Lock::take(folder).map_err(elsewhere)?,
            path: folder.join("cells.jsonl"),
            entries: Vec::new(),
        })
    }

    /// Forgets the cells of these rows and columns.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn forget(&mut self, is_one: impl Fn(&Identity) -> bool) -> Result<(), Failure> {
        self.entries.retain(|entry| !is_one(&entry.line.cell));
        self.save()
    }

    /// The value of a cell that was finished before.
    pub(crate) fn get(&self, cell: &Identity) -> Option<&V> {
        let found = self.entries.iter().find(|entry| entry.line.cell == *cell);
        found.map(|entry| &entry.line.value)
    }

    /// Writes a finished cell, and waits until it is on the disk.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn add(&mut self, cell: Identity, value: V) -> Result<(), Failure> {
        let text = written(&Line { cell, value })?;
        // As it will be read: a table must not depend on when its cells were finished.
        let line = read(&text).map_err(Failure::internal)?;
        self.entries.push(Entry { line, text });
        self.save()
    }

    /// Writes the whole file, or nothing: a process killed on the way leaves the one before.
    fn save(&self) -> Result<(), Failure> {
        let texts = self.entries.iter().map(|entry| &entry.text[..]);
        let bytes = texts.collect::<Vec<_>>().concat();
        Ok(record::write_atomically(&self.path, &bytes)?)
    }
}

/// What stands between a line and the BLAKE3 of what is before it, in hexadecimal digits.
const SUM: &[u8] = b",\"sum\":\"";
/// What is after them.
const END: &[u8] = b"\"}";
/// The digits.
const DIGITS: usize = 64;

/// A line as it is in the file.
fn written<V: Serialize>(line: &Line<V>) -> Result<Vec<u8>, Failure> {
    let mut text = serde_json::to_vec(line).map_err(Failure::internal)?;
    text.pop(); // The brace, which comes after the sum.
    let sum = blake3::hash(&text).to_hex();
    for part in [SUM, sum.as_bytes(), END, b"\n"] {
        text.extend_from_slice(part);
    }
    Ok(text)
}

/// A line that is as it was written. Those of before there were sums have none.
fn read<V: DeserializeOwned>(text: &[u8]) -> Result<Line<V>, String> {
    let text = text.trim_ascii_end();
    let parsed = |text: &[u8]| serde_json::from_slice(text).map_err(|error| error.to_string());
    let at = text.len().saturating_sub(SUM.len() + DIGITS + END.len());
    let Some(sum) = text[at..].strip_prefix(SUM) else {
        return parsed(text);
    };
    let line = &text[..at];
    if sum.strip_suffix(END) != Some(blake3::hash(line).to_hex().as_bytes()) {
        return Err("it was changed after it was written".to_owned());
    }
    parsed(&[line, b"}"].concat())
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
    let message = format!("cannot {what} {path}: {error}; --out chooses another folder");
    Failure::file(message, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::fs;

    fn cell(row: &str, tasks: u64) -> Identity {
        Identity {
            table: "t".to_owned(),
            row: row.to_owned(),
            column: "c".to_owned(),
            seed: 0,
            version: "0.1.0".to_owned(),
            inputs: json!({ "tasks": tasks }),
        }
    }

    fn exact(mean: f64) -> Value {
        Value::Exact { mean }
    }

    #[test]
    fn finished_cells_are_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::<Value>::open(folder.path()).unwrap();
        assert_eq!(ledger.get(&cell("a", 1)), None);
        ledger.add(cell("a", 1), exact(0.1 + 0.2)).unwrap();
        ledger.add(cell("b", 1), exact(2.0)).unwrap();
        let added = ledger.get(&cell("a", 1)).cloned();
        drop(ledger);
        let mut again = Ledger::<Value>::open(folder.path()).unwrap();
        assert_eq!(again.get(&cell("a", 1)), added.as_ref());
        assert_eq!(again.get(&cell("b", 1)), Some(&exact(2.0)));
        assert_eq!(again.get(&cell("a", 2)), None);
        again.forget(|cell| cell.row == "a").unwrap();
        drop(again);
        let less = Ledger::<Value>::open(folder.path()).unwrap();
        assert_eq!(less.get(&cell("a", 1)), None);
        assert_eq!(less.get(&cell("b", 1)), Some(&exact(2.0)));
        drop(less);
        let mut anew = Ledger::<Value>::anew(folder.path()).unwrap();
        assert_eq!(anew.get(&cell("b", 1)), None);
        anew.forget(|_| true).unwrap();
        drop(anew);
        let anew = Ledger::<Value>::open(folder.path()).unwrap();
        assert_eq!(anew.get(&cell("b", 1)), None);
    }

    #[test]
    fn a_line_cut_short_is_dropped_and_a_damaged_one_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cells.jsonl");
        let mut ledger = Ledger::<Value>::open(folder.path()).unwrap();
        ledger.add(cell("a", 1), exact(1.0)).unwrap();
        drop(ledger);
        let whole = fs::read(&path).unwrap();
        let torn = [&whole[..], &whole[..whole.len() / 2]].concat();
        fs::write(&path, torn).unwrap();
        assert!(Ledger::<Value>::open(folder.path()).is_ok());
        assert_eq!(fs::read(&path).unwrap(), whole);
        fs::write(&path, [&whole[..], b"{}\n"].concat()).unwrap();
        let message = Ledger::<Value>::open(folder.path()).err().unwrap().message;
        assert!(message.contains("line 2"), "{message}");
        assert!(message.contains("delete the line"), "{message}");
    }

    /// Whatever digit of it is another one, a line is no cell; what was written before there
    /// were sums is.
    #[test]
    fn a_changed_number_is_not_published() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cells.jsonl");
        let open = || Ledger::<Value>::open(folder.path());
        open().unwrap().add(cell("a", 1), exact(78.59)).unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        let digits = whole
            .bytes()
            .enumerate()
            .filter(|(_, b)| b.is_ascii_digit());
        for (at, digit) in digits {
            let mut changed = whole.clone().into_bytes();
            changed[at] = if digit == b'7' { b'8' } else { b'7' };
            fs::write(&path, changed).unwrap();
            let message = open().err().map(|failure| failure.message);
            assert!(message.is_some(), "byte {at} of {whole}");
        }
        fs::write(&path, whole.replace("78.59", "79.59")).unwrap();
        let message = open().err().unwrap().message;
        for part in ["cells.jsonl, line 1", "changed after it was written"] {
            assert!(message.contains(part), "{message}");
        }
        let (line, _) = whole.split_once(",\"sum\"").unwrap();
        fs::write(&path, format!("{line}}}\n")).unwrap();
        assert_eq!(open().unwrap().get(&cell("a", 1)), Some(&exact(78.59)));
    }

    #[test]
    fn nobody_else_works_where_somebody_does() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::<Value>::open(folder.path()).unwrap();
        let message = Ledger::<Value>::open(folder.path()).err().unwrap().message;
        assert!(message.contains("is being written by"), "{message}");
        drop(ledger);
        assert!(Ledger::<Value>::open(folder.path()).is_ok());
    }
}
