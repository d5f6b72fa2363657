//! Commands about the machine and what is one's own.

use super::values::Output;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// What a crate of one's own holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NewKind {
    /// An environment.
    Env,
    /// An algorithm.
    Algorithm,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The crate stands on the checkout that this program was built from.\n\n\
    Example:\n  experiments new env my-bandit && cd my-bandit && cargo run --release -- train my-bandit.toml"
)]
pub(crate) struct NewArgs {
    /// What it holds.
    pub(crate) kind: NewKind,
    /// What that is called, and the crate, as in my-bandit.
    pub(crate) name: String,
    /// Where to make it [default: a folder of its name].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  experiments completions bash > ~/.local/share/bash-completion/completions/experiments"
)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Folder of all runs.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) runs: PathBuf,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  experiments check-env bernoulli-bandit arms=3")]
pub(crate) struct CheckEnvArgs {
    /// An environment's name (see `list envs`).
    #[arg(value_name = "ENV")]
    pub(crate) environment: String,
    /// Settings of the environment.
    #[arg(value_name = "key=value")]
    pub(crate) settings: Vec<String>,
    #[command(flatten)]
    pub(crate) output: Output,
}
