//! The audit as files: table.csv, table.md, table.html, and two figures.

use super::measure::{Course, Plan, RATE, Row};
use crate::console::fixed;
use crate::tables::files::write_all;
use lab::failure::Failure;
use maud::{PreEscaped, html};
use report::{
    Scaling, ScalingAxis, ScalingChart, ScalingLine, csv_file, draw_scaling, html_page,
    markdown_cell,
};
use std::path::{Path, PathBuf};

pub(super) const TITLE: &str = "Gradients of an unroll against exact ones";

pub(super) const HEADINGS: [&str; 8] = [
    "problem",
    "estimator",
    "K",
    "bias, %",
    "cosine",
    "std of an estimate, %",
    "steps",
    "numbers held",
];

pub(super) const COURSE_HEADINGS: [&str; 5] = [
    "estimator",
    "K",
    "θ after 100",
    "θ at the end",
    "settled loss",
];

/// What was measured, as a sentence.
pub(super) fn caption(plan: &Plan) -> String {
    format!(
        "The gradient of the mean loss over {} steps: influence balancing (23 states, θ = 0.5, \
         perturbations of 0.1) and a schedule of learning rates on a function of two variables \
         (θ = (−4, −4), perturbations of 0.3), as in Vicol et al. 2021. K steps to a window, {} \
         antithetic pairs to an estimate, {} estimates, seed {}.",
        plan.horizon, plan.pairs, plan.estimates, plan.seed
    )
}

/// What the columns mean.
pub(super) fn remarks(plan: &Plan) -> Vec<String> {
    vec![
        "Bias: distance of the estimator's expectation from the exact gradient, as a share of its \
         length; ± one standard error where there is noise, and what is within it is no bias. \
         Evolution strategies follow the gradient of a loss that is blurred by their \
         perturbations: on influence balancing, which is quadratic in θ, that is the same, on the \
         schedule it is not."
            .to_owned(),
        "Steps: of the problem, for an estimate; one back, or of the sensitivities to one \
         parameter, counts as one. Numbers held: at once, for an estimate."
            .to_owned(),
        format!(
            "Below: θ of influence balancing after each of {} steps of {RATE} down the estimate, \
             one window each, in one long unroll ({} pairs). The settled state's loss ½ (6 θ + \
             1)² is least at θ = −1/6.",
            plan.descent, plan.descent_pairs
        ),
    ]
}

/// A row's text.
pub(super) fn cells(row: &Row) -> [String; 8] {
    let bias = 100.0 * row.bias;
    [
        row.problem.to_owned(),
        row.estimator.to_owned(),
        row.window.to_string(),
        match row.bias_exact {
            true if row.bias < 1e-9 => "0".to_owned(),
            true => fixed(bias, 2),
            false => {
                let error = 100.0 * row.bias_standard_error;
                format!("{} ± {}", fixed(bias, 2), fixed(error, 2))
            }
        },
        fixed(row.cosine, 4),
        match row.bias_exact {
            true => "0".to_owned(),
            false => fixed(100.0 * row.standard_deviation, 1),
        },
        row.steps.to_string(),
        row.numbers.to_string(),
    ]
}

/// A descent's text.
pub(super) fn course_cells(course: &Course) -> [String; 5] {
    let after = |steps: usize| course.theta.iter().find(|(step, _)| *step == steps);
    let number = |found: Option<&(usize, f64)>| {
        found.map_or_else(String::new, |(_, theta)| fixed(*theta, 4))
    };
    [
        course.estimator.to_owned(),
        course.window.to_string(),
        number(after(100)),
        number(course.theta.last()),
        fixed(course.loss, 4),
    ]
}

/// Writes all files into a folder.
///
/// # Errors
/// If the folder is not writable.
pub(super) fn write(
    plan: &Plan,
    (rows, courses): (&[Row], &[Course]),
    folder: &Path,
) -> Result<Vec<PathBuf>, Failure> {
    let figure = draw_scaling(&scaling(plan, rows)).map_err(Failure::internal)?;
    let descent = draw_scaling(&descents(plan, courses)).map_err(Failure::internal)?;
    let both = [figure.svg.as_str(), descent.svg.as_str()];
    let files = [
        ("table.csv", csv(rows)),
        ("table.md", markdown(plan, (rows, courses)).into_bytes()),
        ("table.html", page(plan, (rows, courses), both).into_bytes()),
        ("figure.svg", figure.svg.into_bytes()),
        ("figure.png", figure.png),
        ("descent.svg", descent.svg.into_bytes()),
        ("descent.png", descent.png),
    ];
    write_all(folder, files)
}

const CSV_HEADER: [&str; 11] = [
    "problem",
    "estimator",
    "window",
    "bias",
    "bias_standard_error",
    "bias_exact",
    "cosine",
    "standard_deviation",
    "estimates",
    "steps",
    "numbers",
];

/// One line per row, with all digits.
fn csv(rows: &[Row]) -> Vec<u8> {
    let fields = |row: &Row| {
        [
            row.problem.to_owned(),
            row.estimator.to_owned(),
            row.window.to_string(),
            row.bias.to_string(),
            row.bias_standard_error.to_string(),
            row.bias_exact.to_string(),
            row.cosine.to_string(),
            row.standard_deviation.to_string(),
            row.estimates.to_string(),
            row.steps.to_string(),
            row.numbers.to_string(),
        ]
    };
    csv_file(CSV_HEADER, rows.iter().map(fields))
}

