//! What goes to the terminal: results to standard output, progress to standard
//! error.

use crate::output;
use lab::failure::Failure;
use serde::{Serialize, Serializer};
use std::env;
use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::path::Path;

/// What a line of JSON is.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Event {
    /// A trained agent on fresh tasks, during a training or on its own.
    Evaluation,
    /// A learner of a comparison.
    Learner,
    /// Two learners on the same tasks, in pairs.
    Difference,
    /// What a run came to.
    Run,
    /// What the runs of several seeds came to.
    Seeds,
    /// Exact values of an environment.
    Oracle,
    /// A cell of a table, or a row that is measured as a whole.
    Cell,
    /// A picture that was drawn.
    Picture,
    /// A part of a training that was done again.
    Replay,
    /// A report that was written.
    Report,
    /// How far a run is that is watched.
    Progress,
    /// A run that was written for another program.
    Export,
    /// A sweep that was planned.
    Plan,
    /// A rung of a sweep that is over.
    Rung,
    /// What a setting of a sweep comes to.
    Setting,
    /// What a setting comes to that somebody asked about.
    Try,
    /// What the best setting comes to on other seeds.
    Winner,
    /// What a method comes to over seeds and environments.
    Method,
    /// Two methods beside each other.
    Pair,
    /// A rate that was measured.
    Benchmark,
    /// A rule that was checked.
    Check,
    /// A thing that there is.
    Item,
}

/// How to talk to whoever started the program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    /// One JSON object per line on standard output, and nothing else.
    json: bool,
    /// Colours on standard output.
    colour: bool,
    /// Whether results are all that the command is for.
    only_results: bool,
}

impl Console {
    /// Colours only on a terminal, and only where `NO_COLOR` is not set.
    pub(crate) fn new(json: bool) -> Self {
        let wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let capable = env::var_os("TERM").is_none_or(|value| value != "dumb");
        Self {
            json,
            colour: wanted && capable && !json && io::stdout().is_terminal(),
            only_results: false,
        }
    }

    /// For a command that is done once nobody reads its results.
    #[must_use]
    pub(crate) fn only_results(self) -> Self {
        Self {
            only_results: true,
            ..self
        }
    }

    /// Whether results may be coloured.
    pub(crate) fn has_colours(&self) -> bool {
        self.colour
    }

    /// Whether results are JSON.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// A line of results for humans; nothing where JSON is wanted.
    ///
    /// # Errors
    /// If nobody reads it, and [`Self::only_results`].
    pub(crate) fn say(&self, text: impl Display) -> Result<(), Failure> {
        match self.json {
            true => Ok(()),
            false => self.write(&self.shown(&text.to_string())),
        }
    }

    /// Text with nothing that a terminal obeys, but for [`Self::styled`].
    fn shown(&self, text: &str) -> String {
        let mut shown = rl_core::shown(text);
        if self.colour {
            for code in ["0", "1", "2", "1;31", "1;32"] {
                shown = shown.replace(&format!("\\u{{1b}}[{code}m"), &format!("\x1b[{code}m"));
            }
        }
        shown
    }

    fn write(&self, line: &str) -> Result<(), Failure> {
        match output::result(line) {
            false if self.only_results => Err(output::unread()),
            _ => Ok(()),
        }
    }

