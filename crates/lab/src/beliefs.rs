//! What a trained agent believes of its task, beside the exact posterior: the contents of
//! `beliefs.json`.

use crate::comparison::word;
use crate::config::RunConfig;
use crate::failure::Failure;
use crate::launch;
use crate::session::Session;
use agent::{ActMode, Training};
use combination::{ByPosterior, exact_rewards_of};
use record::schema::{BeliefAt, Beliefs, OverTrials};
use record::{Document, RunDir};
use rl_core::{Actions, Domain, Information, KnownTasks, Moments, StreamKey, Trajectory};
use rollout::{Batch, BatchSize, RolloutError};

/// Fresh tasks that beliefs are compared in, one trial in each, if an evaluation has as
/// many.
const TASKS: usize = 1024;
/// Lanes that are worked on together.
const TILE: usize = 16;
/// A probability that is lower counts as this, so that a divergence is finite: what an f32
/// rounds to 0.
const LEAST: f64 = 1e-30;

/// Writes what a run says of its agent's beliefs, if it says what it believes and the
/// environment knows better, unless that was done for as many steps of training, as many
/// tasks and the same way to act.
///
/// # Errors
/// As [`measure`], and if the file cannot be read or written.
pub fn complete(
    run: &RunDir,
    session: &Session<'_>,
    compared: (&RunConfig, &dyn Training),
) -> Result<(), Failure> {
    let known: Option<Beliefs> = run.document(Document::Beliefs)?;
    let (config, agent) = compared;
    let asked = |known: Beliefs| {
        known.env_steps == agent.env_steps()
            && known.tasks == tasks_of(config)
            && known.actions == word(config.evaluation.actions)
            && (known.held.is_some() || !holds(config, agent))
    };
    if known.is_some_and(asked) {
        return Ok(());
    }
    if let Some(beliefs) = measure(session, compared)? {
        run.write_document(Document::Beliefs, &beliefs)?;
    }
    Ok(())
}

/// Whether what exact draws would earn in the agent's place can be worked out: its ways
/// divide too often where actions are drawn.
fn holds(config: &RunConfig, agent: &dyn Training) -> bool {
    let tasks = config.built.factory.known_tasks();
    config.evaluation.actions == ActMode::Greedy
        && tasks.is_ok_and(|tasks| agent.held_actions(tasks.as_ref()).is_some())
}

/// Fresh tasks that beliefs are compared in.
fn tasks_of(config: &RunConfig) -> usize {
    config.evaluation.tasks.get().min(TASKS)
}

/// The divergence of the agent's beliefs from the exact posterior, on trials that it lives
/// itself in the first fresh tasks of the run's seed. Both are of all tasks, also of those
/// that are kept from the training; whoever shows them says so. `None` where it does not say
/// what it believes, or the posterior is not known.
///
/// # Errors
/// If the environment fails; a signal to the session calls it off.
pub fn measure(
    session: &Session<'_>,
    (config, agent): (&RunConfig, &dyn Training),
) -> Result<Option<Beliefs>, Failure> {
    let env = config.built.factory.as_ref();
    let Ok(tasks) = env.known_tasks() else {
        return Ok(None);
    };
    let size = BatchSize {
        lanes: tasks_of(config),
        tile: TILE,
        steps: env.spec().trial_steps(),
    };
    let needed = Batch::footprint(env, size.lanes, size.steps);
    if !launch::has_room(session, config, needed)? {
        return Ok(None);
    }
    let mut first = Batch::new(
        env,
        BatchSize {
            lanes: 1,
            tile: 1,
            ..size
        },
    )?;
    let policy = agent.policy(config.evaluation.actions);
    let key = StreamKey::new(config.seed, Domain::HeldOut, 0);
    first.collect(&session.pool, &policy, key)?;
    let says = |lived: &Trajectory| agent.task_beliefs(lived, tasks.as_ref());
    if says(first.tiles()[0].trajectory()).is_none() {
        return Ok(None); // Before many trials are lived for nothing.
    }
    let mut batch = Batch::new(env, size)?;
    batch.collect(&session.pool, &policy, key)?;
    let mut steps = vec![[Moments::default(); 2]; size.steps];
    for tile in batch.tiles() {
        session.pool.go_on().map_err(RolloutError::from)?;
        let lived = tile.trajectory();
        if let Some(beliefs) = says(lived) {
            compare(tasks.as_ref(), lived, &beliefs, &mut steps);
        }
    }
    let mean = |moments: &Moments| OverTrials {
        mean: moments.mean(),
        standard_error: moments.standard_error(),
    };
    let steps = (0..)
        .zip(&steps)
        .map(|(seen, [divergence, entropy])| BeliefAt {
            seen,
            divergence: mean(divergence),
            entropy: mean(entropy),
        });
    let ways = holds(config, agent).then(|| agent.held_actions(tasks.as_ref()));
    let ways = ways
        .flatten()
        .map(|ways| Held::greedy(tasks.as_ref(), ways));
    let held = ways.and_then(|ways| exact_rewards_of(ByPosterior::Held, &ways, env.spec()).ok());
    Ok(Some(Beliefs {
        held: held.map(|rewards| rewards.iter().sum()),
        actions: word(config.evaluation.actions).to_owned(),
        env_steps: agent.env_steps(),
        tasks: size.lanes,
        distinct_tasks: tasks.count(),
        steps_per_episode: env.spec().horizon,
        steps: steps.collect(),
    }))
}

