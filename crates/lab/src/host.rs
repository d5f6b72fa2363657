//! The machine that the program runs on.

use std::env;
use std::fs;
use std::thread::available_parallelism;

/// Hardware threads that this process may use.
pub fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Of those the part of one of so many processes that share this machine, unless
/// whoever started them gave each its own.
pub fn cores_beside(processes: usize) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed:"));
    let digits = mask.unwrap_or_default().chars();
    let allowed: u32 = digits
        .filter_map(|c| c.to_digit(16))
        .map(u32::count_ones)
        .sum();
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let all = info.lines().filter(|line| line.starts_with("processor"));
    match (allowed as usize) < all.count() {
        true => cores(),
        false => (cores() / processes).max(1),
    }
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
    features
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
