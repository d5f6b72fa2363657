//! The audit as files: table.csv, table.md, table.html, figure.svg and
//! figure.png.

use super::measure::{Amount, Plan, Row, Share};
use crate::failure::Failure;
use crate::tables::publish::STYLE;
use maml::audit::Estimator;
use record::write_atomically;
use report::{
    Scaling, ScalingChart, ScalingLine, csv_line, draw_scaling, escape_html, markdown_cell,
};
use std::path::{Path, PathBuf};

pub(super) const TITLE: &str = "Meta-gradients of MAML against exact ones";

pub(super) const HEADINGS: [&str; 6] = [
    "estimator",
    "episodes",
    "bias, %",
    "cosine",
    "bias for Jₙ, %",
    "std of an estimate, %",
];

/// What was measured, as a sentence.
pub(super) fn caption(plan: &Plan) -> String {
    let problem = &plan.problem;
    format!(
        "Tabular softmax policies on 2 states, 2 actions and {} steps: {} tasks, {} policies, \
         seed {}, one inner step of size {} on rewards per step, n episodes of each task before \
         and n after it.",
        problem.horizon, problem.tasks, problem.points, problem.seed, problem.rate
    )
}

/// What the columns mean, and what the numbers say.
pub(super) fn remarks(rows: &[Row]) -> Vec<String> {
    let limit = |estimator: Estimator| {
        let row = rows
            .iter()
            .find(|row| row.estimator == estimator.name() && row.amount == Amount::Infinite);
        row.map_or(f64::NAN, |row| 100.0 * row.bias.value)
    };
    let [log_prob, ratio, first] =
        [Estimator::LogProb, Estimator::Ratio, Estimator::FirstOrder].map(limit);
    vec![
        "Bias: distance of the estimator's expectation from ∇J, the gradient of the return after \
         a step along the exact inner gradient, as a share of its length; ± one standard error \
         where random data were used, else exact by enumeration."
            .to_owned(),
        "Jₙ: the return after a step on n sampled episodes, averaged over all data sets; its \
         gradient is known where there are few enough of them."
            .to_owned(),
        format!(
            "With infinitely many episodes dice and e-maml have no bias; ratio keeps {ratio:.1} %, \
             log-prob {log_prob:.1} %, first order {first:.1} %. For Jₙ, e-maml has none for any n."
        ),
    ]
}

/// A row's text.
pub(super) fn cells(row: &Row) -> [String; 6] {
    [
        row.estimator.to_owned(),
        match row.amount {
            Amount::Finite(count) => count.to_string(),
            Amount::Infinite => "∞".to_owned(),
        },
        percent(&row.bias),
        format!("{:.4}", row.cosine),
        row.sampled_bias.as_ref().map_or_else(String::new, percent),
        match row.amount {
            Amount::Finite(_) => format!("{:.1}", 100.0 * row.standard_deviation),
            Amount::Infinite => "0".to_owned(),
        },
    ]
}

fn percent(share: &Share) -> String {
    // Rounding errors are no bias.
    let value = 100.0 * share.value;
    match (share.exact, value < 1e-6) {
        (true, true) => "0".to_owned(),
        (true, false) => format!("{value:.2}"),
        (false, _) => format!("{value:.2} ± {:.2}", 100.0 * share.standard_error),
    }
}

/// Writes all files into a folder.
///
/// # Errors
/// If the folder is not writable.
pub(super) fn write(plan: &Plan, rows: &[Row], folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    std::fs::create_dir_all(folder).map_err(|error| {
        let folder = folder.display();
        Failure::usage(format!(
            "cannot make {folder}: {error}; --out chooses another folder"
        ))
    })?;
    let figure = draw_scaling(&scaling(plan, rows)).map_err(Failure::internal)?;
    let files = [
        ("table.csv", csv(rows).into_bytes()),
        ("table.md", markdown(plan, rows).into_bytes()),
        ("table.html", html(plan, rows, &figure.svg).into_bytes()),
        ("figure.svg", figure.svg.into_bytes()),
        ("figure.png", figure.png),
    ];
    let mut paths = Vec::new();
    for (name, bytes) in files {
        let path = folder.join(name);
        write_atomically(&path, &bytes)?;
        paths.push(path);
    }
    Ok(paths)
}

