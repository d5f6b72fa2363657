//! One setting's part of the page.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::Value;

use crate::markup::{scrolled, swatch};
use crate::measure::Measure;
use crate::numbers;
use crate::page::{Drawn, Section};
use crate::read::file_name;
use crate::references::Target;
use crate::setting::Setting;
use crate::standing::Standings;
use crate::table::{Row, Table};
use crate::text::{count, decimals, duration, fixed, percent_to, plain, short, thousands};
use crate::words;

/// The section of a setting, with headings from `level` on.
pub(crate) fn html(section: &Section<'_>, level: usize) -> Markup {
    let setting = section.setting;
    let standings = section.standings.as_ref();
    html! {
        (header(setting, standings, level))
        @for note in &setting.notes { p .note { (note) } }
        (tiles(setting, standings))
        @for drawn in &section.figures { (figure(drawn)) }
        @if let (Some(table), Some(standings)) = (&section.table, standings) {
            (comparison(table, standings, level + 1))
        }
        (particulars(setting, level + 1))
    }
}

/// A figure with its caption.
pub(crate) fn figure(Drawn { figure, stem }: &Drawn) -> Markup {
    html! {
        figure {
            div .card { (figure.canvas.inline(&figure.title)) }
            (numbers::script(&figure.canvas))
            figcaption {
                (figure.caption) (inverted(&figure.caption))
                " " span .file { "figures/" (stem) ".svg, .png" }
                " " (numbers::link(&figure.canvas, stem))
            }
        }
        (numbers::table(&figure.canvas, &figure.title))
    }
}

/// What the words of a caption for light and dark mean where the page is dark.
fn inverted(caption: &str) -> Markup {
    let words = ["black", "dark", "light"];
    html! {
        @if words.iter().any(|word| caption.to_lowercase().contains(word)) {
            span .inverted { " On this dark page light and dark are exchanged, and black is white." }
        }
    }
}

pub(crate) fn heading(level: usize, words: &str) -> Markup {
    match level {
        1 => html! { h1 { (words) } },
        2 => html! { h2 { (words) } },
        _ => html! { h3 { (words) } },
    }
}

fn header(setting: &Setting<'_>, standings: Option<&Standings>, level: usize) -> Markup {
    let subtitle = [setting.settings(), setting.seeds(), setting.folder.clone()];
    let subtitle: Vec<String> = subtitle
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    html! {
        header .top {
            @if level == 1 { p .eyebrow { "metarl report" } }
            (heading(level, &setting.title()))
            p .quiet { (subtitle.join(" · ")) }
            p .headline { (words::headline(setting, standings)) }
        }
    }
}

/// The numbers that people look for first.
fn tiles(setting: &Setting<'_>, standings: Option<&Standings>) -> Markup {
    let mut tiles: Vec<(&str, String, String)> = Vec::new();
    if let Some((standings, trained)) = standings.and_then(|s| Some((s, s.trained()?))) {
        if let (Some(share), Some(gap)) = (trained.share, standings.gap) {
            let name = match gap.to {
                Target::BayesOptimal => "Gap to Bayes-optimal closed",
                Target::KnownTask => "Gap to known-task optimum closed",
            };
            let places = words::share_decimals(&share.estimate());
            tiles.push((
                name,
                percent_to(share.mean(), places),
                spread(share, 100.0, places),
            ));
        }
        let places = decimals([trained.mean_return.uncertainty()]).min(4);
        let mean = trained.mean_return;
        tiles.push((
            "Mean return",
            fixed(mean.mean(), places),
            spread(mean, 1.0, places),
        ));
        tiles.push(match standings.references.bayes_optimal {
            Some(value) => {
                let kind = match value {
                    Measure::Exact(_) => "exact".to_string(),
                    _ => spread(value, 1.0, places),
                };
                ("Bayes-optimal return", fixed(value.mean(), places), kind)
            }
            None => {
                let why = standings
                    .references
                    .why_no_bayes
                    .clone()
                    .unwrap_or_default();
                ("Bayes-optimal return", "not known".to_string(), why)
            }
        });
        if let Some(regret) = trained.final_regret() {
            let places = decimals([regret.uncertainty()]).min(4);
            let name = "Regret of a trial";
            tiles.push((
                name,
                fixed(regret.mean(), places),
                spread(regret, 1.0, places),
            ));
        }
    }
    tiles.extend(training_tile(setting));
    html! {
        @if !tiles.is_empty() {
            dl .tiles {
                @for (name, number, below) in &tiles {
                    div .tile { dt { (name) } dd { b { (number) } span { (below) } } }
                }
            }
        }
    }
}

/// How long the seeds were trained.
fn training_tile(setting: &Setting<'_>) -> Option<(&'static str, String, String)> {
    let steps = setting.runs.iter().map(|run| run.env_steps());
    let (least, most) = (steps.clone().min()?, steps.max()?);
    let times: Vec<f64> = setting.runs.iter().filter_map(|run| run.seconds).collect();
    let time = match times.len() {
        0 => String::new(),
        n => format!(", {}", duration(times.iter().sum::<f64>() / n as f64)),
    };
    let below = match least == most {
        true => format!("steps per seed{time}"),
        false => format!("steps at most{time} on average"),
    };
    (most > 0).then(|| ("Trained for", short(most as f64), below))
}

/// "[96.5, 97.7]" or "± 0.01", in a unit.
fn spread(measure: Measure, unit: f64, places: usize) -> String {
    match measure {
        Measure::Exact(_) => "exact".to_string(),
        Measure::Sampled(value) => {
            format!("± {} (SE)", fixed(unit * value.standard_error, places))
        }
        Measure::Seeds(value) => {
            format!("{} over seeds", words::interval(value, unit, places))
        }
    }
}

