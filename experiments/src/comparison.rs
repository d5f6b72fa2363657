//! Learners side by side on the same held-out tasks, and how much of the way
//! from random to Bayes-optimal each of them went.

use crate::config::{Actions, RunConfig};
use crate::failure::Failure;
use crate::session::Session;
use rl_core::{Domain, EnvFactory, Exact, Moments, PolicyFactory};
use rollout::{Evaluation, Held, evaluate};
use serde::{Deserialize, Serialize};
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

/// One learner's results.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LearnerResult {
    /// Its name, with its parameters.
    pub name: String,
    /// What it is.
    pub kind: LearnerKind,
    /// Mean return of a trial.
    pub mean_return: f64,
    /// Standard error of the mean.
    pub standard_error: f64,
    /// Mean reward so far, after each step. `[steps]`
    pub cumulative_reward: Vec<f64>,
    /// Standard errors. `[steps]`
    pub cumulative_reward_se: Vec<f64>,
    /// What an agent that knows its task has beyond that. `[steps]`
    pub regret: Option<Vec<f64>>,
    /// Standard errors, over tasks. `[steps]`
    pub regret_se: Option<Vec<f64>>,
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

/// A reference value, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Reference {
    /// The value; its standard error is 0 where it is exact.
    Known {
        /// The value.
        value: f64,
        /// Its standard error.
        standard_error: f64,
    },
    /// The reason, as a clause.
    Unknown {
        /// The reason.
        why: String,
    },
}

impl From<Exact> for Reference {
    fn from(exact: Exact) -> Self {
        match exact {
            Exact::Known {
                value,
                standard_error,
            } => Self::Known {
                value,
                standard_error,
            },
            Exact::Unknown { why } => Self::Unknown { why },
        }
    }
}

impl Reference {
    /// The value, if there is one.
    pub(crate) fn value(&self) -> Option<f64> {
        self.pair().map(|(value, _)| value)
    }

    /// Why there is no value, if there is none.
    pub(crate) fn why(&self) -> Option<&str> {
        match self {
            Self::Known { .. } => None,
            Self::Unknown { why } => Some(why),
        }
    }

    fn pair(&self) -> Option<(f64, f64)> {
        match self {
            Self::Known {
                value,
                standard_error,
            } => Some((*value, *standard_error)),
            Self::Unknown { .. } => None,
        }
    }
}

/// Reference values of an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct References {
    /// Of the best agent that does not know its task.
    pub bayes_optimal: Reference,
    /// Of the best agent that knows its task.
    pub known_task_optimum: Reference,
    /// Of an agent that acts uniformly at random.
    pub random: Reference,
}

impl References {
    /// Asks the environment, which may take time.
    pub(crate) fn of(env: &dyn EnvFactory) -> Self {
        let values = env.exact_values();
        Self {
            bayes_optimal: values.bayes_optimal.into(),
            known_task_optimum: values.known_task_optimum.into(),
            random: values.random.into(),
        }
    }

    /// How much of the way from random to Bayes-optimal a mean return is, with
    /// its 95 % interval; `None` where one of the two is not known.
    pub(crate) fn gap_closed(&self, mean: f64, standard_error: f64) -> Option<GapClosed> {
        let (optimal, optimal_error) = self.bayes_optimal.pair()?;
        let (random, random_error) = self.random.pair()?;
        let gap = optimal - random;
        let share = (mean - random) / gap;
        // The error of a quotient to first order, of independent estimates.
        let parts = [
            standard_error / gap,
            optimal_error * share / gap,
            random_error * (1.0 - share) / gap,
        ];
        let error = parts.iter().map(|part| part * part).sum::<f64>().sqrt();
        (gap > 0.0).then_some(GapClosed {
            share,
            interval: [share - 1.96 * error, share + 1.96 * error],
        })
    }
}

/// How much of the way from random to Bayes-optimal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct GapClosed {
    /// 0 for random, 1 for Bayes-optimal.
    pub share: f64,
    /// 95 % interval.
    pub interval: [f64; 2],
}

/// The contents of `comparison.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Comparison {
    /// The algorithm's name.
    pub algorithm: String,
    /// The environment's name.
    pub environment: String,
    /// The environment's settings.
    pub settings: serde_json::Value,
    /// The run's seed.
    pub seed: u64,
    /// Held-out tasks.
    pub tasks: usize,
    /// How the agent chose: `sampled` or `greedy`.
    pub actions: String,
    /// Environment steps that the agent was trained for.
    pub env_steps: u64,
    /// Steps of a trial.
    pub steps_per_trial: usize,
    /// Expected reward so far of an agent that knows its task. `[steps]`
    pub optimum: Option<Vec<f64>>,
    /// Reference values.
    pub exact: References,
    /// The trained agent first, then the others.
    pub learners: Vec<LearnerResult>,
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
    pub(crate) others: &'a [(LearnerKind, Arc<dyn PolicyFactory>)],
    pub(crate) agent: Arc<dyn PolicyFactory>,
    pub(crate) env_steps: u64,
}

impl Contest<'_> {
    /// Runs everybody on the same held-out tasks.
    pub(crate) fn run(
        &self,
        session: &Session<'_>,
        mut each: impl FnMut(&LearnerResult) -> Result<(), Failure>,
    ) -> Result<Comparison, Failure> {
        let (config, env) = (self.config, &self.config.built.factory);
        let held = (config.evaluation.tasks.get(), config.seed);
        let agent = (LearnerKind::Trained, Arc::clone(&self.agent));
        let steps = env.spec().trial_steps();
        let (mut learners, mut optimum) = (Vec::new(), None);
        for (kind, policy) in std::iter::once(&agent).chain(self.others) {
            let evaluation = on_held_out(session, env, policy, held)?;
            let known = evaluation.known_task_optimum;
            let spread = |t| known.mean() * (t + 1) as f64 / steps as f64;
            optimum = (known.count() > 0).then(|| (0..steps).map(spread).collect());
            let result = LearnerResult::new(policy.name(), *kind, &evaluation);
            each(&result)?;
            learners.push(result);
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
            exact: References::of(env.as_ref()),
            learners,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(optimal: f64, random: f64) -> References {
        References {
            bayes_optimal: Exact::value(optimal).into(),
            known_task_optimum: Exact::unknown("it is not").into(),
            random: Exact::value(random).into(),
        }
    }

    #[test]
    fn the_gap_runs_from_random_to_bayes_optimal() {
        let exact = references(7.0, 5.0);
        let closed = |mean| exact.gap_closed(mean, 0.1).unwrap();
        assert_eq!(closed(5.0).share, 0.0);
        assert_eq!(closed(7.0).share, 1.0);
        let half = closed(6.0);
        assert_eq!(half.share, 0.5);
        assert!((half.interval[1] - 0.5 - 1.96 * 0.05).abs() < 1e-12);
        assert!((half.interval[0] + half.interval[1] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn without_both_ends_there_is_no_gap() {
        let mut exact = references(7.0, 5.0);
        exact.random = Exact::unknown("it is not").into();
        assert_eq!(exact.gap_closed(6.0, 0.1), None);
        assert_eq!(references(5.0, 5.0).gap_closed(5.0, 0.1), None);
    }
}
