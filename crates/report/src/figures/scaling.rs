//! Quantities against a number of samples, both in logarithms.

use super::frame::{Frame, LABEL, TICK, text, titles};
use super::labels::{self, Label};
use super::{AGENT, AXIS, GRID, INK, MUTED, OTHERS, WIDTH};
use crate::canvas::{Align, Canvas, Color, Stroke, Text};
use crate::font::Face;
use crate::layout::Scale;
use crate::picture::DrawnPicture;
use crate::{PNG_SCALE, Result};

/// Charts one below the other over the same axis of sample sizes, all of them
/// logarithmic.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// What the charts show, as a sentence.
    pub title: String,
    /// What was measured.
    pub subtitle: String,
    /// Name of the axis of sample sizes.
    pub samples: String,
    /// The charts.
    pub charts: Vec<ScalingChart>,
}

/// One quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalingChart {
    /// Its name, with the unit.
    pub name: String,
    /// The smallest value that has a place; what is below lies on the edge.
    pub least: f64,
    /// Lines in a fixed order: the same place has the same color in every
    /// chart. Six at most can be told apart.
    pub lines: Vec<ScalingLine>,
}

/// How one quantity depends on the number of samples.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalingLine {
    /// What it is of.
    pub name: String,
    /// Number of samples, value and standard error.
    pub points: Vec<(f64, f64, f64)>,
    /// The value for infinitely many samples, where it is known.
    pub limit: Option<f64>,
}

/// Height of a chart and what is left free above and below it.
const HEIGHT: f64 = 250.0;
const ABOVE: f64 = 40.0;
const BELOW: f64 = 58.0;
/// The column of infinitely many samples, in decades after the last one.
const INFINITY: f64 = 0.45;

/// Draws charts. Error bars are two standard errors to either side; a value
/// within two of them of 0 has a bar and no dot.
///
/// # Errors
/// If the drawing cannot be encoded.
pub fn draw_scaling(scaling: &Scaling) -> Result<DrawnPicture> {
    let canvas = canvas(scaling);
    Ok(DrawnPicture {
        svg: canvas.svg(),
        png: canvas.png(PNG_SCALE)?,
    })
}

pub(super) fn canvas(scaling: &Scaling) -> Canvas {
    let mut canvas = Canvas::new(WIDTH, 0);
    let mut top = titles(&mut canvas, &scaling.title, &scaling.subtitle);
    let labels: Vec<Vec<Label>> = scaling.charts.iter().map(labels_of).collect();
    let room = labels.iter().map(|labels| labels::room(labels));
    let room = room.fold(0.0, f64::max);
    let lines = || scaling.charts.iter().flat_map(|chart| &chart.lines);
    let sizes = || lines().flat_map(|line| line.points.iter().map(|point| point.0));
    let (least, most) = (
        sizes().fold(f64::MAX, f64::min),
        sizes().fold(1.0, f64::max),
    );
    let limit = lines().any(|line| line.limit.is_some());
    let after = if limit { INFINITY } else { 0.0 };
    for (chart, labels) in scaling.charts.iter().zip(&labels) {
        let (low, high) = range(chart);
        let frame = Frame {
            x: Scale {
                low: least.min(most).log10() - 0.05,
                high: most.log10() + after + 0.05,
                pixels: (58.0, f64::from(WIDTH) - room),
            },
            y: Scale {
                low,
                high,
                pixels: (top + ABOVE + HEIGHT, top + ABOVE),
            },
        };
        axes(&mut canvas, &frame, chart, scaling);
        if limit {
            let x = most.log10() + after;
            tick(&mut canvas, &frame, x, "∞");
        }
        for (index, line) in chart.lines.iter().enumerate().rev() {
            draw(
                &mut canvas,
                &frame,
                line,
                (color(index), most.log10() + after),
            );
        }
        labels::draw(&mut canvas, &frame, labels);
        top += ABOVE + HEIGHT + BELOW;
    }
    canvas.height = top.ceil() as u32;
    canvas
}

fn color(index: usize) -> Color {
    match index % (OTHERS.len() + 1) {
        0 => AGENT,
        index => OTHERS[index - 1],
    }
}

/// The logarithm of a value, that of the least one for what is below.
fn height(value: f64, least: f64) -> f64 {
    value.max(least).log10()
}

/// Logarithms of the ends of the y axis.
fn range(chart: &ScalingChart) -> (f64, f64) {
    let values = || {
        let points = chart.lines.iter().flat_map(|line| &line.points);
        let limits = chart.lines.iter().filter_map(|line| line.limit);
        let values = points.map(|point| point.1).chain(limits);
        values.map(|value| height(value, chart.least))
    };
    let low = values().fold(f64::MAX, f64::min);
    let high = values().fold(f64::MIN, f64::max);
    match low <= high {
        true => (low - 0.06, high + 0.1),
        false => (-1.0, 1.0),
    }
}

