//! Titles, axes, and the room for data.

use super::chart::{Axes, Chart, Ticks, Told};
use super::{INK, MUTED};
use crate::Result;
use crate::canvas::{Align, Canvas, Color, Point, Text};
use crate::font::Face;
use crate::layout::{Range, Scale};
use crate::text::fixed;
use rl_core::ticks;

/// Sizes of text, in pixels.
pub(super) const TITLE: f64 = 18.0;
pub(crate) const LABEL: f64 = 14.0;
pub(super) const TICK: f64 = 13.0;

/// Left edge of titles.
const EDGE: f64 = 14.0;

/// A line of text in the regular face.
pub(crate) fn text(place: Point, text: impl Into<String>, size: f64, color: Color) -> Text {
    Text {
        place,
        text: text.into(),
        size,
        face: Face::Regular,
        color,
        align: Align::Left,
    }
}

/// Writes title and subtitle; returns how far down they reach.
pub(crate) fn titles(canvas: &mut Canvas, title: &str, subtitle: &str) -> f64 {
    let room = f64::from(canvas.width) - 2.0 * EDGE;
    let mut bottom = 8.0;
    for (words, face, size, color) in [
        (title, Face::SemiBold, TITLE, INK),
        (subtitle, Face::Regular, LABEL, MUTED),
    ] {
        if words.is_empty() {
            continue;
        }
        for line in face.wrap(words, size, room) {
            bottom += 1.3 * size;
            let line = text((EDGE, bottom), line, size, color);
            canvas.text(Text { face, ..line });
        }
        bottom += 2.0;
    }
    bottom
}

/// What one axis is called, and how many ticks it should have.
pub(super) struct Axis<'a> {
    pub(super) name: &'a str,
    pub(super) ticks: usize,
    /// Numbers on the axis are values divided by this.
    pub(super) unit: f64,
    /// Whether values are whole numbers.
    pub(super) whole: bool,
}

impl Axis<'_> {
    /// What is measured along it, without the unit that its numbers alone are in.
    pub(super) fn quantity(&self) -> String {
        match self.name.split_once(" (") {
            Some((name, _)) if self.unit != 1.0 => name.to_string(),
            _ => self.name.to_string(),
        }
    }

    /// Values of the ticks and what is written at them.
    pub(super) fn ticks(&self, low: f64, high: f64) -> Ticks {
        let (values, decimals) = ticks(low / self.unit, high / self.unit, self.ticks);
        let values = values
            .into_iter()
            .filter(|value| !self.whole || value.fract() == 0.0);
        values
            .map(|value| (value * self.unit, fixed(value, decimals)))
            .collect()
    }

    /// How wide the widest tick's text is.
    pub(super) fn tick_width(&self, low: f64, high: f64) -> f64 {
        let widths = self.ticks(low, high).into_iter();
        widths
            .map(|(_, name)| Face::Regular.width(&name, TICK))
            .fold(0.0, f64::max)
    }
}

/// Two scales: the room that data are drawn in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) x: Scale,
    pub(crate) y: Scale,
}

impl Frame {
    pub(super) fn right(&self) -> f64 {
        self.x.pixels.1
    }

    pub(super) fn top(&self) -> f64 {
        self.y.pixels.1
    }

    pub(super) fn bottom(&self) -> f64 {
        self.y.pixels.0
    }
}

/// Everything of a single chart but its data.
pub(super) struct Plate<'a> {
    pub(super) title: &'a str,
    pub(super) subtitle: &'a str,
    pub(super) x_axis: Axis<'a>,
    pub(super) y_axis: Axis<'a>,
    pub(super) x: Range,
    pub(super) y: Range,
    /// Room for labels at the right.
    pub(super) room: f64,
}

impl Plate<'_> {
    /// Draws titles and axes.
    pub(super) fn draw<'a>(&self, canvas: &'a mut Canvas) -> Result<Chart<'a>> {
        let top = titles(canvas, self.title, self.subtitle) + 40.0;
        let Range { low, high } = self.y;
        let left = 24.0 + self.y_axis.tick_width(low, high);
        let frame = Frame {
            x: Scale {
                low: self.x.low,
                high: self.x.high,
                pixels: (left, f64::from(canvas.width) - self.room),
            },
            y: Scale {
                low,
                high,
                pixels: (f64::from(canvas.height) - 58.0, top),
            },
        };
        canvas.text(text((EDGE, top - 12.0), self.y_axis.name, TICK, MUTED));
        let axes = Axes {
            x: self.x_axis.ticks(self.x.low, self.x.high),
            x_name: self.x_axis.name,
            y: self.y_axis.ticks(low, high),
            told: Told {
                name: String::new(),
                x: self.x_axis.quantity(),
                y: self.y_axis.quantity(),
            },
        };
        Chart::new(canvas, frame, axes)
    }
}

/// The axis of environment steps up to `most`.
pub(super) fn steps_axis(most: f64, ticks: usize) -> Axis<'static> {
    let (name, unit) = match most {
        n if n >= 2e9 => ("Environment steps (billions)", 1e9),
        n if n >= 2e6 => ("Environment steps (millions)", 1e6),
        n if n >= 2e4 => ("Environment steps (thousands)", 1e3),
        _ => ("Environment steps", 1.0),
    };
    Axis {
        name,
        ticks,
        unit,
        whole: false,
    }
}
