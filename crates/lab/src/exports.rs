//! Trained agents as files of other programs.

use crate::failure::Failure;
use crate::launch::{agent, config_of};
use crate::panics::caught;
use crate::session::Session;
use agent::ActMode;
use export::{Actions, Files, Format};
use record::Reader;
use rl_core::PolicyFactory;
use std::path::Path;
use std::sync::Arc;

/// The agent of a run as its newest checkpoint left it, in a format.
///
/// # Errors
/// If the run has no intact checkpoint, or there is no such form of its agent: what can be
/// exported.
pub fn exported(session: &Session<'_>, path: &Path, format: Format) -> Result<Files, Failure> {
    let run = Reader::open(path)?;
    let config = config_of(session, &run)?;
    let training = agent(session, &run, &config.told)?;
    caught(&format!("algorithm '{}'", config.algorithm), || {
        let refused = |why: agent::LearnError| {
            let place = format!("{} cannot be exported", path.display());
            Failure::from(why).within(place)
        };
        let portable = training.portable().map_err(refused)?;
        let mode = match portable.network.actions {
            Actions::Discrete(_) => ActMode::Sample,
            Actions::Box(_) => ActMode::Greedy,
        };
        let policy: Arc<dyn PolicyFactory> = training.policy(mode);
        let env = config.built.factory.as_ref();
        let trace = portable.trace(env, policy.as_ref(), config.seed);
        let trace = trace.map_err(Failure::internal)?;
        let about = format!(
            "An agent that metarl trained in {} by {}, seed {}, as it was after update {}.\n\
             Its run's configuration, which says what the environment was like, how rewards were\n\
             scaled and discounted, and how it is evaluated (evaluation.actions):\n\n{}",
            config.environment,
            config.algorithm,
            config.seed,
            training.updates_done(),
            indented(&toml::to_string(&config.table).map_err(Failure::internal)?)
        );
        Ok(export::files(&portable.network, &about, &trace, format))
    })
}

fn indented(text: &str) -> String {
    let line = |line: &str| match line {
        "" => String::new(),
        line => format!("    {line}"),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
