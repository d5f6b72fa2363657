//! Environments that can be asked for by name.

use crate::author::panic_text;
use crate::env::TaskDistribution;
use crate::lanes::Tasks;
use crate::revealed::Revealed;
use crate::setting::{Setting, Settings};
use crate::vec_env::EnvFactory;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

type Make = dyn Fn(&Settings) -> Result<Arc<dyn EnvFactory>, String> + Send + Sync;

/// The setting of environments that can show what their task is.
const TASK: &str = "task";
/// Its usual value: the agent has to find out.
const HIDDEN: &str = "hidden";

/// An environment that can be asked for by name, with its settings.
pub struct EnvironmentEntry {
    name: String,
    summary: String,
    settings: Vec<Setting>,
    make: Box<Make>,
}

impl EnvironmentEntry {
    /// An environment without settings so far; add each with
    /// [`Self::setting`], [`Self::count`], [`Self::number`] or [`Self::choice`].
    /// `make` makes the task distribution from checked settings.
    pub fn new<D: TaskDistribution>(
        name: &str,
        summary: &str,
        make: impl Fn(&Settings) -> Result<D, String> + Send + Sync + 'static,
    ) -> Self {
        Self::batched(name, summary, move |settings| factory(make(settings)?))
    }

    /// The same of an environment that is a batch by itself, without an author's
    /// single tasks: one that lives in another process or language.
    pub fn batched(
        name: &str,
        summary: &str,
        make: impl Fn(&Settings) -> Result<Arc<dyn EnvFactory>, String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            summary: summary.to_owned(),
            settings: Vec::new(),
            make: Box::new(make),
        }
    }

    /// An environment whose tasks have a description, which the setting `task`
    /// can show to the agent: see [`Revealed`]. Otherwise as [`Self::new`].
    pub fn revealable<D: TaskDistribution>(
        name: &str,
        summary: &str,
        make: impl Fn(&Settings) -> Result<D, String> + Send + Sync + 'static,
    ) -> Self {
        let entry = Self::batched(name, summary, move |settings| {
            let distribution = make(settings)?;
            match settings.choice(TASK)? {
                HIDDEN => factory(distribution),
                _ => factory(Revealed::new(distribution)?),
            }
        });
        let meaning = "whether observations end with what the task is, for oracles";
        entry.choice(TASK, &[HIDDEN, "shown"], meaning)
    }

    /// Adds a setting.
    #[must_use]
    pub fn setting(mut self, setting: Setting) -> Self {
        self.settings.push(setting);
        self
    }

    /// Adds a setting that is a whole number.
    #[must_use]
    pub fn count(
        self,
        name: &'static str,
        default: usize,
        range: RangeInclusive<usize>,
        meaning: &'static str,
    ) -> Self {
        self.setting(Setting::count(name, default, range, meaning))
    }

    /// Adds a setting that is a real number.
    #[must_use]
    pub fn number(
        self,
        name: &'static str,
        default: f64,
        range: RangeInclusive<f64>,
        meaning: &'static str,
    ) -> Self {
        self.setting(Setting::number(name, default, range, meaning))
    }

    /// Adds a setting that is one of several words; the first is its default.
    #[must_use]
    pub fn choice(
        self,
        name: &'static str,
        words: &'static [&'static str],
        meaning: &'static str,
    ) -> Self {
        self.setting(Setting::choice(name, words, meaning))
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
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// The environment with these settings.
    ///
    /// # Errors
    /// If some do not fit together, or the author's code panicked: says which
    /// and how.
    pub fn make(&self, settings: &Settings) -> Result<Arc<dyn EnvFactory>, String> {
        let make = || (self.make)(settings);
        catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|panic| {
            let (name, said) = (&self.name, panic_text(panic.as_ref()));
            Err(format!(
                "environment '{name}' panicked while it was built: {said}"
            ))
        })
    }
}

fn factory<D: TaskDistribution>(distribution: D) -> Result<Arc<dyn EnvFactory>, String> {
    Ok(Arc::new(Tasks::new(distribution)?))
}
