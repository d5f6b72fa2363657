//! The one place where a string becomes a type.

use crate::failure::Failure;
use crate::overrides::Override;
use crate::settings::{checked, table, to_toml};
use agent::Algorithm;
use rl_core::{EnvFactory, EnvironmentEntry, Setting, suggestion};
use std::sync::Arc;
use toml::{Table, Value};

/// Where an environment's settings stand.
const ENVIRONMENT: &str = "environment";

/// What one of several settings is set to, as typed.
pub fn value_of(settings: &[Setting], name: &str, typed: &Override) -> Value {
    let setting = settings.iter().find(|setting| setting.name == name);
    setting.map_or_else(
        || typed.value.clone(),
        |setting| typed.instead_of(&to_toml(&setting.default())),
    )
}

/// All settings of an environment, checked, given some of them.
///
/// # Errors
/// Names the key at fault, its value and what is allowed.
pub fn completed(entry: &EnvironmentEntry, set: &Table) -> Result<Table, String> {
    checked(ENVIRONMENT, entry.settings(), set).map(|settings| table(&settings))
}

/// An environment as it was asked for.
#[derive(Clone)]
pub struct Built {
    /// All its settings.
    pub settings: Table,
    /// The environment.
    pub factory: Arc<dyn EnvFactory>,
}

impl Built {
    /// An environment with some settings, given as a table.
    ///
    /// # Errors
    /// Names the key at fault, its value and what is allowed.
    pub fn new(entry: &EnvironmentEntry, set: &Table) -> Result<Self, String> {
        let settings = checked(ENVIRONMENT, entry.settings(), set)?;
        Ok(Self {
            settings: table(&settings),
            factory: entry.make(&settings)?,
        })
    }

    /// The environment of a name, with settings as typed: `arms=5`, or
    /// `environment.arms=5`.
    ///
    /// # Errors
    /// Names the nearest environment or key, or what is allowed.
    pub fn from_words(registry: &Registry, name: &str, words: &[String]) -> Result<Self, Failure> {
        let entry = registry.environment(name).map_err(Failure::usage)?;
        let mut set = Table::new();
        for one in Override::parse_all(words).map_err(Failure::usage)? {
            let key = one.key.strip_prefix("environment.").unwrap_or(&one.key);
            if set
                .insert(key.to_owned(), value_of(entry.settings(), key, &one))
                .is_some()
            {
                let message = format!("{one}: environment.{key} is set twice; set it once");
                return Err(Failure::usage(message));
            }
        }
        Self::new(entry, &set).map_err(Failure::config)
    }
}

/// What the command line knows by name: environments and algorithms.
pub struct Registry {
    environments: Vec<EnvironmentEntry>,
    algorithms: Vec<Algorithm>,
}

impl Registry {
    /// These environments and algorithms.
    pub(crate) fn of(environments: Vec<EnvironmentEntry>, algorithms: Vec<Algorithm>) -> Self {
        Self {
            environments,
            algorithms,
        }
    }

    /// Adds an environment; it replaces one of the same name.
    #[must_use]
    pub fn with_environment(mut self, entry: EnvironmentEntry) -> Self {
        self.environments
            .retain(|other| other.name() != entry.name());
        self.environments.push(entry);
        self
    }

    /// Adds an algorithm; it replaces one of the same name.
    #[must_use]
    pub fn with_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithms.retain(|other| other.name != algorithm.name);
        self.algorithms.push(algorithm);
        self
    }

    /// All environments.
    pub fn environments(&self) -> &[EnvironmentEntry] {
        &self.environments
    }

    /// All algorithms.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// The environment of a name.
    ///
    /// # Errors
    /// Names the nearest one.
    pub fn environment(&self, name: &str) -> Result<&EnvironmentEntry, String> {
        let found = self.environments.iter().find(|entry| entry.name() == name);
        found.ok_or_else(|| {
            let names = self.environments.iter().map(EnvironmentEntry::name);
            format!("no environment '{name}'; {}", suggestion(name, names))
        })
    }

    /// The algorithm of a name.
    ///
    /// # Errors
    /// Names the nearest one.
    pub fn algorithm(&self, name: &str) -> Result<&Algorithm, String> {
        let found = self.algorithms.iter().find(|entry| entry.name == name);
        found.ok_or_else(|| {
            let names = self.algorithms.iter().map(|entry| entry.name);
            format!("no algorithm '{name}'; {}", suggestion(name, names))
        })
    }
}
