//! `cells.jsonl`: every finished cell of a table, so that no work is done
//! twice. A line holds all that its cell depends on; what was asked for
//! differently is another cell.

use crate::tables::cell::Value;
use lab::failure::Failure;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
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
struct Line<V> {
    cell: Identity,
    value: V,
}

/// The finished cells of a folder, and what is known of each.
pub(crate) struct Ledger<V = Value> {
    path: PathBuf,
    lines: Vec<Line<V>>,
}

impl Ledger {
    /// Deletes the ledger of a folder, if there is one.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn delete(folder: &Path) -> Result<(), Failure> {
        let path = folder.join("cells.jsonl");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(cannot("delete", &path, &error))
            }
            _ => Ok(()),
        }
    }
}

impl<V: Serialize + DeserializeOwned> Ledger<V> {
    /// Opens the ledger of a folder, or begins one. A last line that was cut
    /// short is dropped: its cell is worked out again.
    ///
    /// # Errors
    /// If a line is not one that this program wrote, or the disk refuses.
    pub(crate) fn open(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join("cells.jsonl");
        let refused = |error| cannot("use", &path, &error);
        fs::create_dir_all(folder).map_err(|error| cannot("make", folder, &error))?;
        let bytes = match record::read_bytes(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            bytes => bytes.map_err(refused)?,
        };
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        let whole = &bytes[..whole.map_or(0, |at| at + 1)];
        let mut lines = Vec::new();
        for (index, line) in whole.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let parsed = serde_json::from_slice(line);
            lines.push(parsed.map_err(|error| {
                let (path, number) = (path.display(), index + 1);
                Failure::config(format!(
                    "{path}, line {number}: not a cell of a table: {error}; delete the line, or \
                     begin anew with --overwrite"
                ))
            })?);
        }
        if whole.len() < bytes.len() {
            let file = OpenOptions::new().write(true).open(&path);
            let cut = file.and_then(|file| file.set_len(whole.len() as u64));
            cut.map_err(refused)?;
        }
        Ok(Self { path, lines })
    }

    /// Forgets the cells of these rows and columns.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn forget(&mut self, is_one: impl Fn(&Identity) -> bool) -> Result<(), Failure> {
        let before = self.lines.len();
        self.lines.retain(|line| !is_one(&line.cell));
        if self.lines.len() == before {
            return Ok(());
        }
        let mut bytes = Vec::new();
        for line in &self.lines {
            serde_json::to_writer(&mut bytes, line).map_err(Failure::internal)?;
            bytes.push(b'\n');
        }
        Ok(record::write_atomically(&self.path, &bytes)?)
    }

    /// The value of a cell that was finished before.
    pub(crate) fn get(&self, cell: &Identity) -> Option<&V> {
        let found = self.lines.iter().find(|line| line.cell == *cell);
        found.map(|line| &line.value)
    }

    /// Writes a finished cell, and waits until it is on the disk.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn add(&mut self, cell: Identity, value: V) -> Result<(), Failure> {
        let mut bytes = serde_json::to_vec(&Line { cell, value }).map_err(Failure::internal)?;
        // As it will be read: the last bit of a number may be lost in decimals,
        // and a table must not depend on when its cells were finished.
        self.lines
            .push(serde_json::from_slice(&bytes).map_err(Failure::internal)?);
        bytes.push(b'\n');
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(&self.path)?;
            file.write_all(&bytes)?;
            file.sync_all()
        };
        write().map_err(|error| cannot("write", &self.path, &error))
    }
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
        let again = Ledger::<Value>::open(folder.path()).unwrap();
        assert_eq!(again.get(&cell("a", 1)), ledger.get(&cell("a", 1)));
        assert_eq!(again.get(&cell("b", 1)), Some(&exact(2.0)));
        assert_eq!(again.get(&cell("a", 2)), None);
        ledger.forget(|cell| cell.row == "a").unwrap();
        let less = Ledger::<Value>::open(folder.path()).unwrap();
        assert_eq!(less.get(&cell("a", 1)), None);
        assert_eq!(less.get(&cell("b", 1)), Some(&exact(2.0)));
        Ledger::delete(folder.path()).unwrap();
        Ledger::delete(folder.path()).unwrap();
        let anew = Ledger::<Value>::open(folder.path()).unwrap();
        assert_eq!(anew.get(&cell("a", 1)), None);
    }

    #[test]
    fn a_line_cut_short_is_dropped_and_a_damaged_one_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cells.jsonl");
        let mut ledger = Ledger::<Value>::open(folder.path()).unwrap();
        ledger.add(cell("a", 1), exact(1.0)).unwrap();
        let whole = fs::read(&path).unwrap();
        let torn = [&whole[..], &whole[..whole.len() / 2]].concat();
        fs::write(&path, torn).unwrap();
        assert!(Ledger::<Value>::open(folder.path()).is_ok());
        assert_eq!(fs::read(&path).unwrap(), whole);
        fs::write(&path, [&whole[..], b"{}\n"].concat()).unwrap();
        let message = Ledger::<Value>::open(folder.path()).err().unwrap().message;
        assert!(message.contains("line 2"), "{message}");
        assert!(message.contains("--overwrite"), "{message}");
    }
}
