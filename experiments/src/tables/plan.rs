//! What a table is of, read from its data file: settings down, learners
//! across, and what is published.

use crate::commands::table::Source;
use lab::failure::Failure;
use lab::registry::{Built, Registry};
use rl_core::suggestion;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// What a table's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Measure {
    /// The return of a trial.
    Return,
    /// What an agent that knows its task is expected to have beyond it.
    Regret,
}

/// How much work a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Size {
    /// Tuning tasks that the best parameters are chosen on.
    pub(crate) tuning: usize,
    /// Fresh tasks, at least.
    pub(crate) tasks: usize,
    /// As many more as bring the standard error below this share of the mean.
    pub(crate) relative_error: Option<f64>,
}

/// A data file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    title: String,
    caption: String,
    paper: String,
    measure: Measure,
    paper_tasks: Option<u64>,
    rows: Vec<RowData>,
    columns: Vec<Column>,
    #[serde(default)]
    notes: Vec<Note>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowData {
    name: String,
    title: String,
    environment: Table,
    full: Size,
    quick: Size,
}

/// A learner with the values of one of its parameters to choose from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Candidate {
    learner: String,
    /// Parameters that are the same in all of them.
    #[serde(default)]
    with: Table,
    key: Option<String>,
    #[serde(default)]
    values: Vec<Value>,
    #[serde(default)]
    quick: Vec<Value>,
}

/// A value that the environment itself gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ExactValue {
    /// Of the best agent that does not know its task.
    BayesOptimal,
    /// Of the best agent that knows it.
    KnownTaskOptimum,
}

/// One column: learners, an exact value or a trained agent; a column of none
/// of these is published only.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) title: String,
    /// The published values, by row.
    #[serde(default)]
    pub(crate) paper: BTreeMap<String, f64>,
    /// Learners to choose the best of on tuning tasks.
    #[serde(default)]
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) exact: Option<ExactValue>,
    /// The algorithm of trained runs.
    pub(crate) trained: Option<String>,
}

/// A learner with its parameters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Choice {
    pub(crate) learner: String,
    pub(crate) parameters: Table,
}

impl Column {
    /// Whom to choose from.
    pub(crate) fn choices(&self, quick: bool) -> Vec<Choice> {
        let mut choices = Vec::new();
        for candidate in &self.candidates {
            let values = match quick {
                true => &candidate.quick,
                false => &candidate.values,
            };
            let choice = |varied: Option<(&String, &Value)>| {
                let mut parameters = candidate.with.clone();
                parameters.extend(varied.map(|(key, value)| (key.clone(), value.clone())));
                Choice {
                    learner: candidate.learner.clone(),
                    parameters,
                }
            };
            match &candidate.key {
                None => choices.push(choice(None)),
                Some(key) => choices.extend(values.iter().map(|value| choice(Some((key, value))))),
            }
        }
        choices
    }
}

/// Why cells differ from what is published.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    /// The columns it explains; all if none is named.
    #[serde(default)]
    columns: Vec<String>,
    /// The rows it explains; all if none is named.
    #[serde(default)]
    rows: Vec<String>,
    /// The explanation, in sentences.
    pub(crate) text: String,
}

impl Note {
    /// Whether it explains a cell.
    pub(crate) fn explains(&self, row: &str, column: &str) -> bool {
        let among = |names: &[String], name| names.is_empty() || names.iter().any(|n| n == name);
        among(&self.rows, row) && among(&self.columns, column)
    }
}

/// One row: an environment.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) title: String,
    /// The environment's name.
    pub(crate) environment: String,
    pub(crate) built: Built,
    pub(crate) size: Size,
}

/// A table to be filled.
#[derive(Clone)]
pub(crate) struct Plan {
    /// The table's name.
    pub(crate) name: &'static str,
    pub(crate) title: String,
    pub(crate) caption: String,
    /// Where the published values are from.
    pub(crate) paper: String,
    pub(crate) measure: Measure,
    /// Tasks behind each published mean, if known.
    pub(crate) paper_tasks: Option<u64>,
    /// Whether this is a rough look only.
    pub(crate) quick: bool,
    pub(crate) rows: Vec<Row>,
    pub(crate) columns: Vec<Column>,
    pub(crate) notes: Vec<Note>,
}

