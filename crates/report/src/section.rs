//! One setting's part of the page.

use std::collections::BTreeMap;

use crate::canvas::Color;
use crate::markup::escape_html;
use crate::measure::Measure;
use crate::page::{Drawn, Section};
use crate::read::file_name;
use crate::references::Target;
use crate::setting::Setting;
use crate::standing::Standings;
use crate::table::{Row, Table};
use crate::text::{count, decimals, duration, fixed, percent, plain, short, thousands};
use crate::words;

/// The section of a setting, with headings from `level` on.
pub(crate) fn html(section: &Section<'_>, level: usize, anchor: &str) -> String {
    let setting = section.setting;
    let standings = section.standings.as_ref();
    let mut html = format!("<section id=\"{anchor}\">\n");
    html.push_str(&header(setting, standings, level));
    for note in &setting.notes {
        html.push_str(&format!("<p class=\"note\">{}</p>\n", escape_html(note)));
    }
    html.push_str(&tiles(setting, standings));
    html.extend(section.figures.iter().map(figure));
    let level = level + 1;
    if let (Some(table), Some(standings)) = (&section.table, standings) {
        html.push_str(&comparison(table, standings, level));
    }
    html.push_str(&particulars(setting, level));
    html.push_str("</section>\n");
    html
}

/// A figure with its caption.
pub(crate) fn figure(Drawn { figure, svg, stem }: &Drawn) -> String {
    format!(
        "<figure>\n<div class=\"card\">{}</div>\n<figcaption>{} <span class=\"file\">\
         figures/{stem}.svg, .png</span></figcaption>\n</figure>\n",
        inline(svg, &figure.title),
        escape_html(&figure.caption),
        stem = escape_html(stem),
    )
}

fn header(setting: &Setting<'_>, standings: Option<&Standings>, level: usize) -> String {
    let subtitle = [setting.settings(), setting.seeds(), setting.folder.clone()];
    let subtitle: Vec<String> = subtitle
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    let eyebrow = match level {
        1 => "<p class=\"eyebrow\">metarl report</p>\n",
        _ => "",
    };
    format!(
        "<header class=\"top\">\n{eyebrow}<h{level}>{}</h{level}>\n<p class=\"quiet\">{}</p>\n\
         <p class=\"headline\">{}</p>\n</header>\n",
        escape_html(&setting.title()),
        escape_html(&subtitle.join(" · ")),
        escape_html(&words::headline(setting, standings))
    )
}

