//! How much memory there is: the one place that asks the machine.

use crate::failure::Failure;
use crate::host;
use rl_core::{Bytes, Footprint};
use std::fs;
use std::path::Path;

/// How much of what is available may be used: counts of what is needed are not
/// exact, and other processes go on.
const SHARE: f64 = 0.9;

/// Address space that a thread's heap and stack reserve beyond what they hold.
const RESERVED: f64 = 64.0 * 1024.0 * 1024.0;
/// Threads beside the workers: the one that began, and those that watch.
const THREADS: usize = 2;

/// The memory that this process may still take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Room {
    /// What all processes have together.
    shared: Limit,
    /// What this process may have.
    own: Limit,
    /// How many runs side by side have a part of what is shared.
    sharing: usize,
}

/// So much memory, and no more.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Limit {
    /// How much, in bytes; infinite where the system does not say.
    bytes: f64,
    /// What it is that allows no more.
    by: &'static str,
}

impl Limit {
    const NONE: Self = Self {
        bytes: f64::INFINITY,
        by: "the system",
    };

    fn narrow(&mut self, bytes: Option<f64>, by: &'static str) {
        if let Some(bytes) = bytes.filter(|bytes| *bytes < self.bytes) {
            let bytes = bytes.max(0.0);
            *self = Self { bytes, by };
        }
    }
}

impl Room {
    /// What there is now: of the machine's memory, within the limits of the
    /// process (`ulimit -v`, `ulimit -d`) and of every control group that it is in.
    pub fn now() -> Self {
        let threads = host::cores() + THREADS;
        Self::of_system(Path::new("/"), RESERVED * threads as f64)
    }

    /// So many bytes.
    #[cfg(test)]
    pub(crate) fn of_bytes(bytes: f64) -> Self {
        let mut room = Self {
            shared: Limit::NONE,
            own: Limit::NONE,
            sharing: 1,
        };
        room.own.narrow(Some(bytes), "the test");
        room
    }

    /// What there is below a root folder, where threads reserve so much address
    /// space.
    fn of_system(root: &Path, reserved: f64) -> Self {
        let mut room = Self {
            shared: Limit::NONE,
            own: Limit::NONE,
            sharing: 1,
        };
        let kibibytes = |file, key| Some(1024.0 * field(&root.join(file), key)?);
        room.shared
            .narrow(kibibytes("proc/meminfo", "MemAvailable:"), "the machine");
        let limits = "proc/self/limits";
        for (key, used, limit, reserved) in [
            ("Max address space", "VmSize:", "ulimit -v", reserved),
            ("Max data size", "VmData:", "ulimit -d", 0.0),
        ] {
            let most = field(&root.join(limits), key);
            let used = kibibytes("proc/self/status", used);
            let left = most.zip(used).map(|(most, used)| most - used - reserved);
            room.own.narrow(left, limit);
        }
        room.narrow_to_groups(root);
        room
    }

    /// Control groups, version 2 and 1, each with those that it is part of.
    fn narrow_to_groups(&mut self, root: &Path) {
        let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
        for group in groups.lines() {
            let mut parts = group.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
                continue;
            };
            let (mount, files) = match controllers {
                "" => ("sys/fs/cgroup", GroupFiles::SECOND),
                _ if controllers.split(',').any(|name| name == "memory") => {
                    ("sys/fs/cgroup/memory", GroupFiles::FIRST)
                }
                _ => continue,
            };
            for part in Path::new(path.trim_start_matches('/')).ancestors() {
                self.shared.narrow(
                    files.left(&root.join(mount).join(part)),
                    "the control group",
                );
            }
        }
    }

    /// What each of several runs side by side has of it.
    #[must_use]
    pub fn shared_by(self, runs: usize) -> Self {
        Self {
            sharing: runs,
            ..self
        }
    }

    /// The narrowest limit.
    fn limit(&self) -> Limit {
        let part = self.shared.bytes / self.sharing as f64;
        match part < self.own.bytes {
            true => Limit {
                bytes: part,
                ..self.shared
            },
            false => self.own,
        }
    }

    /// Refuses what needs more than there is.
    ///
    /// # Errors
    /// How much it needs, what for, and how much there is.
    pub fn check(&self, what: &str, needed: &Footprint) -> Result<(), Failure> {
        let limit = self.limit();
        if needed.bytes() <= SHARE * limit.bytes {
            return Ok(());
        }
        let share = match self.sharing {
            1 => "nine tenths".to_owned(),
            runs => format!("a part for each of {runs} runs side by side (--jobs)"),
        };
        Err(Failure::config(format!(
            "{what} needs {needed}; allowed: {}, {share} of what {} has left; lower what the \
             largest parts grow with",
            Bytes(SHARE * limit.bytes),
            limit.by
        )))
    }
}

