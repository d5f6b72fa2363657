//! What a checkpoint holds, and its files.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use crate::files::write_durably;
use crate::{RecordError, Result, sync_folder};

/// The version of the files below. A reader refuses any other.
const FORMAT: u32 = 1;

const PARAMS: &str = "params.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const STATE: &str = "state.json";

/// A named array of numbers, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Its name, unique within its file.
    pub name: String,
    /// Its extents; empty for a single number.
    pub shape: Vec<usize>,
    /// The numbers, as many as the product of the extents. Stored bit by bit,
    /// NaN payloads included.
    pub data: Vec<f32>,
}

/// All that is needed to continue a run, or to evaluate its policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The parameters.
    pub params: Vec<Array>,
    /// The optimizer's state.
    pub optimizer: Vec<Array>,
    /// Everything else, opaque to this crate: counters, random streams. Floats
    /// come back to the last bit; NaN and infinities come back as `null`.
    pub state: serde_json::Value,
}

/// The contents of `state.json`.
#[derive(Serialize, Deserialize)]
struct Manifest {
    format: u32,
    update: u64,
    /// Names in the order in which they were given; safetensors sorts them.
    arrays: BTreeMap<String, Vec<String>>,
    /// BLAKE3 of the other files, in hexadecimal.
    blake3: BTreeMap<String, String>,
    state: serde_json::Value,
    /// BLAKE3 of this object while this field was empty.
    seal: String,
}

impl Manifest {
    fn seal(&mut self) -> Result<String> {
        self.seal.clear();
        let bytes = serde_json::to_vec(self).map_err(|error| RecordError::Unstorable {
            what: "a checkpoint's state".to_string(),
            why: error.to_string(),
        })?;
        Ok(blake3::hash(&bytes).to_string())
    }
}

impl Checkpoint {
    /// Writes the files into an existing folder, and waits until they are on
    /// the disk.
    pub(crate) fn write(&self, folder: &Path, update: u64) -> Result<()> {
        let mut manifest = Manifest {
            format: FORMAT,
            update,
            arrays: BTreeMap::new(),
            blake3: BTreeMap::new(),
            state: self.state.clone(),
            seal: String::new(),
        };
        for (file, arrays) in [(PARAMS, &self.params), (OPTIMIZER, &self.optimizer)] {
            let bytes = encode(file, arrays)?;
            write_durably(&folder.join(file), &bytes)?;
            let names = arrays.iter().map(|array| array.name.clone()).collect();
            manifest.arrays.insert(file.to_string(), names);
            let hash = blake3::hash(&bytes).to_string();
            manifest.blake3.insert(file.to_string(), hash);
        }
        manifest.seal = manifest.seal()?;
        let text = serde_json::to_vec(&manifest).map_err(|error| RecordError::Unstorable {
            what: "a checkpoint's state".to_string(),
            why: error.to_string(),
        })?;
        write_durably(&folder.join(STATE), &text)?;
        sync_folder(folder)
    }

    /// Reads and checks the files of a folder.
    pub(crate) fn read(folder: &Path, update: u64) -> Result<Self> {
        let path = folder.join(STATE);
        let bytes = read_file(&path)?;
        let damaged = |why: String| damage(&path, why);
        let mut manifest: Manifest =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if manifest.format != FORMAT {
            return Err(damaged(format!(
                "it has format {}, and this build reads format {FORMAT}",
                manifest.format
            )));
        }
        let seal = std::mem::take(&mut manifest.seal);
        if manifest.seal()? != seal {
            return Err(damaged("its checksum does not match".to_string()));
        }
        if manifest.update != update {
            return Err(damaged(format!(
                "it belongs to update {}, not {update}",
                manifest.update
            )));
        }
        Ok(Self {
            params: read_arrays(folder, PARAMS, &manifest)?,
            optimizer: read_arrays(folder, OPTIMIZER, &manifest)?,
            state: manifest.state,
        })
    }
}

fn damage(path: &Path, why: impl Into<String>) -> RecordError {
    RecordError::DamagedCheckpoint {
        path: path.to_path_buf(),
        why: why.into(),
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => damage(path, "the file is missing"),
        _ => RecordError::io("read", path)(error),
    })
}

fn read_arrays(folder: &Path, file: &str, manifest: &Manifest) -> Result<Vec<Array>> {
    let path = folder.join(file);
    let bytes = read_file(&path)?;
    let hash = blake3::hash(&bytes).to_string();
    if manifest.blake3.get(file) != Some(&hash) {
        return Err(damage(&path, "its checksum does not match state.json"));
    }
    let damaged = |error: safetensors::SafeTensorError| damage(&path, error.to_string());
    let tensors = SafeTensors::deserialize(&bytes).map_err(damaged)?;
    let names = manifest.arrays.get(file).map_or(&[][..], Vec::as_slice);
    names
        .iter()
        .map(|name| {
            let tensor = tensors.tensor(name).map_err(damaged)?;
            if tensor.dtype() != Dtype::F32 {
                return Err(damage(&path, format!("{name} is not of 32-bit floats")));
            }
            let numbers = tensor.data().as_chunks().0.iter();
            Ok(Array {
                name: name.clone(),
                shape: tensor.shape().to_vec(),
                data: numbers.map(|number| f32::from_le_bytes(*number)).collect(),
            })
        })
        .collect()
}

/// The bytes of a safetensors file.
fn encode(file: &str, arrays: &[Array]) -> Result<Vec<u8>> {
    let unstorable = |name: &str, why: String| RecordError::Unstorable {
        what: format!("array {name:?} in {file}"),
        why,
    };
    let mut seen = BTreeSet::new();
    let mut buffers = Vec::with_capacity(arrays.len());
    for array in arrays {
        if !seen.insert(array.name.as_str()) {
            let why = "another array has the same name".to_string();
            return Err(unstorable(&array.name, why));
        }
        let numbers: usize = array.shape.iter().product();
        if numbers != array.data.len() {
            let (shape, data) = (&array.shape, array.data.len());
            let why = format!("its shape {shape:?} has room for {numbers} numbers, it has {data}");
            return Err(unstorable(&array.name, why));
        }
        let bytes: Vec<u8> = array.data.iter().flat_map(|x| x.to_le_bytes()).collect();
        buffers.push(bytes);
    }
    let mut views = Vec::with_capacity(arrays.len());
    for (array, bytes) in arrays.iter().zip(&buffers) {
        let view = TensorView::new(Dtype::F32, array.shape.clone(), bytes)
            .map_err(|error| unstorable(&array.name, error.to_string()))?;
        views.push((array.name.as_str(), view));
    }
    safetensors::serialize(views, None).map_err(|error| RecordError::Unstorable {
        what: file.to_string(),
        why: error.to_string(),
    })
}
