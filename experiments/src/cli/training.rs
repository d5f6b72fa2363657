//! Commands that train, and look on.

use super::values::{Jobs, Output, Work, seed, seeds, update};
use clap::Args;
use lab::folders::folder_name;
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct QuickstartArgs {
    /// Seed of all randomness.
    #[arg(long, value_name = "S", default_value = "0", allow_hyphen_values = true, value_parser = seed)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) work: Work,
    /// Folder of all runs; the quickstart writes to `quickstart` in it.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) runs: PathBuf,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    experiments train quickstart\n  \
    experiments train rl2/bernoulli-bandit-5x100 --seeds 5\n  \
    experiments train rl2/bernoulli-bandit-5x10 rl2.updates=100 --from runs/quickstart/seed-0\n  \
    experiments train quickstart rl2.lanes=512 rl2.trunk.kind=lstm rl2.trunk.hidden=48 --seed 7\n  \
    experiments train my-environment.toml environment.size=9 --runs runs/size-9")]
pub(crate) struct TrainArgs {
    /// A preset's name (see `list presets`), or a TOML file.
    #[arg(value_name = "PRESET|FILE.toml")]
    pub(crate) preset: OsString,
    /// Settings to change, by dotted key.
    #[arg(value_name = "key=value")]
    pub(crate) overrides: Vec<String>,
    /// Seed of all randomness [default: the file's, or 0].
    #[arg(long, value_name = "S", allow_hyphen_values = true, value_parser = seed, conflicts_with = "seeds")]
    pub(crate) seed: Option<u64>,
    /// Train N runs, seeds 0 to N-1.
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = seeds)]
    pub(crate) seeds: Option<u64>,
    /// Begin with what another run learned: its folder, or that of several seeds.
    #[arg(long, value_name = "RUN")]
    pub(crate) from: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) jobs: Jobs,
    #[command(flatten)]
    pub(crate) work: Work,
    /// Where networks live: cpu or cuda.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub(crate) device: String,
    /// Folder of all runs.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) runs: PathBuf,
    /// What the run's folder, and in reports the agent, is called [default: as
    /// the preset].
    #[arg(long, value_name = "NAME", value_parser = folder_name)]
    pub(crate) name: Option<String>,
    /// Replace runs that exist already.
    #[arg(long)]
    pub(crate) overwrite: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  experiments resume runs/rl2-bernoulli-bandit-5x10/seed-0")]
pub(crate) struct ResumeArgs {
    /// A run's folder, or the folder of several seeds.
    pub(crate) run: PathBuf,
    #[command(flatten)]
    pub(crate) jobs: Jobs,
    #[command(flatten)]
    pub(crate) work: Work,
    /// Where networks live: cpu or cuda [default: as the run began].
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<String>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 done, and every row is the one that the run has; 70 it failed again, or a \
    row is another one.\n\nExamples:\n  \
    experiments replay runs/quickstart/seed-0\n  \
    experiments replay runs/quickstart/seed-0 --update 40 --workers 1"
)]
pub(crate) struct ReplayArgs {
    /// A run's folder.
    pub(crate) run: PathBuf,
    /// The update, counted from 1 [default: the one after the newest checkpoint, and the
    /// evaluation that is due before it].
    #[arg(long, value_name = "U", allow_hyphen_values = true, value_parser = update)]
    pub(crate) update: Option<u64>,
    #[command(flatten)]
    pub(crate) work: Work,
    /// Where networks live: cpu or cuda [default: as the run began].
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<String>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(
    after_help = "On a terminal: curves of the mean return, a line for each run, and `q` ends it. \
    Elsewhere a line now and then. It ends with the last run; seeds that are still to come, and the \
    next rung of a sweep, are waited for until nothing has run for a minute.\n\n\
    Examples:\n  \
    experiments watch runs/quickstart runs/rl2-maze\n  \
    experiments watch rates"
)]
pub(crate) struct WatchArgs {
    /// Runs' folders, or folders of several seeds, or of a sweep.
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// A process of its own for some of the runs of a folder.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// The folder around the runs.
    pub(crate) folder: PathBuf,
    #[command(flatten)]
    pub(crate) work: Work,
    /// Where networks live.
    #[arg(long)]
    pub(crate) device: String,
}