fn markdown_table<const N: usize>(
    headings: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let mut text = format!("| {} |\n|---", headings.join(" | "));
    text += &"|--:".repeat(N - 1);
    text += "|\n";
    for row in rows {
        let cells = row.map(|cell| markdown_cell(&cell));
        text += &format!("| {} |\n", cells.join(" | "));
    }
    text + "\n"
}

fn markdown(plan: &Plan, (rows, courses): (&[Row], &[Course])) -> String {
    let mut text = format!("# {TITLE}\n\n{}\n\n", caption(plan));
    text += &markdown_table(HEADINGS, rows.iter().map(cells));
    text += &markdown_table(COURSE_HEADINGS, courses.iter().map(course_cells));
    text + &remarks(plan).join("\n\n") + "\n"
}

fn page(plan: &Plan, (rows, courses): (&[Row], &[Course]), figures: [&str; 2]) -> String {
    let table = |headings: &[&str], rows: Vec<Vec<String>>| {
        html! {
            div .scroll tabindex="0" role="group" aria-label="Table" {
                table .cells {
                    thead { tr { @for heading in headings { th scope="col" { (heading) } } } }
                    tbody {
                        @for row in rows {
                            tr {
                                @for (place, cell) in row.iter().enumerate() {
                                    @if place == 0 { th scope="row" { (cell) } }
                                    @else { td { (cell) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    let rows = rows.iter().map(|row| cells(row).to_vec()).collect();
    let courses = courses.iter().map(|course| course_cells(course).to_vec());
    let body = html! {
        main .wide {
            h1 { (TITLE) }
            p .caption { (caption(plan)) }
            @for svg in figures { figure { div .card { (PreEscaped(svg)) } } }
            (table(&HEADINGS, rows))
            (table(&COURSE_HEADINGS, courses.collect()))
            @for remark in remarks(plan) { p .caption { (remark) } }
        }
    };
    html_page(TITLE, &body)
}

/// Bias and noise against the window.
fn scaling(plan: &Plan, rows: &[Row]) -> Scaling {
    type Number = fn(&Row) -> (f64, f64);
    let bias: Number = |row| (100.0 * row.bias, 100.0 * row.bias_standard_error);
    let spread: Number = |row| {
        let deviation = 100.0 * row.standard_deviation;
        let degrees = row.estimates.saturating_sub(1).max(1) as f64;
        (deviation, deviation / (2.0 * degrees).sqrt())
    };
    let line = |problem: &str, names: &[&str], of: Number| {
        let own = rows.iter().filter(|row| row.problem == problem);
        let own = own.filter(|row| names.contains(&row.estimator));
        let point = |row: &Row| {
            let (value, error) = of(row);
            (row.window as f64, value, error)
        };
        ScalingLine {
            name: names.first().copied().unwrap_or_default().to_owned(),
            points: own.map(point).collect(),
            limit: None,
        }
    };
    let mut problems: Vec<&str> = rows.iter().map(|row| row.problem).collect();
    problems.dedup();
    let chart = |problem: &str, what: &str, of: Number, kinds: &[&[&str]]| ScalingChart {
        name: format!("{what}, {problem}, % of the exact gradient"),
        axis: ScalingAxis::Logarithmic { least: 0.01 },
        lines: kinds.iter().map(|names| line(problem, names, of)).collect(),
    };
    // The whole unroll is the longest window.
    let all: &[&[&str]] = &[&["truncated", "full unroll"], &["ES"], &["PES"]];
    // Colours go by place: what has no noise keeps its own.
    let random: &[&[&str]] = &[&[], &["ES"], &["PES"]];
    let charts = problems.iter().flat_map(|problem| {
        [
            chart(problem, "Bias", bias, all),
            chart(problem, "Standard deviation of an estimate", spread, random),
        ]
    });
    Scaling {
        title: "Short windows are biased, unless perturbations persist".to_owned(),
        subtitle: caption(plan),
        samples: "Steps of a window (K)".to_owned(),
        charts: charts.collect(),
    }
}

/// θ step by step.
fn descents(plan: &Plan, courses: &[Course]) -> Scaling {
    let line = |course: &Course| ScalingLine {
        name: match course.estimator {
            "RTRL" => "RTRL".to_owned(),
            name => format!("{name}, K = {}", course.window),
        },
        points: course
            .theta
            .iter()
            .map(|(step, theta)| (*step as f64, *theta, 0.0))
            .collect(),
        limit: None,
    };
    let charts: Vec<ScalingChart> = [("truncated", "RTRL"), ("ES", "PES")]
        .into_iter()
        .map(|(one, other)| ScalingChart {
            name: format!("θ by {one} and {other} (best: −1/6)"),
            axis: ScalingAxis::Linear {
                low: -0.5,
                high: 2.0,
            },
            lines: courses
                .iter()
                .filter(|course| [one, other].contains(&course.estimator))
                .map(line)
                .collect(),
        })
        .collect();
    Scaling {
        title: "Influence balancing: who looks back a few steps goes the wrong way".to_owned(),
        subtitle: format!(
            "{} steps of {RATE} down the estimate, one window each, in one long unroll from θ = \
             0.5.",
            plan.descent
        ),
        samples: "Steps of θ".to_owned(),
        charts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_less_than_nothing_by_rounding() {
        let row = Row {
            problem: "quadratics",
            estimator: "pes",
            window: 1,
            bias: 0.5,
            bias_standard_error: f64::NAN,
            bias_exact: false,
            cosine: -1e-5,
            standard_deviation: f64::NAN,
            estimates: 1,
            steps: 1,
            numbers: 1,
        };
        let [_, _, _, bias, cosine, deviation, ..] = cells(&row);
        assert_eq!([bias, cosine, deviation], ["50.00 ± –", "0.0000", "–"]);
    }
}