impl Plan {
    /// Reads a data file; `quick` takes fewer tasks and coarser grids.
    ///
    /// # Errors
    /// Names the table, the key at fault, its value and what is allowed.
    pub(crate) fn read(registry: &Registry, source: Source, quick: bool) -> Result<Self, Failure> {
        let wrong = |message: String| source.wrong(message);
        let data: Data = source.read()?;
        let rows = data.rows.into_iter().map(|row| build(registry, row, quick));
        let rows: Vec<Row> = rows.collect::<Result<_, _>>().map_err(wrong)?;
        let plan = Self {
            name: source.name,
            title: data.title,
            caption: data.caption,
            paper: data.paper,
            measure: data.measure,
            paper_tasks: data.paper_tasks,
            quick,
            rows,
            columns: data.columns,
            notes: data.notes,
        };
        plan.check().map_err(wrong)?;
        Ok(plan)
    }

    /// Checks that all names in it are those of rows and columns.
    fn check(&self) -> Result<(), String> {
        let mut rows = Vec::new();
        let mut columns = Vec::new();
        for column in &self.columns {
            rows.extend(column.paper.keys());
            let kinds = usize::from(!column.candidates.is_empty())
                + usize::from(column.exact.is_some())
                + usize::from(column.trained.is_some());
            if kinds > 1 {
                let name = &column.name;
                return Err(format!(
                    "columns.{name}: allowed: one of candidates, exact and trained, or none"
                ));
            }
        }
        for note in &self.notes {
            rows.extend(&note.rows);
            columns.extend(&note.columns);
        }
        rows.into_iter()
            .try_for_each(|name| self.row(name).map(drop))?;
        columns
            .into_iter()
            .try_for_each(|name| self.column(name).map(drop))
    }

    /// The index of the row of a name.
    ///
    /// # Errors
    /// Names the nearest one.
    pub(crate) fn row(&self, name: &str) -> Result<usize, String> {
        let names = self.rows.iter().map(|row| row.name.as_str());
        position(self.name, "row", name, names)
    }

    /// The index of the column of a name.
    ///
    /// # Errors
    /// Names the nearest one.
    pub(crate) fn column(&self, name: &str) -> Result<usize, String> {
        let names = self.columns.iter().map(|column| column.name.as_str());
        position(self.name, "column", name, names)
    }
}

/// The index of a name among those of a table's rows or columns.
///
/// # Errors
/// Names the nearest one.
pub(super) fn position<'a>(
    table: &str,
    kind: &str,
    name: &str,
    names: impl Iterator<Item = &'a str> + Clone,
) -> Result<usize, String> {
    let found = names.clone().position(|other| other == name);
    let help = || suggestion(name, names);
    found.ok_or_else(|| format!("table {table} has no {kind} '{name}'; {}", help()))
}

/// Settings as typed, of which the latest of each key counts.
pub(super) fn latest(words: impl IntoIterator<Item = String>) -> Vec<String> {
    let key = |word: &str| word.split_once('=').map(|(key, _)| key.to_owned());
    let mut kept: Vec<String> = Vec::new();
    for word in words {
        kept.retain(|earlier| key(earlier) != key(&word));
        kept.push(word);
    }
    kept
}

fn build(registry: &Registry, data: RowData, quick: bool) -> Result<Row, String> {
    let mut settings = data.environment;
    let place = format!("rows.{}.environment", data.name);
    let Some(Value::String(environment)) = settings.remove("name") else {
        return Err(format!("{place}.name is missing or no text"));
    };
    let entry = registry.environment(&environment);
    let built = entry.and_then(|entry| Built::new(entry, &settings));
    Ok(Row {
        built: built.map_err(|message| format!("{place}: {message}"))?,
        name: data.name,
        title: data.title,
        environment,
        size: match quick {
            true => data.quick,
            false => data.full,
        },
    })
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
