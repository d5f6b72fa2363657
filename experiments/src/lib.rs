//! The command line of metarl as a library, so that a crate of your own can
//! add an environment or an algorithm and get all of it: train, resume, evaluate,
//! compare, report.
//!
//! ```no_run
//! use experiments::{EnvironmentEntry, Registry};
//!
//! let entry = EnvironmentEntry::new("my-bandit", "a bandit under my own name", |settings| {
//!     Ok(bandits::BernoulliBandit::new(settings.count("arms")?, 10)?)
//! })
//! .count("arms", 5, 1..=100, "arms to choose from");
//! experiments::run(&Registry::standard().with_environment(entry));
//! ```
//!
//! An algorithm is a value, `agent::Algorithm`: see [`Registry::with_algorithm`].
//!
//! This is the terminal around [`lab`], which does the work: the only crate that
//! prints and that reads environment variables.

mod cli;
mod commands;
/// What the book says of a user's own environment is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../book/src/own-environment.md")]
mod book {}
#[cfg(test)]
mod book_lines;
#[cfg(test)]
mod book_tests;
#[allow(
    clippy::disallowed_methods,
    reason = "it prints, and asks whether there are to be colours"
)]
mod console;
#[allow(clippy::disallowed_methods, reason = "it answers a signal")]
mod interrupt;
#[allow(
    clippy::disallowed_methods,
    reason = "it prints, and measures how long a reader takes"
)]
mod output;
#[allow(clippy::disallowed_methods, reason = "it prints, and measures rates")]
mod progress;
#[allow(clippy::disallowed_methods, reason = "it asks who started the process")]
mod ranks;
mod reporting;
mod results;
mod tables;
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "it runs before libtorch is loaded")]
mod working_directory;

pub use lab::conformance::{Check, check};
pub use lab::presets::{PRESETS, Preset};
pub use lab::registry::{Built, Registry};
pub use rl_core::EnvironmentEntry;

use clap::Parser;
use cli::{Cli, Command};
use lab::failure::{Exit, Failure};
use lab::{panics, silence};
use std::env;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

/// The whole command line: reads the arguments of the process, does what they
/// say, and tells its caller how that went.
///
/// To be called before other threads are started: it removes environment
/// variables that choose other instructions for libtorch, which would give other
/// bits.
pub fn run(registry: &Registry) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            if ranks::launched().is_some_and(|launched| launched.rank > 0) {
                // Rank 0 says it.
                return ExitCode::from(error.exit_code() as u8);
            }
            if error.use_stderr() {
                output::remark(error.render().to_string().trim_end());
                return ExitCode::from(error.exit_code() as u8);
            }
            // Help and version are no errors, and are results.
            let text = error.render();
            let text = match console::Console::new(false).has_colours() {
                true => text.ansi().to_string(),
                false => text.to_string(),
            };
            output::result(text.trim_end());
            return ExitCode::from(end(output::written()) as u8);
        }
    };
    panics::keep_quiet(backtraces().then_some(|panic| output::remark(panic)));
    interrupt::outlive_file_limits();
    let done = panic::catch_unwind(AssertUnwindSafe(|| {
        prepare()?;
        ranks::join(&cli)?;
        silence::watch(|word| output::remark(word));
        match ranks::follows() {
            true => ranks::follow_with(registry, &cli),
            false => dispatch(registry, cli),
        }
    }));
    let done = done.unwrap_or_else(|panic| Err(panics::failure(panic)));
    let exit = end(done.and_then(|()| output::written()));
    ranks::conclude(exit);
    ExitCode::from(exit as u8)
}

/// Says what went wrong; the exit code.
fn end(done: Result<(), Failure>) -> Exit {
    interrupt::conclude();
    match done {
        Ok(()) => Exit::Done,
        Err(failure) => {
            if !failure.message.is_empty() {
                output::remark(format!("error: {failure}"));
            }
            failure.exit
        }
    }
}

/// Whether somebody looks for the cause of a panic.
#[allow(clippy::disallowed_methods, reason = "it asks for RUST_BACKTRACE")]
fn backtraces() -> bool {
    env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0")
}

/// What libtorch needs before it is asked for anything, while there is one thread.
fn prepare() -> Result<(), Failure> {
    if !nets::forget_variables() {
        let message = "ATEN_CPU_CAPABILITY, or a variable that begins with MKL_, ONEDNN_ or DNNL_, \
                       is set and cannot be removed here, so that results may be others; unset it";
        return Err(Failure::usage(message));
    }
    // Before anything else asks libtorch about CUDA, and on this thread too.
    nets::load_cuda();
    nets::single_threaded();
    Ok(())
}

fn dispatch(registry: &Registry, cli: Cli) -> Result<(), Failure> {
    match cli.command.unwrap_or(Command::Quickstart(cli.quickstart)) {
        Command::Quickstart(args) => commands::quickstart::run(registry, &args),
        Command::List(args) => commands::list::run(registry, &args),
        Command::Show(args) => commands::show::run(registry, &args),
        Command::Help(args) => commands::help::run(registry, &args),
        Command::Schema(_) => commands::schema::run(registry),
        Command::Train(args) => commands::train::run(registry, &args),
        Command::Resume(args) => commands::resume::run(registry, &args),
        Command::Replay(args) => commands::replay::run(registry, &args),
        Command::Watch(args) => commands::watch::run(&args),
        Command::Job(args) => commands::job::run(registry, &args),
        Command::Eval(args) => commands::eval::run(registry, &args),
        Command::Baseline(args) => commands::baseline::run(registry, &args),
        Command::Oracle(args) => commands::oracle::run(registry, &args),
        Command::Table(args) => commands::table::run(registry, &args),
        Command::Transfer(args) => commands::table::run(registry, &args.table()),
        Command::Render(args) => commands::render::run(registry, &args),
        Command::Report(args) => commands::report::run(&args),
        Command::Compare(args) => commands::compare::run(&args),
        Command::Export(args) => commands::export::run(registry, &args),
        Command::Sweep(args) => commands::sweep::run(registry, &args),
        Command::Bench(args) => commands::bench::run(registry, &args),
        Command::Doctor(args) => commands::doctor::run(&args),
        Command::CheckEnv(args) => commands::check_env::run(registry, &args),
        Command::New(args) => commands::new::run(registry, &args),
        Command::Completions(args) => commands::completions::run(&args),
    }
}
