//! What a trained agent believes of its task, beside the exact posterior: the contents of
//! `beliefs.json`.

use crate::comparison::word;
use crate::config::RunConfig;
use crate::failure::Failure;
use crate::launch;
use crate::session::Session;
use agent::Training;
use record::schema::{BeliefAt, Beliefs, OverTrials};
use record::{Document, RunDir};
use rl_core::{Actions, Domain, KnownTasks, Moments, StreamKey, Trajectory};
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
    };
    if known.is_some_and(asked) {
        return Ok(());
    }
    if let Some(beliefs) = measure(session, compared)? {
        run.write_document(Document::Beliefs, &beliefs)?;
    }
    Ok(())
}

/// Fresh tasks that beliefs are compared in.
fn tasks_of(config: &RunConfig) -> usize {
    config.evaluation.tasks.get().min(TASKS)
}

/// The divergence of the agent's beliefs from the exact posterior, on trials that it lives
/// itself in the first fresh tasks of the run's seed. `None` where it does not say what it
/// believes, or the posterior is not known.
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
    Ok(Some(Beliefs {
        actions: word(config.evaluation.actions).to_owned(),
        env_steps: agent.env_steps(),
        tasks: size.lanes,
        distinct_tasks: tasks.count(),
        steps_per_episode: env.spec().horizon,
        steps: steps.collect(),
    }))
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
