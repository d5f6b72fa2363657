//! Who a trained agent is compared with: `evaluation.learners`.

use crate::config::RunConfig;
use crate::ensemble::majority;
use crate::failure::Failure;
use crate::learners::{LearnerSpec, Player};
use crate::session::Session;
use crate::teachers::{MAJORITY, RUNS, folder_of, named};
use record::schema::LearnerKind;
use rl_core::EnvFactory;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// An opponent as it was asked for, with all its parameters.
#[derive(Debug)]
pub enum Opponent {
    /// A learner by its name.
    Learner(LearnerSpec),
    /// The majority of the agents of the runs in a folder.
    Majority(PathBuf),
}

impl Opponent {
    /// Reads `{ name = "ucb1", c = 0.2 }` or `{ name = "majority", runs = "runs/seeds" }`,
    /// which stands at `place`, for an environment.
    ///
    /// # Errors
    /// Names the nearest learner or key, or what is allowed.
    pub fn read(place: &str, table: &Table, env: &dyn EnvFactory) -> Result<Self, String> {
        Ok(match table.get("name").and_then(Value::as_str) {
            Some(MAJORITY) => Self::Majority(folder_of(place, table, RUNS)?),
            _ => Self::Learner(LearnerSpec::read(place, table, env)?),
        })
    }

    /// The counterpart of [`Self::read`], complete.
    pub fn to_table(&self) -> Table {
        match self {
            Self::Learner(spec) => spec.to_table(),
            Self::Majority(runs) => {
                let runs = Value::String(runs.to_string_lossy().into_owned());
                named(MAJORITY, vec![(RUNS, runs)])
            }
        }
    }

    /// Where the runs are whose agents it is made of.
    pub fn runs(&self) -> Option<&Path> {
        match self {
            Self::Learner(_) => None,
            Self::Majority(runs) => Some(runs),
        }
    }

    /// The opponent, for the environment of a run.
    ///
    /// # Errors
    /// If it cannot act there: why.
    pub fn make(&self, session: &Session<'_>, config: &RunConfig) -> Result<Player, Failure> {
        match self {
            Self::Learner(spec) => {
                let made = spec.make(&config.built, &session.oracles);
                made.map_err(Failure::config)
            }
            Self::Majority(runs) => {
                let env = config.built.factory.as_ref();
                let (policy, _) = majority(session, runs, (env, &config.told))?;
                Ok(Player {
                    kind: LearnerKind::Classical,
                    policy,
                })
            }
        }
    }
}
