//! One writer per run, and per folder of whatever else is written once.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::process;

use crate::disk::disk;
use crate::files::{open_own, open_to_read};
use crate::{RecordError, Result};

/// Name of the lock file. It stays behind, because deleting a lock file is a
/// race; only a lock on it counts, and the system drops that with its process.
pub(crate) const LOCK: &str = "lock";

/// What stands in the lock's file before the number of the process that took it last.
const PROCESS: &str = "process ";
/// What stands there before the system that lists the lock. A lock that no list shows has
/// no such line.
const LISTED: &str = "listed by ";
/// Where the system lists its locks, as in proc_locks(5).
const LOCKS: &str = "/proc/locks";

/// Holds a folder for one process, as long as it lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// Whether a process holds a folder, as far as another one can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// A process of this machine does.
    Here,
    /// None does: it was taken last on this machine, which lists it no more.
    Nobody,
    /// None of this machine is seen to, but one of another may.
    Unknown,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that another thread is just
        // starting has a copy of it for a moment, and would keep the lock.
        let _ = self.file.unlock();
    }
}

impl Lock {
    /// Takes the lock of a folder, or says who has it.
    ///
    /// # Errors
    /// [`RecordError::Locked`] if another process holds it, or the folder is not writable.
    pub fn take(folder: &Path) -> Result<Self> {
        let path = folder.join(LOCK);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = open_own(&path, &mut options).map_err(RecordError::io("write", &path))?;
        let system = match file.try_lock() {
            Ok(()) => System::that_lists(&file),
            // Some cluster file systems have no locks. A run there is better than none.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => None,
            Err(TryLockError::Error(error)) => return Err(RecordError::io("lock", &path)(error)),
            Err(TryLockError::WouldBlock) => {
                return Err(RecordError::Locked {
                    path: folder.to_path_buf(),
                    holder: holder(&file),
                });
            }
        };
        let mut note = format!("{PROCESS}{}\n", process::id());
        if let Some(System { boot, processes }) = system {
            note += &format!("{LISTED}{boot} {processes}\n");
        }
        disk()
            .cut(&file, &path, 0)
            .and_then(|()| disk().write(&file, &path, note.as_bytes()))
            .map_err(RecordError::io("write", &path))?;
        Ok(Self { file })
    }

    /// Whether a process holds the lock of a folder.
    pub fn held(folder: &Path) -> Held {
        held(&folder.join(LOCK)).unwrap_or(Held::Unknown)
    }

    /// The number of the process that took the lock of a folder last. Once that has ended,
    /// another process may be given it, and on another machine it is another one's.
    pub fn last_holder(folder: &Path) -> Option<u32> {
        let file = open_to_read(&folder.join(LOCK)).ok()??;
        Note::of(&file).process
    }
}

/// `None` where there is no such file, or the system lists no locks.
fn held(lock: &Path) -> Option<Held> {
    let file = open_to_read(lock).ok()??;
    let inode = inode(&file)?;
    let note = Note::of(&file);
    let locks = fs::read_to_string(LOCKS).ok()?;
    let (listed, not_listed) = match (note.system, System::here()) {
        (Some(system), Some(here)) if system == here => {
            (lists(&locks, inode, note.process), Held::Nobody)
        }
        // Another file may have the same number here.
        (Some(system), Some(here)) if system.boot != here.boot => (false, Held::Unknown),
        // In another container the process has another number.
        _ => (lists(&locks, inode, None), Held::Unknown),
    };
    Some(if listed { Held::Here } else { not_listed })
}

/// What a lock's file says of who took it last.
struct Note {
    process: Option<u32>,
    /// Which system listed it.
    system: Option<System>,
}

impl Note {
    fn of(file: &File) -> Self {
        let text = text_of(file);
        let after = |word: &str| text.lines().find_map(|line| line.strip_prefix(word));
        let system = after(LISTED).and_then(|system| system.split_once(' '));
        Self {
            process: after(PROCESS).and_then(|process| process.trim().parse().ok()),
            system: system.map(|(boot, processes)| System {
                boot: boot.to_owned(),
                processes: processes.trim().to_owned(),
            }),
        }
    }
}

/// Whose list of locks a process reads.
#[derive(Debug, PartialEq, Eq)]
struct System {
    /// The machine, since it was switched on.
    boot: String,
    /// The processes that are seen: a container sees no others than its own.
    processes: String,
}

