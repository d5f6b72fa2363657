//! The agents of runs as policies, and those of several as one.

use crate::failure::Failure;
use crate::folders::runs_in;
use crate::invocation::resume_command;
use crate::launch;
use crate::session::Session;
use agent::{ActMode, Input};
use combination::{Combined, Rule};
use record::schema::Comparison;
use record::{Document, Reader};
use rl_core::{EnvFactory, PolicyFactory};
use std::path::Path;
use std::sync::Arc;

/// The agent of a run that is finished, told so much beside what is observed, to act without
/// an end to its training: who is made of it again must meet the same agent.
///
/// # Errors
/// If the run is not finished or is told something else, or its agent adapts to each task by
/// gradient steps, without which it is nobody.
pub fn trained(
    session: &Session<'_>,
    path: &Path,
    told: &[Input],
) -> Result<Arc<dyn PolicyFactory>, Failure> {
    let run = Reader::open(path)?;
    let finished: Option<Comparison> = run.document(Document::Comparison)?;
    let place = path.display();
    match finished {
        None => Err(Failure::config(format!(
            "{place} is not finished, and its agent still changes; go on with it first: {}",
            resume_command(path)
        ))),
        Some(Comparison {
            adaptation: Some(_),
            algorithm,
            ..
        }) => Err(Failure::config(format!(
            "the agent of {place} adapts to each task by gradient steps ('{algorithm}'), and \
             could be asked only before the first of them; take a run whose agent remembers \
             the trial, as of 'rl2' or 'imitation'"
        ))),
        Some(_) => {
            let training = launch::agent(session, &run, told)?;
            Ok(training.policy(ActMode::Sample))
        }
    }
}

/// The policies that a run's agent has of single tasks, in the order in which an environment
/// knows its tasks.
///
/// # Errors
/// If the run is not finished, its agent has none, or not of each of the environment's tasks.
pub fn library(
    session: &Session<'_>,
    path: &Path,
    env: &dyn EnvFactory,
) -> Result<Vec<Arc<dyn PolicyFactory>>, Failure> {
    let run = Reader::open(path)?;
    let finished: Option<Comparison> = run.document(Document::Comparison)?;
    let place = path.display();
    let Some(comparison) = finished else {
        return Err(Failure::config(format!(
            "{place} is not finished; go on with it first: {}",
            resume_command(path)
        )));
    };
    let agent = launch::agent(session, &run, &[])?;
    let Some(policies) = agent.library() else {
        return Err(Failure::config(format!(
            "the agent of {place} ('{}') has no policies of single tasks; take a run of \
             'multi-task'",
            comparison.algorithm
        )));
    };
    let tasks = env.known_tasks().map_err(Failure::config)?;
    let of = |number: usize| {
        let description = env.description_of(number as u64);
        let found = policies.iter().find(|of| of.description == description);
        let found = found.map(|of| Arc::clone(&of.policy));
        found.ok_or_else(|| {
            Failure::config(format!(
                "the agent of {place} has {} policies, and none of task {number} of '{}', which \
                 is described as {description:?}",
                policies.len(),
                env.spec().name
            ))
        })
    };
    (0..tasks.count()).map(of).collect()
}

/// What most agents of the runs in a folder do, those of several seeds say, and how many
/// they are.
///
/// # Errors
/// If there is no run, one of them is not [`trained`], or one of the agents cannot act in
/// the environment.
pub fn majority(
    session: &Session<'_>,
    folder: &Path,
    (env, told): (&dyn EnvFactory, &[Input]),
) -> Result<(Arc<dyn PolicyFactory>, usize), Failure> {
    let runs = runs_in(folder)?;
    let agents = runs.iter().map(|run| trained(session, run, told));
    let agents = agents.collect::<Result<Vec<_>, _>>()?;
    let unfit = |why| Failure::config(format!("the agents of {}: {why}", folder.display()));
    let combined = Combined::new(Rule::Majority, agents, env).map_err(unfit)?;
    Ok((Arc::new(combined), runs.len()))
}
