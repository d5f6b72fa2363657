//! The one place where a string becomes a type.

use crate::failure::Failure;
use crate::overrides::Override;
use crate::settings::{Key, Kind, Settings};
use agent::{Algorithm, suggestion};
use rl_core::{EnvFactory, Revealed, TaskDistribution, Tasks, panic_text};
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use toml::{Table, Value};

type Build = dyn Fn(&Settings) -> Result<Arc<dyn EnvFactory>, String> + Send + Sync;

/// The setting of environments that can show what their task is.
const TASK: &str = "task";
/// Its usual value: the agent has to find out.
const HIDDEN: &str = "hidden";

/// An environment that can be asked for by name, with its settings.
pub struct EnvironmentEntry {
    name: String,
    summary: String,
    keys: Vec<Key>,
    build: Box<Build>,
}

impl EnvironmentEntry {
    /// An environment without settings so far; add each with
    /// [`Self::count`], [`Self::number`] or [`Self::choice`]. `build` makes the
    /// task distribution from checked settings.
    pub fn new<D: TaskDistribution>(
        name: &str,
        summary: &str,
        build: impl Fn(&Settings) -> Result<D, String> + Send + Sync + 'static,
    ) -> Self {
        Self::made_by(name, summary, move |settings| factory(build(settings)?))
    }

    fn made_by(
        name: &str,
        summary: &str,
        build: impl Fn(&Settings) -> Result<Arc<dyn EnvFactory>, String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            summary: summary.to_owned(),
            keys: Vec::new(),
            build: Box::new(build),
        }
    }

    /// An environment whose tasks have a description, which the setting `task`
    /// can show to the agent: see [`Revealed`]. Otherwise as [`Self::new`].
    pub fn revealable<D: TaskDistribution>(
        name: &str,
        summary: &str,
        build: impl Fn(&Settings) -> Result<D, String> + Send + Sync + 'static,
    ) -> Self {
        let entry = Self::made_by(name, summary, move |settings| {
            let distribution = build(settings)?;
            match settings.choice(TASK)? {
                HIDDEN => factory(distribution),
                _ => factory(Revealed::new(distribution)?),
            }
        });
        let meaning = "whether observations end with what the task is, for oracles";
        entry.choice(TASK, &[HIDDEN, "shown"], meaning)
    }

    /// Adds a setting that is a whole number.
    #[must_use]
    pub fn count(
        self,
        name: &str,
        default: usize,
        range: RangeInclusive<usize>,
        meaning: &str,
    ) -> Self {
        self.key(name, Kind::Count { default, range }, meaning)
    }

    /// Adds a setting that is a real number.
    #[must_use]
    pub fn number(
        self,
        name: &str,
        default: f64,
        range: RangeInclusive<f64>,
        meaning: &str,
    ) -> Self {
        self.key(name, Kind::Number { default, range }, meaning)
    }

    /// Adds a setting that is one of several words; the first is its default.
    #[must_use]
    pub fn choice(self, name: &str, words: &[&str], meaning: &str) -> Self {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let default = words.first().cloned().unwrap_or_default();
        self.key(name, Kind::Choice { default, words }, meaning)
    }

    fn key(mut self, name: &str, kind: Kind, meaning: &str) -> Self {
        self.keys.push(Key {
            name: name.to_owned(),
            meaning: meaning.to_owned(),
            kind,
        });
        self
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is, in one line.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// What there is to set.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// What a setting is set to, as typed.
    pub fn value_of(&self, name: &str, typed: &Override) -> Value {
        value_of(&self.keys, name, typed)
    }

    /// All settings, checked, given some of them.
    ///
    /// # Errors
    /// Names the key at fault, its value and what is allowed.
    pub fn settings(&self, set: &Table) -> Result<Settings, String> {
        Settings::new("environment", &self.keys, set)
    }

    /// The environment with these settings.
    ///
    /// # Errors
    /// Names the key at fault, its value and what is allowed.
    pub fn build(&self, set: &Table) -> Result<Built, String> {
        let settings = self.settings(set)?;
        let build = || (self.build)(&settings);
        let factory = catch_unwind(AssertUnwindSafe(build)).unwrap_or_else(|panic| {
            let (name, said) = (&self.name, panic_text(panic.as_ref()));
            Err(format!(
                "environment '{name}' panicked while it was built: {said}"
            ))
        })?;
        Ok(Built { settings, factory })
    }
}

/// What one of several settings is set to, as typed.
pub fn value_of(keys: &[Key], name: &str, typed: &Override) -> Value {
    let key = keys.iter().find(|key| key.name == name);
    key.map_or_else(
        || typed.value.clone(),
        |key| typed.instead_of(&key.kind.default()),
    )
}

fn factory<D: TaskDistribution>(distribution: D) -> Result<Arc<dyn EnvFactory>, String> {
    let tasks = Tasks::new(distribution).map_err(|error| error.to_string())?;
    Ok(Arc::new(tasks))
}

/// An environment as it was asked for.
#[derive(Clone)]
pub struct Built {
    /// All its settings.
    pub settings: Settings,
    /// The environment.
    pub factory: Arc<dyn EnvFactory>,
}

impl Built {
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
                .insert(key.to_owned(), entry.value_of(key, &one))
                .is_some()
            {
                let message = format!("{one}: environment.{key} is set twice; set it once");
                return Err(Failure::usage(message));
            }
        }
        entry.build(&set).map_err(Failure::config)
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
        self.environments.retain(|other| other.name != entry.name);
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
        let found = self.environments.iter().find(|entry| entry.name == name);
        found.ok_or_else(|| {
            let names = self.environments.iter().map(|entry| entry.name.as_str());
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
