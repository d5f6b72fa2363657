//! A drawing: lines, areas and text in pixels.

use crate::font::Face;

/// A place, in pixels from the upper left corner.
pub(crate) type Point = (f64, f64);

/// An opaque color.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Color(pub(crate) u8, pub(crate) u8, pub(crate) u8);

impl Color {
    /// Mixed with another; `part` 0 leaves it as it is.
    pub(crate) fn mix(self, other: Self, part: f64) -> Self {
        let mix =
            |a: u8, b: u8| (f64::from(a) + part * (f64::from(b) - f64::from(a))).round() as u8;
        Self(
            mix(self.0, other.0),
            mix(self.1, other.1),
            mix(self.2, other.2),
        )
    }

    /// "#0072b2"
    pub(crate) fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stroke {
    pub(crate) color: Color,
    pub(crate) alpha: f64,
    /// In pixels.
    pub(crate) width: f64,
    pub(crate) dashed: bool,
}

impl Stroke {
    pub(crate) fn new(color: Color, width: f64) -> Self {
        Self {
            color,
            alpha: 1.0,
            width,
            dashed: false,
        }
    }
}

/// Where text is relative to its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Middle,
    Right,
}

/// A line of text. Its place is on the baseline.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    pub(crate) place: Point,
    pub(crate) text: String,
    /// Pixels per em.
    pub(crate) size: f64,
    pub(crate) face: Face,
    pub(crate) color: Color,
    pub(crate) align: Align,
}

impl Text {
    /// The left edge and the width.
    pub(crate) fn extent(&self) -> (f64, f64) {
        let width = self.face.width(&self.text, self.size);
        let left = match self.align {
            Align::Left => self.place.0,
            Align::Middle => self.place.0 - width / 2.0,
            Align::Right => self.place.0 - width,
        };
        (left, width)
    }
}

/// What a drawing is made of.
pub(crate) enum Item {
    Line(Vec<Point>, Stroke),
    Area(Vec<Point>, Color, f64),
    Text(Text),
}

/// A drawing of fixed size, white where nothing is drawn.
pub(crate) struct Canvas {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) items: Vec<Item>,
}

impl Canvas {
    pub(crate) fn new(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            items: Vec::new(),
        }
    }

    /// Draws a line through the points; a dashed one is drawn dash by dash.
    pub(crate) fn line(&mut self, points: Vec<Point>, stroke: Stroke) {
        if points.len() < 2 {
            return;
        }
        match stroke.dashed {
            false => self.items.push(Item::Line(points, stroke)),
            true => {
                let solid = Stroke {
                    dashed: false,
                    ..stroke
                };
                let dashes = dashes(&points, 3.2 * stroke.width, 2.4 * stroke.width);
                let dashes = dashes.into_iter().filter(|dash| dash.len() > 1);
                self.items
                    .extend(dashes.map(|dash| Item::Line(dash, solid)));
            }
        }
    }

    /// Fills a polygon.
    pub(crate) fn area(&mut self, points: Vec<Point>, color: Color, alpha: f64) {
        if points.len() > 2 {
            self.items.push(Item::Area(points, color, alpha));
        }
    }

    /// Fills a circle.
    pub(crate) fn dot(&mut self, (x, y): Point, radius: f64, color: Color) {
        let corners = (0..24).map(|corner| {
            let (sine, cosine) = (f64::from(corner) * std::f64::consts::TAU / 24.0).sin_cos();
            (x + radius * cosine, y + radius * sine)
        });
        self.area(corners.collect(), color, 1.0);
    }

    pub(crate) fn text(&mut self, text: Text) {
        // A control character would make an SVG file unreadable.
        let text = Text {
            text: rl_core::shown(&text.text),
            ..text
        };
        self.items.push(Item::Text(text));
    }

    /// All its text, for tests of the layout.
    #[cfg(test)]
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Text> {
        self.items.iter().filter_map(|item| match item {
            Item::Text(text) => Some(text),
            _ => None,
        })
    }
}

/// Cuts a line into dashes.
fn dashes(points: &[Point], dash: f64, gap: f64) -> Vec<Vec<Point>> {
    let mut dashes = vec![vec![points[0]]];
    let (mut drawing, mut left) = (true, dash);
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let length = (x1 - x0).hypot(y1 - y0);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let part = done / length;
            let cut = (x0 + part * (x1 - x0), y0 + part * (y1 - y0));
            match (drawing, dashes.last_mut()) {
                (true, Some(last)) => last.push(cut),
                _ => dashes.push(vec![cut]),
            }
            drawing = !drawing;
            left = if drawing { dash } else { gap };
        }
        left -= length - done;
        if let (true, Some(last)) = (drawing, dashes.last_mut()) {
            last.push((x1, y1));
        }
    }
    dashes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_have_their_length_and_gaps() {
        let cut = dashes(&[(0.0, 0.0), (5.0, 0.0), (5.0, 5.0)], 3.0, 1.0);
        let expected = [
            vec![(0.0, 0.0), (3.0, 0.0)],
            vec![(4.0, 0.0), (5.0, 0.0), (5.0, 2.0)],
            vec![(5.0, 3.0), (5.0, 5.0)],
        ];
        assert_eq!(cut, expected);
    }

    #[test]
    fn colors_mix() {
        assert_eq!(
            Color(0, 100, 200).mix(Color(100, 0, 200), 0.5),
            Color(50, 50, 200)
        );
        assert_eq!(Color(0, 114, 178).hex(), "#0072b2");
    }
}
