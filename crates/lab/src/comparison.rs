//! Learners side by side on the same fresh tasks.

use crate::config::RunConfig;
use crate::failure::Failure;
use crate::learners::Player;
use crate::observer::Work;
use crate::registry::Built;
use crate::session::Session;
use crate::split::Return;
use agent::{ActMode, Fresh, Training};
use record::schema::{Adaptation, Comparison, Difference, LearnerKind, LearnerResult};
use report::Estimate;
use rl_core::{Domain, EnvFactory, Exact, ExactValues, Moments, PolicyFactory};
use rollout::{Evaluation, Held, evaluate_watched};
use serde_json::{Map, Value};
use std::ops::ControlFlow;
use std::sync::Arc;

/// What an evaluation of a learner says.
pub fn result_of(name: String, kind: LearnerKind, evaluation: &Evaluation) -> LearnerResult {
    let means = |row: &[Moments]| row.iter().map(Moments::mean).collect();
    let errors = |row: &[Moments]| row.iter().map(Moments::standard_error).collect();
    let regret = Some(&evaluation.regret[..]).filter(|row| !row.is_empty());
    LearnerResult {
        name,
        kind,
        mean_return: evaluation.returns.mean(),
        standard_error: evaluation.returns.standard_error(),
        split: None,
        cumulative_reward: means(&evaluation.cumulative_reward),
        cumulative_reward_se: errors(&evaluation.cumulative_reward),
        regret: regret.map(means),
        regret_se: regret.map(errors),
    }
}

/// A learner's mean return over so many tasks.
pub fn estimate(result: &LearnerResult, tasks: usize) -> Estimate {
    Estimate::sampled(result.mean_return, result.standard_error, tasks as u64)
}

fn adaptation_of(adaptation: &agent::Adaptation, tasks: usize) -> Adaptation {
    let returns = || adaptation.returns.iter();
    Adaptation {
        tasks,
        trajectories: adaptation.trajectories,
        mean_return: returns().map(Moments::mean).collect(),
        standard_error: returns().map(Moments::standard_error).collect(),
    }
}

/// The trained agent of a run on fresh tasks.
pub struct Measured {
    /// Its results.
    pub result: LearnerResult,
    /// Of an agent that adapts, whose result is what the last step led to.
    pub adaptation: Option<Adaptation>,
    /// Expected returns of an agent that knows its task, where that is known.
    known: Moments,
    /// Its returns, unless it adapts. `[tasks]`
    returns: Vec<f64>,
}

impl Measured {
    /// What the agent may be compared with. Who adapts has lived in its task
    /// before it is measured, and may well earn more than the best agent that
    /// has not. Who takes no steps has not either.
    pub fn references(&self, exact: ExactValues) -> ExactValues {
        let adapts = |adaptation: &&Adaptation| adaptation.mean_return.len() > 1;
        let Some(adaptation) = self.adaptation.as_ref().filter(adapts) else {
            return exact;
        };
        let why = format!(
            "the agent had {} trials of its task per gradient step before those it is measured \
             in, and the Bayes-optimal agent has none",
            adaptation.trajectories
        );
        ExactValues {
            bayes_optimal: Exact::Unknown { why },
            bayes_optimal_rewards: None,
            ..exact
        }
    }
}

/// The agent of a run on the first `tasks` fresh tasks of the run's seed, and
/// on as many of each part where tasks are split; `watch` hears how many more of
/// the first are done. A signal to the session calls it off.
pub fn measure(
    session: &Session<'_>,
    config: &RunConfig,
    agent: &dyn Training,
    (tasks, watch): (usize, impl Fn(usize) + Sync),
) -> Result<Measured, Failure> {
    let whole = &config.built.factory;
    let held = held_out(tasks, config.seed);
    let mut measured = measure_in(session, (config, whole), agent, (held, watch))?;
    if let Some(parts) = &config.parts {
        let split = parts.measure(|env| {
            let label = &measured.result.name;
            let met = session.observer.begin(Work::Evaluation { label, tasks });
            let watch = |more| met.met(more);
            let part = measure_in(session, (config, env), agent, (held, watch))?;
            Ok::<_, Failure>(Return {
                tasks,
                mean_return: part.result.mean_return,
                standard_error: part.result.standard_error,
            })
        });
        measured.result.split = Some(split?);
    }
    Ok(measured)
}

