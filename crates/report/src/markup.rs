//! Text within other formats, one writer for each.

use std::borrow::Cow;
use std::fmt::Write as _;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use rl_core::shown;

use crate::canvas::Color;
use crate::dark;

const FONTS: &str = include_str!("../fonts/fonts.css");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("page.js");

/// A whole HTML page, which refers to nothing outside itself. Its body is markup,
/// in which text is escaped already; what is hidden in text is shown here.
pub fn html_page(title: &str, body: &Markup) -> String {
    let dark = dark::sheet(&body.0);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(FONTS)) (PreEscaped(STYLE)) (PreEscaped(dark)) }
            }
            body { (body) }
        }
    };
    shown(&page.into_string())
}

/// What reads out the figures of a page, hides their series and plays their episodes; at
/// the end of a body that has such figures. The page has all the same data without it.
pub(crate) fn script() -> Markup {
    html! { script { (PreEscaped(SCRIPT)) } }
}

/// What may be wider than a page and is then scrolled, with the keyboard too.
pub(crate) fn scrolled(name: &str, content: &Markup) -> Markup {
    html! { div .scroll tabindex="0" role="group" aria-label=(name) { (content) } }
}

/// The color that something has in figures.
pub(crate) fn swatch(color: Option<Color>) -> Markup {
    html! {
        @match color {
            Some(color) => {
                i .swatch style={ "--light:" (color.hex()) ";--dark:" (color.dark().hex()) } {}
            }
            None => i .swatch {}
        }
    }
}

/// Bytes as a part of an address.
pub(crate) fn percent_encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 4);
    for byte in bytes {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b',' | b'.' | b'-' | b'_' => {
                text.push(char::from(*byte));
            }
            other => {
                let _ = write!(text, "%{other:02X}");
            }
        }
    }
    text
}

/// Text within a cell of a Markdown table, or a line of its own.
pub fn markdown_cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => safe.push_str("\\\\"),
            '|' => safe.push_str("\\|"),
            '<' => safe.push_str("&lt;"),
            control if control.is_control() => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}

/// A CSV file (RFC 4180). Text that a spreadsheet would take for a formula has an
/// apostrophe in front, numbers have none.
///
/// # Panics
/// Never: memory takes every row, and rows are as long as the header.
pub fn csv_file<const COLUMNS: usize>(
    header: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) -> Vec<u8> {
    csv_table(&header.map(str::to_owned), rows)
}

/// The same of as many columns as the header has.
///
/// # Panics
/// If a row is of another length.
pub(crate) fn csv_table<R: IntoIterator<Item = String>>(
    header: &[String],
    rows: impl IntoIterator<Item = R>,
) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = header.iter().map(|field| csv_field(field).into_owned());
    writer
        .write_record(header)
        .expect("memory takes the header");
    for row in rows {
        let fields = row.into_iter().map(|field| csv_field(&field).into_owned());
        writer.write_record(fields).expect("memory takes every row");
    }
    writer.into_inner().expect("memory takes the last row")
}

/// What a spreadsheet takes for the beginning of a formula.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

fn csv_field(text: &str) -> Cow<'_, str> {
    let number = || text.parse::<f64>().is_ok_and(f64::is_finite);
    match text.starts_with(FORMULA) && !number() {
        true => format!("'{text}").into(),
        false => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_escape_text_and_show_what_is_hidden() {
        let body = html! { p { "<a href=\"x\">&" "\u{202e}\u{1b}[1m" } };
        let page = html_page("a<b", &body);
        assert!(page.contains("<title>a&lt;b</title>"));
        let safe = "<p>&lt;a href=&quot;x&quot;&gt;&amp;\\u{202e}\\u{1b}[1m</p>";
        assert!(page.contains(safe));
    }

    #[test]
    fn text_stays_in_its_cell_of_markdown() {
        assert_eq!(markdown_cell("a|b\r\nc <d> \\|"), "a\\|b  c &lt;d> \\\\\\|");
    }

    #[test]
    fn text_stays_in_its_field_and_is_no_formula() {
        let row = ["a, b", "say \"x\"", "two\nlines", "=1"].map(str::to_owned);
        let file = String::from_utf8(csv_file(["one", "two", "three", "four"], [row])).unwrap();
        let expected = "one,two,three,four\n\"a, b\",\"say \"\"x\"\"\",\"two\nlines\",'=1\n";
        assert_eq!(file, expected);
        for formula in [
            "=1+1",
            "+cmd|' /C calc'!A0",
            "-2+3",
            "@SUM(A1)",
            "\tx",
            "-inf",
            "＝1",
        ] {
            let field = csv_field(formula);
            assert!(field.starts_with('\''), "{field}");
        }
        for number in ["-2.5", "+3", "-1e-7", "0"] {
            assert_eq!(csv_field(number), number);
        }
    }
}