impl System {
    /// `None` where the system does not say.
    fn here() -> Option<Self> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let processes = fs::read_link("/proc/self/ns/pid").ok()?;
        Some(Self {
            boot: boot.trim().to_owned(),
            processes: processes.to_string_lossy().into_owned(),
        })
    }

    /// This system, if it lists the lock that this process has on a file. Some file systems
    /// number their files otherwise in the list.
    fn that_lists(file: &File) -> Option<Self> {
        let locks = fs::read_to_string(LOCKS).ok()?;
        match lists(&locks, inode(file)?, Some(process::id())) {
            true => Self::here(),
            false => None,
        }
    }
}

/// Whether locks as in proc_locks(5) have one of a file, which stands there as
/// `MAJOR:MINOR:INODE` after the number of the process, if that is known. Devices are not
/// compared: those of some file systems are called otherwise there.
fn lists(locks: &str, inode: u64, process: Option<u32>) -> bool {
    let inode = inode.to_string();
    let process = process.map(|process| process.to_string());
    locks.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.windows(2).any(|pair| {
            let parts: Vec<&str> = pair[1].split(':').collect();
            let same_file = matches!(parts[..], [_, _, last] if last == inode);
            same_file && process.as_deref().is_none_or(|process| process == pair[0])
        })
    })
}

/// The number of a file in its file system.
#[cfg(unix)]
fn inode(file: &File) -> Option<u64> {
    use std::os::unix::fs::MetadataExt as _;
    Some(file.metadata().ok()?.ino())
}

#[cfg(not(unix))]
fn inode(_file: &File) -> Option<u64> {
    None
}

/// Who wrote the lock file.
fn holder(file: &File) -> String {
    let text = text_of(file);
    let first = text.lines().next().map_or("", str::trim);
    match first.is_empty() {
        true => "another process".to_owned(),
        false => first.to_owned(),
    }
}

/// No more than some lines are of interest, whatever is in the file.
fn text_of(file: &File) -> String {
    let mut text = String::new();
    let read = file.take(1 << 10).read_to_string(&mut text);
    read.map(|_| text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_this_system_lists_is_held_by_who_took_it_and_by_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK);
        assert_eq!(Lock::held(folder.path()), Held::Unknown);
        let lock = Lock::take(folder.path()).unwrap();
        assert_eq!(Lock::last_holder(folder.path()), Some(process::id()));
        let note = fs::read_to_string(&path).unwrap();
        if !Path::new(LOCKS).exists() {
            return;
        }
        assert!(note.contains(LISTED), "{note}");
        assert_eq!(Lock::held(folder.path()), Held::Here);
        // Another process took it, whose number is not the one in the list: what is listed is
        // a file of the same number elsewhere.
        let own = format!("{PROCESS}{}\n", process::id());
        fs::write(&path, note.replace(&own, &format!("{PROCESS}0\n"))).unwrap();
        assert_eq!(Lock::held(folder.path()), Held::Nobody);
        fs::write(&path, &note).unwrap();
        drop(lock);
        assert_eq!(Lock::held(folder.path()), Held::Nobody);
    }

    #[test]
    fn what_was_taken_elsewhere_is_held_as_far_as_the_list_shows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK);
        let _lock = Lock::take(folder.path()).unwrap();
        let Some(here) = System::here().filter(|_| Path::new(LOCKS).exists()) else {
            return;
        };
        let container = format!("{PROCESS}7\n{LISTED}{} pid:[7]\n", here.boot);
        let machine = format!("{PROCESS}7\n{LISTED}7 {}\n", here.processes);
        for (note, listed) in [
            (container.as_str(), Held::Here),
            (machine.as_str(), Held::Unknown),
            // Taken by an earlier version, or where it was not in the list.
            ("process 7\n", Held::Here),
            ("", Held::Here),
        ] {
            fs::write(&path, note).unwrap();
            assert_eq!(Lock::held(folder.path()), listed, "{note}");
        }
    }

    #[test]
    fn locks_are_told_by_their_inodes_and_processes() {
        let locks = "1: FLOCK  ADVISORY  WRITE 23988 fe:00:10716083 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 23989 fe:00:77 0 EOF\n";
        assert!(lists(locks, 10_716_083, None) && lists(locks, 10_716_083, Some(23_988)));
        assert!(!lists(locks, 10_716_083, Some(23_989)));
        assert!(!lists(locks, 23_988, None) && !lists(locks, 716_083, None));
    }
}
