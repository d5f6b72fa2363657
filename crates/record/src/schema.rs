//! What the files of a run hold, each declared once for who writes and who reads.
//!
//! Rewards and returns are sums of the environment's rewards, of a whole trial
//! where nothing else is said. Standard errors are over tasks. Lists over `[steps]`
//! have one number for each step of a trial. Numbers that are not finite are
//! written as `null` and read as NaN. A key that a reader does not know is passed
//! over; those that may be missing are `Option`s, or say so.

use std::collections::BTreeMap;

use rl_core::{ExactValues, Picture};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{null_as_nan, nulls_as_nan, optional_nulls_as_nan};

/// A row of `metrics.jsonl`: what one update did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricsRow {
    /// How many updates there were with this one.
    pub update: u64,
    /// Environment steps of all of them.
    pub env_steps: u64,
    /// The algorithm's own numbers by name; `null` is one that was not finite.
    /// [`AlgorithmInfo::metrics`] tells which are drawn.
    #[serde(flatten)]
    pub values: Map<String, Value>,
}

/// A row of `timing.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimingRow {
    /// How many updates there were.
    pub update: u64,
    /// Wall clock of the run until then, in seconds, over all its sessions.
    #[serde(deserialize_with = "null_as_nan")]
    pub seconds: f64,
}

/// A row of `eval.jsonl`: the agent on fresh tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvalRow {
    /// How many updates there were before.
    pub update: u64,
    /// Environment steps that the agent was trained for.
    pub env_steps: u64,
    /// Fresh tasks, one trial in each.
    pub tasks: usize,
    /// How the agent chose: `sampled` or `greedy`.
    pub actions: String,
    /// Mean return; of an agent that adapts, after its last gradient step.
    #[serde(deserialize_with = "null_as_nan")]
    pub mean_return: f64,
    /// Standard error of the mean; NaN over a single task.
    #[serde(deserialize_with = "null_as_nan")]
    pub standard_error: f64,
    /// The same on each part of the tasks, where they are split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Generalization>,
    /// Mean returns after 0, 1, 2, … gradient steps, of an agent that adapts.
    #[serde(
        default,
        deserialize_with = "optional_nulls_as_nan",
        skip_serializing_if = "Option::is_none"
    )]
    pub adaptation: Option<Vec<f64>>,
}

/// The contents of `environment.json`: what is trained, and on what machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// What the algorithm says of itself; nothing in files of before.
    #[serde(default)]
    pub algorithm: AlgorithmInfo,
    /// Hardware threads that the process could use.
    pub cores: usize,
    /// The processor's name.
    pub cpu: String,
    /// Its vector instructions that matter to speed, separated by spaces.
    pub cpu_features: String,
    /// What networks were trained on: `cpu` or `cuda`.
    pub device: String,
    /// The instruction set that native kernels used: `avx512`, `avx2`, `neon` or
    /// `portable`; nothing in files of before.
    #[serde(default)]
    pub instructions: String,
    /// The C library and its version, whose mathematical functions others may round
    /// otherwise; nothing in files of before.
    #[serde(default)]
    pub libc: String,
    /// Version of libtorch, or why there is none.
    pub libtorch: String,
    /// Version of metarl.
    pub metarl: String,
    /// Processes that shared the work, each with as many workers; 0 in files of before,
    /// which do not say it.
    #[serde(default)]
    pub ranks: usize,
    /// The run's seed.
    pub seed: u64,
    /// Operating system and architecture.
    pub system: String,
    /// Worker threads.
    pub workers: usize,
}

/// An algorithm's words for itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlgorithmInfo {
    /// What there is to draw of its rows.
    pub metrics: Vec<MetricInfo>,
    /// What it is asked for by.
    pub name: String,
    /// What it is called in figures and tables.
    pub title: String,
}

/// A number of `metrics.jsonl` that is drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricInfo {
    /// Its key in the rows.
    pub key: String,
    /// What it is called in figures.
    pub title: String,
    /// In what it is measured; empty for a plain number.
    pub unit: String,
}