/// Values of 1, 2 and 5 times powers of ten, of which only the powers where
/// there would be too many.
fn marks(low: f64, high: f64) -> Vec<f64> {
    let steps: &[f64] = match high - low {
        wide if wide > 2.2 => &[1.0],
        _ => &[1.0, 2.0, 5.0],
    };
    let powers = low.floor() as i32..=high.ceil() as i32;
    let all = powers.flat_map(|power| steps.iter().map(move |step| step * 10.0_f64.powi(power)));
    all.filter(|mark| (low..=high).contains(&mark.log10()))
        .collect()
}

/// "0.01", "20", "1000"
fn number(value: f64) -> String {
    let decimals = (-value.log10().floor()).clamp(0.0, 12.0) as usize;
    format!("{value:.decimals$}")
}

fn tick(canvas: &mut Canvas, frame: &Frame, at: f64, name: &str) {
    let (x, bottom) = (frame.x.at(at), frame.bottom());
    canvas.line(vec![(x, bottom), (x, bottom + 5.0)], Stroke::new(AXIS, 1.0));
    let label = text((x, bottom + 7.0 + TICK), name, TICK, MUTED);
    let align = Align::Middle;
    canvas.text(Text { align, ..label });
}

fn axes(canvas: &mut Canvas, frame: &Frame, chart: &ScalingChart, scaling: &Scaling) {
    let (left, right) = frame.x.pixels;
    for mark in marks(frame.y.low, frame.y.high) {
        let y = frame.y.at(mark.log10());
        canvas.line(vec![(left, y), (right, y)], Stroke::new(GRID, 1.0));
        let label = text((left - 8.0, y + 0.36 * TICK), number(mark), TICK, MUTED);
        let align = Align::Right;
        canvas.text(Text { align, ..label });
    }
    let corner = vec![
        (left, frame.top()),
        (left, frame.bottom()),
        (right, frame.bottom()),
    ];
    canvas.line(corner, Stroke::new(AXIS, 1.0));
    let name = text((14.0, frame.top() - 12.0), &*chart.name, LABEL, INK);
    let face = Face::SemiBold;
    canvas.text(Text { face, ..name });
    let points = chart.lines.iter().flat_map(|line| &line.points);
    let mut sizes: Vec<f64> = points.map(|point| point.0).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    for size in sizes {
        tick(canvas, frame, size.log10(), &number(size));
    }
    let place = (0.5 * (left + right), frame.bottom() + 12.0 + 2.4 * TICK);
    let name = text(place, &*scaling.samples, TICK, MUTED);
    let align = Align::Middle;
    canvas.text(Text { align, ..name });
}

fn draw(canvas: &mut Canvas, frame: &Frame, line: &ScalingLine, (color, infinity): (Color, f64)) {
    let least = 10.0_f64.powf(frame.y.low);
    let at = |x: f64, value: f64| (frame.x.at(x), frame.y.at(height(value, least)));
    let stroke = Stroke::new(color, 2.0);
    let points = line.points.iter();
    let known = points.filter(|(_, value, error)| *value >= 2.0 * error);
    let places: Vec<_> = known.map(|(n, value, _)| at(n.log10(), *value)).collect();
    if let (Some(last), Some(limit)) = (places.last(), line.limit) {
        let dashed = Stroke {
            dashed: true,
            ..Stroke::new(color, 1.6)
        };
        let end = at(infinity, limit);
        canvas.line(vec![*last, end], dashed);
        canvas.dot(end, 3.5, color);
    }
    canvas.line(places.clone(), stroke);
    places
        .iter()
        .for_each(|place| canvas.dot(*place, 3.5, color));
    let highest = 10.0_f64.powf(frame.y.high);
    for (n, value, error) in line.points.iter().filter(|point| point.2 > 0.0) {
        let ends = [value - 2.0 * error, (value + 2.0 * error).min(highest)];
        let [low, high] = ends.map(|end| at(n.log10(), end));
        canvas.line(vec![low, high], Stroke::new(color, 1.4));
        // No dot: a bound from above.
        if *value < 2.0 * error {
            let cap = vec![(high.0 - 4.0, high.1), (high.0 + 4.0, high.1)];
            canvas.line(cap, Stroke::new(color, 1.4));
        }
    }
}

/// A line's name beside its end.
fn labels_of(chart: &ScalingChart) -> Vec<Label> {
    let label = |(index, line): (usize, &ScalingLine)| {
        let value = line.limit.or(line.points.last().map(|point| point.1))?;
        Some(Label {
            name: line.name.clone(),
            number: String::new(),
            value: height(value, chart.least),
            color: color(index),
            strong: false,
        })
    };
    chart.lines.iter().enumerate().filter_map(label).collect()
}

#[cfg(test)]
#[path = "scaling_tests.rs"]
mod tests;
