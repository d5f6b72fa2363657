//! What the seeds of settings come to beside each other: a part of the report, and the page
//! of a comparison.

use maud::{Markup, html};

use crate::Result;
use crate::differences::{self, Configured};
use crate::figures::Figure;
use crate::markup::{html_page, script, scrolled};
use crate::methods::{
    Compared, LEAST_SEEDS, Measured, OnTask, ScoreOf, key_of, on_one_gap, shown, title_of,
};
use crate::numbers;
use crate::page::Drawn;
use crate::scores::Scores;
use crate::section;
use crate::setting::Setting;
use crate::standing::Standings;
use crate::text::{capitalized, count, slug};

/// The settings of one environment, of which one or more have seeds enough.
pub(crate) struct Statistics {
    title: String,
    /// `None` where all of it was left out.
    compared: Option<Compared>,
    pub(crate) figures: Vec<Figure>,
    /// What was left out, and why.
    refused: Vec<String>,
    /// What the files of its figures begin with.
    pub(crate) stem: String,
}

/// Statistics of which the files are written.
pub(crate) struct Told {
    pub(crate) statistics: Statistics,
    pub(crate) figures: Vec<Drawn>,
}

/// The settings of each environment beside each other. Nothing is said of an environment
/// where no setting has seeds enough.
pub(crate) fn of(settings: &[Setting<'_>]) -> Result<Vec<Statistics>> {
    let key = |setting: &Setting<'_>| setting.comparisons().next().map(key_of);
    let mut keys: Vec<String> = Vec::new();
    for key in settings.iter().filter_map(key) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let mut all = Vec::new();
    for own in &keys {
        let here: Vec<&Setting<'_>> = (settings.iter())
            .filter(|setting| key(setting).as_ref() == Some(own))
            .collect();
        all.extend(in_environment(&here)?);
    }
    if let [only] = &mut all[..] {
        only.stem = String::new();
    }
    Ok(all)
}

/// What an environment's settings come to; `None` if none has seeds enough.
fn in_environment(settings: &[&Setting<'_>]) -> Result<Option<Statistics>> {
    let known = |setting: &&Setting<'_>| Standings::of(setting).is_some_and(|s| s.gap.is_some());
    let score = match settings.iter().all(known) {
        true => ScoreOf::Gap,
        false => ScoreOf::Return,
    };
    let names: Vec<String> = settings.iter().map(|setting| setting.method()).collect();
    let (mut measured, mut refused) = (Vec::new(), Vec::new());
    for (setting, name) in settings.iter().zip(&names) {
        match OnTask::of((*setting).clone(), name, score) {
            Ok(task) => measured.push(Measured {
                name,
                tasks: vec![task],
            }),
            Err(why) => refused.push(format!("{why}.")),
        }
    }
    // Of one or two seeds nobody expects more than there is.
    let enough = |setting: &&Setting<'_>| setting.runs.len() >= LEAST_SEEDS;
    if !settings.iter().any(enough) {
        return Ok(None);
    }
    // All of them have the same.
    let mut comparisons = settings.iter().flat_map(|setting| setting.comparisons());
    let Some(title) = comparisons.next().map(title_of) else {
        return Ok(None);
    };
    let mut statistics = Statistics {
        stem: format!("{}-", slug(&title)),
        title,
        compared: None,
        figures: Vec::new(),
        refused,
    };
    if measured.is_empty() {
        return Ok(Some(statistics));
    }
    if let Err(why) = on_one_gap(&mut measured) {
        // Each has its own numbers on the page.
        statistics.refused.push(format!("{why}."));
        return Ok(Some(statistics));
    }
    let scores: Vec<Scores> = measured.iter().map(Measured::scores).collect();
    let compared = Compared::of(&measured, &scores, score);
    statistics.figures = compared.figures(&measured, &scores, score)?;
    statistics.compared = Some(compared);
    Ok(Some(statistics))
}

/// The statistics of one environment, under a heading of this level.
pub(crate) fn html(told: &Told, level: usize) -> Markup {
    let Told {
        statistics,
        figures,
    } = told;
    let heading = format!("Statistics over seeds: {}", statistics.title);
    html! {
        section .statistics {
            (section::heading(level, &heading))
            @if let Some(compared) = &statistics.compared { (tables(compared)) }
            @for why in &statistics.refused { p .note { "Left out: " (why) } }
            @for drawn in figures { (section::figure(drawn)) }
        }
    }
}

/// All aggregates of each method, and each pair of methods.
fn tables(compared: &Compared) -> Markup {
    html! {
        (scrolled("Table: aggregates over seeds", &html! {
            table {
                thead {
                    tr {
                        @for (column, name) in compared.columns().into_iter().enumerate() {
                            @match column {
                                0 => th .name scope="col" { (capitalized(name)) },
                                _ => th scope="col" { (name) },
                            }
                        }
                    }
                }
                tbody {
                    @for row in compared.rows() {
                        tr {
                            @for (column, cell) in row.iter().enumerate() {
                                @match column {
                                    0 => th .name scope="row" { (cell) },
                                    _ => td { (cell) },
                                }
                            }
                        }
                    }
                }
            }
        }))
        p .caption {
            (compared.caption) " The median is over environments of the mean over seeds, and so the \
             mean itself where there is one environment."
        }
        @if !compared.pairs.is_empty() { (pairs(compared)) }
    }
}

fn pairs(compared: &Compared) -> Markup {
    html! {
        (scrolled("Table: pairs of methods", &html! {
            table {
                thead {
                    tr {
                        th .name scope="col" { "Method" }
                        th .name scope="col" { "Beside" }
                        th scope="col" { "Probability that a run is above one of the other" }
                        th scope="col" { "The method is" }
                    }
                }
                tbody {
                    @for pair in &compared.pairs {
                        tr {
                            th .name scope="row" { (pair.method) }
                            td .name { (pair.other) }
                            td { (shown(&pair.above, 2)) }
                            td { (pair.verdict()) }
                        }
                    }
                }
            }
        }))
    }
}

/// The page of a comparison.
pub(crate) fn page(compared: &Compared, measured: &[Measured<'_>], figures: &[Figure]) -> String {
    let names: Vec<&str> = compared
        .methods
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    let title = format!("{} compared", names.join(", "));
    let tasks = measured.first().map_or(0, |first| first.tasks.len());
    let sentences = compared.sentences();
    let body = html! {
        main {
            header .top {
                p .eyebrow { "metarl comparison" }
                h1 { (title) }
                p .quiet { (count(tasks, "environment")) }
                @for sentence in &sentences { p .headline { (capitalized(sentence)) "." } }
            }
            (tables(compared))
            @for figure in figures {
                figure {
                    div .card { (figure.canvas.inline(&figure.title)) }
                    (numbers::script(&figure.canvas))
                    figcaption {
                        (figure.caption) " " span .file { (figure.name) ".svg, .png" }
                        " " (numbers::link(&figure.canvas, &figure.name))
                    }
                }
                (numbers::table(&figure.canvas, &figure.title))
            }
            @for task in 0..tasks { (unlike(measured, task)) }
        }
        footer { "Written by metarl from the files of its runs." }
        (script())
    };
    html_page(&format!("{title} · metarl"), &body)
}

/// What the methods' configurations have unlike each other in one environment.
fn unlike(measured: &[Measured<'_>], task: usize) -> Markup {
    let configured: Vec<Configured<'_>> = (measured.iter())
        .filter_map(|one| {
            let name = one.name.to_string();
            let settings = one.tasks[task].settings()?;
            Some(Configured { name, settings })
        })
        .collect();
    let title = measured
        .first()
        .map_or("", |first| &first.tasks[task].title);
    let heading = html! { h2 { "Configurations on " (title) } };
    differences::table(&heading, &configured)
}
