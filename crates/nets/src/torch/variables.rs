//! Environment variables that change what libtorch computes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

/// Choose the instructions of ATen, and through TF32 how matrices are multiplied
/// on GPUs.
const NAMES: [&str; 3] = [
    "ATEN_CPU_CAPABILITY",
    "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
];
/// Of the libraries that multiply matrices on the CPU.
const PREFIXES: [&str; 3] = ["MKL_", "ONEDNN_", "DNNL_"];

/// Removes the environment variables by which libtorch and the libraries in it
/// choose other instructions, or other precision: the same seed gives the same
/// bits on one machine, whatever a shell has exported. Returns whether none is
/// left: where there is a second thread, none can be removed.
///
/// To be called at start, before libtorch is asked for anything.
#[must_use]
pub fn forget_variables() -> bool {
    let names = std::env::vars_os().map(|(name, _)| name);
    let names: Vec<_> = names.filter(|name| chooses_arithmetic(name)).collect();
    if names.is_empty() {
        return true;
    }
    let alone = is_alone();
    for name in names.iter().filter(|_| alone) {
        // SAFETY: this is the only thread, so that nothing reads the environment
        // meanwhile.
        unsafe { std::env::remove_var(name) };
    }
    alone
}

/// Whether this thread is known to be the only one.
fn is_alone() -> bool {
    let threads = std::fs::read_dir("/proc/self/task").map(Iterator::count);
    threads.is_ok_and(|threads| threads == 1)
}

fn chooses_arithmetic(name: &OsStr) -> bool {
    let starts = |prefix: &&str| name.as_bytes().starts_with(prefix.as_bytes());
    NAMES.iter().any(|known| name == *known) || PREFIXES.iter().any(starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_arithmetic_are_told_from_others() {
        for name in ["ATEN_CPU_CAPABILITY", "MKL_CBWR", "ONEDNN_MAX_CPU_ISA"] {
            assert!(chooses_arithmetic(name.as_ref()), "{name}");
        }
        for name in ["PATH", "MKLROOT", "ATEN_CPU", "HOME"] {
            assert!(!chooses_arithmetic(name.as_ref()), "{name}");
        }
    }

    #[test]
    fn a_second_thread_is_seen() {
        assert!(!std::thread::spawn(is_alone).join().unwrap());
    }
}
