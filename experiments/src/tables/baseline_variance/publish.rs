//! The table as files: table.csv, table.md, figure.svg and figure.png.

use super::measure::{ARMS, Plan, Row, Share};
use crate::console::fixed;
use crate::tables::files::write_all;
use lab::failure::Failure;
use report::{
    Scaling, ScalingAxis, ScalingChart, ScalingLine, csv_file, draw_scaling, markdown_cell,
};
use std::path::{Path, PathBuf};

pub(super) const TITLE: &str = "Variance of REINFORCE's gradient under each baseline";

pub(super) const HEADINGS: [&str; 5] = [
    "updates before",
    "pulls",
    "variance without a baseline",
    "constant, % of it",
    "value, % of it",
];

/// What was measured, as a sentence.
pub(super) fn caption(plan: &Plan) -> String {
    format!(
        "Policy gradient of a single trial of {ARMS}-armed Bernoulli bandits: trace of its \
         covariance over {} trials at the same parameters, those of the quickstart's agent after \
         so many updates. Means over {} seeds.",
        plan.trials,
        plan.seeds.end - plan.seeds.start
    )
}

/// A row's text.
pub(super) fn cells(row: &Row) -> [String; 5] {
    [
        row.updates.to_string(),
        row.pulls.to_string(),
        format!("{:.3e}", row.none),
        percent(row.constant),
        percent(row.value),
    ]
}

fn percent(share: Share) -> String {
    let Share {
        mean,
        standard_error,
    } = share;
    let (mean, error) = (100.0 * mean, 100.0 * standard_error);
    format!("{} ± {}", fixed(mean, 2), fixed(error, 2))
}

/// Writes all files into a folder.
///
/// # Errors
/// If the folder is not writable.
pub(super) fn write(plan: &Plan, rows: &[Row], folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let figure = draw_scaling(&scaling(plan, rows)).map_err(Failure::internal)?;
    let files = [
        ("table.csv", csv(rows)),
        ("table.md", markdown(plan, rows).into_bytes()),
        ("figure.svg", figure.svg.into_bytes()),
        ("figure.png", figure.png),
    ];
    write_all(folder, files)
}

/// One line per row, with all digits.
fn csv(rows: &[Row]) -> Vec<u8> {
    const HEADER: [&str; 8] = [
        "arms",
        "pulls",
        "updates",
        "variance_without_baseline",
        "constant_share",
        "constant_standard_error",
        "value_share",
        "value_standard_error",
    ];
    let fields = |row: &Row| {
        [
            row.arms.to_string(),
            row.pulls.to_string(),
            row.updates.to_string(),
            row.none.to_string(),
            row.constant.mean.to_string(),
            row.constant.standard_error.to_string(),
            row.value.mean.to_string(),
            row.value.standard_error.to_string(),
        ]
    };
    csv_file(HEADER, rows.iter().map(fields))
}

fn markdown(plan: &Plan, rows: &[Row]) -> String {
    let headings = HEADINGS.join(" | ");
    let caption = caption(plan);
    let mut text = format!("# {TITLE}\n\n{caption} ± is one standard error.\n\n| {headings} |\n");
    text += &"|--:".repeat(HEADINGS.len());
    text += "|\n";
    for row in rows {
        let cells = cells(row).map(|cell| markdown_cell(&cell));
        text += &format!("| {} |\n", cells.join(" | "));
    }
    text
}

/// A chart for each stage of the training.
fn scaling(plan: &Plan, rows: &[Row]) -> Scaling {
    let chart = |updates: u64| {
        let own = || rows.iter().filter(move |row| row.updates == updates);
        let line = |name: &str, of: fn(&Row) -> Share| ScalingLine {
            name: name.to_owned(),
            points: own()
                .map(|row| {
                    let share = of(row);
                    let (mean, error) = (100.0 * share.mean, 100.0 * share.standard_error);
                    (row.pulls as f64, mean, error)
                })
                .collect(),
            limit: None,
        };
        let whole = |_: &Row| Share {
            mean: 1.0,
            standard_error: 0.0,
        };
        ScalingChart {
            name: match updates {
                0 => "Variance before training, % of that without a baseline".to_owned(),
                _ => format!("Variance after {updates} updates, % of that without a baseline"),
            },
            axis: ScalingAxis::Logarithmic { least: 1.0 },
            lines: vec![
                line("value", |row| row.value),
                line("constant", |row| row.constant),
                line("none", whole),
            ],
        }
    };
    Scaling {
        title: TITLE.to_owned(),
        subtitle: format!(
            "{} Bars reach two standard errors to either side.",
            caption(plan)
        ),
        samples: "Pulls of a trial".to_owned(),
        charts: plan.updates.map(chart).to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_share_is_less_than_nothing_by_rounding() {
        let share = |mean, standard_error| {
            percent(Share {
                mean,
                standard_error,
            })
        };
        assert_eq!(share(-1e-5, 0.01), "0.00 ± 1.00");
        assert_eq!(share(-0.5, f64::NAN), "-50.00 ± –");
    }
}
