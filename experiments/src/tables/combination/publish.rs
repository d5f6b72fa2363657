//! The table as files: table.csv and table.md.

use super::measure::{Plan, Row};
use crate::console::fixed;
use crate::tables::files::write_all;
use lab::failure::Failure;
use report::{csv_file, markdown_cell};
use rl_core::Exact;
use std::path::{Path, PathBuf};

pub(super) const TITLE: &str = "A library of policies as one policy, by each rule";

pub(super) const HEADINGS: [&str; 5] = [
    "environment",
    "policy",
    "exact",
    "simulated ± s.e.",
    "distance in s.e.",
];

/// What was measured, in sentences.
pub(super) fn caption(plan: &Plan) -> String {
    format!(
        "The policies that are best in each task of an environment, combined; expected return of \
         a trial where it can be worked out, its chance averaged, beside the mean over {} draws \
         of a task.",
        plan.tasks
    )
}

/// A row's text.
pub(super) fn cells(row: &Row) -> [String; 5] {
    let simulated = row.simulated.map(|simulated| {
        let (mean, error) = (simulated.mean, simulated.standard_error);
        format!("{} ± {error:.4}", fixed(mean, 4))
    });
    let none = || "–".to_owned();
    [
        row.environment.clone(),
        row.policy.clone(),
        row.exact.get().map_or_else(none, |value| fixed(value, 4)),
        simulated.unwrap_or_else(none),
        row.distance()
            .map_or_else(none, |distance| fixed(distance, 1)),
    ]
}

/// Why values are missing, each policy once.
pub(super) fn remarks(rows: &[Row]) -> Vec<String> {
    let mut remarks: Vec<String> = Vec::new();
    for row in rows {
        let remark = row.exact.why().map(|why| format!("{}: {why}", row.policy));
        remarks.extend(remark.filter(|remark| !remarks.contains(remark)));
    }
    remarks
}

/// Writes all files into a folder.
///
/// # Errors
/// If the folder is not writable.
pub(super) fn write(plan: &Plan, rows: &[Row], folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let files = [
        ("table.csv", csv(rows)),
        ("table.md", markdown(plan, rows).into_bytes()),
    ];
    write_all(folder, files)
}

/// One line per row, with all digits.
fn csv(rows: &[Row]) -> Vec<u8> {
    const HEADER: [&str; 5] = [
        "environment",
        "policy",
        "exact",
        "simulated",
        "standard_error",
    ];
    let fields = |row: &Row| {
        let text = |number: Option<f64>| number.map_or_else(String::new, |n| n.to_string());
        let known = match row.exact {
            Exact::Known { value } => Some(value),
            Exact::Estimated { .. } | Exact::Unknown { .. } => None,
        };
        [
            row.environment.clone(),
            row.policy.clone(),
            text(known),
            text(row.simulated.map(|simulated| simulated.mean)),
            text(row.simulated.map(|simulated| simulated.standard_error)),
        ]
    };
    csv_file(HEADER, rows.iter().map(fields))
}

fn markdown(plan: &Plan, rows: &[Row]) -> String {
    let headings = HEADINGS.join(" | ");
    let caption = caption(plan);
    let mut text = format!("# {TITLE}\n\n{caption}\n\n| {headings} |\n");
    text += "|---|---|--:|--:|--:|\n";
    for row in rows {
        let cells = cells(row).map(|cell| markdown_cell(&cell));
        text += &format!("| {} |\n", cells.join(" | "));
    }
    for remark in remarks(rows) {
        text += &format!("\n{remark}.\n");
    }
    text
}
