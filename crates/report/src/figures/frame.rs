//! Titles, axes and grid.

use super::{AXIS, GRID, INK, MUTED};
use crate::canvas::{Align, Canvas, Color, Point, Stroke, Text};
use crate::curve::{Band, Curve};
use crate::font::Face;
use crate::layout::{Range, Scale, clip, ticks};
use crate::stats::Estimate;
use crate::text::fixed;

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
    /// Values of the ticks and what is written at them.
    pub(super) fn ticks(&self, low: f64, high: f64) -> Vec<(f64, String)> {
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
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) x: Scale,
    pub(super) y: Scale,
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

    /// Horizontal grid lines with their values, the frame's left and lower
    /// edges, and the name of the y axis on top of it.
    pub(super) fn draw_y(&self, canvas: &mut Canvas, axis: &Axis<'_>) {
        let (left, right) = self.x.pixels;
        for (value, name) in axis.ticks(self.y.low, self.y.high) {
            let y = self.y.at(value);
            canvas.line(vec![(left, y), (right, y)], Stroke::new(GRID, 1.0));
            let label = text((left - 8.0, y + 0.36 * TICK), name, TICK, MUTED);
            let align = Align::Right;
            canvas.text(Text { align, ..label });
        }
        let corner = [
            (left, self.top()),
            (left, self.bottom()),
            (right, self.bottom()),
        ];
        canvas.line(corner.to_vec(), Stroke::new(AXIS, 1.0));
        if !axis.name.is_empty() {
            canvas.text(text((EDGE, self.top() - 12.0), axis.name, TICK, MUTED));
        }
    }

    /// Ticks below the frame and the name of the x axis.
    pub(super) fn draw_x(&self, canvas: &mut Canvas, axis: &Axis<'_>) {
        let (left, right) = self.x.pixels;
        let bottom = self.bottom();
        let align = Align::Middle;
        for (value, name) in axis.ticks(self.x.low, self.x.high) {
            let x = self.x.at(value);
            canvas.line(vec![(x, bottom), (x, bottom + 5.0)], Stroke::new(AXIS, 1.0));
            let label = text((x, bottom + 7.0 + TICK), name, TICK, MUTED);
            canvas.text(Text { align, ..label });
        }
        let place = (0.5 * (left + right), bottom + 12.0 + 2.4 * TICK);
        let name = text(place, axis.name, TICK, MUTED);
        canvas.text(Text { align, ..name });
    }

    /// Draws a line of values, cut at the frame's upper and lower edge.
    pub(super) fn draw_line(&self, canvas: &mut Canvas, values: &[Point], stroke: Stroke) {
        for part in clip(values, self.y.low, self.y.high) {
            let points = part.into_iter().map(|(x, y)| (self.x.at(x), self.y.at(y)));
            canvas.line(points.collect(), stroke);
        }
    }

    /// Fills what lies between the ends of intervals; values without one are
    /// left out.
    pub(super) fn draw_band(&self, canvas: &mut Canvas, values: &[(f64, Estimate)], color: Color) {
        let place = |x: f64, y: f64| (self.x.at(x), self.y.at(y.clamp(self.y.low, self.y.high)));
        let known = |(x, y): &(f64, Estimate)| Some((*x, y.interval()?));
        let ends: Vec<(f64, [f64; 2])> = values.iter().filter_map(known).collect();
        let lower = ends.iter().map(|(x, [low, _])| place(*x, *low));
        let upper = ends.iter().rev().map(|(x, [_, high])| place(*x, *high));
        canvas.area(lower.chain(upper).collect(), color, 0.18);
    }

    /// Draws a single measurement: a point with its interval.
    pub(super) fn draw_measured(
        &self,
        canvas: &mut Canvas,
        x: f64,
        value: Estimate,
        stroke: Stroke,
    ) {
        let at = |y: f64| self.y.at(y.clamp(self.y.low, self.y.high));
        let x = self.x.at(x);
        if let Some(ends) = value.interval() {
            canvas.line(ends.map(|end| (x, at(end))).to_vec(), stroke);
            // An end outside of the frame has no bar.
            for end in ends.into_iter().filter(|end| self.y.holds(*end)) {
                canvas.line(vec![(x - 4.0, at(end)), (x + 4.0, at(end))], stroke);
            }
        }
        if self.y.holds(value.mean) {
            canvas.dot((x, self.y.at(value.mean)), 4.0, stroke.color);
        }
    }

    /// Draws a curve over training: band, single seeds, mean.
    pub(super) fn draw_curve(&self, canvas: &mut Canvas, curve: &Curve, stroke: Stroke) {
        let band: Vec<_> = curve.mean.iter().map(|m| (m.x, m.y)).collect();
        if curve.band != Band::None {
            self.draw_band(canvas, &band, stroke.color);
        }
        if curve.seeds.len() > 1 {
            for seed in &curve.seeds {
                let thin = Stroke {
                    alpha: 0.4,
                    ..Stroke::new(stroke.color, 0.9)
                };
                self.draw_line(canvas, seed, thin);
            }
        }
        let mean: Vec<Point> = curve.mean.iter().map(|m| (m.x, m.y.mean)).collect();
        self.draw_line(canvas, &mean, stroke);
        if let [(x, y)] = mean[..]
            && self.y.holds(y)
        {
            canvas.dot(
                (self.x.at(x), self.y.at(y)),
                1.5 * stroke.width,
                stroke.color,
            );
        }
    }
}

/// Everything of a single chart but its data.
pub(super) struct Plate<'a> {
    pub(super) title: &'a str,
    pub(super) subtitle: &'a str,
    pub(super) x_axis: Axis<'a>,
    pub(super) y_axis: Axis<'a>,
    /// The largest value on the x axis, which begins at 0.
    pub(super) x_high: f64,
    pub(super) y: Range,
    /// Room for labels at the right.
    pub(super) room: f64,
}

impl Plate<'_> {
    /// Draws titles and axes; returns the frame for the data.
    pub(super) fn draw(&self, canvas: &mut Canvas) -> Frame {
        let top = titles(canvas, self.title, self.subtitle) + 40.0;
        let Range { low, high } = self.y;
        let left = 24.0 + self.y_axis.tick_width(low, high);
        let frame = Frame {
            x: Scale {
                low: 0.0,
                high: self.x_high,
                pixels: (left, f64::from(canvas.width) - self.room),
            },
            y: Scale {
                low,
                high,
                pixels: (f64::from(canvas.height) - 58.0, top),
            },
        };
        frame.draw_y(canvas, &self.y_axis);
        frame.draw_x(canvas, &self.x_axis);
        frame
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
