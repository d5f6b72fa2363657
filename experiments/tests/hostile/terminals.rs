//! A terminal that takes nothing.

use crate::lab::{Lab, RUN, end, signal};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(crate) const TESTS: &[(&str, fn())] = &[(
    "a_terminal_that_takes_nothing_cannot_stop_a_training",
    a_terminal_that_takes_nothing_cannot_stop_a_training,
)];

/// Both ends of a new terminal: that of whoever looks, and that of programs.
fn terminal() -> (File, OwnedFd) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let screen = openpt(flags).unwrap();
    grantpt(&screen).unwrap();
    unlockpt(&screen).unwrap();
    let program = ioctl_tiocgptpeer(&screen, flags).unwrap();
    (File::from(screen), program)
}

/// Writes to a terminal until it takes nothing more.
fn fill(program: &OwnedFd) {
    let mut file = File::from(program.try_clone().unwrap());
    fcntl_setfl(program, OFlags::NONBLOCK).unwrap();
    while file.write(&[b'x'; 4096]).is_ok() {}
    fcntl_setfl(program, OFlags::empty()).unwrap();
}

/// Waits for so many more updates.
fn await_updates(lab: &Lab, child: &mut Child, more: usize) {
    let (start, before) = (Instant::now(), lab.rows("metrics.jsonl"));
    while lab.rows("metrics.jsonl") < before + more {
        assert!(child.try_wait().unwrap().is_none());
        let waited = start.elapsed();
        assert!(
            waited < Duration::from_secs(10),
            "the training stands still"
        );
        sleep(Duration::from_millis(10));
    }
}

fn a_terminal_that_takes_nothing_cannot_stop_a_training() {
    for full in [false, true] {
        let lab = Lab::new();
        let (mut screen, program) = terminal();
        if full {
            fill(&program);
        }
        // Long evaluations, so that bars of two kinds are drawn.
        let args = [
            "train",
            "tiny.toml",
            "rl2.updates=100000",
            "evaluation.interval_tasks=5000",
            "checkpoint.interval=1000",
        ];
        let mut command = lab.command(&args);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(program)
            .spawn()
            .unwrap();
        await_updates(&lab, &mut child, 1);
        // As the key Ctrl-S.
        screen.write_all(b"\x13").unwrap();
        await_updates(&lab, &mut child, 40);
        signal(&child, "TERM");
        assert_eq!(end(&mut child, Duration::from_secs(7)).code(), Some(75));
        let saved = format!("checkpoints/{:08}", lab.rows("metrics.jsonl"));
        assert!(lab.path(RUN).join(&saved).exists(), "{saved}");
    }
}
