//! The trained agent beside the Bayes-optimal policy: the contents of
//! `deviations.json`.

use crate::comparison::{held_out, word};
use crate::config::RunConfig;
use crate::failure::Failure;
use crate::launch;
use crate::observer::Work;
use crate::session::Session;
use agent::Training;
use record::schema::{Deviation, Deviations, OverTrials};
use record::{Document, RunDir};
use rl_core::PolicyFactory;
use rollout::{Mean, deviation_footprint, deviations};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Fresh tasks that an agent is compared in when its training ends, if an evaluation has
/// as many: what its actions lose varies much less than what they earn.
const TASKS: usize = 20_000;

/// A table of what actions are worth takes seconds: where one has to be made, the end of a
/// training does so for as many tasks at least, and who asks for an evaluation has it.
const WORTH_A_TABLE: usize = 1000;

/// What a run says of its agent beside the Bayes-optimal policy; measured and written now
/// if it does not say it of as many steps of training.
///
/// # Errors
/// As [`measure`], and if the file cannot be read or written.
pub fn complete(
    run: &RunDir,
    session: &Session<'_>,
    (config, agent): (&RunConfig, &dyn Training),
) -> Result<Option<Deviations>, Failure> {
    let known: Option<Deviations> = run.document(Document::Deviations)?;
    let steps = agent.env_steps();
    if let Some(known) = known.filter(|known| known.env_steps == steps) {
        return Ok(Some(known));
    }
    let tasks = config.evaluation.tasks.get().min(TASKS);
    let needs_table = |optimal: Arc<dyn PolicyFactory>| optimal.advantages_bytes() > 0.0;
    let optimal = || session.oracles.policy(&config.built);
    if tasks < WORTH_A_TABLE && optimal().is_ok_and(needs_table) {
        return Ok(None);
    }
    let deviations = measure(session, (config, agent), tasks)?;
    if let Some(deviations) = &deviations {
        run.write_document(Document::Deviations, deviations)?;
    }
    Ok(deviations)
}

/// Compares an agent that does not adapt by gradient steps with the Bayes-optimal
/// policy, on the first fresh tasks of the run's seed. `None` where there is no such
/// policy, it does not know what actions are worth after any history, or memory cannot hold it
/// beside the training.
///
/// # Errors
/// If an evaluation fails; a signal to the session calls it off.
pub fn measure(
    session: &Session<'_>,
    (config, agent): (&RunConfig, &dyn Training),
    tasks: usize,
) -> Result<Option<Deviations>, Failure> {
    let env = &config.built.factory;
    let Ok(optimal) = session.oracles.policy(&config.built) else {
        return Ok(None);
    };
    let policy = agent.policy(config.evaluation.actions);
    let work = (tasks, session.pool.workers());
    let policies = [policy.as_ref(), optimal.as_ref()];
    let needed = deviation_footprint(env.as_ref(), policies, work);
    if !launch::has_room(session, config, needed)? {
        return Ok(None);
    }
    let optimal = session.oracles.evaluating(&config.built, optimal);
    let label = &format!("{} beside {}", policy.name(), optimal.name());
    let met = session.observer.begin(Work::Evaluation { label, tasks });
    let watch = |more| {
        met.met(more);
        ControlFlow::Continue(())
    };
    let held = (held_out(tasks, config.seed), watch);
    let found = deviations(&session.pool, env, [&policy, &optimal], held)?;
    Ok(found.map(|found| Deviations {
        actions: word(config.evaluation.actions).to_owned(),
        env_steps: agent.env_steps(),
        tasks,
        distinct_tasks: env.tasks(),
        whole: written(&found.whole),
        parts: found.parts.iter().map(written).collect(),
        steps: found.steps.iter().map(written).collect(),
    }))
}

/// As files have it.
fn written(found: &rollout::Deviation) -> Deviation {
    let mean = |it: Mean| OverTrials {
        mean: it.mean,
        standard_error: it.standard_error,
    };
    Deviation {
        first: found.steps.start + 1,
        last: found.steps.end,
        agreement: mean(found.agreement),
        agreement_where_one_is_best: mean(found.decided),
        one_is_best: found.single,
        distance: mean(found.distance),
        cost: mean(found.cost),
    }
}

#[cfg(test)]
#[path = "deviation_tests.rs"]
mod tests;
