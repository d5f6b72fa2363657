//! The command line's grammar.

mod measuring;
mod showing;
mod sweeps;
mod tools;
mod training;
mod values;

use clap::{Parser, Subcommand};

pub(crate) use measuring::*;
pub(crate) use showing::*;
pub(crate) use sweeps::*;
pub(crate) use tools::*;
pub(crate) use training::*;
pub(crate) use values::{Jobs, Work};

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
    /// Draw a task and the episodes of a learner, or of a trained agent, in it.
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
