//! A table as files: `table.csv`, `table.md` and `table.html`.

use super::files::write_all;
use crate::tables::cell::Value;
use crate::tables::filled::{Cell, Filled, detail, ours, theirs};
use lab::failure::Failure;
use maud::{Markup, html};
use report::{csv_file, html_page, markdown_cell};
use std::path::{Path, PathBuf};

/// Writes the three files into a folder.
///
/// # Errors
/// If the folder is not writable.
pub(crate) fn write(filled: &Filled<'_>, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let files = [
        ("table.csv", csv(filled)),
        ("table.md", markdown(filled).into_bytes()),
        ("table.html", page(filled).into_bytes()),
    ];
    write_all(folder, files)
}

/// What a cell says beside its value: the published one, the parameter and
/// the number of tasks.
fn small(cell: &Cell) -> Option<String> {
    let published_only = matches!(cell.value, Value::Published);
    let paper = cell.paper.filter(|_| !published_only);
    let paper = paper.map(|paper| format!("({})", theirs(paper)));
    let tasks = match &cell.value {
        Value::Measured { tasks, .. } | Value::Trained { tasks, .. } => {
            Some(format!("{tasks} tasks"))
        }
        _ => None,
    };
    let parts = [paper, detail(&cell.value), tasks];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// A cell's value; the published one where that is all there is.
fn large(cell: &Cell) -> String {
    match (&cell.value, cell.paper) {
        (Value::Published, Some(paper)) => format!("({})", theirs(paper)),
        (value, _) => ours(value),
    }
}

fn markdown(filled: &Filled<'_>) -> String {
    let plan = filled.plan;
    let columns = filled.columns();
    let (title, caption) = (markdown_cell(&plan.title), markdown_cell(&plan.caption));
    let mut text = format!("# {title}\n\n{caption}.\n\n|");
    for column in &columns {
        text += &format!(" | {}", markdown_cell(&plan.columns[*column].title));
    }
    text += &format!(" |\n|---{}|\n", "|--:".repeat(columns.len()));
    for row in filled.rows() {
        text += &format!("| {}", markdown_cell(&plan.rows[row].title));
        for column in &columns {
            let cell = &filled.cells[row][*column];
            let mut entry = markdown_cell(&large(cell));
            for note in &cell.notes {
                entry += &format!("<sup>{note}</sup>");
            }
            if let Some(small) = small(cell) {
                entry += &format!("<br><sub>{}</sub>", markdown_cell(&small));
            }
            text += &format!(" | {entry}");
        }
        text += " |\n";
    }
    text += &format!("\n{}\n", filled.remarks().join(" "));
    for (index, note) in filled.footnotes.iter().enumerate() {
        text += &format!("\n<sup>{}</sup> {}\n", index + 1, markdown_cell(note));
    }
    text
}

fn page(filled: &Filled<'_>) -> String {
    let plan = filled.plan;
    let columns = filled.columns();
    let body = html! {
        main .wide {
            h1 { (plan.title) }
            p .caption { (plan.caption) "." }
            div .scroll tabindex="0" role="group" aria-label="Table" {
                table .cells {
                    thead {
                        tr {
                            td {}
                            @for column in &columns {
                                th scope="col" { (plan.columns[*column].title) }
                            }
                        }
                    }
                    tbody {
                        @for row in filled.rows() {
                            tr {
                                th scope="row" { (plan.rows[row].title) }
                                @for column in &columns { (table_cell(&filled.cells[row][*column])) }
                            }
                        }
                    }
                }
            }
            @for remark in filled.remarks() { p .caption { (remark) } }
            @if !filled.footnotes.is_empty() {
                ol .caption {
                    @for (index, note) in filled.footnotes.iter().enumerate() {
                        li id={ "note-" (index + 1) } { (note) }
                    }
                }
            }
        }
    };
    html_page(&plan.title, &body)
}

fn table_cell(cell: &Cell) -> Markup {
    html! {
        td .differs[cell.differs()] {
            (large(cell))
            @for note in &cell.notes { sup { a href={ "#note-" (note) } { (note) } } }
            @if let Some(small) = small(cell) { small { (small) } }
        }
    }
}

const CSV_HEADER: [&str; 17] = [
    "row",
    "column",
    "kind",
    "paper",
    "mean",
    "standard_error",
    "tasks",
    "seeds",
    "learner",
    "parameters",
    "tuning_tasks",
    "network",
    "env_steps",
    "mean_training_seconds",
    "distance_in_standard_errors",
    "differs",
    "notes",
];

/// One line per cell, with all digits.
fn csv(filled: &Filled<'_>) -> Vec<u8> {
    let plan = filled.plan;
    let number = |number: Option<f64>| number.map_or_else(String::new, |n| n.to_string());
    let rows = plan
        .rows
        .iter()
        .zip(&filled.cells)
        .flat_map(|(row, cells)| {
            let cells = plan.columns.iter().zip(cells);
            cells.map(move |(column, cell)| {
                let estimate = cell.value.estimate();
                let [kind, tasks, seeds, learner, parameters, tuning] = facts(filled, &cell.value);
                let [network, env_steps, seconds] = training(&cell.value);
                let notes: Vec<String> = cell.notes.iter().map(usize::to_string).collect();
                [
                    row.name.clone(),
                    column.name.clone(),
                    kind,
                    number(cell.paper),
                    number(estimate.map(|e| e.mean)),
                    number(estimate.map(|e| e.standard_error)),
                    tasks,
                    seeds,
                    learner,
                    parameters,
                    tuning,
                    network,
                    env_steps,
                    seconds,
                    number(cell.distance),
                    cell.differs().to_string(),
                    notes.join(" "),
                ]
            })
        });
    csv_file(CSV_HEADER, rows)
}

/// The network of trained agents, their environment steps and seconds.
fn training(value: &Value) -> [String; 3] {
    let Value::Trained {
        network,
        env_steps,
        seconds,
        ..
    } = value
    else {
        return Default::default();
    };
    [
        network.clone().unwrap_or_default(),
        env_steps.to_string(),
        seconds.map_or_else(String::new, |seconds| format!("{seconds:.1}")),
    ]
}

/// Kind, tasks, seeds, learner, parameters and tuning tasks.
fn facts(filled: &Filled<'_>, value: &Value) -> [String; 6] {
    let kind = |kind: &str| [kind, "", "", "", "", ""].map(str::to_owned);
    match value {
        Value::Measured {
            tasks,
            learner,
            parameters,
            tuned,
            ..
        } => {
            let pairs = parameters
                .iter()
                .map(|(key, value)| format!("{key}={value}"));
            [
                "measured".to_owned(),
                tasks.to_string(),
                filled.seed.to_string(),
                learner.clone(),
                pairs.collect::<Vec<_>>().join(" "),
                tuned
                    .as_ref()
                    .map_or_else(String::new, |tuned| tuned.tasks.to_string()),
            ]
        }
        Value::Trained {
            tasks, seeds, runs, ..
        } => {
            let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
            let mut facts = kind("trained");
            facts[1] = tasks.to_string();
            facts[2] = seeds.join(" ");
            facts[3] = runs.display().to_string();
            facts
        }
        Value::Exact { .. } => kind("exact"),
        Value::Estimated { .. } => kind("estimated"),
        Value::Unknown { .. } => kind("unknown"),
        Value::NotTrained => kind("not-trained"),
        Value::Published => kind("published"),
        Value::Missing => kind("missing"),
    }
}
