//! Commands of sweeps.

use super::values::{Jobs, Output, Work};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct SweepArgs {
    #[command(subcommand)]
    pub(crate) command: SweepCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SweepCommand {
    /// Write down all runs of a sweep, each with its whole configuration.
    Plan(SweepPlanArgs),
    /// Do the runs of a plan that are not done yet, and tell its settings apart.
    Run(SweepRunArgs),
    /// Print what a cluster is told to do the runs of a plan.
    Script(SweepScriptArgs),
    /// Print what each key of a sweep may be set to, as Optuna reads it.
    Space(SweepSpaceArgs),
    /// Train one setting that somebody else chose, and say what it comes to on tuning tasks.
    Try(SweepTryArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "A sweep's file:\n\n  \
    preset = \"rl2/bernoulli-bandit-5x100\"  # or a file\n  \
    words = [\"rl2.updates=200\"]            # what is set in all runs\n  \
    seeds = [101, 102, 103]                # of every setting\n  \
    confirm = [0, 1, 2, 3, 4]              # of the best one, afterwards\n  \
    # draws = { count = 64, seed = 0 }     # by chance instead of every combination, each once\n  \
    # halving = { rungs = [25, 75], factor = 3, tasks = 1000 }\n\n  \
    [settings]\n  \
    \"rl2.learning_rate.from\" = { from = 1e-4, to = 1e-2, points = 5, scale = \"log\" }\n  \
    \"rl2.trunk.kind\" = [\"gru\", \"lstm\"]\n\n\
    With halving every setting is trained for 25 updates and scored on 1000 tuning tasks of each \
    seed; the best third goes on from its checkpoints to 75 updates, and the best third of these \
    to the end.")]
pub(crate) struct SweepPlanArgs {
    /// The sweep's file.
    pub(crate) spec: PathBuf,
    /// Where to write the plan [default: beside it, as .jsonl].
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace another plan.
    #[arg(long)]
    pub(crate) overwrite: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Where and how the runs of a sweep are done.
#[derive(Debug, Args)]
pub(crate) struct SweepWork {
    /// Folder of its runs [default: the file's name without its ending].
    #[arg(long, value_name = "DIR")]
    pub(crate) runs: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) jobs: Jobs,
    #[command(flatten)]
    pub(crate) work: Work,
    /// Where networks live: cpu or cuda.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub(crate) device: String,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct SweepRunArgs {
    /// The plan.
    pub(crate) plan: PathBuf,
    /// Only the run of this number, as a job of a cluster; with halving, of those of the rung.
    #[arg(long, value_name = "I")]
    pub(crate) index: Option<usize>,
    /// Of a plan with halving, only this rung, from 0; the one before must be over.
    #[arg(long, value_name = "R")]
    pub(crate) rung: Option<usize>,
    #[command(flatten)]
    pub(crate) how: SweepWork,
}

#[derive(Debug, Args)]
pub(crate) struct SweepScriptArgs {
    /// The plan.
    pub(crate) plan: PathBuf,
    /// Who runs it.
    #[arg(long, value_enum)]
    pub(crate) engine: Engine,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    optuna ask --storage sqlite:///study.db --study-name rates --search-space \"$(experiments sweep space rates.toml)\"")]
pub(crate) struct SweepSpaceArgs {
    /// The sweep's file.
    pub(crate) spec: PathBuf,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The same setting is not trained twice: asked again, or for a further rung, it goes \
    on where it was.\n\nExamples:\n  \
    experiments sweep try rates.toml rl2.learning_rate.from=3e-3 rl2.trunk.kind=gru --json\n  \
    experiments sweep try rates.toml rl2.learning_rate.from=3e-3 rl2.trunk.kind=gru --rung 0 --json\n  \
    experiments sweep try rates.toml rl2.learning_rate.from=3e-3 rl2.trunk.kind=gru --confirm"
)]
pub(crate) struct SweepTryArgs {
    /// The sweep's file.
    pub(crate) spec: PathBuf,
    /// What the setting sets: every key of the sweep's settings.
    #[arg(value_name = "key=value")]
    pub(crate) values: Vec<String>,
    /// As far as this rung of the sweep's halving, from 0 [default: to its end].
    #[arg(long, value_name = "R", conflicts_with = "confirm")]
    pub(crate) rung: Option<usize>,
    /// With the seeds of `confirm`, on tasks that nothing was chosen by.
    #[arg(long)]
    pub(crate) confirm: bool,
    #[command(flatten)]
    pub(crate) how: SweepWork,
}

/// What runs jobs on many machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// A job array of Slurm, which `sbatch` takes; with halving a script for bash.
    Slurm,
    /// A task array of HyperQueue.
    Hq,
    /// An indexed job of Kubernetes, which `kubectl apply` takes.
    K8s,
}
