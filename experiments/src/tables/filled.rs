//! A table with its values: what differs from what is published is marked and,
//! where the reason is known, explained.

use crate::console::{duration, short};
use crate::tables::cell::Value;
use crate::tables::plan::{Column, Plan, Row};

/// Standard errors that a difference from the published value has to exceed to
/// be marked.
const MARKED: f64 = 3.0;
/// How a cell of trained agents is filled.
const NOT_TRAINED: &str = "Not trained: cells of trained agents are read from finished runs of \
                           the row's environment below --runs, and there was none.";
/// What is said of cells of trained agents.
const TRAINED: &str = "Of trained agents: seeds, the network, the environment steps and the mean \
                       wall clock of a seed's training, on the machine that it ran on; all \
                       settings are in config.toml of the runs.";
/// What is said of a difference that no note explains.
const UNEXPLAINED: &str = "No reason for the difference is known.";

/// A cell beside what is published.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) value: Value,
    /// The published value, if there is one.
    pub(crate) paper: Option<f64>,
    /// Our value less the published one, in standard errors.
    pub(crate) distance: Option<f64>,
    /// Footnotes, numbered from 1.
    pub(crate) notes: Vec<usize>,
}

impl Cell {
    /// Whether it differs from what is published by more than chance does.
    pub(crate) fn differs(&self) -> bool {
        self.distance
            .is_some_and(|distance| distance.abs() > MARKED)
    }
}

/// A table with its values.
pub(crate) struct Filled<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) seed: u64,
    /// `[rows][columns]`
    pub(crate) cells: Vec<Vec<Cell>>,
    /// In the order of their numbers.
    pub(crate) footnotes: Vec<String>,
}

impl<'a> Filled<'a> {
    /// Compares values with what is published. `values` is `[rows][columns]`.
    pub(crate) fn new(plan: &'a Plan, seed: u64, values: Vec<Vec<Value>>) -> Self {
        let mut filled = Self {
            plan,
            seed,
            cells: Vec::new(),
            footnotes: Vec::new(),
        };
        for (row, values) in plan.rows.iter().zip(values) {
            let cells = plan.columns.iter().zip(values);
            let cells = cells.map(|(column, value)| filled.cell(row, column, value));
            let cells = cells.collect();
            filled.cells.push(cells);
        }
        filled
    }

    fn cell(&mut self, row: &Row, column: &Column, value: Value) -> Cell {
        let paper = column.paper.get(&row.name).copied();
        let tasks = self.plan.paper_tasks;
        let distance = paper
            .zip(tasks)
            .and_then(|(paper, tasks)| value.distance(paper, tasks));
        let mut cell = Cell {
            value,
            paper,
            distance,
            notes: Vec::new(),
        };
        if cell.differs() {
            let notes = self.plan.notes.iter();
            let notes = notes.filter(|note| note.explains(&row.name, &column.name));
            let mut texts: Vec<&str> = notes.map(|note| note.text.as_str()).collect();
            if texts.is_empty() {
                texts.push(UNEXPLAINED);
            }
            cell.notes = texts.into_iter().map(|text| self.footnote(text)).collect();
        }
        cell
    }

    /// The number of a footnote, which is added unless it is there.
    fn footnote(&mut self, text: &str) -> usize {
        let known = self.footnotes.iter().position(|other| other == text);
        known.map_or_else(
            || {
                self.footnotes.push(text.to_owned());
                self.footnotes.len()
            },
            |index| index + 1,
        )
    }

    /// Rows in which anything is known, by index.
    pub(crate) fn rows(&self) -> Vec<usize> {
        let known = |row: &usize| self.cells[*row].iter().any(|cell| has_content(&cell.value));
        (0..self.cells.len()).filter(known).collect()
    }

    /// Columns with anything to show in the rows of [`Self::rows`], by index.
    pub(crate) fn columns(&self) -> Vec<usize> {
        let rows = self.rows();
        let shown = |column: &usize| {
            rows.iter().any(|row| {
                let cell = &self.cells[*row][*column];
                match cell.value {
                    Value::Missing => false,
                    Value::Published => cell.paper.is_some(),
                    _ => true,
                }
            })
        };
        (0..self.plan.columns.len()).filter(shown).collect()
    }