/// The agent of a run on tasks that settings are chosen by: the first of its seed, none of
/// which it is trained or reported on. Where tasks are split they are of the part that it
/// is trained on.
///
/// # Errors
/// As [`measure`].
pub fn measure_to_choose(
    session: &Session<'_>,
    config: &RunConfig,
    agent: &dyn Training,
    tasks: usize,
) -> Result<Measured, Failure> {
    let parts = config.parts.as_ref();
    let env = parts.map_or(&config.built.factory, |parts| &parts.trained);
    let held = Held {
        tasks,
        seed: config.seed,
        domain: Domain::Tuning,
    };
    let label = &agent.policy(config.evaluation.actions).name();
    let met = session.observer.begin(Work::Evaluation { label, tasks });
    let watch = |more| met.met(more);
    measure_in(session, (config, env), agent, (held, watch))
}

fn measure_in(
    session: &Session<'_>,
    (config, env): (&RunConfig, &Arc<dyn EnvFactory>),
    agent: &dyn Training,
    (held, watch): (Held, impl Fn(usize) + Sync),
) -> Result<Measured, Failure> {
    let (actions, tasks) = (config.evaluation.actions, held.tasks);
    let policy = agent.policy(actions);
    let fresh = Fresh { env, held, actions };
    let watch = |more| {
        watch(more);
        ControlFlow::Continue(())
    };
    if let Some(adaptation) = agent.adaptation(&fresh, &watch)? {
        if adaptation.returns.is_empty() {
            return Err(Failure::internal(format!(
                "algorithm '{}' adapts and says nothing of its returns; there must be those \
                 before the first gradient step",
                config.algorithm
            )));
        }
        let adaptation = adaptation_of(&adaptation, tasks);
        let last = |row: &[f64]| row.last().copied().unwrap_or(f64::NAN);
        let result = LearnerResult {
            name: policy.name(),
            kind: LearnerKind::Trained,
            mean_return: last(&adaptation.mean_return),
            standard_error: last(&adaptation.standard_error),
            split: None,
            cumulative_reward: Vec::new(),
            cumulative_reward_se: Vec::new(),
            regret: None,
            regret_se: None,
        };
        return Ok(Measured {
            result,
            adaptation: Some(adaptation),
            known: Moments::default(),
            returns: Vec::new(),
        });
    }
    let evaluation = evaluate_watched(&session.pool, env, &policy, (held, watch))?;
    Ok(Measured {
        result: result_of(policy.name(), LearnerKind::Trained, &evaluation),
        adaptation: None,
        known: evaluation.known_task_optimum,
        returns: evaluation.trial_returns,
    })
}

/// By how much a learner is ahead of another, each with its returns. `[tasks]`
pub fn difference(learner: (&str, &[f64]), over: (&str, &[f64])) -> Difference {
    let pairs = learner.1.iter().zip(over.1);
    let differences: Moments = pairs.map(|(mine, other)| mine - other).collect();
    Difference {
        learner: learner.0.to_owned(),
        over: over.0.to_owned(),
        mean: differences.mean(),
        standard_error: differences.standard_error(),
    }
}

/// The settings of an environment, as files have them.
///
/// # Errors
/// If one of them is nothing that JSON can say, which is a bug.
pub fn settings_of(built: &Built) -> Result<Map<String, Value>, Failure> {
    let settings = built.settings.iter();
    let settings = settings.map(|(key, value)| Ok((key.clone(), serde_json::to_value(value)?)));
    let settings: Result<_, serde_json::Error> = settings.collect();
    settings.map_err(Failure::internal)
}

/// How actions are called in files.
pub fn word(actions: ActMode) -> &'static str {
    match actions {
        ActMode::Sample => "sampled",
        ActMode::Greedy => "greedy",
    }
}

