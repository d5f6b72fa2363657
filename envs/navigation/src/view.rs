//! What an agent with a heading sees of a map.
//!
//! Headings are 0 up, 1 right, 2 down, 3 left. The view is a square of
//! [`VIEW`] by [`VIEW`] tiles, turned so that the agent looks up; the agent is
//! in the middle of its last row. Walls hide nothing.

/// Tiles along one side of the view.
pub(crate) const VIEW: usize = 7;

/// Tiles in view.
pub(crate) const TILES: usize = VIEW * VIEW;

/// Width of the border that a map needs all around, so that no view leaves it.
pub(crate) const BORDER: usize = VIEW - 1;

/// How far apart in a map of rows of `stride` tiles the tiles are that a
/// heading leads from and to.
#[inline]
pub(crate) fn ahead(heading: u32, stride: usize) -> isize {
    match heading % 4 {
        0 => -(stride as isize),
        1 => 1,
        2 => stride as isize,
        _ => -1,
    }
}

/// Calls `see` with the place in the view (row by row, the farthest row first)
/// and the place in the map of each tile in view of an agent at `at`.
#[inline]
pub(crate) fn look(at: usize, heading: u32, stride: usize, mut see: impl FnMut(usize, usize)) {
    let (ahead, right) = (ahead(heading, stride), ahead(heading + 1, stride));
    let half = (VIEW / 2) as isize;
    let first = at as isize + ahead * (VIEW as isize - 1) - right * half;
    for row in 0..VIEW {
        let left = first - ahead * row as isize;
        for column in 0..VIEW {
            let place = left + right * column as isize;
            see(row * VIEW + column, place as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The map is cut out around the agent and turned a quarter at a time.
    #[test]
    fn views_are_cut_out_and_turned() {
        let stride = 20;
        let place = |x: usize, y: usize| y * stride + x;
        let (x, y) = (9, 8);
        for heading in 0..4 {
            // A square that has the agent in the middle of the side opposite
            // to its heading.
            let (left, top) = match heading {
                0 => (x - 3, y - 6),
                1 => (x, y - 3),
                2 => (x - 3, y),
                _ => (x - 6, y - 3),
            };
            let mut square: Vec<Vec<usize>> = (0..VIEW)
                .map(|row| (0..VIEW).map(|c| place(left + c, top + row)).collect())
                .collect();
            for _ in 0..heading {
                let quarter = |row: usize| (0..VIEW).map(move |c| (c, VIEW - 1 - row));
                square = (0..VIEW)
                    .map(|row| quarter(row).map(|(r, c)| square[r][c]).collect())
                    .collect();
            }
            let mut seen = vec![0; TILES];
            look(place(x, y), heading, stride, |at, from| seen[at] = from);
            assert_eq!(seen, square.concat(), "heading {heading}");
            assert_eq!(seen[TILES - 4], place(x, y));
        }
    }
}
