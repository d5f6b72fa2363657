//! The agents of several runs as one.

use crate::failure::Failure;
use crate::folders::runs_in;
use crate::launch;
use crate::session::Session;
use agent::{ActMode, Input};
use combination::{Combined, Rule};
use record::Reader;
use rl_core::{EnvFactory, PolicyFactory};
use std::path::Path;
use std::sync::Arc;

/// What most agents of the runs in a folder do, those of several seeds say, and how many
/// they are.
///
/// # Errors
/// If there is no run, one of them has no checkpoint, or one of the agents cannot act in
/// the environment.
pub fn majority(
    session: &Session<'_>,
    folder: &Path,
    (env, told): (&dyn EnvFactory, &[Input]),
) -> Result<(Arc<dyn PolicyFactory>, usize), Failure> {
    let agent = |run: &Path| -> Result<Arc<dyn PolicyFactory>, Failure> {
        let training = launch::agent(session, &Reader::open(run)?, told)?;
        Ok(training.policy(ActMode::Sample))
    };
    let runs = runs_in(folder)?;
    let agents = runs.iter().map(|run| agent(run));
    let agents = agents.collect::<Result<Vec<_>, _>>()?;
    let unfit = |why| Failure::config(format!("the agents of {}: {why}", folder.display()));
    let combined = Combined::new(Rule::Majority, agents, env).map_err(unfit)?;
    Ok((Arc::new(combined), runs.len()))
}
