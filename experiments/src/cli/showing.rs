//! Commands that show, draw and write.

use super::values::{Output, seed};
use clap::{Args, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Envs,
    Algorithms,
    Presets,
    Learners,
    Tables,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// What to show [default: everything].
    pub(crate) kind: Option<Kind>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    experiments render gridnavi posterior-sampling\n  \
    experiments render maze known-goal task=shown size=15 --out pictures\n  \
    experiments render two-step bayes-optimal --seed 3\n  \
    experiments render runs/quickstart/seed-0")]
pub(crate) struct RenderArgs {
    /// An environment's name (see `list envs`), or a run's folder: its trained agent plays
    /// then, as the newest checkpoint left it, where it was trained.
    #[arg(value_name = "ENV|RUN")]
    pub(crate) subject: OsString,
    /// Of an environment: a learner (see `list learners`) and settings [default learner:
    /// random].
    #[arg(value_name = "LEARNER|key=value")]
    pub(crate) words: Vec<String>,
    /// Seed of the fresh task and of the learner's chances.
    #[arg(long, value_name = "S", default_value = "0", allow_hyphen_values = true, value_parser = seed)]
    pub(crate) seed: u64,
    /// Where to write; the pictures there must be of the same [default:
    /// runs/pictures/ENV-LEARNER,key=value...; of a run, the learner is `run` with its path and
    /// update].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  experiments report runs/*/seed-* --out report")]
pub(crate) struct ReportArgs {
    /// Runs' folders, or folders of several seeds.
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<PathBuf>,
    /// Where to write [default: the run's folder, or the one around all runs].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Score {
    /// The share of the gap from random to the best that was closed.
    Gap,
    /// The mean return, in one environment alone.
    Return,
}

impl From<Score> for report::ScoreOf {
    fn from(score: Score) -> Self {
        match score {
            Score::Gap => Self::Gap,
            Score::Return => Self::Return,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    experiments compare gru=runs/gru lstm=runs/lstm --out gru-lstm\n  \
    experiments compare A=runs/a-bandits A=runs/a-mazes B=runs/b-bandits B=runs/b-mazes")]
pub(crate) struct CompareArgs {
    /// Folders of runs, three seeds or more of each method in each environment; folders
    /// under one name are one method.
    #[arg(required = true, value_name = "[NAME=]RUN")]
    pub(crate) methods: Vec<OsString>,
    /// What is compared.
    #[arg(long, value_enum, default_value = "gap")]
    pub(crate) score: Score,
    /// Where to write [default: the folder around all runs].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  experiments show rl2/maze rl2.trunk.hidden=64 > maze.toml")]
pub(crate) struct ShowArgs {
    /// A preset's name (see `list presets`), or a file.
    pub(crate) preset: OsString,
    /// Settings to change, by dotted key.
    #[arg(value_name = "key=value")]
    pub(crate) overrides: Vec<String>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    experiments help rl2.outer.clip\n  \
    experiments help rl2.trunk\n  \
    experiments help environment.arms\n  \
    experiments help gridnavi\n  \
    experiments help ucb1\n  \
    experiments help sweep plan")]
pub(crate) struct HelpArgs {
    /// A key as in presets, or the name of a command, an environment, an algorithm or a
    /// learner [default: all commands].
    #[arg(value_name = "KEY|NAME")]
    pub(crate) words: Vec<String>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  experiments schema > metarl.schema.json\n\n\
    A file that begins with `#:schema ./metarl.schema.json` is completed and checked by editors \
    that know TOML.")]
pub(crate) struct SchemaArgs {}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A file of events, which `tensorboard --logdir` shows.
    Tensorboard,
    /// The trained agent as arrays, and a function that needs NumPy alone.
    Numpy,
    /// The trained agent as arrays, and a module of PyTorch.
    Torch,
    /// The trained agent as a model of ONNX.
    Onnx,
}

impl Format {
    /// What an agent is written as, where it is one.
    pub(crate) fn of_agents(self) -> Option<export::Format> {
        match self {
            Self::Tensorboard => None,
            Self::Numpy => Some(export::Format::Numpy),
            Self::Torch => Some(export::Format::Torch),
            Self::Onnx => Some(export::Format::Onnx),
        }
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "Agents are those of rl2 and imitation on the trunks gru, lstm, min-gru and lru. The batch \
    is free, and the state goes in and comes out; what goes in is said in the files. Beside them stands \
    check.npz, 100 steps that the agent lived; `python agent.py` compares.\n\nExamples:\n  \
    experiments export runs/quickstart --to tensorboard --out events && tensorboard --logdir events\n  \
    experiments export runs/quickstart --to tensorboard --follow\n  \
    experiments export runs/quickstart/seed-0 --to onnx"
)]
pub(crate) struct ExportArgs {
    /// Runs' folders, or folders of several seeds.
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<PathBuf>,
    /// What to write.
    #[arg(long, value_enum)]
    pub(crate) to: Format,
    /// Of tensorboard: go on writing while others train the runs, and end with the last of
    /// them.
    #[arg(long)]
    pub(crate) follow: bool,
    /// Where to write: a folder for each run, and in it one for each format of agents
    /// [default: RUN/FORMAT, as in RUN/onnx].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
}
