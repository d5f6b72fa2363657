//! Environments that break, sleep or want too much, readers that go away, and
//! signals: this program is the command line with such an environment when it
//! is started by its own tests.

mod environment;
mod lab;
mod panics;
mod pipes;
mod signals;

use std::process::ExitCode;

/// Set where this program is the command line.
const PROGRAM: &str = "METARL_TEST_PROGRAM";

fn main() -> ExitCode {
    if std::env::var_os(PROGRAM).is_some() {
        return experiments::run(&environment::registry());
    }
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let wanted: Vec<&String> = wanted.iter().filter(|arg| !arg.starts_with('-')).collect();
    let all = [panics::TESTS, pipes::TESTS, signals::TESTS].concat();
    for (name, test) in all {
        if wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())) {
            println!("test {name}");
            test();
        }
    }
    ExitCode::SUCCESS
}
