//! The command line's grammar.

use crate::ranks;
use clap::{Args, Parser, Subcommand, ValueEnum};
use lab::numbers;
use rl_core::Bounds;
use std::ffi::OsString;
use std::path::PathBuf;

/// Meta-reinforcement learning with exact answers to compare with.
#[derive(Debug, Parser)]
#[command(
    name = "experiments",
    version,
    args_conflicts_with_subcommands = true,
    // `help` also knows keys.
    disable_help_subcommand = true,
    long_about = "Meta-reinforcement learning with exact answers to compare with.\n\n\
        Without a command, this runs the quickstart: it trains an RL² agent on Bernoulli \
        bandits, compares it with classical learners and the exact Bayes-optimal value on \
        fresh tasks, and writes a report.",
    after_help = "Exit codes: 0 done, 2 bad command line, 70 internal error, \
        74 disk full and nothing to resume, 75 stopped but saved and resumable, \
        78 bad configuration, or a run whose files do not belong together."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) quickstart: QuickstartArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train, compare and report in under two minutes (the default).
    Quickstart(QuickstartArgs),
    /// Show what there is: environments, algorithms, presets, learners, tables.
    List(ListArgs),
    /// Show a preset or a file with every setting, as a run would have it.
    Show(ShowArgs),
    /// Say what a key, a command, an environment or a learner is.
    Help(HelpArgs),
    /// Print the JSON Schema of presets, for editors.
    Schema(SchemaArgs),
    /// Train an agent by a preset or a file.
    Train(TrainArgs),
    /// Continue a stopped or killed run to the identical result.
    Resume(ResumeArgs),
    /// Do the update of a run again that failed, and leave the run as it is.
    Replay(ReplayArgs),
    /// Show how runs get on, while others train them.
    Watch(WatchArgs),
    #[command(hide = true)]
    Job(JobArgs),
    /// Evaluate a trained agent on fresh tasks, beside the Bayes-optimal policy where it is known.
    Eval(EvalArgs),
    /// Evaluate learners without networks on fresh tasks.
    Baseline(BaselineArgs),
    /// Print an environment's exact values.
    Oracle(OracleArgs),
    /// Make a published table anew, with every column and its error bars.
    Table(TableArgs),
    /// Measure how long a new task takes, by how an agent begins: the table `transfer`.
    Transfer(TransferArgs),
    /// Draw a task and the episodes of a learner in it.
    Render(RenderArgs),
    /// Write figures, tables and one HTML page about runs.
    Report(ReportArgs),
    /// Compare methods over seeds and environments, with intervals.
    Compare(CompareArgs),
    /// Write runs as files that other programs read.
    Export(ExportArgs),
    /// Train many settings: plan them, run the plan, tell them apart.
    Sweep(SweepArgs),
    /// Measure speed.
    Bench(BenchArgs),
    /// Check that this machine has what is needed.
    Doctor(DoctorArgs),
    /// Check that an environment keeps the rules.
    CheckEnv(CheckEnvArgs),
    /// Make a crate of your own, with an environment or an algorithm that trains at once.
    New(NewArgs),
    /// Print what a shell needs to complete command lines.
    Completions(CompletionsArgs),
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Output {
    /// Print one JSON object per line on standard output, and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Who does the work.
#[derive(Clone, Debug, Args)]
pub(crate) struct Work {
    /// Worker threads; the results are the same for any number [default: all cores].
    #[arg(long, value_name = "W", allow_hyphen_values = true, value_parser = workers)]
    workers: Option<usize>,
}

impl Work {
    /// How many worker threads there are to be.
    pub(crate) fn workers(&self) -> usize {
        self.workers
            .unwrap_or_else(|| lab::host::cores_beside(ranks::sharing_cores()))
    }
}

/// How many runs there are at a time.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Jobs {
    /// Runs side by side, each a process that has its part of the workers; the
    /// results are the same for any number [default: one for each worker, as far as
    /// memory goes].
    #[arg(long = "jobs", value_name = "J", allow_hyphen_values = true, value_parser = workers)]
    pub(crate) given: Option<usize>,
}

/// A name that is one folder, and no way out of the one it is in.
fn folder_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_alphanumeric() || "-_.+=,@".contains(c);
    match text.starts_with(|c: char| c.is_alphanumeric()) && text.chars().all(plain) {
        true => Ok(text.to_owned()),
        false => Err("allowed: letters, digits and -_.+=,@, a letter or digit first".to_owned()),
    }
}

