//! The audit as files: table.csv, table.md, table.html, figure.svg and
//! figure.png.

use super::measure::{Amount, Plan, Row, Share};
use crate::tables::files::write_all;
use lab::failure::Failure;
use maml::audit::{AuditBaseline, Estimator};
use maud::{PreEscaped, html};
use report::{
    Scaling, ScalingAxis, ScalingChart, ScalingLine, csv_file, draw_scaling, fixed, html_page,
    markdown_cell,
};
use std::path::{Path, PathBuf};

pub(super) const TITLE: &str = "Meta-gradients of MAML against exact ones";

pub(super) const HEADINGS: [&str; 7] = [
    "estimator",
    "γ",
    "episodes",
    "bias, %",
    "cosine",
    "bias for Jₙ, %",
    "std of an estimate, %",
];

/// What was measured, as a sentence.
pub(super) fn caption(plan: &Plan) -> String {
    let problem = &plan.problem;
    let baseline = match problem.baseline {
        AuditBaseline::None => "no baseline",
        AuditBaseline::Exact => "the policy's own value as a baseline",
    };
    format!(
        "Tabular softmax policies on 2 states, 2 actions and {} steps: {} tasks, {} policies, \
         seed {}, one inner step of size {} on rewards per step, n episodes of each task before \
         and n after it; λ = {}, {baseline}.",
        problem.horizon, problem.tasks, problem.points, problem.seed, problem.rate, problem.lambda
    )
}

/// What a rounding error leaves of a bias of 0.
const ROUNDING: f64 = 1e-8;

/// Bias for infinitely many episodes.
fn limit(rows: &[Row], estimator: Estimator, gamma: f64) -> f64 {
    let row = rows.iter().find(|row| {
        let own = row.estimator == estimator.name() && row.gamma == gamma;
        own && row.amount == Amount::Infinite
    });
    row.map_or(f64::NAN, |row| row.bias.value)
}

/// What the columns mean, and what the numbers say.
pub(super) fn remarks(plan: &Plan, rows: &[Row]) -> Vec<String> {
    let mut remarks = vec![
        "Bias: distance of the estimator's expectation from ∇J = (∂θ′/∂θ)ᵀ G(θ′), as a share of \
         its length, where θ′ = θ + α G(θ) and G is the expected policy gradient, in which every \
         step counts alike; ± one standard error where random data were used, else exact by \
         enumeration. At γλ = 1, J is the return after a step along the exact inner gradient."
            .to_owned(),
        "Jₙ: the return after a step on n sampled episodes, averaged over all data sets; its \
         gradient is known where nothing is discounted and there are few enough of them. E-MAML \
         has no bias for it at any n."
            .to_owned(),
    ];
    for gamma in &plan.discounts {
        let kept = |estimator: Estimator| match limit(rows, estimator, *gamma) {
            bias if bias < ROUNDING => format!("{} no bias", estimator.name()),
            bias => format!("{} {} %", estimator.name(), fixed(100.0 * bias, 1)),
        };
        remarks.push(format!(
            "With infinitely many episodes at γ = {gamma}: {}.",
            Estimator::ALL.map(kept).join(", ")
        ));
    }
    remarks
}

/// Who loses the bias at every discount.
fn title(plan: &Plan, rows: &[Row]) -> String {
    let free = |estimator: &Estimator| {
        let mut limits = plan
            .discounts
            .iter()
            .map(|gamma| limit(rows, *estimator, *gamma));
        limits.all(|bias| bias < ROUNDING)
    };
    let free: Vec<&str> = Estimator::ALL
        .iter()
        .filter(|e| free(e))
        .map(|e| e.name())
        .collect();
    let discounts: Vec<String> = plan.discounts.iter().map(f64::to_string).collect();
    let discounts = discounts.join(" and ");
    match free.is_empty() {
        true => format!("More data remove no estimator's bias at γ = {discounts}"),
        false => {
            let names = free.join(" and ");
            format!("At γ = {discounts} more data remove the bias of {names}, not of the others")
        }
    }
}

/// A row's text.
pub(super) fn cells(row: &Row) -> [String; 7] {
    [
        row.estimator.to_owned(),
        row.gamma.to_string(),
        match row.amount {
            Amount::Finite(count) => count.to_string(),
            Amount::Infinite => "∞".to_owned(),
        },
        percent(&row.bias),
        fixed(row.cosine, 4),
        row.sampled_bias.as_ref().map_or_else(String::new, percent),
        match row.amount {
            Amount::Finite(_) => fixed(100.0 * row.standard_deviation, 1),
            Amount::Infinite => "0".to_owned(),
        },
    ]
}