/// The contents of `comparison.json`: learners side by side on the same fresh
/// tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The algorithm's name.
    pub algorithm: String,
    /// The environment's name.
    pub environment: String,
    /// The environment's settings.
    pub settings: Map<String, Value>,
    /// The run's seed.
    pub seed: u64,
    /// Fresh tasks, one trial in each.
    pub tasks: usize,
    /// How many different ones there are, where their number is finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distinct_tasks: Option<u64>,
    /// How the agent chose: `sampled` or `greedy`.
    pub actions: String,
    /// Environment steps that the agent was trained for.
    pub env_steps: u64,
    /// Steps of a trial, at least one.
    pub steps_per_trial: usize,
    /// Expected reward so far of an agent that knows its task. `[steps]`
    #[serde(default, deserialize_with = "optional_nulls_as_nan")]
    pub optimum: Option<Vec<f64>>,
    /// Reference values of the task distribution.
    pub exact: ExactValues,
    /// The trained agent first, then the others.
    pub learners: Vec<LearnerResult>,
    /// The trained agent against the best of the classical learners, unless it
    /// adapts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<Difference>,
    /// How the trained agent adapts, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adaptation: Option<Adaptation>,
}

/// One learner's results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnerResult {
    /// Its name, with its parameters.
    pub name: String,
    /// What it is.
    pub kind: LearnerKind,
    /// Mean return.
    #[serde(deserialize_with = "null_as_nan")]
    pub mean_return: f64,
    /// Standard error of the mean; NaN over a single task.
    #[serde(deserialize_with = "null_as_nan")]
    pub standard_error: f64,
    /// The same on each part of the tasks, where they are split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Generalization>,
    /// Mean reward so far, after each step; empty for an agent that adapts.
    /// `[steps]`
    #[serde(default, deserialize_with = "nulls_as_nan")]
    pub cumulative_reward: Vec<f64>,
    /// Standard errors. `[steps]`
    #[serde(default, deserialize_with = "nulls_as_nan")]
    pub cumulative_reward_se: Vec<f64>,
    /// What an agent that knows its task has beyond that. `[steps]`
    #[serde(default, deserialize_with = "optional_nulls_as_nan")]
    pub regret: Option<Vec<f64>>,
    /// Standard errors. `[steps]`
    #[serde(default, deserialize_with = "optional_nulls_as_nan")]
    pub regret_se: Option<Vec<f64>>,
}

/// What a learner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LearnerKind {
    /// The agent that the run trained.
    Trained,
    /// A learner without networks, or the agents of other runs.
    Classical,
    /// The environment's exact solution.
    Oracle,
}

/// A learner on the tasks of a training and on those that were kept from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generalization {
    /// On tasks that the agent was trained on.
    pub trained: OnPart,
    /// On tasks that it never met.
    pub unseen: OnPart,
}

/// A learner on one part of the tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OnPart {
    /// How many tasks the part has.
    pub distinct: u64,
    /// How many were drawn from it.
    pub tasks: usize,
    /// Mean return.
    #[serde(deserialize_with = "null_as_nan")]
    pub mean_return: f64,
    /// Standard error of the mean, over the tasks that were drawn.
    #[serde(deserialize_with = "null_as_nan")]
    pub standard_error: f64,
}

/// By how much one learner is ahead of another, in pairs over the same tasks:
/// what both owe to the tasks that they met cancels out, so that the error is
/// smaller than those of the two means suggest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Who is, or is not, ahead.
    pub learner: String,
    /// Of whom.
    pub over: String,
    /// Mean difference of their returns.
    #[serde(deserialize_with = "null_as_nan")]
    pub mean: f64,
    /// Standard error of the mean, of the differences over tasks.
    #[serde(deserialize_with = "null_as_nan")]
    pub standard_error: f64,
}

/// What gradient steps on fresh tasks led to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adaptation {
    /// How many tasks.
    pub tasks: usize,
    /// Trials of each task per gradient step, and after the last one.
    pub trajectories: usize,
    /// Mean returns after 0, 1, 2, … gradient steps, at least the first of them.
    #[serde(deserialize_with = "nulls_as_nan")]
    pub mean_return: Vec<f64>,
    /// Standard errors.
    #[serde(deserialize_with = "nulls_as_nan")]
    pub standard_error: Vec<f64>,
}