/// One line per row, with all digits.
fn csv(rows: &[Row]) -> String {
    let mut text = String::from(
        "estimator,episodes,bias,bias_standard_error,bias_exact,cosine,sampled_bias,\
         sampled_bias_standard_error,standard_deviation,estimates\n",
    );
    for row in rows {
        let episodes = match row.amount {
            Amount::Finite(count) => count.to_string(),
            Amount::Infinite => "inf".to_owned(),
        };
        let (bias, sampled) = (&row.bias, row.sampled_bias);
        let number = |of: fn(&Share) -> f64| sampled.map_or(String::new(), |s| of(&s).to_string());
        let fields = [
            row.estimator.to_owned(),
            episodes,
            bias.value.to_string(),
            bias.standard_error.to_string(),
            bias.exact.to_string(),
            row.cosine.to_string(),
            number(|share| share.value),
            number(|share| share.standard_error),
            row.standard_deviation.to_string(),
            row.estimates.to_string(),
        ];
        text += &csv_line(fields);
    }
    text
}

fn markdown(plan: &Plan, rows: &[Row]) -> String {
    let headings = HEADINGS.join(" | ");
    let mut text = format!("# {TITLE}\n\n{}\n\n| {headings} |\n|---", caption(plan));
    text += &"|--:".repeat(HEADINGS.len() - 1);
    text += "|\n";
    for row in rows {
        let cells = cells(row).map(|cell| markdown_cell(&cell));
        text += &format!("| {} |\n", cells.join(" | "));
    }
    text + "\n" + &remarks(rows).join("\n\n") + "\n"
}

fn html(plan: &Plan, rows: &[Row], svg: &str) -> String {
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{TITLE}</title>\n<style>\n{STYLE}svg {{ max-width: 100%; height: auto; }}\n\
         </style>\n</head>\n<body>\n<main>\n<h1>{TITLE}</h1>\n<p>{}</p>\n{}\n\
         <div class=\"wide\">\n<table>\n<thead><tr>",
        escape_html(&caption(plan)),
        svg.trim_start_matches(|c| c != '<')
    );
    for heading in HEADINGS {
        text += &format!("<th scope=\"col\">{}</th>", escape_html(heading));
    }
    text += "</tr></thead>\n<tbody>\n";
    for row in rows {
        let [name, rest @ ..] = cells(row);
        text += &format!("<tr><th scope=\"row\">{}</th>", escape_html(&name));
        for cell in rest {
            text += &format!("<td>{}</td>", escape_html(&cell));
        }
        text += "</tr>\n";
    }
    text += "</tbody>\n</table>\n</div>\n";
    for remark in remarks(rows) {
        text += &format!("<p class=\"quiet\">{}</p>\n", escape_html(&remark));
    }
    text + "</main>\n</body>\n</html>\n"
}

/// A row's number and its standard error.
type Number = fn(&Row) -> (f64, f64);

fn scaling(plan: &Plan, rows: &[Row]) -> Scaling {
    let line = |estimator: &Estimator, of: Number, limit: bool| {
        let own = rows.iter().filter(|row| row.estimator == estimator.name());
        let mut line = ScalingLine {
            name: estimator.name().to_owned(),
            points: Vec::new(),
            limit: None,
        };
        for row in own {
            let (value, error) = of(row);
            match row.amount {
                Amount::Finite(count) => line.points.push((count as f64, value, error)),
                Amount::Infinite if limit => line.limit = Some(value),
                Amount::Infinite => {}
            }
        }
        line
    };
    let chart = |name: &str, least: f64, of: Number, limit: bool| ScalingChart {
        name: name.to_owned(),
        least,
        lines: Estimator::ALL.map(|e| line(&e, of, limit)).to_vec(),
    };
    let bias: Number = |row| (100.0 * row.bias.value, 100.0 * row.bias.standard_error);
    let spread: Number = |row| {
        let deviation = 100.0 * row.standard_deviation;
        // Of a standard deviation of so many independent estimates.
        let degrees = row.estimates.saturating_sub(1).max(1) as f64;
        (deviation, deviation / (2.0 * degrees).sqrt())
    };
    Scaling {
        title: "More data remove the bias of dice and e-maml, not of the others".to_owned(),
        subtitle: caption(plan),
        samples: "Episodes of each task before and after the adaptation (n)".to_owned(),
        charts: vec![
            chart("Bias, % of the exact meta-gradient", 0.01, bias, true),
            chart(
                "Standard deviation of an estimate, % of the same",
                0.01,
                spread,
                false,
            ),
        ],
    }
}
