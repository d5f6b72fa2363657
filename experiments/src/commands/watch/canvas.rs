//! Curves of braille: every cell of a terminal is two dots wide and four high.

/// Dots of a cell by column and row, as Unicode numbers them.
const DOTS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// Cells that curves are drawn on.
pub(super) struct Canvas {
    width: usize,
    cells: Vec<(u8, usize)>, // [height][width], the dots and whose they are
    height: usize,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            cells: vec![(0, 0); width * height],
        }
    }

    /// Draws a curve through heights of 0 to 1, one for each column of dots that has any.
    pub(super) fn curve(&mut self, heights: &[Option<f64>], whose: usize) {
        let rows = (4 * self.height - 1) as f64;
        let mut before: Option<(usize, usize)> = None;
        for (x, height) in heights.iter().enumerate().take(2 * self.width) {
            let Some(height) = height.filter(|height| height.is_finite()) else {
                continue;
            };
            let y = ((1.0 - height.clamp(0.0, 1.0)) * rows).round() as usize;
            let (from, last) = before.unwrap_or((x, y));
            for between in from..=x {
                let way = match x - from {
                    0 => 1.0,
                    columns => (between - from) as f64 / columns as f64,
                };
                let at = (last as f64 + way * (y as f64 - last as f64)).round() as usize;
                self.dot(between, at, whose);
            }
            // Where it is steep, the dots in between.
            let between = match y > last {
                true => last + 1..y,
                false => y + 1..last,
            };
            between.for_each(|between| self.dot(x, between, whose));
            before = Some((x, y));
        }
    }

    fn dot(&mut self, x: usize, y: usize, whose: usize) {
        let cell = &mut self.cells[y / 4 * self.width + x / 2];
        *cell = (cell.0 | DOTS[x % 2][y % 4], whose);
    }

    /// Rows of cells: a character, and whose it is.
    pub(super) fn rows(&self) -> impl Iterator<Item = impl Iterator<Item = (char, usize)>> {
        self.cells.chunks(self.width).map(|row| {
            row.iter().map(|(dots, whose)| {
                let cell = char::from_u32(0x2800 + u32::from(*dots));
                (cell.unwrap_or(' '), *whose)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_is_one() {
        let mut canvas = Canvas::new(2, 1);
        canvas.curve(&[Some(0.0), Some(1.0 / 3.0), Some(2.0 / 3.0), Some(1.0)], 3);
        let rows: Vec<Vec<(char, usize)>> = canvas.rows().map(Iterator::collect).collect();
        assert_eq!(rows, [[('⡠', 3), ('⠊', 3)].to_vec()]);
    }
}