/// The contents of `deviations.json`: how the trained agent differs from the
/// Bayes-optimal policy, on the steps that it lives itself in fresh tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deviations {
    /// How the agent chose: `sampled` or `greedy`.
    pub actions: String,
    /// Environment steps that the agent was trained for.
    pub env_steps: u64,
    /// Fresh tasks, one trial in each.
    pub tasks: usize,
    /// How many different ones there are, where their number is finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distinct_tasks: Option<u64>,
    /// In the whole trial.
    pub whole: Deviation,
    /// In its quarters, or in each step if there are fewer.
    pub parts: Vec<Deviation>,
    /// At each step. `[steps]`
    pub steps: Vec<Deviation>,
}

/// How an agent differs from the Bayes-optimal policy in some steps of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deviation {
    /// The first of the steps, from 1.
    pub first: usize,
    /// The last of them.
    pub last: usize,
    /// The share of the steps whose action was one of the best.
    pub agreement: OverTrials,
    /// The same of those steps alone in which a single action is best.
    pub agreement_where_one_is_best: OverTrials,
    /// The share of the steps in which a single action is best.
    #[serde(deserialize_with = "null_as_nan")]
    pub one_is_best: f64,
    /// How far the agent's distribution over actions is from the nearest optimal one, in
    /// nats: −ln of the probability that it gives to all best actions together.
    pub distance: OverTrials,
    /// Value that the steps' actions lose in a trial. That of the whole trial is expected
    /// to be what the agent earns less than the Bayes-optimal policy.
    pub cost: OverTrials,
}

/// The contents of `indices.json`: by what index the trained agent prefers the arms of a
/// bandit, each of which pays 0 or 1 with a probability drawn uniformly, beside the exact
/// finite-horizon Gittins index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Indices {
    /// Environment steps that the agent was trained for.
    pub env_steps: u64,
    /// Pulls of a trial.
    pub steps_per_trial: usize,
    /// With most pulls left first.
    pub times: Vec<IndicesAt>,
}

/// Both indices with so many pulls left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndicesAt {
    /// Pulls that are left.
    pub left: usize,
    /// What was added to all learned indices of this time, so that they are the exact ones
    /// on average over successes and then over numbers of pulls: which arm is preferred
    /// depends on their differences alone.
    #[serde(deserialize_with = "null_as_nan")]
    pub shift: f64,
    /// Of arms that were pulled so often.
    pub arms: Vec<ArmIndices>,
}

/// Both indices of an arm after so many pulls, in units of the mean reward.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmIndices {
    /// How often it was pulled.
    pub pulls: usize,
    /// The posterior mean, by the number of successes. `[pulls + 1]`
    #[serde(deserialize_with = "nulls_as_nan")]
    pub mean: Vec<f64>,
    /// The agent's index, shifted. `[pulls + 1]`
    #[serde(deserialize_with = "nulls_as_nan")]
    pub learned: Vec<f64>,
    /// The Gittins index for the pulls left. `[pulls + 1]`
    #[serde(deserialize_with = "nulls_as_nan")]
    pub exact: Vec<f64>,
}

/// The contents of `beliefs.json`: what the trained agent believes of its task, of finitely
/// many, beside the exact posterior, on the trials that it lives itself in fresh tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beliefs {
    /// How the agent chose: `sampled` or `greedy`.
    pub actions: String,
    /// Environment steps that the agent was trained for.
    pub env_steps: u64,
    /// Fresh tasks, one trial in each.
    pub tasks: usize,
    /// How many different ones there are, all equally likely at first.
    pub distinct_tasks: usize,
    /// Steps of an episode.
    pub steps_per_episode: usize,
    /// What draws from the exact posterior would earn that are held throughout an episode,
    /// exactly, going the ways that the agent goes by its own draws; nothing where it holds
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<f64>,
    /// Before each step. `[steps]`
    pub steps: Vec<BeliefAt>,
}