    /// A line of results for programs, whose key `event` says what it is;
    /// nothing where text is wanted.
    ///
    /// # Errors
    /// If nobody reads it, and [`Self::only_results`].
    pub(crate) fn emit(&self, event: Event, row: &impl Serialize) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Line<'a, T> {
            event: Event,
            #[serde(flatten)]
            row: &'a T,
        }
        if !self.json {
            return Ok(());
        }
        let line = serde_json::to_string(&Line { event, row }).map_err(Failure::internal)?;
        self.write(&output::shown_in_json(&line))
    }

    /// A remark on the way; to standard error.
    pub(crate) fn note(&self, text: impl Display) {
        output::remark(text);
    }

    /// Text that stands out on a terminal.
    pub(crate) fn bold(&self, text: &str) -> String {
        self.styled(text, "1")
    }

    /// Text that is good news.
    pub(crate) fn good(&self, text: &str) -> String {
        self.styled(text, "1;32")
    }

    /// Text that is bad news.
    pub(crate) fn bad(&self, text: &str) -> String {
        self.styled(text, "1;31")
    }

    /// Text of lesser interest.
    pub(crate) fn dim(&self, text: &str) -> String {
        self.styled(text, "2")
    }

    fn styled(&self, text: &str, code: &str) -> String {
        match self.colour {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

/// A path in JSON, which holds text alone: other bytes become U+FFFD.
pub(crate) fn path_text<S: Serializer>(
    path: impl AsRef<Path>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.as_ref().to_string_lossy())
}

/// Rows of text in aligned columns, the first to the left and the others to
/// the right.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    marked: Option<usize>,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new(headings: &[&str]) -> Self {
        let headings = headings.iter().map(|text| (*text).to_owned()).collect();
        Self {
            rows: vec![headings],
            marked: None,
        }
    }

    /// Adds a row with as many cells as there are headings.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Makes the row added last stand out.
    pub(crate) fn mark(&mut self) {
        self.marked = Some(self.rows.len() - 1);
    }

    /// The lines, the first of which is the headings.
    pub(crate) fn lines(&self, console: &Console) -> Vec<String> {
        let width = |column| {
            let cells = self
                .rows
                .iter()
                .filter_map(|row: &Vec<String>| row.get(column));
            cells
                .map(|cell: &String| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let columns = self.rows[0].len();
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let line = |(index, row): (usize, &Vec<String>)| {
            let cells = row.iter().zip(&widths).enumerate();
            let cells = cells.map(|(column, (cell, width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            let line = cells.collect::<Vec<_>>().join("   ");
            let line = line.trim_end();
            match index {
                0 => console.bold(line),
                index if self.marked == Some(index) => console.good(line),
                _ => line.to_owned(),
            }
        };
        self.rows.iter().enumerate().map(line).collect()
    }

    /// Prints the table.
    ///
    /// # Errors
    /// As [`Console::say`].
    pub(crate) fn print(&self, console: &Console) -> Result<(), Failure> {
        self.lines(console)
            .iter()
            .try_for_each(|line| console.say(line))
    }
}

/// A number with so many decimals, never "-0"; a dash for what is not finite.
pub(crate) fn fixed(number: f64, decimals: usize) -> String {
    report::fixed(number, decimals).replace('−', "-")
}

/// A share as a percentage: `97.1 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", fixed(100.0 * share, 1))
}

/// A rate or a count in few digits: `85.3k`, `1.2M`.
pub(crate) fn short(number: f64) -> String {
    match number {
        n if n >= 9.995e8 => format!("{:.2}G", n / 1e9),
        n if n >= 9.995e5 => format!("{:.2}M", n / 1e6),
        n if n >= 999.5 => format!("{:.1}k", n / 1e3),
        n => format!("{n:.0}"),
    }
}

/// Seconds in words: `1 h 02 min`, `3 min 20 s`, `12 s`, `0.35 s`.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned_without_colours_in_a_pipe() {
        let console = Console {
            json: false,
            colour: false,
            only_results: false,
        };
        let mut table = Table::new(&["learner", "return"]);
        table.row(vec!["rl2".into(), "6.64".into()]);
        table.mark();
        table.row(vec!["ε-greedy".into(), "16.12".into()]);
        assert_eq!(
            table.lines(&console),
            [
                "learner    return",
                "rl2          6.64",
                "ε-greedy    16.12"
            ]
        );
        let coloured = Console {
            colour: true,
            ..console
        };
        let line = &table.lines(&coloured)[1];
        assert!(line.starts_with("\x1b["));
        assert_eq!(coloured.shown(line), *line);
        assert_eq!(console.shown("\x1b[1ma"), "\\u{1b}[1ma");
        assert_eq!(coloured.shown("\x1b[2Ja"), "\\u{1b}[2Ja");
    }

    #[test]
    fn numbers_have_no_negative_zero() {
        assert_eq!(fixed(-0.00004, 4), "0.0000");
        assert_eq!(fixed(-1.25, 1), "-1.2");
        assert_eq!(fixed(f64::NAN, 4), "–");
        assert_eq!(percent(-0.0002), "0.0 %");
        assert_eq!(percent(-0.0022), "-0.2 %");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(short(12.0), "12");
        assert_eq!(short(85_300.0), "85.3k");
        assert_eq!(short(1_234_567.0), "1.23M");
        assert_eq!(duration(0.35), "0.3 s");
        assert_eq!(duration(200.0), "3 min 20 s");
        assert_eq!(duration(3725.0), "1 h 02 min");
    }
}
