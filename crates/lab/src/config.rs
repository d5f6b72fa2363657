//! The configuration of a run: a TOML table, completed, overridden and typed.

use crate::failure::Failure;
use crate::opponents::Opponent;
use crate::overrides::{Origin, Override};
use crate::registry::{Built, Registry, completed};
use crate::split::{Parts, SplitSettings};
use crate::teachers::TeacherSpec;
use agent::{ActMode, Input, read, telling};
use rl_core::{EnvFactory, SettingError};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The key of the run that another one begins from.
const FROM: &str = "from";

/// Evaluation on fresh tasks.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// Tasks of the comparison at the end.
    pub tasks: NonZeroUsize,
    /// Updates between evaluations while training.
    pub interval: NonZeroU64,
    /// Tasks of those.
    pub interval_tasks: NonZeroUsize,
    /// How the agent chooses.
    pub actions: ActMode,
    /// Which tasks are kept from the training.
    pub split: SplitSettings,
    /// Who it is compared with.
    #[schemars(schema_with = "any_tables")]
    pub learners: Vec<Table>,
}

/// The schema of learners by name.
fn any_tables(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": {
            "type": "object",
            "properties": { "name": { "type": "string" } },
            "required": ["name"],
        },
    })
}

/// When to save.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Saving {
    /// Updates between checkpoints.
    pub interval: NonZeroU64,
    /// How many of the newest checkpoints are kept.
    pub keep: NonZeroUsize,
    /// Updates between rows that say the hash of all parameters; none does where it is
    /// not given.
    #[serde(default)]
    pub hash: Option<NonZeroU64>,
}

/// The configuration of one run, complete and checked as far as it can be
/// without starting the run.
pub struct RunConfig {
    /// Where it is from, for messages.
    pub origin: Origin,
    /// The whole configuration as a table, without hidden defaults.
    pub table: Table,
    /// The seed.
    pub seed: u64,
    /// The algorithm's name.
    pub algorithm: String,
    /// The algorithm's settings.
    pub settings: Value,
    /// The environment's name.
    pub environment: String,
    /// The environment.
    pub built: Built,
    /// Its tasks in two parts, if they are split.
    pub parts: Option<Parts>,
    /// Evaluation on fresh tasks.
    pub evaluation: Evaluation,
    /// Who the agent is compared with.
    pub learners: Vec<Opponent>,
    /// The learners that the algorithm's settings name, by their keys.
    pub teachers: BTreeMap<&'static str, TeacherSpec>,
    /// What the agent is told beside what is observed.
    pub told: Vec<Input>,
    /// The run that it begins with what that learned.
    pub from: Option<PathBuf>,
    /// When to save.
    pub checkpoint: Saving,
}

impl RunConfig {
    /// Reads, completes and checks a configuration.
    ///
    /// # Errors
    /// Names the place, the key, its value and what is allowed.
    pub fn resolve(
        registry: &Registry,
        place: &str,
        text: &str,
        overrides: &[String],
    ) -> Result<Self, Failure> {
        Self::resolve_with(registry, (place, text), overrides, "on the command line")
    }

    /// The same where the overrides are set elsewhere, which errors say.
    pub(crate) fn resolve_with(
        registry: &Registry,
        (place, text): (&str, &str),
        overrides: &[String],
        set: &'static str,
    ) -> Result<Self, Failure> {
        let mut table: Table = text
            .parse()
            .map_err(|error: toml::de::Error| Failure::config(syntax(place, text, &error)))?;
        let overrides = Override::parse_all(overrides).map_err(Failure::usage)?;
        let source = place.to_owned();
        let origin = Origin {
            source,
            overrides,
            set,
        };
        let resolved = (|| {
            let given = &origin.overrides;
            if let Some(named) = given.iter().find(|one| one.key == "environment.name") {
                // The settings of the environment before mean nothing to another one.
                let name = named.instead_of(&Value::String(String::new()));
                let fresh = Table::from_iter([("name".to_owned(), name)]);
                table.insert("environment".to_owned(), Value::Table(fresh));
            }
            complete(registry, &mut table)?;
            if given.iter().any(|one| one.key == HASH) {
                make_place_for_hash(&mut table);
            }
            for one in given {
                one.apply(&mut table)?;
            }
            // A whole table may have been replaced.
            complete(registry, &mut table)?;
            Self::read(registry, &origin, table)
        })();
        resolved.map_err(|message: String| Failure::config(origin.of(&message)))
    }