    /// How the values came about, in sentences.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let tasks = self
            .cells
            .iter()
            .flatten()
            .filter_map(|cell| match cell.value {
                Value::Measured { tasks, .. } => Some(tasks),
                _ => None,
            });
        if let (Some(least), Some(most)) = (tasks.clone().min(), tasks.max()) {
            let tasks = match least == most {
                true => least.to_string(),
                false => format!("{least} to {most}"),
            };
            remarks.push(format!(
                "Mean ± standard error over {tasks} draws of a task under seed {}; parameters \
                 are chosen on other draws.",
                self.seed
            ));
        }
        if self.plan.quick {
            remarks.push(
                "A quick look: few tasks and coarse grids. Without --quick the table is made in \
                 full."
                    .to_owned(),
            );
        }
        let cells = || self.cells.iter().flatten();
        if cells().any(|cell| cell.paper.is_some()) {
            remarks.push(format!("In parentheses: {}.", self.plan.paper));
        }
        if let Some(tasks) = self.plan.paper_tasks.filter(|_| cells().any(Cell::differs)) {
            remarks.push(format!(
                "Numbered: further from the published value than {MARKED} standard errors of \
                 the difference, where the published mean is of {tasks} tasks."
            ));
        }
        if cells().any(|cell| matches!(cell.value, Value::Trained { .. })) {
            remarks.push(TRAINED.to_owned());
        }
        if cells().any(|cell| matches!(cell.value, Value::Unknown { .. })) {
            remarks.push("–: out of reach of exact computation.".to_owned());
        }
        let rows = self.rows();
        let mut shown = rows.iter().flat_map(|row| &self.cells[*row]);
        if shown.any(|cell| matches!(cell.value, Value::NotTrained)) {
            remarks.push(NOT_TRAINED.to_owned());
        }
        remarks
    }
}

/// Whether there is more in a cell than what any table of the plan shows.
fn has_content(value: &Value) -> bool {
    !matches!(value, Value::Missing | Value::Published | Value::NotTrained)
}

/// What a cell says of our value, without its error's footnotes.
pub(crate) fn ours(value: &Value) -> String {
    match value {
        Value::Unknown { .. } => "–".to_owned(),
        Value::NotTrained => "not trained".to_owned(),
        Value::Published | Value::Missing => String::new(),
        value => value.estimate().map_or_else(String::new, |e| e.text()),
    }
}

/// The published value as it was printed.
pub(crate) fn theirs(paper: f64) -> String {
    format!("{paper:.1}")
}

/// What else there is to say of a value: the parameter, seeds.
pub(crate) fn detail(value: &Value) -> Option<String> {
    match value {
        Value::Trained {
            seeds,
            network,
            env_steps,
            seconds,
            ..
        } => {
            let seeds = match seeds.len() {
                1 => "1 seed".to_owned(),
                several => format!("{several} seeds"),
            };
            let steps = format!("{} steps", short(*env_steps as f64));
            let time = seconds.map(duration);
            let parts = [Some(seeds), network.clone(), Some(steps), time];
            Some(parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
        }
        value => value.chosen(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::table::{Source, sources};
    use lab::registry::Registry;

    fn measured(mean: f64) -> Value {
        Value::Measured {
            mean,
            standard_error: 0.01,
            standard_deviation: 2.0,
            tasks: 40_000,
            learner: "greedy".to_owned(),
            parameters: toml::Table::new(),
            tuned: None,
        }
    }

    /// The 10x5 row of the first table with one mean for all learners.
    fn filled(plan: &Plan, mean: f64) -> Filled<'_> {
        let value = |row: usize, column: &Column| match column.candidates.is_empty() || row > 0 {
            true => Value::Missing,
            false => measured(mean),
        };
        let rows = 0..plan.rows.len();
        let row = |row| plan.columns.iter().map(|c| value(row, c)).collect();
        Filled::new(plan, 0, rows.map(row).collect())
    }

    fn plan(notes: &str) -> Plan {
        let Source { name, data } = sources()[0];
        let without = data.split("[[notes]]").next().unwrap();
        let data = Box::leak(format!("{without}\n{notes}").into_boxed_str());
        Plan::read(&Registry::standard(), Source { name, data }, false).unwrap()
    }

    #[test]
    fn only_what_chance_does_not_explain_is_marked() {
        // The paper's error is 2 / √1000 = 0.063; random is 5.0 there.
        let plan = plan("");
        let random = plan.column("random").unwrap();
        let mark = |mean| filled(&plan, mean).cells[0][random].differs();
        assert!(!mark(5.0) && !mark(5.18) && !mark(4.82));
        assert!(mark(5.2) && mark(4.8));
        let filled = filled(&plan, 5.2);
        assert_eq!(filled.footnotes, [UNEXPLAINED]);
        assert_eq!(filled.rows(), [0]);
        assert!(
            filled
                .remarks()
                .iter()
                .any(|text| text.starts_with("Numbered"))
        );
    }

    #[test]
    fn notes_are_numbered_in_order_of_use() {
        let plan = plan(
            "[[notes]]\ncolumns = [\"thompson\"]\ntext = \"second\"\n\
             [[notes]]\ncolumns = [\"random\", \"thompson\"]\nrows = [\"10x5\"]\ntext = \"first\"",
        );
        let filled = filled(&plan, 9.0);
        assert_eq!(filled.footnotes, ["first", UNEXPLAINED, "second"]);
        let notes = |name: &str| &filled.cells[0][plan.column(name).unwrap()].notes;
        assert_eq!(notes("random"), &[1]);
        assert_eq!(notes("gittins"), &[2]);
        assert_eq!(notes("thompson"), &[3, 1]);
        assert_eq!(notes("snail"), &[] as &[usize]);
    }
}
