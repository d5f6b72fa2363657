//! Learners side by side on the same held-out tasks.

use crate::config::{Actions, RunConfig};
use crate::failure::Failure;
use crate::references::References;
use crate::session::Session;
use rl_core::{Domain, EnvFactory, Moments, PolicyFactory};
use rollout::{Evaluation, Held, evaluate};
use serde::{Deserialize, Serialize};
use std::iter;
use std::sync::Arc;

/// What a learner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LearnerKind {
    /// The agent that the run trained.
    Trained,
    /// A learner without networks.
    Classical,
    /// The environment's exact solution.
    Oracle,
}

/// A learner that is ready to play.
pub(crate) struct Player {
    pub(crate) kind: LearnerKind,
    pub(crate) policy: Arc<dyn PolicyFactory>,
}

/// One learner's results.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LearnerResult {
    /// Its name, with its parameters.
    pub(crate) name: String,
    /// What it is.
    pub(crate) kind: LearnerKind,
    /// Mean return of a trial.
    pub(crate) mean_return: f64,
    /// Standard error of the mean.
    pub(crate) standard_error: f64,
    /// Mean reward so far, after each step. `[steps]`
    pub(crate) cumulative_reward: Vec<f64>,
    /// Standard errors. `[steps]`
    pub(crate) cumulative_reward_se: Vec<f64>,
    /// What an agent that knows its task has beyond that. `[steps]`
    pub(crate) regret: Option<Vec<f64>>,
    /// Standard errors, over tasks. `[steps]`
    pub(crate) regret_se: Option<Vec<f64>>,
}

impl LearnerResult {
    /// What an evaluation says.
    pub(crate) fn new(name: String, kind: LearnerKind, evaluation: &Evaluation) -> Self {
        let means = |row: &[Moments]| row.iter().map(Moments::mean).collect();
        let errors = |row: &[Moments]| row.iter().map(Moments::standard_error).collect();
        let regret = Some(&evaluation.regret[..]).filter(|row| !row.is_empty());
        Self {
            name,
            kind,
            mean_return: evaluation.returns.mean(),
            standard_error: evaluation.returns.standard_error(),
            cumulative_reward: means(&evaluation.cumulative_reward),
            cumulative_reward_se: errors(&evaluation.cumulative_reward),
            regret: regret.map(means),
            regret_se: regret.map(errors),
        }
    }
}

/// The contents of `comparison.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Comparison {
    /// The algorithm's name.
    pub(crate) algorithm: String,
    /// The environment's name.
    pub(crate) environment: String,
    /// The environment's settings.
    pub(crate) settings: serde_json::Value,
    /// The run's seed.
    pub(crate) seed: u64,
    /// Held-out tasks.
    pub(crate) tasks: usize,
    /// How the agent chose: `sampled` or `greedy`.
    pub(crate) actions: String,
    /// Environment steps that the agent was trained for.
    pub(crate) env_steps: u64,
    /// Steps of a trial.
    pub(crate) steps_per_trial: usize,
    /// Expected reward so far of an agent that knows its task. `[steps]`
    pub(crate) optimum: Option<Vec<f64>>,
    /// Reference values.
    pub(crate) exact: References,
    /// The trained agent first, then the others.
    pub(crate) learners: Vec<LearnerResult>,
}

impl Comparison {
    /// The trained agent's results.
    pub(crate) fn trained(&self) -> Option<&LearnerResult> {
        self.learners
            .iter()
            .find(|learner| learner.kind == LearnerKind::Trained)
    }
}

/// How actions are called in files.
pub(crate) fn word(actions: Actions) -> &'static str {
    match actions {
        Actions::Sample => "sampled",
        Actions::Greedy => "greedy",
    }
}

/// One policy on the first `tasks` held-out tasks of a seed.
pub(crate) fn on_held_out(
    session: &Session<'_>,
    env: &Arc<dyn EnvFactory>,
    policy: &Arc<dyn PolicyFactory>,
    (tasks, seed): (usize, u64),
) -> Result<Evaluation, Failure> {
    let held = Held {
        tasks,
        seed,
        domain: Domain::HeldOut,
    };
    Ok(evaluate(&session.pool, env, policy, held)?)
}

/// A trained agent beside the learners of its configuration.
pub(crate) struct Contest<'a> {
    pub(crate) config: &'a RunConfig,
    pub(crate) others: &'a [Player],
    pub(crate) agent: Player,
    pub(crate) env_steps: u64,
}

impl Contest<'_> {
    /// Runs everybody on the same held-out tasks; `before` hears of each
    /// learner before its turn, and may call it off.
    pub(crate) fn run(
        &self,
        session: &Session<'_>,
        mut before: impl FnMut(usize, &str) -> Result<(), Failure>,
    ) -> Result<Comparison, Failure> {
        let (config, env) = (self.config, &self.config.built.factory);
        let held = (config.evaluation.tasks.get(), config.seed);
        let steps = env.spec().trial_steps();
        let (mut learners, mut optimum) = (Vec::new(), None);
        for (index, player) in iter::once(&self.agent).chain(self.others).enumerate() {
            let Player { kind, policy } = player;
            before(index, &policy.name())?;
            let evaluation = on_held_out(session, env, policy, held)?;
            let known = evaluation.known_task_optimum;
            let spread = |t| known.mean() * (t + 1) as f64 / steps as f64;
            optimum = (known.count() > 0).then(|| (0..steps).map(spread).collect());
            learners.push(LearnerResult::new(policy.name(), *kind, &evaluation));
        }
        Ok(Comparison {
            algorithm: config.algorithm.clone(),
            environment: config.environment.clone(),
            settings: serde_json::to_value(config.built.settings.table())
                .map_err(Failure::internal)?,
            seed: config.seed,
            tasks: held.0,
            actions: word(config.evaluation.actions).to_owned(),
            env_steps: self.env_steps,
            steps_per_trial: steps,
            optimum,
            exact: session.oracles.references(&config.built),
            learners,
        })
    }
}
