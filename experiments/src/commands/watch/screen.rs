//! What the terminal shows, made of nothing but what is known and its size.

use super::canvas::Canvas;
use super::runs::{Run, State};
use crate::console::{duration, fixed, short};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Colours that curves and names have in turn.
const COLOURS: [u8; 6] = [36, 33, 35, 32, 34, 31];
/// Width of the numbers beside the curves.
const AXIS: usize = 10;

/// Lines for a terminal of so many columns and rows; none is longer than that, and there are
/// no more of them.
pub(super) fn screen(runs: &[&Run], (width, height): (usize, usize), colours: bool) -> Vec<String> {
    let rows = runs.len().min((height / 2).max(1));
    let curves = height.saturating_sub(rows + 5);
    let mut screen = Screen {
        lines: Vec::new(),
        width,
        colours,
    };
    screen.title(runs);
    if curves >= 3 && width > AXIS + 8 {
        screen.curves(runs, curves);
    }
    screen.table(runs, rows);
    screen.lines.truncate(height);
    screen.lines
}

struct Screen {
    lines: Vec<String>,
    width: usize,
    colours: bool,
}

impl Screen {
    fn coloured(&self, text: &str, run: usize) -> String {
        match self.colours {
            true => format!("\x1b[{}m{text}\x1b[0m", COLOURS[run % COLOURS.len()]),
            false => text.to_owned(),
        }
    }

