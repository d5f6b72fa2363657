//! What a checkpoint holds, and its files.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use rl_core::{Array, Data, Tree};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use crate::files::{read, read_exactly, write_durably};
use crate::rows::{Extent, Follow};
use crate::run_dir::CONFIG;
use crate::seal::{sealed, unsealed};
use crate::{RecordError, Result, Stream, sync_folder};

/// The version of the files below. A reader refuses any other.
const FORMAT: u32 = 3;

const ARRAYS: &str = "arrays.safetensors";
/// What no array in it can be called.
const RESERVED: &str = "__metadata__";
const STATE: &str = "state.json";
/// The rows of `timing.jsonl`, which the clock wrote: apart from `state.json`,
/// so that equal seeds give an equal one.
const TIMING: &str = "timing.json";

/// All that is needed to continue a run, or to evaluate its policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// What has been learned so far. Stored bit by bit, NaN payloads included.
    pub tree: Tree,
    /// Everything else, opaque to this crate. Floats come back to the last bit;
    /// NaN and infinities come back as `null`.
    pub state: serde_json::Value,
}

/// The contents of `state.json`, which is sealed.
#[derive(Serialize, Deserialize)]
struct Manifest {
    format: u32,
    update: u64,
    /// BLAKE3 of the other files and of `config.toml`, in hexadecimal.
    blake3: BTreeMap<String, String>,
    /// How many bytes the arrays take; `None` in files of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// How far the files of rows reached, `timing.jsonl` excepted.
    rows: BTreeMap<String, Extent>,
    state: serde_json::Value,
    /// BLAKE3 of the file, in hexadecimal.
    #[serde(skip)]
    hash: String,
}

/// The one key that all formats have.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

/// The part of a run beside its checkpoints, as a checkpoint refers to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    /// BLAKE3 of `config.toml`.
    pub(crate) config: String,
    /// How far each file of rows reached.
    pub(crate) rows: BTreeMap<String, Extent>,
}

impl Surroundings {
    /// What a configuration is known by.
    pub(crate) fn config_hash(config: &[u8]) -> String {
        blake3::hash(config).to_string()
    }

    /// Checks that the run still begins with the rows of then.
    pub(crate) fn check_rows(&self, run: &Path) -> Result<()> {
        let mut rows = self.rows.iter();
        rows.try_for_each(|(file, extent)| extent.check(&run.join(file)))
    }

    /// Checks the rows that came since.
    pub(crate) fn check_following(&self, run: &Path, follow: &Follow) -> Result<()> {
        for stream in Stream::ALL {
            let file = stream.file_name();
            let extent = self.rows.get(file).cloned().unwrap_or_default();
            extent.check_following(&run.join(file), stream, follow)?;
        }
        Ok(())
    }
}

impl Manifest {
    /// Reads and checks `state.json`.
    fn read(folder: &Path, update: u64) -> Result<Self> {
        let path = folder.join(STATE);
        let bytes = read_file(&path)?;
        let damaged = |why: String| damage(&path, why);
        let version = serde_json::from_slice(&bytes);
        let Version { format } = version.map_err(|error| damaged(error.to_string()))?;
        if format != FORMAT {
            return Err(damaged(format!(
                "it was written by another version of metarl, in format {format}, and this \
                 version reads format {FORMAT}"
            )));
        }
        let mut manifest: Self = unsealed(&bytes, "").map_err(damaged)?;
        manifest.hash = blake3::hash(&bytes).to_string();
        if manifest.update != update {
            return Err(damaged(format!(
                "it belongs to update {}, not {update}",
                manifest.update
            )));
        }
        // Whatever else is named would be read wherever that leads.
        let known = |file: &&String| Stream::ALL.iter().any(|s| s.file_name() == file.as_str());
        if let Some(file) = manifest.rows.keys().find(|file| !known(file)) {
            let file: String = file.chars().take(40).collect();
            let known = Stream::ALL.map(Stream::file_name).join(", ");
            return Err(damaged(format!(
                "it counts the rows of {file:?}, and a run has rows in {known}"
            )));
        }
        Ok(manifest)
    }

    /// What the checkpoint says of the run around it.
    fn surroundings(&self, folder: &Path) -> Result<Surroundings> {
        let path = folder.join(TIMING);
        let timing: Extent =
            unsealed(&read_file(&path)?, &self.hash).map_err(|why| damage(&path, why))?;
        let mut rows = self.rows.clone();
        rows.insert(Stream::Timing.file_name().to_string(), timing);
        Ok(Surroundings {
            config: self.blake3.get(CONFIG).cloned().unwrap_or_default(),
            rows,
        })
    }
}