/// The numbers that people look for first.
fn tiles(setting: &Setting<'_>, standings: Option<&Standings>) -> String {
    let mut tiles: Vec<(&str, String, String)> = Vec::new();
    if let Some((standings, trained)) = standings.and_then(|s| Some((s, s.trained()?))) {
        if let (Some(share), Some(gap)) = (trained.share, standings.gap) {
            let name = match gap.to {
                Target::BayesOptimal => "Gap to Bayes-optimal closed",
                Target::KnownTask => "Gap to known-task optimum closed",
            };
            tiles.push((name, percent(share.mean()), spread(share, 100.0, 1)));
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
    let cells: String = tiles
        .iter()
        .map(|(name, number, below)| {
            format!(
                "<div class=\"tile\"><dt>{}</dt><dd><b>{}</b><span>{}</span></dd></div>\n",
                escape_html(name),
                escape_html(number),
                escape_html(below)
            )
        })
        .collect();
    match cells.is_empty() {
        true => String::new(),
        false => format!("<dl class=\"tiles\">\n{cells}</dl>\n"),
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

/// The SVG without what only a file needs, and with a name for screen readers.
fn inline(svg: &str, title: &str) -> String {
    let name = format!("<svg role=\"img\" aria-label=\"{}\"", escape_html(title));
    svg.trim_end()
        .replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1)
        .replacen("<svg", &name, 1)
}

fn comparison(table: &Table, standings: &Standings, level: usize) -> String {
    let mut html = format!(
        "<h{level}>Comparison on {}</h{level}>\n",
        words::tasks(standings)
    );
    html.push_str(&html_table(table, "Learner", &table.rows));
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
    html.push_str(&format!(
        "<p class=\"caption\">{}</p>\n",
        escape_html(&notes.join(" "))
    ));
    if !table.steps.is_empty() {
        html.push_str(&format!("<h{level}>Gradient steps</h{level}>\n"));
        html.push_str(&html_table(table, "On the task", &table.steps));
    }
    if !table.parts.is_empty() {
        html.push_str(&format!(
            "<h{level}>Tasks to train on, and tasks kept back</h{level}>\n"
        ));
        html.push_str(&html_table(table, "Learner", &table.parts));
    }
    if !table.seeds.is_empty() {
        html.push_str(&format!("<h{level}>Seed by seed</h{level}>\n"));
        html.push_str(&html_table(table, "Seed", &table.seeds));
    }
    html
}

fn html_table(table: &Table, first: &str, rows: &[Row]) -> String {
    let ranked = rows.iter().any(|row| row.rank.is_some());
    let regrets = rows.iter().any(|row| row.regret.is_some());
    let mut html = "<div class=\"scroll\"><table>\n<thead><tr>".to_string();
    if ranked {
        html.push_str("<th class=\"rank\"></th>");
    }
    html.push_str(&format!(
        "<th class=\"name\">{first}</th><th>Mean return</th>"
    ));
    if regrets {
        html.push_str("<th>Regret</th>");
    }
    let shares = rows.iter().any(|row| row.share.is_some());
    if let Some(heading) = table.share_heading.as_ref().filter(|_| shares) {
        html.push_str(&format!(
            "<th class=\"share\" colspan=\"2\">{}</th>",
            escape_html(heading)
        ));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        let kind = if ranked { row.kind } else { "seed" };
        html.push_str(&format!("<tr class=\"{kind}\">"));
        if ranked {
            let rank = row.rank.map_or(String::new(), |rank| rank.to_string());
            html.push_str(&format!("<td class=\"rank\">{rank}</td>"));
        }
        let color = row.color.map_or("transparent".to_string(), Color::hex);
        let swatch = format!("<i class=\"swatch\" style=\"background:{color}\"></i>");
        html.push_str(&format!(
            "<td class=\"name\">{swatch}{}</td>",
            escape_html(&row.name)
        ));
        html.push_str(&format!(
            "<td>{}</td>",
            escape_html(&table.mean_return(row))
        ));
        if regrets {
            html.push_str(&format!("<td>{}</td>", escape_html(&table.regret(row))));
        }
        if table.share_heading.is_some() && shares {
            html.push_str(&share_cells(table, row));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table></div>\n");
    html
}

/// The share as a bar and as a number.
fn share_cells(table: &Table, row: &Row) -> String {
    let bar = match row.share.map(Measure::mean) {
        Some(share) if share.is_finite() => {
            let width = fixed(100.0 * share.clamp(0.0, 1.0), 1);
            format!("<span><i style=\"width:{width}%\"></i></span>")
        }
        _ => String::new(),
    };
    format!(
        "<td class=\"bar\">{bar}</td><td>{}</td>",
        escape_html(&table.share(row))
    )
}

/// Where the numbers come from: runs, versions, configuration.
fn particulars(setting: &Setting<'_>, level: usize) -> String {
    let mut html = format!(
        "<h{level}>Runs</h{level}>\n<div class=\"scroll\"><table class=\"plain\">\n<thead><tr>"
    );
    html.push_str(
        "<th class=\"name\">Run</th><th>Updates</th><th>Environment steps</th>\
         <th>Evaluations</th><th>Time</th></tr></thead>\n<tbody>\n",
    );
    for run in &setting.runs {
        let updates = run.metrics.last().map_or(0, |row| row.update);
        html.push_str(&format!(
            "<tr><td class=\"name\">{}/{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            escape_html(&setting.folder),
            escape_html(&file_name(&run.path)),
            thousands(updates),
            thousands(run.env_steps()),
            thousands(run.evaluations.len() as u64),
            run.seconds.map_or("–".to_string(), duration),
        ));
    }
    html.push_str("</tbody>\n</table></div>\n");
    let environment = environment(setting);
    if !environment.is_empty() {
        html.push_str(&format!("<h{level}>Machine and versions</h{level}>\n"));
        html.push_str("<div class=\"scroll\"><table class=\"plain pairs\">\n<tbody>\n");
        for (key, values) in environment {
            let name = key.replace('_', " ");
            html.push_str(&format!(
                "<tr><th>{}</th><td>{}</td></tr>\n",
                escape_html(&name),
                escape_html(&values.join(", "))
            ));
        }
        html.push_str("</tbody>\n</table></div>\n");
    }
    if let Some(run) = setting.runs.first() {
        html.push_str(&format!(
            "<details><summary>Configuration ({}/config.toml)</summary>\n<pre>{}</pre>\n</details>\n",
            escape_html(&file_name(&run.path)),
            escape_html(run.config.trim_end())
        ));
    }
    html
}

/// The keys of all `environment.json` files, each with its different values in
/// the order of the runs.
fn environment(setting: &Setting<'_>) -> BTreeMap<String, Vec<String>> {
    let mut pairs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in setting.runs.iter().flat_map(|run| &run.environment) {
        let values = pairs.entry(key.clone()).or_default();
        let value = plain(value);
        if !values.contains(&value) {
            values.push(value);
        }
    }
    pairs
}
