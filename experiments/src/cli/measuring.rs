//! Commands that measure.

use super::values::{Output, Work, seed, tasks};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  experiments eval runs/quickstart/seed-0 --tasks 100000\n  \
    experiments eval runs/quickstart/seed-0 environment.pulls=20"
)]
pub(crate) struct EvalArgs {
    /// A run's folder.
    pub(crate) run: PathBuf,
    /// Other settings of its environment, as in environment.pulls=20, where the agent can
    /// act there: with as many inputs and actions, or a trunk for any number of them.
    #[arg(value_name = "environment.key=value")]
    pub(crate) settings: Vec<String>,
    /// Fresh tasks [default: the run's evaluation.tasks].
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = tasks)]
    pub(crate) tasks: Option<usize>,
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
    after_help = "Settings of the environment and parameters of learners go by key; a \
    learner's name in front tells apart what has the same key.\n\nExamples:\n  \
    experiments baseline bernoulli-bandit thompson greedy arms=10\n  \
    experiments baseline bernoulli-bandit ucb1 arms=5 pulls=100 ucb1.c=0.2 --tasks 100000"
)]
pub(crate) struct BaselineArgs {
    /// An environment's name (see `list envs`).
    #[arg(value_name = "ENV")]
    pub(crate) environment: String,
    /// Learners (see `list learners`) and settings.
    #[arg(value_name = "LEARNER|key=value", required = true)]
    pub(crate) words: Vec<String>,
    /// Fresh tasks.
    #[arg(long, value_name = "N", default_value = "10000", allow_hyphen_values = true, value_parser = tasks)]
    pub(crate) tasks: usize,
    /// Seed of all randomness: a run of this seed is evaluated on the same tasks.
    #[arg(long, value_name = "S", default_value = "0", allow_hyphen_values = true, value_parser = seed)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) work: Work,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  experiments oracle bernoulli-bandit arms=5 pulls=20")]
pub(crate) struct OracleArgs {
    /// An environment's name (see `list envs`).
    #[arg(value_name = "ENV")]
    pub(crate) environment: String,
    /// Settings of the environment.
    #[arg(value_name = "key=value")]
    pub(crate) settings: Vec<String>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Finished cells are kept in cells.jsonl of the output folder, trained runs of `memory` \
    and `transfer` in its folder `runs`: the same command goes on where it was stopped.\n\nExamples:\n  \
    experiments table duan-bandits --quick\n  \
    experiments table duan-mdps --only 10:psrl --only 25:\n  \
    experiments table wang-bandits --out wang --json"
)]
pub(crate) struct TableArgs {
    /// A table's name (see `list tables`).
    pub(crate) name: String,
    /// Settings of maml-audit: gamma, also a list as in gamma=[1,0.5], lambda, horizon
    /// and baseline. Of combination: majority=DIR, the runs of several seeds in GridNavi,
    /// and library=RUN, one of multi-task there. Other tables have none.
    #[arg(value_name = "key=value")]
    pub(crate) words: Vec<String>,
    /// A rough look: fewer tasks, coarser grids, hardly any training.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only these cells, as in 10x5:ucb1; `10x5:` is a row, `:ucb1` a column.
    #[arg(long, value_name = "ROW:COLUMN")]
    pub(crate) only: Vec<String>,
    /// Where to write [default: tables/NAME].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Seed of all tasks; of `memory`, the first seed of its trainings, of `transfer` that of
    /// both.
    #[arg(long, value_name = "S", default_value = "0", allow_hyphen_values = true, value_parser = seed)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) work: Work,
    /// Folder of all runs, for the columns of trained agents.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) runs: PathBuf,
    /// Begin anew: forget the finished cells, of `memory` and `transfer` those that --only
    /// names.
    #[arg(long)]
    pub(crate) overwrite: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(
    after_help = "What is trained before is kept in the folder `runs` of the output folder, and every \
    task that was done in cells.jsonl: the same command goes on where it was stopped.\n\nExamples:\n  \
    experiments transfer --quick\n  \
    experiments transfer --only gridnavi: --only bandits:rl2"
)]
pub(crate) struct TransferArgs {
    /// A rough look: few tasks, hardly any training.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only these cells, as in gridnavi:rl2; `gridnavi:` are all ways in its tasks, `:rl2` one
    /// way in all.
    #[arg(long, value_name = "FAMILY:WAY")]
    pub(crate) only: Vec<String>,
    /// Where to write [default: tables/transfer].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Seed of all tasks and trainings.
    #[arg(long, value_name = "S", default_value = "0", allow_hyphen_values = true, value_parser = seed)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) work: Work,
    /// Begin anew: forget what is finished of the cells that --only names.
    #[arg(long)]
    pub(crate) overwrite: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

impl TransferArgs {
    /// The same as arguments of the table.
    pub(crate) fn table(self) -> TableArgs {
        TableArgs {
            name: "transfer".to_owned(),
            words: Vec::new(),
            quick: self.quick,
            only: self.only,
            out: self.out,
            seed: self.seed,
            work: self.work,
            runs: PathBuf::from("runs"),
            overwrite: self.overwrite,
            output: self.output,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// Stepping environments with actions drawn beforehand.
    Envs,
    /// Complete PPO iterations of RL².
    Rl2,
    /// The same with every memory that has kernels, in trials of 50 to 1,000 steps.
    Memories,
    /// Complete iterations of MAML-RL.
    Maml,
    /// Complete updates of a learned optimizer.
    LearnedOptimizer,
    /// What ranks that `mpirun` started tell each other, and what more of them would.
    Ranks,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    experiments bench envs bernoulli-bandit arms=2\n  \
    experiments bench rl2 rl2.trunk.kind=lstm rl2.trunk.hidden=256 rl2.lanes=64 rl2.outer.minibatches=1 --json\n  \
    experiments bench memories cells=gru,min-gru,transformer lengths=50,200,1000 hidden=64 --out costs\n  \
    experiments bench maml 'maml.outer={kind=\"vpg\"}' maml.tasks=40 environment.horizon=50\n  \
    experiments bench learned-optimizer learned-optimizer.problems=128\n  \
    mpirun -n 4 experiments bench ranks rl2.trunk.hidden=256 --workers 1")]
pub(crate) struct BenchArgs {
    /// What to measure.
    pub(crate) what: What,
    /// Settings of the preset rl2/benchmark, maml/benchmark or
    /// learned-optimizer/quadratics by dotted key; for `envs`, environments' names
    /// [default: all of them] and their settings.
    #[arg(value_name = "ENV|key=value")]
    pub(crate) words: Vec<String>,
    /// Of `memories`: folder for the figure and its numbers.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) work: Work,
    /// Where networks live: cpu or cuda.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub(crate) device: String,
    #[command(flatten)]
    pub(crate) output: Output,
}