fn percent(share: &Share) -> String {
    let value = 100.0 * share.value;
    match (share.exact, share.value < ROUNDING) {
        (true, true) => "0".to_owned(),
        (true, false) => fixed(value, 2),
        (false, _) => {
            let error = 100.0 * share.standard_error;
            format!("{} ± {}", fixed(value, 2), fixed(error, 2))
        }
    }
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
        ("table.html", page(plan, rows, &figure.svg).into_bytes()),
        ("figure.svg", figure.svg.into_bytes()),
        ("figure.png", figure.png),
    ];
    write_all(folder, files)
}

const CSV_HEADER: [&str; 11] = [
    "estimator",
    "gamma",
    "episodes",
    "bias",
    "bias_standard_error",
    "bias_exact",
    "cosine",
    "sampled_bias",
    "sampled_bias_standard_error",
    "standard_deviation",
    "estimates",
];

/// One line per row, with all digits.
fn csv(rows: &[Row]) -> Vec<u8> {
    let fields = |row: &Row| {
        let episodes = match row.amount {
            Amount::Finite(count) => count.to_string(),
            Amount::Infinite => "inf".to_owned(),
        };
        let (bias, sampled) = (&row.bias, row.sampled_bias);
        let number = |of: fn(&Share) -> f64| sampled.map_or(String::new(), |s| of(&s).to_string());
        [
            row.estimator.to_owned(),
            row.gamma.to_string(),
            episodes,
            bias.value.to_string(),
            bias.standard_error.to_string(),
            bias.exact.to_string(),
            row.cosine.to_string(),
            number(|share| share.value),
            number(|share| share.standard_error),
            row.standard_deviation.to_string(),
            row.estimates.to_string(),
        ]
    };
    csv_file(CSV_HEADER, rows.iter().map(fields))
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
    text + "\n" + &remarks(plan, rows).join("\n\n") + "\n"
}

fn page(plan: &Plan, rows: &[Row], svg: &str) -> String {
    let body = html! {
        main .wide {
            h1 { (TITLE) }
            p .caption { (caption(plan)) }
            figure { div .card role="img" aria-label=(TITLE) { (PreEscaped(svg)) } }
            div .scroll tabindex="0" role="group" aria-label="Table" {
                table .cells {
                    thead { tr { @for heading in HEADINGS { th scope="col" { (heading) } } } }
                    tbody {
                        @for row in rows {
                            @let [name, rest @ ..] = cells(row);
                            tr { th scope="row" { (name) } @for cell in rest { td { (cell) } } }
                        }
                    }
                }
            }
            @for remark in remarks(plan, rows) { p .caption { (remark) } }
        }
    };
    html_page(TITLE, &body)
}

/// A row's number and its standard error.
type Number = fn(&Row) -> (f64, f64);

fn scaling(plan: &Plan, rows: &[Row]) -> Scaling {
    let line = |estimator: &Estimator, gamma: f64, of: Number, limit: bool| {
        let own = |row: &&Row| row.estimator == estimator.name() && row.gamma == gamma;
        let own = rows.iter().filter(own);
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
    let chart = |name: String, gamma: f64, of: Number, limit: bool| ScalingChart {
        name,
        axis: ScalingAxis::Logarithmic { least: 0.01 },
        lines: Estimator::ALL.map(|e| line(&e, gamma, of, limit)).to_vec(),
    };
    let bias: Number = |row| (100.0 * row.bias.value, 100.0 * row.bias.standard_error);
    let spread: Number = |row| {
        let deviation = 100.0 * row.standard_deviation;
        // Of a standard deviation of so many independent estimates.
        let degrees = row.estimates.saturating_sub(1).max(1) as f64;
        (deviation, deviation / (2.0 * degrees).sqrt())
    };
    let biases = plan.discounts.iter().map(|gamma| {
        let name = format!("Bias at γ = {gamma}, % of the exact meta-gradient");
        chart(name, *gamma, bias, true)
    });
    let spreads = plan.discounts.iter().map(|gamma| {
        let name = format!("Standard deviation of an estimate at γ = {gamma}, % of the same");
        chart(name, *gamma, spread, false)
    });
    Scaling {
        title: title(plan, rows),
        subtitle: caption(plan),
        samples: "Episodes of each task before and after the adaptation (n)".to_owned(),
        charts: biases.chain(spreads).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_less_than_nothing_by_rounding() {
        let row = Row {
            estimator: "dice",
            gamma: 1.0,
            amount: Amount::Finite(20),
            bias: Share {
                value: 0.5,
                standard_error: f64::NAN,
                exact: false,
            },
            cosine: -1e-5,
            sampled_bias: None,
            standard_deviation: f64::NAN,
            estimates: 1,
        };
        let [.., bias, cosine, _, deviation] = cells(&row);
        assert_eq!([bias, cosine, deviation], ["50.00 ± –", "0.0000", "–"]);
    }
}
