//! Which libtorch is in use, and whether it can compute on a GPU.

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tch::Cuda;

use crate::device::{CudaStatus, Libtorch};
use crate::error::NetsError;

/// The libtorch that this process runs on: finds the loaded library, and reads the
/// version written beside it.
///
/// # Errors
/// If the library or the files that hold its version cannot be found.
pub fn libtorch() -> Result<Option<Libtorch>, NetsError> {
    let folder = library_folder()?;
    let version = version_beside(&folder)?;
    Ok(Some(Libtorch { folder, version }))
}

/// Loads libtorch's CUDA part, if there is one, and says whether it works. The
/// answer is found once and stays the same.
///
/// Must come before the first gradient is taken and before anything else asks
/// libtorch about CUDA, because libtorch looks for its CUDA part only once; so
/// call it at start, or through [`device`](crate::device()).
pub fn load_cuda() -> &'static CudaStatus {
    static STATUS: OnceLock<CudaStatus> = OnceLock::new();
    STATUS.get_or_init(|| match find_cuda() {
        Ok(devices) => CudaStatus::Available { devices },
        Err(reason) => CudaStatus::Unavailable { reason },
    })
}

fn find_cuda() -> Result<usize, String> {
    let folder = library_folder().map_err(|error| error.to_string())?;
    let library = folder.join("libtorch_cuda.so");
    if !library.exists() {
        return Err(format!(
            "the libtorch in {} computes on the CPU only; build with LIBTORCH set to a CUDA build \
             of the same version, or with LIBTORCH_USE_PYTORCH=1 where python3 has one",
            folder.display()
        ));
    }
    open_library(&library).map_err(|reason| {
        format!(
            "{} cannot be loaded ({reason}); install what it needs",
            library.display()
        )
    })?;
    match Cuda::device_count() {
        devices if devices > 0 && Cuda::is_available() => Ok(devices as usize),
        _ => Err(
            "libtorch's CUDA part is loaded but finds no GPU that it can use; see whether \
                  `nvidia-smi` lists one and whether its driver is recent enough"
                .into(),
        ),
    }
}

/// Loads a shared library for good, its symbols visible to all others.
fn open_library(path: &Path) -> Result<(), String> {
    let name = CString::new(path.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
    // SAFETY: the name is a C string that outlives the call. The library's
    // initializers are libtorch's own and may run at any time.
    let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
    if !handle.is_null() {
        return Ok(());
    }
    // SAFETY: after a failed dlopen on this thread, dlerror returns a C string
    // that stays valid until the next such call.
    let message = unsafe {
        let message = libc::dlerror();
        if message.is_null() {
            c"no reason given"
        } else {
            CStr::from_ptr(message)
        }
    };
    Err(message.to_string_lossy().into_owned())
}

fn library_folder() -> Result<PathBuf, NetsError> {
    let unidentified = |reason: String| NetsError::UnidentifiedLibtorch { reason };
    let maps = std::fs::read_to_string("/proc/self/maps")
        .map_err(|error| unidentified(format!("/proc/self/maps cannot be read: {error}")))?;
    mapped_folder(&maps, "libtorch_cpu.so")
        .ok_or_else(|| unidentified("no libtorch_cpu.so is loaded by this process".into()))
}

/// The folder of a library in a process's memory map.
fn mapped_folder(maps: &str, library: &str) -> Option<PathBuf> {
    let paths = maps
        .lines()
        .filter_map(|line| line.find('/').map(|start| Path::new(&line[start..])));
    let mut found = paths.filter(|path| path.file_name().is_some_and(|name| name == library));
    found.next().and_then(Path::parent).map(Path::to_path_buf)
}

/// Reads the version from the file that libtorch's archive holds, or from the
/// one that Python's package holds.
fn version_beside(folder: &Path) -> Result<String, NetsError> {
    let home = folder.parent().unwrap_or(folder);
    if let Ok(version) = std::fs::read_to_string(home.join("build-version")) {
        return Ok(version.trim().to_owned());
    }
    let python = std::fs::read_to_string(home.join("version.py")).unwrap_or_default();
    python_version(&python)
        .map(str::to_owned)
        .ok_or_else(|| NetsError::UnidentifiedLibtorch {
            reason: format!(
                "neither build-version nor version.py in {} tells it",
                home.display()
            ),
        })
}

fn python_version(text: &str) -> Option<&str> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("__version__ = "))?;
    Some(line.trim().trim_matches(['\'', '"']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_read_from_the_memory_map() {
        let maps = "7f00-7f10 r-xp 00000000 08:01 42    /usr/lib/libc.so.6\n\
                    7f10-7f20 rw-p 00000000 00:00 0 \n\
                    7f20-7f30 r-xp 00000000 08:01 43    /opt/my torch/lib/libtorch_cpu.so\n";
        let folder = mapped_folder(maps, "libtorch_cpu.so");
        assert_eq!(folder, Some(PathBuf::from("/opt/my torch/lib")));
        assert_eq!(mapped_folder(maps, "libtorch_cuda.so"), None);
    }

    #[test]
    fn the_version_is_read_from_the_python_package() {
        let text = "from typing import Optional\n\n__version__ = '2.11.0+cu130'\ndebug = False\n";
        assert_eq!(python_version(text), Some("2.11.0+cu130"));
        assert_eq!(python_version("debug = False"), None);
    }

    #[test]
    fn a_library_that_cannot_be_loaded_says_why() {
        let reason = open_library(Path::new("/nowhere/libtorch_cuda.so")).unwrap_err();
        assert!(reason.contains("/nowhere/libtorch_cuda.so"), "{reason}");
    }
}