fn comparison(table: &Table, standings: &Standings, level: usize) -> Markup {
    let mut notes = vec![format!(
        "Return of a trial of {}, {} actions for the trained agent.",
        count(standings.steps_per_trial, "step"),
        standings.actions
    )];
    if table.rows.iter().any(|row| row.regret.is_some()) {
        notes.push("Regret is what an agent that knows its task would have had more.".to_string());
    }
    notes.push(words::interval_note(standings.seeds.len()).to_string());
    notes.extend(table.beyond_note(standings));
    notes.extend(words::repeated_note(standings));
    if let Some(why) = &standings.references.why_no_bayes {
        notes.push(format!("No Bayes-optimal value: {why}."));
    }
    let parts = [
        ("Gradient steps", "On the task", &table.steps),
        (
            "Tasks to train on, and tasks kept back",
            "Learner",
            &table.parts,
        ),
        ("Seed by seed", "Seed", &table.seeds),
    ];
    html! {
        (heading(level, &format!("Comparison on {}", words::tasks(standings))))
        (html_table(table, "Learner", &table.rows))
        p .caption { (notes.join(" ")) }
        @for (title, first, rows) in parts {
            @if !rows.is_empty() {
                (heading(level, title))
                (html_table(table, first, rows))
            }
        }
    }
}

fn html_table(table: &Table, first: &str, rows: &[Row]) -> Markup {
    let ranked = rows.iter().any(|row| row.rank.is_some());
    let regrets = rows.iter().any(|row| row.regret.is_some());
    let shares = rows.iter().any(|row| row.share.is_some());
    let share_heading = table.share_heading.as_ref().filter(|_| shares);
    let content = html! {
        table {
            thead {
                tr {
                    @if ranked { th .rank scope="col" { span .unseen { "Rank" } } }
                    th .name scope="col" { (first) }
                    th scope="col" { "Mean return" }
                    @if regrets { th scope="col" { "Regret" } }
                    @if let Some(heading) = share_heading {
                        th .share scope="colgroup" colspan="2" { (heading) }
                    }
                }
            }
            tbody {
                @for row in rows {
                    tr class=(if ranked { row.kind } else { "seed" }) {
                        @if ranked {
                            td .rank { @if let Some(rank) = row.rank { (rank) } }
                        }
                        th .name scope="row" { (swatch(row.color)) (row.name) }
                        td { (table.mean_return(row)) }
                        @if regrets { td { (table.regret(row)) } }
                        @if share_heading.is_some() {
                            td .bar { (share_bar(row)) }
                            td { (table.share(row)) }
                        }
                    }
                }
            }
        }
    };
    scrolled(&format!("Table: {first}"), &content)
}

fn share_bar(row: &Row) -> Markup {
    let share = row
        .share
        .map(Measure::mean)
        .filter(|share| share.is_finite());
    html! {
        @if let Some(share) = share {
            span { i style={ "width:" (fixed(100.0 * share.clamp(0.0, 1.0), 1)) "%" } {} }
        }
    }
}

/// Where the numbers come from: runs, versions, configuration.
fn particulars(setting: &Setting<'_>, level: usize) -> Markup {
    let environment = environment(setting);
    html! {
        (heading(level, "Runs"))
        (scrolled("Table: runs", &html! {
            table .plain {
                thead {
                    tr {
                        th .name scope="col" { "Run" }
                        th scope="col" { "Updates" }
                        th scope="col" { "Environment steps" }
                        th scope="col" { "Evaluations" }
                        th scope="col" { "Time" }
                    }
                }
                tbody {
                    @for run in &setting.runs {
                        tr {
                            th .name scope="row" { (setting.folder) "/" (file_name(&run.path)) }
                            td { (thousands(run.metrics.last().map_or(0, |last| last.update))) }
                            td { (thousands(run.env_steps())) }
                            td { (thousands(run.evaluations.len() as u64)) }
                            td { (run.seconds.map_or("–".to_string(), duration)) }
                        }
                    }
                }
            }
        }))
        @if !environment.is_empty() {
            (heading(level, "Machine and versions"))
            (scrolled("Table: machine and versions", &html! {
                table .plain.pairs {
                    tbody {
                        @for (key, values) in &environment {
                            tr {
                                th scope="row" { (key.replace('_', " ")) }
                                td { (values.join(", ")) }
                            }
                        }
                    }
                }
            }))
        }
        @if let Some(run) = setting.runs.first() {
            details {
                summary { "Configuration (" (file_name(&run.path)) "/config.toml)" }
                pre tabindex="0" role="group" aria-label="Configuration" { (run.config.trim_end()) }
            }
        }
    }
}

/// The keys of all `environment.json` files, each with its different values in
/// the order of the runs.
fn environment(setting: &Setting<'_>) -> BTreeMap<String, Vec<String>> {
    let mut pairs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let told = setting
        .runs
        .iter()
        .filter_map(|run| run.provenance.as_ref());
    let told = told.filter_map(|provenance| match serde_json::to_value(provenance) {
        Ok(Value::Object(fields)) => Some(fields),
        _ => None,
    });
    for (key, value) in told.flatten().filter(|(key, _)| key != "algorithm") {
        let values = pairs.entry(key).or_default();
        let value = plain(&value);
        if !values.contains(&value) {
            values.push(value);
        }
    }
    pairs
}
