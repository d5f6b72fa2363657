//! A table on the terminal: learners down, a few settings across, so that it
//! fits.

use crate::console::{Console, Event};
use crate::tables::filled::{Cell, Filled, detail, ours, theirs};
use lab::failure::Failure;
use serde_json::json;

/// Settings side by side.
const ACROSS: usize = 3;

/// Prints a table and what there is to say about it.
///
/// # Errors
/// If standard output is closed.
pub(crate) fn print(console: &Console, filled: &Filled<'_>) -> Result<(), Failure> {
    let plan = filled.plan;
    console.say(console.bold(&plan.title))?;
    console.say(format!("{}.", plan.caption))?;
    for rows in filled.rows().chunks(ACROSS) {
        console.say("")?;
        block(console, filled, rows)?;
    }
    console.say("")?;
    for remark in filled.remarks() {
        console.say(console.dim(&remark))?;
    }
    for (index, text) in filled.footnotes.iter().enumerate() {
        console.say(console.dim(&format!("[{}] {text}", index + 1)))?;
    }
    Ok(())
}

/// A cell's text, and the part after it that is of lesser interest.
type Pair = (String, String);

fn block(console: &Console, filled: &Filled<'_>, rows: &[usize]) -> Result<(), Failure> {
    let plan = filled.plan;
    let columns = filled.columns();
    let names = columns
        .iter()
        .map(|column| plan.columns[*column].title.clone());
    let names: Vec<Pair> = [("".to_owned(), String::new())]
        .into_iter()
        .chain(names.map(|name| (name, String::new())))
        .collect();
    let mut across = vec![names];
    for row in rows {
        let heading = (plan.rows[*row].title.clone(), String::new());
        let cells = columns
            .iter()
            .map(|column| pair(&filled.cells[*row][*column]));
        across.push([heading].into_iter().chain(cells).collect());
    }
    let width = |pairs: &Vec<Pair>| pairs.iter().map(length).max().unwrap_or(0);
    let widths: Vec<usize> = across.iter().map(width).collect();
    for line in 0..=columns.len() {
        let mut text = String::new();
        for (pairs, width) in across.iter().zip(&widths) {
            let (strong, faint) = &pairs[line];
            let pad = " ".repeat(width - length(&pairs[line]) + 3);
            text += &match line {
                0 => console.bold(strong),
                _ => format!("{strong}{}", console.dim(faint)),
            };
            text += &pad;
        }
        console.say(text.trim_end())?;
    }
    Ok(())
}

fn length((strong, faint): &Pair) -> usize {
    strong.chars().count() + faint.chars().count()
}

fn pair(cell: &Cell) -> Pair {
    let marks: String = cell.notes.iter().map(|note| format!("[{note}]")).collect();
    let paper = cell.paper.map(|paper| format!("({})", theirs(paper)));
    let rest: Vec<String> = [paper, detail(&cell.value)].into_iter().flatten().collect();
    let strong = format!("{}{marks}", ours(&cell.value));
    let space = if strong.is_empty() || rest.is_empty() {
        ""
    } else {
        " "
    };
    (strong, format!("{space}{}", rest.join(" ")))
}

/// Prints one cell as a line of JSON.
///
/// # Errors
/// If standard output is closed.
pub(crate) fn emit(
    console: &Console,
    filled: &Filled<'_>,
    (row, column): (usize, usize),
) -> Result<(), Failure> {
    let plan = filled.plan;
    let cell = &filled.cells[row][column];
    let notes: Vec<&str> = cell
        .notes
        .iter()
        .map(|note| filled.footnotes[note - 1].as_str())
        .collect();
    console.emit(
        Event::Cell,
        &json!({
            "table": plan.name,
            "quick": plan.quick,
            "measure": plan.measure,
            "row": plan.rows[row].name,
            "column": plan.columns[column].name,
            "environment": plan.rows[row].environment,
            "settings": plan.rows[row].built.settings,
            "seed": filled.seed,
            "paper": cell.paper,
            "value": cell.value,
            "distance_in_standard_errors": cell.distance,
            "differs": cell.differs(),
            "notes": notes,
        }),
    )
}
