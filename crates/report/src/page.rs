//! The HTML page of a report.

use maud::{Markup, html};

use crate::differences::{self, Configured};
use crate::figures::Figure;
use crate::markup::{html_page, script};
use crate::section;
use crate::setting::Setting;
use crate::standing::Standings;
use crate::statistics::{self, Told};
use crate::table::Table;
use crate::text::count;
use crate::words;

/// One setting on the page.
pub(crate) struct Section<'a> {
    pub(crate) setting: &'a Setting<'a>,
    pub(crate) standings: Option<Standings>,
    pub(crate) table: Option<Table>,
    pub(crate) figures: Vec<Drawn>,
}

/// A figure whose files are written.
pub(crate) struct Drawn {
    pub(crate) figure: Figure,
    /// What its files are called.
    pub(crate) stem: String,
}

/// The whole page: what is over several settings first, and the statistics of a single one
/// last.
pub(crate) fn html(sections: &[Section<'_>], overview: &[Drawn], told: &[Told]) -> String {
    let title = match sections {
        [section] => section.setting.title(),
        sections => format!("Report on {}", count(sections.len(), "setting")),
    };
    // The title of a single setting is that of the page.
    let single = sections.len() == 1;
    let level = if single { 1 } else { 2 };
    let body = html! {
        main {
            @if !single { (contents(&title, sections)) }
            @if !single { (unlike(sections)) }
            @for drawn in overview { (section::figure(drawn)) }
            @if !single { @for one in told { (statistics::html(one, 2)) } }
            @for (index, section) in sections.iter().enumerate() {
                section id=(anchor(index)) { (section::html(section, level)) }
            }
            @if single { @for one in told { (statistics::html(one, 2)) } }
        }
        footer {
            "Written by metarl from the files of its runs. Shares, regrets and intervals are \
             explained beside each figure."
        }
        (script())
    };
    html_page(&format!("{title} · metarl report"), &body)
}

/// What the configurations of several settings have unlike each other.
fn unlike(sections: &[Section<'_>]) -> Markup {
    let configured = sections.iter().filter_map(|section| {
        let first = section.setting.runs.first()?;
        Some(Configured {
            name: section.setting.title(),
            settings: &first.settings,
        })
    });
    let configured: Vec<Configured<'_>> = configured.collect();
    let heading = html! { h2 { "Configurations" } };
    differences::table(&heading, &configured)
}

fn anchor(index: usize) -> String {
    format!("setting-{}", index + 1)
}

/// Title and one line per setting, where there are several.
fn contents(title: &str, sections: &[Section<'_>]) -> Markup {
    html! {
        header .top {
            p .eyebrow { "metarl report" }
            h1 { (title) }
            ol .contents {
                @for (index, section) in sections.iter().enumerate() {
                    @let settings = section.setting.settings();
                    li {
                        a href={ "#" (anchor(index)) } { (section.setting.title()) }
                        @if !settings.is_empty() { " " span .quiet { (settings) } }
                        br;
                        (words::headline(section.setting, section.standings.as_ref()))
                    }
                }
            }
        }
    }
}
