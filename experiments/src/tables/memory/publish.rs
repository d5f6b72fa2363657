//! The table as files: table.csv, table.md, figure.svg and figure.png.

use super::Cell;
use super::plan::{Column, Plan, Row};
use crate::console::fixed;
use crate::tables::files::write_all;
use lab::failure::Failure;
use report::{
    Estimate, Scaling, ScalingAxis, ScalingChart, ScalingLine, csv_file, draw_scaling,
    markdown_cell,
};
use std::path::{Path, PathBuf};

/// What was measured, in sentences.
pub(super) fn caption(plan: &Plan) -> String {
    let seeds = plan.seeds.end - plan.seeds.start;
    let quick = match plan.is_quick() {
        true => {
            " A quick look, with hardly any training: without --quick the table is made in full."
        }
        false => "",
    };
    let seeds = match seeds {
        1 => "One seed".to_owned(),
        seeds => format!("{seeds} seeds"),
    };
    format!("{} {seeds}; ± is one standard error.{quick}", plan.caption)
}

/// A cell's text, and whether no other of its row is better.
pub(super) struct Entry {
    pub(super) text: String,
    wins: bool,
}

/// The cell of a row and a column, if it is trained.
pub(super) fn entry(plan: &Plan, cells: &[Cell], (row, column): (&Row, &Column)) -> Option<Entry> {
    let of = |column: &Column| {
        let own = |cell: &&Cell| cell.row == row.name && cell.column == column.name;
        let cell = cells.iter().find(own)?;
        Some((cell, cell.share()?))
    };
    let (cell, share) = of(column)?;
    let others = plan.columns.iter().filter_map(of);
    let behind = |other: &Estimate| other.mean > share.mean && !share.is_level_with(other);
    let wins = !others.into_iter().any(|(_, other)| behind(&other));
    let missing = (plan.seeds.end - plan.seeds.start) as usize - cell.seeds.len();
    let mut text = format!(
        "{} ± {}",
        fixed(share.mean, 1),
        fixed(share.standard_error, 1)
    );
    if missing > 0 {
        text += &format!(
            " ({} of {} seeds)",
            cell.seeds.len(),
            cell.seeds.len() + missing
        );
    }
    Some(Entry { text, wins })
}

/// Writes all files into a folder.
///
/// # Errors
/// If the folder is not writable.
pub(super) fn write(plan: &Plan, cells: &[Cell], folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let figure = draw_scaling(&scaling(plan, cells)).map_err(Failure::internal)?;
    let files = [
        ("table.csv", csv(cells)),
        ("table.md", markdown(plan, cells).into_bytes()),
        ("figure.svg", figure.svg.into_bytes()),
        ("figure.png", figure.png),
    ];
    write_all(folder, files)
}

/// One line for every seed, with all digits.
fn csv(cells: &[Cell]) -> Vec<u8> {
    const HEADER: [&str; 11] = [
        "task",
        "memory",
        "seed",
        "parameters",
        "env_steps",
        "mean_training_seconds",
        "without_memory",
        "best",
        "tasks",
        "mean_return",
        "standard_error",
    ];
    let lines = cells.iter().flat_map(|cell| {
        cell.seeds.iter().map(|of| {
            [
                cell.row.clone(),
                cell.column.clone(),
                of.seed.to_string(),
                cell.parameters.to_string(),
                cell.env_steps.to_string(),
                format!("{:.1}", cell.training_seconds),
                cell.ends[0].to_string(),
                cell.ends[1].to_string(),
                cell.tasks.to_string(),
                of.mean_return.to_string(),
                of.standard_error.to_string(),
            ]
        })
    });
    csv_file(HEADER, lines)
}

fn markdown(plan: &Plan, cells: &[Cell]) -> String {
    let mut text = format!("# {}\n\n{}\n\n|", plan.title, caption(plan));
    for column in &plan.columns {
        text += &format!(" | {}", markdown_cell(&column.title));
    }
    text += &format!(" |\n|---{}|\n", "|--:".repeat(plan.columns.len()));
    for row in &plan.rows {
        text += &format!("| {}", markdown_cell(&row.title));
        for column in &plan.columns {
            text += &match entry(plan, cells, (row, column)) {
                None => " | ".to_owned(),
                Some(Entry { text, wins: true }) => format!(" | **{}**", markdown_cell(&text)),
                Some(Entry { text, wins: false }) => format!(" | {}", markdown_cell(&text)),
            };
        }
        text += " |\n";
    }
    for (name, of) in [
        (
            "Parameters",
            (|cell| cell.parameters as f64) as fn(&Cell) -> f64,
        ),
        ("Thousand steps of training per second", |cell| {
            cell.env_steps as f64 / cell.training_seconds / 1e3
        }),
    ] {
        text += &format!("| *{name}*");
        for column in &plan.columns {
            let own = cells.iter().filter(|cell| cell.column == column.name);
            let numbers: Vec<f64> = own.map(of).collect();
            let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
            let most = numbers.iter().copied().fold(0.0, f64::max);
            text += &match numbers.is_empty() {
                true => " | ".to_owned(),
                false => format!(" | {least:.0} to {most:.0}"),
            };
        }
        text += " |\n";
    }
    text
}

