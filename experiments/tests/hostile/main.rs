//! Environments that break, sleep or want too much, readers that go away, and
//! signals: this program is the command line with such an environment when it
//! is started by its own tests.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it is a program of its own, which waits for others and says how its tests went"
)]

mod algorithm;
mod algorithms;
mod environment;
mod faults;
mod lab;
mod panics;
mod pipes;
mod signals;
mod terminals;

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

/// Set where this program is the command line.
const PROGRAM: &str = "METARL_TEST_PROGRAM";

fn main() -> ExitCode {
    if std::env::var_os(PROGRAM).is_some() {
        return experiments::run(&environment::registry());
    }
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if wanted.first().is_some_and(|first| first == "faults") {
        return faults::run(&wanted[1..]);
    }
    let wanted: Vec<&String> = wanted.iter().filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted =
        |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
    let all = [
        algorithms::TESTS,
        faults::TESTS,
        panics::TESTS,
        pipes::TESTS,
        signals::TESTS,
        terminals::TESTS,
    ]
    .concat();
    let tests: Vec<_> = all.iter().filter(|(name, _)| is_wanted(name)).collect();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let start = Instant::now();
    let work = || {
        while let Some((name, test)) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
            let start = Instant::now();
            let passed = catch_unwind(test).is_ok();
            let word = if passed { "ok" } else { "FAILED" };
            let seconds = start.elapsed().as_secs_f64();
            println!("test {name} ... {word} ({seconds:.1} s)");
            if !passed {
                failed.lock().unwrap().push(*name);
            }
        }
    };
    // Most of them wait most of the time.
    thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let failed = failed.into_inner().unwrap();
    println!(
        "{} of {} tests run, failed: {failed:?}; finished in {:.2}s",
        tests.len(),
        all.len(),
        start.elapsed().as_secs_f64()
    );
    match failed.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