    fn read(registry: &Registry, origin: &Origin, mut table: Table) -> Result<Self, String> {
        let algorithm: String = section("algorithm", &table)?;
        let named = registry
            .algorithm(&algorithm)
            .map_err(|error| format!("algorithm: {error}"))?;
        let known = [
            "algorithm",
            "seed",
            FROM,
            "environment",
            "evaluation",
            "checkpoint",
            &algorithm,
        ];
        if let Some(unknown) = table.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(SettingError::unknown(unknown, known).into());
        }
        let evaluation: Evaluation = section("evaluation", &table)?;
        let checkpoint: Saving = section("checkpoint", &table)?;
        let (environment, set) = environment_of(&table)?;
        let mut built = Built::new(registry.environment(&environment)?, &set)?;
        let mut told_beside = Vec::new();
        if let Some(key) = named.inputs {
            let asked = table.get(&algorithm).and_then(|settings| settings.get(key));
            let place = format!("{algorithm}.{key}");
            let asked = asked.map(|asked| read::<Vec<Input>>(&place, asked));
            // What is missing, the algorithm refuses.
            let inputs = asked.unwrap_or_else(|| Ok(Vec::new()))?;
            let beside = [
                Input::TimeLeft,
                Input::Statistics,
                Input::Arrival,
                Input::Noise,
            ];
            told_beside.extend(beside.into_iter().filter(|input| inputs.contains(input)));
            let told = telling(built.factory, &inputs);
            built.factory = told.map_err(|why| format!("{place}: {why}"))?;
        }
        let parts = evaluation.split.parts(built.factory.as_ref())?;
        let learners = evaluation.learners.iter().enumerate();
        let learners = learners
            .map(|(index, table)| {
                let place = format!("evaluation.learners.{index}");
                Opponent::read(&place, table, built.factory.as_ref())
            })
            .collect::<Result<Vec<_>, String>>()?;
        let complete = learners.iter().map(|spec| Value::Table(spec.to_table()));
        if let Some(section) = table.get_mut("evaluation").and_then(Value::as_table_mut) {
            section.insert("learners".to_owned(), Value::Array(complete.collect()));
        }
        let mut teachers = BTreeMap::new();
        if let Some(settings) = table.get_mut(&algorithm).and_then(Value::as_table_mut) {
            for &key in named.learners {
                let Some(Value::Table(asked)) = settings.get(key) else {
                    continue; // What it is instead, the algorithm refuses.
                };
                let place = format!("{algorithm}.{key}");
                let student = (built.factory.as_ref(), &told_beside[..]);
                let spec = TeacherSpec::read(&place, asked, student)?;
                settings.insert(key.to_owned(), Value::Table(spec.to_table()));
                teachers.insert(key, spec);
            }
        }
        let Some(settings) = table.get(&algorithm).cloned() else {
            return Err(format!(
                "[{algorithm}] is missing: the settings of the algorithm"
            ));
        };
        let from: Option<String> = match table.contains_key(FROM) {
            true => Some(section(FROM, &table)?),
            false => None,
        };
        Ok(Self {
            origin: origin.clone(),
            seed: section("seed", &table)?,
            algorithm,
            settings,
            environment,
            built,
            parts,
            evaluation,
            learners,
            teachers,
            told: told_beside,
            from: from.map(PathBuf::from),
            checkpoint,
            table,
        })
    }

    /// The same configuration under another seed.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        // Seeds come from the command line, which allows what TOML can hold.
        self.table
            .insert("seed".to_owned(), Value::Integer(seed as i64));
        self.seed = seed;
        self
    }

    /// The same configuration, begun with what a run learned.
    #[must_use]
    pub fn begun_from(mut self, run: &Path) -> Self {
        let path = Value::String(run.to_string_lossy().into_owned());
        // Before the tables, where TOML has what belongs to none of them.
        let tables: Table = std::mem::take(&mut self.table);
        let first = [(FROM.to_owned(), path)].into_iter();
        self.table = first.chain(tables).collect();
        self.from = Some(run.to_path_buf());
        self
    }

    /// The runs that this one is made of: what it begins from, who teaches it, and who it
    /// is compared with.
    pub fn made_of(&self) -> impl Iterator<Item = &Path> {
        let teachers = self.teachers.values().flat_map(TeacherSpec::runs);
        let opponents = self.learners.iter().filter_map(Opponent::runs);
        self.from
            .as_deref()
            .into_iter()
            .chain(teachers)
            .chain(opponents)
    }

    /// What the agent is trained in.
    pub fn training_env(&self) -> &dyn EnvFactory {
        match &self.parts {
            Some(parts) => parts.trained.as_ref(),
            None => self.built.factory.as_ref(),
        }
    }

    /// The text of `config.toml`.
    ///
    /// # Errors
    /// If the table cannot be written, which is a bug.
    pub fn to_text(&self) -> Result<String, Failure> {
        toml::to_string_pretty(&self.table).map_err(Failure::internal)
    }
}

