//! `completions`: what a shell needs to complete command lines.

use crate::cli::{Cli, CompletionsArgs};
use crate::console::Console;
use clap::CommandFactory as _;
use lab::failure::Failure;

pub(crate) fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    let script = String::from_utf8_lossy(&script);
    Console::new(false).only_results().say(script.trim_end())
}