/// Success against length.
fn scaling(plan: &Plan, cells: &[Cell]) -> Scaling {
    let line = |column: &Column| {
        let points = plan.rows.iter().filter_map(|row| {
            let own = |cell: &&Cell| cell.row == row.name && cell.column == column.name;
            let share = cells.iter().find(own)?.share()?;
            Some((f64::from(row.length?), share.mean, share.standard_error))
        });
        ScalingLine {
            name: column.title.clone(),
            points: points.collect(),
            limit: None,
        }
    };
    let shown = plan.columns.iter().filter(|column| column.figure);
    let lines = shown.map(line).filter(|line| !line.points.is_empty());
    let lines: Vec<ScalingLine> = lines.collect();
    let mut points = lines.iter().flat_map(|line| &line.points);
    let unknown = match points.any(|(_, _, error)| error.is_nan()) {
        true => " A dot without a bar is one whose error is not known.",
        false => "",
    };
    Scaling {
        title: plan.title.clone(),
        subtitle: format!(
            "A bit at the start of a chain, asked for at its end. Bars reach two standard errors \
             to either side.{unknown}"
        ),
        samples: "Length of the chain, steps".to_owned(),
        charts: vec![ScalingChart {
            name: "Of what a memory is worth, %".to_owned(),
            axis: ScalingAxis::Linear {
                low: 0.0,
                high: 100.0,
            },
            lines,
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::super::OfSeed;
    use super::*;
    use crate::commands::table::TABLES;

    #[test]
    fn who_is_behind_beyond_the_intervals_does_not_win() {
        let entry = TABLES.iter().find(|entry| entry.name == "memory").unwrap();
        let plan = Plan::read(entry.source(), false, 0).unwrap();
        let cell = |column: &str, mean: f64| Cell {
            row: plan.rows[0].name.clone(),
            column: column.to_owned(),
            parameters: 1,
            ends: [0.0, 2.0],
            env_steps: 1,
            training_seconds: 1.0,
            seeds: (0..3)
                .map(|seed| OfSeed {
                    seed,
                    mean_return: mean,
                    standard_error: 0.02,
                })
                .collect(),
            tasks: 100,
        };
        let cells = [cell("gru", 1.0), cell("lstm", 1.02), cell("lru", 1.5)];
        let of = |cells: &[Cell], column: &str| {
            let column = plan.columns.iter().find(|of| of.name == column).unwrap();
            entry_of(&plan, cells, column)
        };
        let wins = |cells: &[Cell]| {
            ["gru", "lstm", "lru"].map(|name| of(cells, name).map(|entry| entry.wins))
        };
        assert_eq!(wins(&cells), [Some(false), Some(false), Some(true)]);
        // Without the best, two that errors do not tell apart both win.
        assert_eq!(wins(&cells[..2]), [Some(true), Some(true), None]);
        // Of three seeds that are 0.1 apart a mean is known to 4.303 · 0.1 / √3 = 0.248, and a
        // difference to √2 as much: 0.351.
        let apart = |column: &str, mean: f64| {
            let mut cell = cell(column, mean);
            for (of, by) in cell.seeds.iter_mut().zip([-0.1, 0.0, 0.1]) {
                of.mean_return += by;
            }
            cell
        };
        let best = |mean: f64| wins(&[apart("gru", 1.0), apart("lstm", 1.2), apart("lru", mean)]);
        assert_eq!(best(1.34), [Some(true); 3]);
        assert_eq!(best(1.36), [Some(false), Some(true), Some(true)]);
        assert_eq!(of(&cells, "gru").unwrap().text, "50.0 ± 0.6");
        assert!(!scaling(&plan, &cells).subtitle.contains("not known"));
        // Rounding leaves no sign, and an error that is not known is neither a number nor 0.
        assert_eq!(
            of(&[cell("gru", -0.0004)], "gru").unwrap().text,
            "0.0 ± 0.6"
        );
        let mut one = cell("gru", 1.0);
        (one.tasks, one.seeds) = (1, one.seeds[..1].to_vec());
        one.seeds[0].standard_error = f64::NAN;
        let text = of(std::slice::from_ref(&one), "gru").unwrap().text;
        assert!(text.starts_with("50.0 ± – "), "{text}");
        one.row = plan
            .rows
            .iter()
            .find(|row| row.length.is_some())
            .unwrap()
            .name
            .clone();
        let drawn = scaling(&plan, &[one]);
        assert!(drawn.charts[0].lines[0].points[0].2.is_nan());
        assert!(drawn.subtitle.contains("not known"), "{}", drawn.subtitle);
    }

    fn entry_of(plan: &Plan, cells: &[Cell], column: &Column) -> Option<Entry> {
        entry(plan, cells, (&plan.rows[0], column))
    }
}
