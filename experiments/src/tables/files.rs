//! The files of tables and figures.

use lab::failure::Failure;
use record::write_atomically;
use std::path::{Path, PathBuf};

/// Writes files into a folder, which is made if need be; returns their paths.
///
/// # Errors
/// If the folder is not writable.
pub(crate) fn write_all<N: AsRef<Path>>(
    folder: &Path,
    files: impl IntoIterator<Item = (N, Vec<u8>)>,
) -> Result<Vec<PathBuf>, Failure> {
    std::fs::create_dir_all(folder).map_err(|error| {
        let folder = folder.display();
        let message = format!("cannot make {folder}: {error}; --out chooses another folder");
        Failure::file(message, &error)
    })?;
    let mut paths = Vec::new();
    for (name, bytes) in files {
        let path = folder.join(name);
        write_atomically(&path, &bytes)?;
        paths.push(path);
    }
    Ok(paths)
}
