//! The machine that the program runs on.

use std::env;
#[cfg(target_env = "gnu")]
use std::ffi::CStr;
use std::fs;
use std::thread::available_parallelism;

/// Hardware threads that this process may use.
pub fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Of those the part of one of so many processes that share them.
pub fn cores_beside(processes: usize) -> usize {
    (cores() / processes).max(1)
}

/// Which cores of which machine this process may use, in words that only those have who
/// may use the same; `None` where the system does not say.
pub fn allowed_cores() -> Option<String> {
    let machine = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed:"))?;
    // Containers of one machine have names of their own, and shares of its cores.
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(format!(
        "{} {} {}",
        machine.trim(),
        name.trim(),
        mask.trim()
    ))
}

/// The CPU's name, as the system gives it.
pub fn cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == "model name").then(|| value.trim().to_owned())
    });
    name.unwrap_or_else(|| format!("unknown {}", env::consts::ARCH))
}

/// Vector instructions that the kernels choose among.
pub fn cpu_features() -> Vec<&'static str> {
    let mut features = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        let found = [
            ("sse4.2", std::arch::is_x86_feature_detected!("sse4.2")),
            ("avx2", std::arch::is_x86_feature_detected!("avx2")),
            ("fma", std::arch::is_x86_feature_detected!("fma")),
            ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ];
        features.extend(found.iter().filter(|(_, has)| *has).map(|(name, _)| *name));
    }
    #[cfg(target_arch = "aarch64")]
    if std::arch::is_aarch64_feature_detected!("neon") {
        features.push("neon");
    }
    features
}

/// The C library and its version.
pub fn libc() -> String {
    #[cfg(target_env = "gnu")]
    {
        #[allow(unsafe_code, reason = "the C library says its version in no other way")]
        // SAFETY: it takes nothing, and gives text that is there as long as the process.
        let version = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) };
        format!("glibc {}", version.to_string_lossy())
    }
    #[cfg(not(target_env = "gnu"))]
    match () {
        () if cfg!(target_env = "musl") => "musl".to_owned(),
        () => "the system's".to_owned(),
    }
}

/// The operating system and architecture.
pub fn system() -> String {
    format!("{} {}", env::consts::OS, env::consts::ARCH)
}

/// The most memory that this process has held so far; `None` where the system
/// does not say.
pub fn peak_memory_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