impl Checkpoint {
    /// Writes the files into an existing, empty folder, and waits until they
    /// are on the disk.
    pub(crate) fn write(&self, folder: &Path, update: u64, around: &Surroundings) -> Result<()> {
        let mut rows = around.rows.clone();
        let timing = rows.remove(Stream::Timing.file_name()).unwrap_or_default();
        let mut manifest = Manifest {
            format: FORMAT,
            update,
            blake3: BTreeMap::from([(CONFIG.to_string(), around.config.clone())]),
            bytes: None,
            rows,
            state: self.state.clone(),
            hash: String::new(),
        };
        let bytes = encode(&self.tree)?;
        write_durably(&folder.join(ARRAYS), &bytes)?;
        let hash = blake3::hash(&bytes).to_string();
        manifest.blake3.insert(ARRAYS.to_string(), hash);
        manifest.bytes = Some(bytes.len() as u64);
        let path = folder.join(STATE);
        let text = sealed(&path, &manifest, "")?;
        write_durably(&path, &text)?;
        let path = folder.join(TIMING);
        let context = blake3::hash(&text).to_string();
        write_durably(&path, &sealed(&path, &timing, &context)?)?;
        sync_folder(folder)
    }

    /// Reads and checks the files of a folder.
    pub(crate) fn read(folder: &Path, update: u64) -> Result<(Self, Surroundings)> {
        let manifest = Manifest::read(folder, update)?;
        let around = manifest.surroundings(folder)?;
        let checkpoint = Self {
            tree: read_arrays(folder, &manifest)?,
            state: manifest.state,
        };
        Ok((checkpoint, around))
    }
}

fn damage(path: &Path, why: impl Into<String>) -> RecordError {
    RecordError::DamagedCheckpoint {
        path: path.to_path_buf(),
        why: why.into(),
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>> {
    match read(path) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(damage(path, "the file is missing")),
        // Longer than any that is written; an earlier checkpoint may be of use.
        Err(RecordError::Io { source, .. }) if source.kind() == ErrorKind::InvalidData => {
            Err(damage(path, source.to_string()))
        }
        Err(error) => Err(error),
    }
}

fn read_arrays(folder: &Path, manifest: &Manifest) -> Result<Tree> {
    let path = folder.join(ARRAYS);
    let bytes = match manifest.bytes {
        None => read_file(&path)?,
        // However many they are, but no more than were written.
        Some(length) => {
            let bytes = read_exactly(&path, length)?;
            bytes.ok_or_else(|| damage(&path, "the file is missing"))?
        }
    };
    let hash = blake3::hash(&bytes).to_string();
    if manifest.blake3.get(ARRAYS) != Some(&hash) {
        return Err(damage(&path, "its checksum does not match state.json"));
    }
    let tensors = SafeTensors::deserialize(&bytes);
    let tensors = tensors.map_err(|error| damage(&path, error.to_string()))?;
    let mut tree = Tree::default();
    for (name, tensor) in tensors.iter() {
        let data = tensor.data();
        let data = match tensor.dtype() {
            Dtype::F32 => Data::F32(numbers(data, f32::from_le_bytes)),
            Dtype::F64 => Data::F64(numbers(data, f64::from_le_bytes)),
            Dtype::U64 => Data::U64(numbers(data, u64::from_le_bytes)),
            Dtype::U8 => Data::Bytes(data.to_vec()),
            other => return Err(damage(&path, format!("{name} is of the type {other:?}"))),
        };
        let shape = tensor.shape().to_vec();
        tree.insert(name, Array { shape, data });
    }
    Ok(tree)
}

fn numbers<T, const N: usize>(bytes: &[u8], number: fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|one| number(*one)).collect()
}

/// The bytes of a safetensors file.
fn encode(tree: &Tree) -> Result<Vec<u8>> {
    let unstorable = |name: &str, why: String| RecordError::Unstorable {
        what: format!("array {name:?} in {ARRAYS}"),
        why,
    };
    let mut buffers = Vec::with_capacity(tree.len());
    for (name, Array { shape, data }) in tree.iter() {
        if name == RESERVED {
            let why = "the format keeps this name for itself".to_string();
            return Err(unstorable(name, why));
        }
        let mut extents = shape.iter();
        let room = extents.try_fold(1_usize, |room, extent| room.checked_mul(*extent));
        if room != Some(data.len()) {
            let (room, data) = (room.unwrap_or(usize::MAX), data.len());
            let why = format!("its shape {shape:?} has room for {room} numbers, it has {data}");
            return Err(unstorable(name, why));
        }
        buffers.push(match data {
            Data::F32(data) => (Dtype::F32, bytes(data, f32::to_le_bytes)),
            Data::F64(data) => (Dtype::F64, bytes(data, f64::to_le_bytes)),
            Data::U64(data) => (Dtype::U64, bytes(data, u64::to_le_bytes)),
            Data::Bytes(data) => (Dtype::U8, data.clone()),
        });
    }
    let mut views = Vec::with_capacity(tree.len());
    for ((name, array), (dtype, bytes)) in tree.iter().zip(&buffers) {
        let view = TensorView::new(*dtype, array.shape.clone(), bytes)
            .map_err(|error| unstorable(name, error.to_string()))?;
        views.push((name, view));
    }
    safetensors::serialize(views, None).map_err(|error| RecordError::Unstorable {
        what: ARRAYS.to_string(),
        why: error.to_string(),
    })
}

fn bytes<T: Copy, const N: usize>(numbers: &[T], bytes: fn(T) -> [u8; N]) -> Vec<u8> {
    numbers.iter().flat_map(|number| bytes(*number)).collect()
}