/// Fills in what has a default: the seed, the environment's settings, and that
/// tasks are not split.
fn complete(registry: &Registry, table: &mut Table) -> Result<(), String> {
    if !table.contains_key("seed") {
        table.insert("seed".to_owned(), Value::Integer(0));
    }
    if let Some(evaluation) = table.get_mut("evaluation").and_then(Value::as_table_mut) {
        SplitSettings::complete(evaluation);
    }
    let (name, set) = environment_of(table)?;
    let entry = registry
        .environment(&name)
        .map_err(|error| format!("environment.name: {error}"));
    let settings = completed(entry?, &set)?;
    let named = Table::from_iter([("name".to_owned(), Value::String(name))]);
    let whole = named.into_iter().chain(settings);
    table.insert("environment".to_owned(), Value::Table(whole.collect()));
    Ok(())
}

/// The one setting that need not be given, so that runs of before have the
/// configuration that they had.
const HASH: &str = "checkpoint.hash";

/// Lets an override say it where the file does not.
fn make_place_for_hash(table: &mut Table) {
    if let Some(checkpoint) = table.get_mut("checkpoint").and_then(Value::as_table_mut) {
        checkpoint.entry("hash").or_insert(Value::Integer(1));
    }
}

/// The environment's name, and the settings beside it.
fn environment_of(table: &Table) -> Result<(String, Table), String> {
    let mut set: Table = section("environment", table)?;
    match set.remove("name") {
        Some(Value::String(name)) => Ok((name, set)),
        Some(other) => {
            let allowed = "text in quotes";
            Err(SettingError::refused("environment.name", other, allowed).into())
        }
        None => Err("environment.name is missing; `list envs` shows what there is".to_owned()),
    }
}

fn section<T: DeserializeOwned>(key: &str, table: &Table) -> Result<T, String> {
    match table.get(key) {
        Some(value) => read(key, value),
        None => Err(format!("{key} is missing; every setting must be given")),
    }
}

/// Where a file stops being TOML, and why.
fn syntax(place: &str, text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(1, |before| before.matches('\n').count() + 1);
    format!("{place}, line {line}: {}", error.message())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets::{Preset, QUICKSTART};

    #[test]
    fn a_table_of_the_command_line_is_completed_as_well() {
        let preset = Preset::find(QUICKSTART).unwrap();
        let environment = "environment={name=\"bernoulli-bandit\",arms=3}".to_owned();
        let registry = Registry::standard();
        let config = RunConfig::resolve(&registry, "x", preset.text, &[environment]).unwrap();
        let keys: Vec<&String> = config.table["environment"]
            .as_table()
            .unwrap()
            .keys()
            .collect();
        let settings = config.built.settings.keys();
        let name = "name".to_owned();
        let wanted: Vec<&String> = [&name].into_iter().chain(settings).collect();
        assert_eq!(keys, wanted);
    }
}
