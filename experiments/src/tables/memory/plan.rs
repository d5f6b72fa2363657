//! Which memories are trained on which tasks.

use crate::commands::table::Source;
use crate::tables::plan::{latest, position};
use agent::{ActorCritic, read};
use lab::config::RunConfig;
use lab::failure::Failure;
use lab::presets;
use lab::registry::Registry;
use rl_core::MEMORYLESS_OPTIMUM;
use rl2::Rl2Config;
use serde::Deserialize;
use toml::{Table, Value};

/// The data file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    title: String,
    caption: String,
    seeds: u64,
    /// Settings of all runs.
    words: Vec<String>,
    /// Settings of a rough look, which come last.
    quick: Vec<String>,
    rows: Vec<Row>,
    columns: Vec<Column>,
}

/// A task.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) title: String,
    /// The preset that it is trained by.
    preset: String,
    /// What is set otherwise.
    #[serde(default)]
    words: Vec<String>,
    /// Its length, where the figure shows success against that.
    pub(super) length: Option<u32>,
}

/// A memory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) title: String,
    /// `rl2.trunk`.
    trunk: Table,
    /// What is set otherwise.
    #[serde(default)]
    words: Vec<String>,
    /// Whether libtorch alone computes it.
    #[serde(default)]
    pub(super) torch: bool,
    /// Whether the figure shows it.
    #[serde(default)]
    pub(super) figure: bool,
    /// The only tasks that it can be trained on, if not all.
    #[serde(default)]
    tasks: Vec<String>,
}

/// The table to be made.
pub(super) struct Plan {
    pub(super) name: &'static str,
    pub(super) title: String,
    pub(super) caption: String,
    pub(super) seeds: std::ops::Range<u64>,
    pub(super) rows: Vec<Row>,
    pub(super) columns: Vec<Column>,
    words: Vec<String>,
    quick: Vec<String>,
}

/// What is known of a cell before it is trained.
pub(super) struct Known {
    pub(super) parameters: usize,
    /// What the best agent without a memory earns, and the best of all.
    pub(super) ends: [f64; 2],
}

impl Plan {
    /// Reads the data file.
    ///
    /// # Errors
    /// If it is not valid.
    pub(super) fn read(source: Source, quick: bool, seed: u64) -> Result<Self, Failure> {
        let wrong = |message: String| source.wrong(message);
        let data: Data = source.read()?;
        let plan = Self {
            name: source.name,
            title: data.title,
            caption: data.caption,
            seeds: seed..seed + if quick { 1 } else { data.seeds },
            rows: data.rows,
            columns: data.columns,
            words: data.words,
            quick: if quick { data.quick } else { Vec::new() },
        };
        let named = plan.columns.iter().flat_map(|column| &column.tasks);
        let rows = || plan.rows.iter().map(|row| row.name.as_str());
        for row in named {
            position(source.name, "row", row, rows()).map_err(wrong)?;
        }
        Ok(plan)
    }

    /// Whether this is a rough look only.
    pub(super) fn is_quick(&self) -> bool {
        !self.quick.is_empty()
    }

    /// Whether a memory can be trained on a task.
    pub(super) fn makes_sense(&self, (row, column): (usize, usize)) -> bool {
        let tasks = &self.columns[column].tasks;
        tasks.is_empty() || tasks.contains(&self.rows[row].name)
    }

    /// The configuration of a cell, but for its seed.
    ///
    /// # Errors
    /// If the data file asks for what cannot be.
    pub(super) fn config(
        &self,
        registry: &Registry,
        (row, column): (usize, usize),
    ) -> Result<RunConfig, Failure> {
        let (row, column) = (&self.rows[row], &self.columns[column]);
        let source = presets::Source::find(row.preset.as_ref())?;
        let trunk = Value::Table(column.trunk.clone());
        let mut words = vec![format!("rl2.trunk={trunk}")];
        if column.torch {
            words.push("rl2.backend=torch".to_owned());
        }
        let more = [&self.words, &row.words, &column.words, &self.quick];
        words.extend(more.into_iter().flatten().cloned());
        let words = latest(words);
        RunConfig::resolve(registry, &source.place, &source.text, &words)
    }
}

/// What is known of a cell.
///
/// # Errors
/// If the network cannot be, or the task has no exact values.
pub(super) fn known(config: &RunConfig) -> Result<Known, Failure> {
    let settings: Rl2Config = read("rl2", &config.settings).map_err(Failure::config)?;
    let env = config.built.factory.as_ref();
    let network = settings.learner();
    let network = ActorCritic::new(env, network.network)?;
    let missing = |what: &str| {
        Failure::internal(format!(
            "{} has no {what} that is known",
            config.environment
        ))
    };
    let best = env.exact_values().bayes_optimal.get();
    let further = env.further_values();
    let blind = further.iter().find(|(name, _)| *name == MEMORYLESS_OPTIMUM);
    let blind = blind.and_then(|(_, exact)| exact.get());
    let blind = blind.ok_or_else(|| missing("value without a memory"))?;
    let best = best.ok_or_else(|| missing("best value"))?;
    Ok(Known {
        parameters: network.layout().numel(),
        ends: [blind, best],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::table::TABLES;

    #[test]
    fn every_cell_can_be_trained_and_has_its_ends() {
        let entry = TABLES.iter().find(|entry| entry.name == "memory").unwrap();
        let registry = Registry::standard();
        for quick in [false, true] {
            let plan = Plan::read(entry.source(), quick, 0).unwrap();
            for row in 0..plan.rows.len() {
                for column in 0..plan.columns.len() {
                    let torch = plan.columns[column].torch;
                    let here = plan.makes_sense((row, column));
                    if here && (!torch || cfg!(feature = "torch")) {
                        let config = plan.config(&registry, (row, column)).unwrap();
                        let known = known(&config).unwrap();
                        assert!(known.ends[0] < known.ends[1], "{}", plan.rows[row].name);
                        // SNAIL has few convolutions where trials are short.
                        let sensible = 2_000..60_000;
                        let cell = (row, column, known.parameters);
                        assert!(sensible.contains(&known.parameters), "{cell:?}");
                    }
                }
            }
        }
    }
}
