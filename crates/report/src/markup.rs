//! Text within other formats, one writer for each.

use rl_core::shown;

/// Text that is safe between and inside HTML tags.
pub fn escape_html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in shown(text).chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
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

/// A line of CSV (RFC 4180), its end included. Text that a spreadsheet would
/// take for a formula has an apostrophe in front, numbers have none.
pub fn csv_line<T: AsRef<str>>(fields: impl IntoIterator<Item = T>) -> String {
    let fields: Vec<String> = fields.into_iter().map(|f| csv_field(f.as_ref())).collect();
    fields.join(",") + "\n"
}

/// What a spreadsheet takes for the beginning of a formula.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

fn csv_field(text: &str) -> String {
    let number = || text.parse::<f64>().is_ok_and(f64::is_finite);
    let text = match text.starts_with(FORMULA) && !number() {
        true => format!("'{text}"),
        false => text.to_string(),
    };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped() {
        let safe = escape_html("<a href=\"x\">&'");
        assert_eq!(safe, "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
    }

    #[test]
    fn text_stays_in_its_cell_of_markdown() {
        assert_eq!(markdown_cell("a|b\r\nc <d> \\|"), "a\\|b  c &lt;d> \\\\\\|");
    }

    #[test]
    fn text_stays_in_its_field_and_is_no_formula() {
        let line = csv_line(["a, b", "say \"x\"", "two\nlines", "plain"]);
        assert_eq!(line, "\"a, b\",\"say \"\"x\"\"\",\"two\nlines\",plain\n");
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
            assert!(field.trim_start_matches('"').starts_with('\''), "{field}");
        }
        for number in ["-2.5", "+3", "-1e-7", "0"] {
            assert_eq!(csv_field(number), number);
        }
    }
}
