//! A drawing: lines, areas, dots and text in pixels.

use rl_core::shown;

use crate::font::Face;
use crate::numbers::Plot;

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
}

impl Stroke {
    pub(crate) fn new(color: Color, width: f64) -> Self {
        Self {
            color,
            alpha: 1.0,
            width,
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

#[cfg(test)]
impl Text {
    /// The left edge and the width, for tests of the layout.
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
    /// Its centre and radius.
    Dot(Point, f64, Color),
    Text(Text),
    /// What everything up to the next one is a part of, if of anything.
    Part(Option<Part>),
}

/// A part of a drawing that a page can hide or show by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All that is drawn of a series, by its name.
    Series(String),
    /// What there is to see from this step of an episode on.
    Step(usize),
    /// The ways of the agent, whole.
    Ways,
}

impl Part {
    pub(crate) fn series(name: &str) -> Self {
        Self::Series(series_name(name))
    }
}

/// What a series is called wherever its name stands for it: a line that a page shows and
/// does not obey.
pub(crate) fn series_name(name: &str) -> String {
    shown(name).replace(['\n', '\t'], " ")
}

/// Episodes in a drawing, step by step.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Motion {
    /// Steps of the longest one.
    pub(crate) steps: usize,
    /// The agent's places from the start of each episode on, where it has some.
    pub(crate) ways: Vec<Vec<Point>>,
}

/// A drawing of fixed size, white where nothing is drawn.
pub(crate) struct Canvas {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) items: Vec<Item>,
    /// The numbers of its charts.
    pub(crate) plots: Vec<Plot>,
    pub(crate) motion: Motion,
    part: Option<Part>,
}

impl Canvas {
    pub(crate) fn new(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            items: Vec::new(),
            plots: Vec::new(),
            motion: Motion::default(),
            part: None,
        }
    }

    /// What is drawn from here on is a part of, if of anything.
    pub(crate) fn belongs(&mut self, part: Option<Part>) {
        if self.part != part {
            self.items.push(Item::Part(part.clone()));
            self.part = part;
        }
    }

    /// Keeps the numbers of a chart that was drawn.
    pub(crate) fn keep(&mut self, plot: Plot) {
        self.belongs(None);
        self.plots.push(plot);
    }

    /// Draws a line through the points.
    pub(crate) fn line(&mut self, points: Vec<Point>, stroke: Stroke) {
        if points.len() > 1 {
            self.items.push(Item::Line(points, stroke));
        }
    }

    /// Fills a polygon.
    pub(crate) fn area(&mut self, points: Vec<Point>, color: Color, alpha: f64) {
        if points.len() > 2 {
            self.items.push(Item::Area(points, color, alpha));
        }
    }

    /// Fills a circle.
    pub(crate) fn dot(&mut self, centre: Point, radius: f64, color: Color) {
        self.items.push(Item::Dot(centre, radius, color));
    }

    pub(crate) fn text(&mut self, text: Text) {
        // A control character would make an SVG file unreadable.
        let text = Text {
            text: shown(&text.text),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_mix() {
        assert_eq!(
            Color(0, 100, 200).mix(Color(100, 0, 200), 0.5),
            Color(50, 50, 200)
        );
        assert_eq!(Color(0, 114, 178).hex(), "#0072b2");
    }
}
