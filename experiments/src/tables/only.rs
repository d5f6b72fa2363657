//! Which cells of a table are asked for.

/// The cells that `--only` names, row by row; all of them if it is not given. `row` and
/// `column` find an index by its name.
///
/// # Errors
/// If a text is none of ROW:COLUMN, ROW: and :COLUMN, or a name is not found.
pub(super) fn chosen(
    only: &[String],
    (rows, row): (usize, &dyn Fn(&str) -> Result<usize, String>),
    (columns, column): (usize, &dyn Fn(&str) -> Result<usize, String>),
    example: &str,
) -> Result<Vec<(usize, usize)>, String> {
    let mut chosen = Vec::new();
    for text in only {
        let Some((in_row, in_column)) = text.split_once(':') else {
            return Err(format!(
                "--only {text}: allowed: ROW:COLUMN, ROW: or :COLUMN, as in {example}"
            ));
        };
        let find = |name: &str, index: &dyn Fn(&str) -> Result<usize, String>| match name {
            "" => Ok(None),
            _ => index(name).map(Some),
        };
        chosen.push((find(in_row, row)?, find(in_column, column)?));
    }
    let wanted = |&(row, column): &(usize, usize)| {
        let fits = |(r, c): &(Option<usize>, Option<usize>)| {
            r.is_none_or(|r| r == row) && c.is_none_or(|c| c == column)
        };
        chosen.is_empty() || chosen.iter().any(fits)
    };
    let all = (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c)));
    Ok(all.filter(wanted).collect())
}
