//! The HTML page.

use crate::figures::Figure;
use crate::markup::escape_html;
use crate::section;
use crate::setting::Setting;
use crate::standing::Standings;
use crate::table::Table;
use crate::text::count;
use crate::words;

const STYLE: &str = include_str!("style.css");
const FONTS: &str = include_str!("../fonts/fonts.css");

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
    pub(crate) svg: String,
    /// What its files are called.
    pub(crate) stem: String,
}

/// The whole page, figures over all settings first. It refers to nothing outside
/// itself.
pub(crate) fn html(sections: &[Section<'_>], overview: &[Drawn]) -> String {
    let single = sections.len() == 1;
    let title = match sections {
        [section] => section.setting.title(),
        sections => format!("Report on {}", count(sections.len(), "setting")),
    };
    let mut body = String::new();
    if !single {
        body.push_str(&contents(&title, sections));
    }
    body.extend(overview.iter().map(section::figure));
    for (index, section) in sections.iter().enumerate() {
        let level = if single { 1 } else { 2 };
        body.push_str(&section::html(section, level, &anchor(index)));
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{} · metarl report</title>\n<style>\n{FONTS}{STYLE}</style>\n</head>\n<body>\n\
         <main>\n{body}</main>\n\
         <footer>Written by metarl from the files of its runs. Shares, regrets and intervals are \
         explained beside each figure.</footer>\n</body>\n</html>\n",
        escape_html(&title)
    )
}

fn anchor(index: usize) -> String {
    format!("setting-{}", index + 1)
}

/// Title and one line per setting, where there are several.
fn contents(title: &str, sections: &[Section<'_>]) -> String {
    let mut html = format!(
        "<header class=\"top\">\n<p class=\"eyebrow\">metarl report</p>\n<h1>{}</h1>\n<ol class=\"contents\">\n",
        escape_html(title)
    );
    for (index, section) in sections.iter().enumerate() {
        let settings = match section.setting.settings() {
            settings if settings.is_empty() => String::new(),
            settings => format!(" <span class=\"quiet\">{}</span>", escape_html(&settings)),
        };
        html.push_str(&format!(
            "<li><a href=\"#{}\">{}</a>{settings}<br>{}</li>\n",
            anchor(index),
            escape_html(&section.setting.title()),
            escape_html(&words::headline(
                section.setting,
                section.standings.as_ref()
            ))
        ));
    }
    html.push_str("</ol>\n</header>\n");
    html
}