/// Where a control group says how much memory it may have, and has.
struct GroupFiles {
    most: &'static str,
    used: &'static str,
    /// Of `memory.stat`: files in memory, which give way to what needs it.
    cached: &'static str,
}

impl GroupFiles {
    const SECOND: Self = Self {
        most: "memory.max",
        used: "memory.current",
        cached: "inactive_file",
    };
    const FIRST: Self = Self {
        most: "memory.limit_in_bytes",
        used: "memory.usage_in_bytes",
        cached: "total_inactive_file",
    };

    fn left(&self, folder: &Path) -> Option<f64> {
        let number = |file| field(&folder.join(file), "");
        let cached = field(&folder.join("memory.stat"), self.cached).unwrap_or(0.0);
        Some(number(self.most)? - number(self.used)? + cached)
    }
}

/// The number that follows a key at the beginning of a line; `None` if there is
/// no such line, or no number, as where something is unlimited.
fn field(file: &Path, key: &str) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A system of these files.
    fn room(files: &[(&str, &str)]) -> Room {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Room::of_system(root.path(), 500_000.0)
    }

    const MACHINE: (&str, &str) = ("proc/meminfo", "MemTotal: 9 kB\nMemAvailable:  4000 kB\n");

    #[test]
    fn the_narrowest_limit_counts() {
        let unknown = room(&[]);
        assert_eq!(unknown.limit().bytes, f64::INFINITY);
        let machine = room(&[MACHINE]);
        assert_eq!(
            (machine.limit().bytes, machine.limit().by),
            (4_096_000.0, "the machine")
        );
        let limited = room(&[
            MACHINE,
            (
                "proc/self/limits",
                "Max data size   unlimited  unlimited  bytes\n\
                 Max address space   3000000    unlimited  bytes\n",
            ),
            ("proc/self/status", "VmSize:\t 1000 kB\nVmData:\t 10 kB\n"),
        ]);
        let left = 3_000_000.0 - 1_024_000.0 - 500_000.0;
        assert_eq!(
            (limited.limit().bytes, limited.limit().by),
            (left, "ulimit -v")
        );
    }

    #[test]
    fn a_control_group_is_limited_by_those_that_it_is_part_of() {
        let second = room(&[
            MACHINE,
            ("proc/self/cgroup", "0::/outer/inner\n"),
            ("sys/fs/cgroup/outer/inner/memory.max", "max\n"),
            ("sys/fs/cgroup/outer/inner/memory.current", "10\n"),
            ("sys/fs/cgroup/outer/memory.max", "1000\n"),
            ("sys/fs/cgroup/outer/memory.current", "900\n"),
            (
                "sys/fs/cgroup/outer/memory.stat",
                "anon 5\ninactive_file 50\n",
            ),
        ]);
        assert_eq!(
            (second.limit().bytes, second.limit().by),
            (150.0, "the control group")
        );
        let first = room(&[
            ("proc/self/cgroup", "5:cpu:/a\n4:hugetlb,memory:/a\n0::/\n"),
            ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "700\n"),
            ("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "300\n"),
        ]);
        assert_eq!(first.limit().bytes, 400.0);
        // More is used than is allowed since the limit was lowered.
        let over = room(&[
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/memory.max", "1\n"),
            ("sys/fs/cgroup/memory.current", "2\n"),
        ]);
        assert_eq!(over.limit().bytes, 0.0);
    }

    #[test]
    fn a_refusal_says_what_is_needed_and_what_there_is() {
        let limited = |bytes| Room {
            shared: Limit {
                bytes,
                by: "the machine",
            },
            own: Limit {
                bytes: 4e9,
                by: "ulimit -v",
            },
            sharing: 1,
        };
        let room = limited(2e9);
        let needed = |bytes| Footprint::new().with("rows", bytes, "lanes");
        assert_eq!(room.check("it", &needed(1.8e9)), Ok(()));
        let failure = room.check("it", &needed(2e9)).unwrap_err();
        assert_eq!(
            failure.message,
            "it needs 2.0 GB of memory: 2.0 GB rows (grows with lanes); allowed: 1.8 GB, nine \
             tenths of what the machine has left; lower what the largest parts grow with"
        );
        assert!(limited(0.0).check("it", &needed(f64::INFINITY)).is_err());
        assert!(room.check("it", &needed(f64::NAN)).is_err());
        // What is each process's own is not shared.
        let half = room.shared_by(2);
        assert_eq!(half.check("it", &needed(0.9e9)), Ok(()));
        let failure = half.check("it", &needed(1e9)).unwrap_err();
        assert!(failure.message.contains("2 runs side by side"), "{failure}");
        let own = limited(12e9).shared_by(2);
        assert_eq!(own.check("it", &needed(3.6e9)), Ok(()));
        assert!(own.check("it", &needed(4e9)).is_err());
    }
}
