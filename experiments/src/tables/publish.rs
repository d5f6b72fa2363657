//! A table as files: `table.csv`, `table.md` and `table.html`.

use crate::failure::Failure;
use crate::tables::cell::Value;
use crate::tables::filled::{Cell, Filled, detail, ours, theirs};
use record::write_atomically;
use report::{csv_line, escape_html, markdown_cell};
use std::path::{Path, PathBuf};

/// Writes the three files into a folder.
///
/// # Errors
/// If the folder is not writable.
pub(crate) fn write(filled: &Filled<'_>, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let files = [
        ("table.csv", csv(filled)),
        ("table.md", markdown(filled)),
        ("table.html", html(filled)),
    ];
    let mut paths = Vec::new();
    for (name, text) in files {
        let path = folder.join(name);
        write_atomically(&path, text.as_bytes())?;
        paths.push(path);
    }
    Ok(paths)
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

pub(super) const STYLE: &str = include_str!("style.css");

fn html(filled: &Filled<'_>) -> String {
    let plan = filled.plan;
    let columns = filled.columns();
    let (title, caption) = (escape_html(&plan.title), escape_html(&plan.caption));
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>{title}</h1>\n<p>{caption}.</p>\n<div class=\"wide\">\n<table>\n<thead><tr><td></td>"
    );
    for column in &columns {
        let title = escape_html(&plan.columns[*column].title);
        text += &format!("<th scope=\"col\">{title}</th>");
    }
    text += "</tr></thead>\n<tbody>\n";
    for row in filled.rows() {
        let title = escape_html(&plan.rows[row].title);
        text += &format!("<tr><th scope=\"row\">{title}</th>");
        for column in &columns {
            text += &html_cell(&filled.cells[row][*column]);
        }
        text += "</tr>\n";
    }
    text += "</tbody>\n</table>\n</div>\n";
    for remark in filled.remarks() {
        text += &format!("<p class=\"quiet\">{}</p>\n", escape_html(&remark));
    }
    if !filled.footnotes.is_empty() {
        text += "<ol>\n";
        for (index, note) in filled.footnotes.iter().enumerate() {
            text += &format!("<li id=\"note-{}\">{}</li>\n", index + 1, escape_html(note));
        }
        text += "</ol>\n";
    }
    text + "</main>\n</body>\n</html>\n"
}

fn html_cell(cell: &Cell) -> String {
    let class = if cell.differs() {
        " class=\"differs\""
    } else {
        ""
    };
    let mut text = format!("<td{class}>{}", escape_html(&large(cell)));
    for note in &cell.notes {
        text += &format!("<sup><a href=\"#note-{note}\">{note}</a></sup>");
    }
    if let Some(small) = small(cell) {
        text += &format!("<small>{}</small>", escape_html(&small));
    }
    text + "</td>"
}

/// One line per cell, with all digits.
fn csv(filled: &Filled<'_>) -> String {
    let plan = filled.plan;
    let mut text = String::from(
        "row,column,kind,paper,mean,standard_error,tasks,seeds,learner,parameters,\
         tuning_tasks,distance_in_standard_errors,differs,notes\n",
    );
    for (row, cells) in plan.rows.iter().zip(&filled.cells) {
        for (column, cell) in plan.columns.iter().zip(cells) {
            let number = |number: Option<f64>| number.map_or_else(String::new, |n| n.to_string());
            let estimate = cell.value.estimate();
            let [kind, tasks, seeds, learner, parameters, tuning] = facts(filled, &cell.value);
            let notes: Vec<String> = cell.notes.iter().map(usize::to_string).collect();
            let fields = [
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
                number(cell.distance),
                cell.differs().to_string(),
                notes.join(" "),
            ];
            text += &csv_line(fields);
        }
    }
    text
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