/// A belief before a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BeliefAt {
    /// How many steps it has seen.
    pub seen: usize,
    /// KL(exact ‖ believed), nats.
    pub divergence: OverTrials,
    /// The entropy of the exact posterior, nats.
    pub entropy: OverTrials,
}

/// A mean over trials in as many tasks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverTrials {
    /// NaN if there was nothing to take it over.
    #[serde(deserialize_with = "null_as_nan")]
    pub mean: f64,
    /// NaN over a single trial too.
    #[serde(deserialize_with = "null_as_nan")]
    pub standard_error: f64,
}

/// The contents of `pictures.json`: the trained agent at work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pictures {
    /// How the agent chose: `sampled` or `greedy`.
    pub actions: String,
    /// Fresh tasks with the agent in them; none where the environment draws none.
    pub tasks: Vec<TaskScenes>,
    /// What it does over many trials, where there is something to show of it; none in
    /// files of before there was.
    #[serde(default)]
    pub analyses: Vec<Behaviour>,
}

/// What an agent does over many trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Behaviour {
    /// For file names: "stay-probability".
    pub name: String,
    /// The drawing.
    pub picture: Picture,
}

/// What is shown of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskScenes {
    /// Which of the fresh ones, from 0.
    pub task: usize,
    /// The pictures, in the order of time.
    pub scenes: Vec<Scene>,
}

/// One picture of the agent in its task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scene {
    /// Which episode of its trial, from 0.
    pub episode: usize,
    /// How many there were before, of an agent that adapts.
    pub gradient_steps: Option<usize>,
    /// What each of the episodes drawn earned.
    #[serde(deserialize_with = "nulls_as_nan")]
    pub earned: Vec<f64>,
    /// The drawing.
    pub picture: Picture,
}

/// The contents of `seeds.json`, in the folder around the runs of one command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeedGroup {
    /// The runs' seeds.
    pub seeds: Vec<u64>,
    /// What the runs were begun on: `cpu` or `cuda`.
    pub device: String,
    /// Their configuration, but for the seed.
    pub config: String,
    /// While runs may still have to be replaced: what the configuration of each
    /// was known by when that was decided. No other one is deleted.
    pub replaces: BTreeMap<u64, String>,
}

impl SeedGroup {
    /// The file's name.
    pub const FILE_NAME: &str = "seeds.json";
}

impl Comparison {
    /// The agent that the run trained.
    pub fn trained(&self) -> Option<&LearnerResult> {
        self.learners
            .iter()
            .find(|learner| learner.kind == LearnerKind::Trained)
    }

    /// What contradicts itself in it, if anything does.
    pub fn fault(&self) -> Option<String> {
        let steps = self.steps_per_trial;
        let wrong = |what: &str, list: &Option<Vec<f64>>| match list {
            Some(list) if list.len() != steps => Some(format!(
                "{what} has {} numbers, and steps_per_trial is {steps}",
                list.len()
            )),
            _ => None,
        };
        if steps == 0 {
            return Some("steps_per_trial is 0, and a trial has at least one step".to_string());
        }
        if self.trained().is_none() {
            return Some("none of the learners has the kind \"trained\"".to_string());
        }
        if let Some(Adaptation {
            mean_return,
            standard_error,
            ..
        }) = &self.adaptation
            && (mean_return.is_empty() || mean_return.len() != standard_error.len())
        {
            return Some(format!(
                "the adaptation has {} means and {} standard errors, and has to have as many of \
                 both, at least one",
                mean_return.len(),
                standard_error.len()
            ));
        }
        let of_learners = self.learners.iter().find_map(|learner| {
            let name = &learner.name;
            wrong(&format!("the regret of {name}"), &learner.regret)
                .or_else(|| wrong(&format!("regret_se of {name}"), &learner.regret_se))
        });
        let rewards = &self.exact.bayes_optimal_rewards;
        of_learners
            .or_else(|| wrong("the optimum", &self.optimum))
            .or_else(|| wrong("bayes_optimal_rewards", rewards))
    }
}