/// Known tasks, in each of which one goes the ways that an agent goes who holds it.
struct Held<'a> {
    tasks: &'a dyn KnownTasks,
    /// `[tasks][states][actions]`
    ways: Vec<f32>,
    actions: usize,
}

impl<'a> Held<'a> {
    fn greedy(tasks: &'a dyn KnownTasks, mut ways: Vec<f32>) -> Self {
        let actions = ways.len() / (tasks.count() * tasks.states());
        for row in ways.chunks_exact_mut(actions) {
            let best = (1..actions).fold(0, |best, a| if row[a] > row[best] { a } else { best });
            row.fill(0.0);
            row[best] = 1.0;
        }
        Self {
            tasks,
            ways,
            actions,
        }
    }
}

impl KnownTasks for Held<'_> {
    fn count(&self) -> usize {
        self.tasks.count()
    }

    fn states(&self) -> usize {
        self.tasks.states()
    }

    fn begin(&self) -> Information {
        self.tasks.begin()
    }

    fn after(&self, before: Information, action: u32, reward: f32) -> Information {
        self.tasks.after(before, action, reward)
    }

    fn posterior(&self, evidence: u64, probabilities: &mut [f64]) {
        self.tasks.posterior(evidence, probabilities);
    }

    fn rewards(&self, known: Information, action: u32, each: &mut dyn FnMut(f64, f64)) {
        self.tasks.rewards(known, action, each);
    }

    fn act(&self, known: Information, task: usize, probabilities: &mut [f64]) {
        let at = (task * self.states() + known.state as usize) * self.actions;
        let own = self.ways[at..at + self.actions].iter();
        let each = probabilities.iter_mut().zip(own);
        each.for_each(|(p, own)| *p = f64::from(*own));
    }

    fn action_values(&self, known: Information, task: usize, values: &mut [f64]) {
        self.tasks.action_values(known, task, values);
    }
}

/// Adds the divergence KL(exact ‖ believed) and the entropy of the exact posterior before
/// each step of some trials. `beliefs` are `[steps][lanes][tasks]`.
fn compare(
    tasks: &dyn KnownTasks,
    lived: &Trajectory,
    beliefs: &[f32],
    steps: &mut [[Moments; 2]],
) {
    let Actions::Discrete(actions) = lived.actions() else {
        return; // What is known of tasks is known of finitely many actions.
    };
    let (lanes, count) = (lived.lanes(), tasks.count());
    let mut exact = vec![0.0; count];
    for lane in 0..lanes {
        let mut known = tasks.begin();
        for (t, step) in steps.iter_mut().enumerate().take(lived.lengths()[lane]) {
            let at = t * lanes + lane;
            tasks.posterior(known.evidence, &mut exact);
            let (divergence, entropy) = apart(&exact, &beliefs[at * count..(at + 1) * count]);
            step[0].push(divergence);
            step[1].push(entropy);
            known = tasks.after(known, actions[at], lived.rewards()[at]);
        }
    }
}

/// KL(exact ‖ believed) and the entropy of the exact one, nats.
fn apart(exact: &[f64], believed: &[f32]) -> (f64, f64) {
    let (mut divergence, mut entropy) = (0.0, 0.0);
    let pairs = exact.iter().zip(believed).filter(|(p, _)| **p > 0.0);
    for (p, q) in pairs {
        divergence += p * (p / f64::from(*q).max(LEAST)).ln();
        entropy -= p * p.ln();
    }
    (divergence, entropy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rl_core::EnvFactory;

    /// Of the ways that are equally short the first one each time, on 3 by 3 cells for an
    /// episode of 4 steps: each of the five goals is drawn and reached, and passed on the way
    /// to others, where nothing is paid for staying.
    #[test]
    fn exact_draws_go_the_ways_of_the_agent() {
        let env = navigation::GridNavi::new(3, 4, 1).unwrap();
        let env = rl_core::Tasks::new(env).unwrap();
        let tasks = env.known_tasks().unwrap();
        let mut ways = Vec::new();
        for task in 0..tasks.count() {
            for state in 0..tasks.states() as u32 {
                let mut own = vec![0.0; 5];
                let known = Information {
                    state,
                    ..tasks.begin()
                };
                tasks.act(known, task, &mut own);
                ways.extend(own.iter().map(|p| *p as f32));
            }
        }
        let own = Held {
            tasks: tasks.as_ref(),
            ways: ways.clone(),
            actions: 5,
        };
        let value = |tasks: &dyn KnownTasks| -> f64 {
            let rewards = exact_rewards_of(ByPosterior::Held, tasks, env.spec());
            rewards.unwrap().iter().sum()
        };
        let equal = value(tasks.as_ref());
        assert!((value(&own) - equal).abs() < 1e-6);
        let greedy = value(&Held::greedy(tasks.as_ref(), ways));
        assert!((greedy - equal).abs() > 1e-3, "{greedy} {equal}");
    }

    #[test]
    fn a_uniform_belief_of_what_is_known_is_off_by_its_logarithm() {
        let (divergence, entropy) = apart(&[0.0, 1.0, 0.0, 0.0], &[0.25; 4]);
        assert!((divergence - 4.0_f64.ln()).abs() < 1e-12, "{divergence}");
        assert_eq!(entropy, 0.0);
        let (divergence, entropy) = apart(&[0.5, 0.5], &[0.5, 0.5]);
        assert_eq!(divergence, 0.0);
        assert!((entropy - 2.0_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn what_was_held_impossible_is_off_by_a_finite_number() {
        let (divergence, _) = apart(&[1.0, 0.0], &[0.0, 1.0]);
        assert!(divergence > 50.0 && divergence.is_finite());
    }
}
