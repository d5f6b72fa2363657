//! The command line of metarl.

use experiments::Registry;
use std::process::ExitCode;

fn main() -> ExitCode {
    experiments::run(&Registry::standard())
}
