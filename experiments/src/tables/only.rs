//! Which cells of a table are asked for.

use super::plan::position;

/// The cells that `--only` names, row by row; all of them if it is not given.
///
/// # Errors
/// If a text is none of ROW:COLUMN, ROW: and :COLUMN, or there is no such row or column.
pub(super) fn chosen(
    table: &str,
    only: &[String],
    rows: &[&str],
    columns: &[&str],
) -> Result<Vec<(usize, usize)>, String> {
    let mut chosen = Vec::new();
    for text in only {
        let Some((row, column)) = text.split_once(':') else {
            return Err(format!(
                "--only {text}: allowed: ROW:COLUMN, ROW: or :COLUMN, as in {}:{}",
                rows[0], columns[0]
            ));
        };
        let find = |kind, name: &str, names: &[&str]| match name {
            "" => Ok(None),
            _ => position(table, kind, name, names.iter().copied()).map(Some),
        };
        chosen.push((find("row", row, rows)?, find("column", column, columns)?));
    }
    let wanted = |&(row, column): &(usize, usize)| {
        let fits = |(r, c): &(Option<usize>, Option<usize>)| {
            r.is_none_or(|r| r == row) && c.is_none_or(|c| c == column)
        };
        chosen.is_empty() || chosen.iter().any(fits)
    };
    let all = (0..rows.len()).flat_map(|r| (0..columns.len()).map(move |c| (r, c)));
    Ok(all.filter(wanted).collect())
}