/// The first `tasks` fresh tasks of a seed.
pub fn held_out(tasks: usize, seed: u64) -> Held {
    Held {
        tasks,
        seed,
        domain: Domain::HeldOut,
    }
}

/// One policy on the first `tasks` fresh tasks of a seed. A signal to the
/// session calls it off.
pub fn on_held_out(
    session: &Session<'_>,
    env: &Arc<dyn EnvFactory>,
    policy: &Arc<dyn PolicyFactory>,
    (tasks, seed): (usize, u64),
) -> Result<Evaluation, Failure> {
    let label = &policy.name();
    let met = session.observer.begin(Work::Evaluation { label, tasks });
    let watch = |more| {
        met.met(more);
        ControlFlow::Continue(())
    };
    let watched = (held_out(tasks, seed), watch);
    Ok(evaluate_watched(&session.pool, env, policy, watched)?)
}

/// A trained agent beside the learners of its configuration.
pub struct Contest<'a> {
    /// Of the run.
    pub config: &'a RunConfig,
    /// The other learners.
    pub others: &'a [Player],
    /// The trained agent.
    pub agent: &'a dyn Training,
}

impl Contest<'_> {
    /// Runs everybody on the same fresh tasks; `before` hears of each
    /// learner before its turn, and may call it off.
    pub fn run(
        &self,
        session: &Session<'_>,
        mut before: impl FnMut(usize, &str) -> Result<(), Failure>,
    ) -> Result<Comparison, Failure> {
        let (config, env) = (self.config, &self.config.built.factory);
        let held = (config.evaluation.tasks.get(), config.seed);
        let steps = env.spec().trial_steps();
        let name = self.agent.policy(config.evaluation.actions).name();
        before(0, &name)?;
        let work = Work::Evaluation {
            label: &name,
            tasks: held.0,
        };
        let met = session.observer.begin(work);
        let watch = |more| met.met(more);
        let agent = measure(session, config, self.agent, (held.0, watch))?;
        let mut best: Option<(String, Moments, Vec<f64>)> = None;
        let exact = agent.references(session.oracles.references(&config.built));
        let name = agent.result.name.clone();
        let (mut learners, mut known) = (vec![agent.result], agent.known);
        for (index, Player { kind, policy }) in self.others.iter().enumerate() {
            before(index + 1, &policy.name())?;
            let evaluation = on_held_out(session, env, policy, held)?;
            known = evaluation.known_task_optimum;
            let returns = evaluation.returns;
            let better = |best: &(_, Moments, _)| returns.mean() > best.1.mean();
            if *kind == LearnerKind::Classical && best.as_ref().is_none_or(better) {
                best = Some((policy.name(), returns, evaluation.trial_returns.clone()));
            }
            let mut result = result_of(policy.name(), *kind, &evaluation);
            if let Some(parts) = &config.parts {
                let split = parts.measure(|env| {
                    let evaluation = on_held_out(session, env, policy, held)?;
                    Ok::<_, Failure>(Return::from(&evaluation.returns))
                });
                result.split = Some(split?);
            }
            learners.push(result);
        }
        let lead = best
            .filter(|_| agent.adaptation.is_none())
            .map(|(over, _, theirs)| difference((&name, &agent.returns), (&over, &theirs)));
        let spread = |t| known.mean() * (t + 1) as f64 / steps as f64;
        let optimum = (known.count() > 0).then(|| (0..steps).map(spread).collect());
        Ok(Comparison {
            algorithm: config.algorithm.clone(),
            environment: config.environment.clone(),
            settings: settings_of(&config.built)?,
            seed: config.seed,
            tasks: held.0,
            distinct_tasks: env.tasks(),
            actions: word(config.evaluation.actions).to_owned(),
            env_steps: self.agent.env_steps(),
            steps_per_trial: steps,
            optimum,
            exact,
            lead,
            learners,
            adaptation: agent.adaptation,
        })
    }
}