    fn styled(&self, text: &str, style: u8) -> String {
        match self.colours {
            true => format!("\x1b[{style}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }

    /// Adds a line of plain text, cut to the width.
    fn plain(&mut self, text: &str, style: u8) {
        let line = self.styled(&fitted(text, self.width), style);
        self.lines.push(line);
    }

    fn title(&mut self, runs: &[&Run]) {
        let count = |state| runs.iter().filter(|run| run.state == state).count();
        let states = [State::Running, State::Waiting, State::Done, State::Stopped];
        let states: Vec<String> = states
            .into_iter()
            .filter(|state| count(*state) > 0)
            .map(|state| format!("{} {}", count(state), state.word()))
            .collect();
        let title = format!("mean return of {}", states.join(", "));
        let end = "q ends";
        let gap = self
            .width
            .saturating_sub(title.chars().count() + end.len())
            .max(2);
        self.plain(&format!("{title}{}{end}", " ".repeat(gap)), 1);
    }

    /// All curves on one canvas, over environment steps.
    fn curves(&mut self, runs: &[&Run], height: usize) {
        let points = || runs.iter().flat_map(|run| &run.returns);
        let finite = || {
            points()
                .map(|(_, mean)| *mean)
                .filter(|mean| mean.is_finite())
        };
        let low = finite().fold(f64::INFINITY, f64::min);
        let high = finite().fold(f64::NEG_INFINITY, f64::max);
        let most = points().map(|(steps, _)| *steps).max().unwrap_or(0);
        if low > high {
            self.plain("nothing yet", 2);
            (1..height + 1).for_each(|_| self.lines.push(String::new()));
            return;
        }
        let range = if high > low { high - low } else { 1.0 };
        let cells = self.width - AXIS - 1;
        let mut canvas = Canvas::new(cells, height);
        for (index, run) in runs.iter().enumerate() {
            let means = columns(&run.returns, most, 2 * cells);
            let heights = means
                .iter()
                .map(|mean| mean.map(|mean| (mean - low) / range));
            canvas.curve(&heights.collect::<Vec<_>>(), index);
        }
        let rows: Vec<Vec<(char, usize)>> = canvas.rows().map(Iterator::collect).collect();
        for (index, row) in rows.iter().enumerate() {
            let label = match index {
                0 => fixed(high, 3),
                _ if index + 1 == rows.len() => fixed(low, 3),
                _ => String::new(),
            };
            let mut line = format!("{:>AXIS$} ", fitted(&label, AXIS));
            // One colour at a time.
            for part in row.chunk_by(|a, b| a.1 == b.1) {
                let text: String = part.iter().map(|(cell, _)| cell).collect();
                line += &self.coloured(&text, part[0].1);
            }
            self.lines.push(line);
        }
        let (first, last) = ("0", format!("{} steps", short(most as f64)));
        let gap = cells.saturating_sub(first.len() + last.len());
        let axis = format!("{:AXIS$} {first}{}{last}", "", " ".repeat(gap));
        self.plain(&axis, 2);
    }

    /// A row for each run, those that go on before others where there is no room for all.
    fn table(&mut self, runs: &[&Run], rows: usize) {
        let name = runs.iter().map(|run| called(run).width()).max();
        let name = name.unwrap_or(0).clamp(4, (self.width / 3).max(4));
        let heading = format!(
            "{:<name$}  {:<12}  {:>13}  {:>9}  {:>9}  {:>13}  evaluation",
            "run", "", "update", "return", "steps/s", "left"
        );
        self.plain(&heading, 2);
        let mut order: Vec<usize> = (0..runs.len()).collect();
        if rows < runs.len() {
            order.sort_by_key(|index| runs[*index].state != State::Running);
        }
        for index in order.into_iter().take(rows) {
            let called = fitted(&called(runs[index]), name.min(self.width));
            let gap = " ".repeat(name.saturating_sub(called.width()));
            let rest = format!("{gap}{}", row(runs[index]));
            let rest = fitted(&rest, self.width - called.width());
            let line = self.coloured(&called, index) + &rest;
            self.lines.push(line);
        }
        if rows < runs.len() {
            self.plain(&format!("and {} more", runs.len() - rows), 2);
        }
    }
}

/// What a run is called, as text that stays on its line.
fn called(run: &Run) -> String {
    rl_core::shown(&run.name).replace(['\n', '\t'], " ")
}

/// What stands behind a run's name.
fn row(run: &Run) -> String {
    let share = run.updates.filter(|all| *all > 0);
    let share = share.map_or(0.0, |all| (run.done as f64 / all as f64).min(1.0));
    let full = (share * 12.0).round() as usize;
    let bar = "█".repeat(full) + &"░".repeat(12 - full);
    let of = run
        .updates
        .map_or_else(String::new, |all| format!("/{all}"));
    let update = format!("{}{of}", run.done);
    let mean = run.returns.last();
    let mean = mean.map_or_else(String::new, |(_, mean)| fixed(*mean, 3));
    let running = run.state == State::Running;
    let rate = run.rate.filter(|_| running).map_or_else(String::new, short);
    let left = match running {
        false => run.state.word().to_owned(),
        true => run.left().map_or_else(String::new, duration),
    };
    let fresh = run.evaluation.as_ref().map_or_else(String::new, |found| {
        let (mean, error) = (fixed(found.mean_return, 3), fixed(found.standard_error, 3));
        format!("{mean} ± {error}")
    });
    format!("  {bar}  {update:>13}  {mean:>9}  {rate:>9}  {left:>13}  {fresh}")
}

/// The mean of what falls into each column, by steps.
fn columns(returns: &[(u64, f64)], most: u64, count: usize) -> Vec<Option<f64>> {
    let mut sums = vec![(0.0, 0.0); count];
    for (steps, mean) in returns.iter().filter(|(_, mean)| mean.is_finite()) {
        let column = *steps as f64 / most.max(1) as f64 * (count - 1) as f64;
        let sum = &mut sums[(column.round() as usize).min(count - 1)];
        *sum = (sum.0 + mean, sum.1 + 1.0);
    }
    let mean = |(sum, count): &(f64, f64)| (*count > 0.0).then(|| sum / count);
    sums.iter().map(mean).collect()
}

/// Text of no more than so many columns, of which some characters fill two.
fn fitted(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let Some(room) = width.checked_sub(1) else {
        return String::new();
    };
    let mut filled = 0;
    let fits = |character: &char| {
        filled += character.width().unwrap_or(0);
        filled <= room
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rising(updates: u64, slope: f64) -> Vec<(u64, f64)> {
        (1..=updates)
            .map(|update| (1000 * update, slope * update as f64))
            .collect()
    }

    #[test]
    fn the_screen_shows_curves_rates_and_what_is_left() {
        let a = Run::told("bandit/seed-0", 40, &rising(20, 0.1), State::Running);
        let b = Run::told("bandit/seed-1", 20, &rising(20, 0.05), State::Done);
        let lines = screen(&[&a, &b], (90, 14), false);
        let shown = lines.join("\n");
        assert_eq!(lines.len(), 14 - 2, "{shown}");
        assert!(
            lines[0].starts_with("mean return of 1 running, 1 done"),
            "{shown}"
        );
        assert!(
            lines[1].starts_with("     2.000 ") && lines[7].starts_with("     0.050 "),
            "{shown}"
        );
        // The steeper one ends on top, the other half way.
        let [top, middle] = [1, 4].map(|row| lines[row].chars().last().unwrap());
        assert!(top > '\u{2800}' && middle > '\u{2800}', "{shown}");
        assert!(lines[8].ends_with("20.0k steps"), "{shown}");
        let cells = [
            "        20/40",
            "    2.000",
            "    1.50M",
            "         10 s",
            "",
        ];
        assert_eq!(
            lines[10],
            format!("bandit/seed-0  ██████░░░░░░  {}", cells.join("  "))
        );
        assert!(
            lines[11].contains("████████████") && lines[11].contains("done"),
            "{shown}"
        );
    }

    #[test]
    fn no_line_is_longer_than_the_terminal_and_none_is_below_it() {
        let names: Vec<String> = (0..30)
            .map(|seed| match seed % 3 {
                0 => format!("迷路-\n\u{1b}[2J/seed-{seed}"),
                _ => format!("a-very-long-name/seed-{seed}"),
            })
            .collect();
        let state = |seed: usize| [State::Done, State::Running][seed % 2];
        let runs: Vec<Run> = names
            .iter()
            .enumerate()
            .map(|(seed, name)| Run::told(name, 9, &rising(9, seed as f64), state(seed)))
            .collect();
        let runs: Vec<&Run> = runs.iter().collect();
        for (width, height) in [(1, 1), (20, 5), (40, 12), (80, 24), (200, 60)] {
            for count in [0, 1, 30] {
                let lines = screen(&runs[..count], (width, height), false);
                assert!(lines.len() <= height, "{width} {height}");
                for line in &lines {
                    assert!(line.width() <= width, "{width} {height}: {line}");
                    assert!(!line.contains(char::is_control), "{line:?}");
                }
            }
        }
        let few = screen(&runs, (80, 24), false);
        assert_eq!(few.last().map(String::as_str), Some("and 18 more"));
        let done = few[1..].iter().filter(|line| line.contains("done"));
        assert_eq!(done.count(), 0, "those that go on come first: {few:?}");
    }
}