/// A whole number in a range, as typed: `1_000` and `1e3` as well.
fn whole(text: &str, bounds: Bounds<u64>) -> Result<u64, String> {
    let number = numbers::whole(text).filter(|number| bounds.contains(*number));
    number.ok_or_else(|| format!("allowed: a whole number, {bounds}"))
}

/// A seed, as far as TOML can hold it.
fn seed(text: &str) -> Result<u64, String> {
    whole(text, Bounds::closed(0, i64::MAX as u64))
}

/// A number of seeds.
fn seeds(text: &str) -> Result<u64, String> {
    whole(text, Bounds::closed(1, 10_000))
}

/// An update, counted from 1.
fn update(text: &str) -> Result<u64, String> {
    whole(text, Bounds::closed(1, i64::MAX as u64))
}

/// A number of worker threads.
fn workers(text: &str) -> Result<usize, String> {
    whole(text, Bounds::closed(1, rollout::MAX_WORKERS as u64)).map(|workers| workers as usize)
}

/// A number of tasks.
fn tasks(text: &str) -> Result<usize, String> {
    let tasks = whole(text, Bounds::closed(2, 1_000_000_000));
    let tasks = tasks.map_err(|allowed| format!("{allowed}; one task has no standard error"))?;
    Ok(tasks as usize)
}

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
    Elsewhere a line now and then. It ends with the last run.\n\n\
    Example:\n  experiments watch runs/quickstart runs/rl2-maze"
)]
pub(crate) struct WatchArgs {
    /// Runs' folders, or folders of several seeds.
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

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    experiments render gridnavi posterior-sampling\n  \
    experiments render maze known-goal task=shown size=15 --out pictures\n  \
    experiments render two-step bayes-optimal --seed 3")]
pub(crate) struct RenderArgs {
    /// An environment's name (see `list envs`).
    #[arg(value_name = "ENV")]
    pub(crate) environment: String,
    /// A learner (see `list learners`) and settings [default learner: random].
    #[arg(value_name = "LEARNER|key=value")]
    pub(crate) words: Vec<String>,
    /// Seed of the fresh task and of the learner's chances.
    #[arg(long, value_name = "S", default_value = "0", allow_hyphen_values = true, value_parser = seed)]
    pub(crate) seed: u64,
    /// Where to write; the pictures there must be of the same [default:
    /// runs/pictures/ENV-LEARNER,key=value...].
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
    pub(crate) methods: Vec<String>,
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
    # draws = { count = 64, seed = 0 }     # by chance instead of every combination\n  \
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
    /// Folder of its runs [default: the plan's name without its ending].
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
    /// Folder of its runs [default: the sweep's name without its ending].
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

/// What runs jobs on many machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// A job array of Slurm, which `sbatch` takes.
    Slurm,
    /// A task array of HyperQueue.
    Hq,
    /// An indexed job of Kubernetes, which `kubectl apply` takes.
    K8s,
}

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
    experiments export runs/quickstart/seed-0 --to onnx"
)]
pub(crate) struct ExportArgs {
    /// Runs' folders, or folders of several seeds.
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<PathBuf>,
    /// What to write.
    #[arg(long, value_enum)]
    pub(crate) to: Format,
    /// Where to write: a folder for each run, and in it one for each format of agents
    /// [default: RUN/FORMAT, as in RUN/onnx].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
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

#[cfg(test)]
mod tests {
    use super::*;
    use rl_core::rand::RngExt as _;
    use rl_core::{Domain, Purpose, StreamKey};
    use std::path::{Component, Path};

    /// Whatever a run is called, its folder lies in the one of all runs.
    #[test]
    fn a_name_is_one_folder_or_refused() {
        const PIECES: [&str; 16] = [
            "a",
            "Z9",
            "é",
            "\u{1f980}",
            ".",
            "..",
            "/",
            "\\",
            "-",
            "_",
            " ",
            "\0",
            "\n",
            "~",
            "$x",
            "con",
        ];
        let mut rng = StreamKey::new(0, Domain::Tuning, 0).lane(Purpose::Init, 0);
        let mut taken = 0;
        for _ in 0..20_000 {
            let length = rng.random_range(0..6);
            let pieces = (0..length).map(|_| PIECES[rng.random_range(0..PIECES.len())]);
            let text: String = pieces.collect();
            if let Ok(name) = folder_name(&text) {
                taken += 1;
                let parts: Vec<_> = Path::new(&name).components().collect();
                let one = matches!(parts[..], [Component::Normal(part)] if part == name.as_str());
                assert!(
                    one && name == text && !name.starts_with(['-', '.']),
                    "{text:?}"
                );
            }
        }
        assert!(taken > 100, "{taken}");
    }
}
