//! Quantities against a number of samples in logarithms.

use super::chart::{Axes, Chart, Ticks, Told};
use super::frame::{Frame, LABEL, text, titles};
use super::labels::{self, Label};
use super::{AGENT, INK, Line, OTHERS, WIDTH};
use crate::canvas::{Canvas, Color, Stroke, Text};
use crate::font::Face;
use crate::layout::{Range, Scale};
use crate::picture::DrawnPicture;
use crate::{PNG_SCALE, Result};

/// Charts one below the other over the same logarithmic axis of sample sizes.
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
    /// The axis of the quantity.
    pub axis: ScalingAxis,
    /// Lines in a fixed order: the same place has the same color in every
    /// chart. Six at most can be told apart.
    pub lines: Vec<ScalingLine>,
}

/// The axis of a quantity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScalingAxis {
    /// Logarithmic; what is below the least value lies on the edge.
    Logarithmic {
        /// That value.
        least: f64,
    },
    /// From one value to another; what is beyond lies on the edge.
    Linear {
        /// The lower one.
        low: f64,
        /// The upper one.
        high: f64,
    },
}

impl ScalingAxis {
    /// Where a value lies.
    fn place(self, value: f64) -> f64 {
        match self {
            Self::Logarithmic { least } => value.max(least).log10(),
            Self::Linear { low, high } => value.clamp(low, high),
        }
    }

    /// Whether a value with such an error has a dot: on a logarithmic axis, one that is
    /// not within two of them of 0.
    fn is_known(self, value: f64, error: f64) -> bool {
        match self {
            Self::Logarithmic { .. } => value >= 2.0 * error,
            Self::Linear { .. } => value.is_finite(),
        }
    }
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

/// Draws charts. Error bars are two standard errors to either side; on a logarithmic
/// axis a value within two of them of 0 has a bar and no dot.
///
/// # Errors
/// If the drawing cannot be encoded.
pub fn draw_scaling(scaling: &Scaling) -> Result<DrawnPicture> {
    let canvas = canvas(scaling)?;
    Ok(DrawnPicture {
        svg: canvas.svg(),
        png: canvas.png(PNG_SCALE)?,
    })
}

pub(super) fn canvas(scaling: &Scaling) -> Result<Canvas> {
    let mut canvas = Canvas::new(WIDTH, 0);
    let mut top = titles(&mut canvas, &scaling.title, &scaling.subtitle);
    let below = scaling.charts.len() as f64 * (ABOVE + HEIGHT + BELOW);
    canvas.height = (top + below).ceil() as u32;
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
        let name = text((14.0, frame.top() - 12.0), &*chart.name, LABEL, INK);
        let face = Face::SemiBold;
        canvas.text(Text { face, ..name });
        let infinity = limit.then(|| most.log10() + after);
        let axes = Axes {
            x: size_ticks(chart, infinity),
            x_name: &scaling.samples,
            y: value_ticks(chart.axis, (low, high)),
            told: Told::default(),
        };
        let mut plot = Chart::new(&mut canvas, frame, axes)?;
        for (index, line) in chart.lines.iter().enumerate().rev() {
            draw(&mut plot, (line, chart.axis), color(index), infinity)?;
        }
        let frame = plot.finish().frame;
        labels::draw(&mut canvas, &frame, labels);
        top += ABOVE + HEIGHT + BELOW;
    }
    Ok(canvas)
}

pub(super) fn color(index: usize) -> Color {
    match index % (OTHERS.len() + 1) {
        0 => AGENT,
        index => OTHERS[index - 1],
    }
}

/// Where the ends of the y axis lie.
fn range(chart: &ScalingChart) -> (f64, f64) {
    if let ScalingAxis::Linear { low, high } = chart.axis {
        let beyond = 0.04 * (high - low);
        return (low - beyond, high + beyond);
    }
    let values = || {
        let points = chart.lines.iter().flat_map(|line| &line.points);
        let limits = chart.lines.iter().filter_map(|line| line.limit);
        let values = points.map(|point| point.1).chain(limits);
        values.map(|value| chart.axis.place(value))
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
pub(super) fn marks(low: f64, high: f64) -> Vec<f64> {
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

/// Ticks of a linear axis.
const TICKS: usize = 5;

fn value_ticks(axis: ScalingAxis, (low, high): (f64, f64)) -> Ticks {
    if let ScalingAxis::Linear { low, high } = axis {
        let at = |tick: usize| low + (high - low) * tick as f64 / TICKS as f64;
        return (0..=TICKS)
            .map(|tick| (at(tick), format!("{}", at(tick))))
            .collect();
    }
    let marks = marks(low, high).into_iter();
    marks.map(|mark| (mark.log10(), number(mark))).collect()
}

/// The numbers of samples that were measured, and infinity where it has a column.
fn size_ticks(chart: &ScalingChart, infinity: Option<f64>) -> Ticks {
    let points = chart.lines.iter().flat_map(|line| &line.points);
    let mut sizes: Vec<f64> = points.map(|point| point.0).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    let ticks = sizes.into_iter().map(|size| (size.log10(), number(size)));
    let infinity = infinity.map(|at| (at, "∞".to_string()));
    ticks.chain(infinity).collect()
}

fn draw(
    plot: &mut Chart<'_>,
    (line, axis): (&ScalingLine, ScalingAxis),
    color: Color,
    infinity: Option<f64>,
) -> Result<()> {
    let Range { low, high } = plot.values();
    let log = |value: f64| match axis {
        ScalingAxis::Logarithmic { .. } => value.log10().max(low),
        ScalingAxis::Linear { .. } => axis.place(value),
    };
    let points = line.points.iter();
    let known = points.filter(|(_, value, error)| axis.is_known(*value, *error));
    let places: Vec<_> = known
        .map(|(n, value, _)| (n.log10(), log(*value)))
        .collect();
    if let (Some(last), Some(limit), Some(infinity)) = (places.last(), line.limit, infinity) {
        let end = (infinity, log(limit));
        plot.line(&[*last, end], Line::dashed(Stroke::new(color, 1.6)))?;
        plot.dot(end, 3.5, color)?;
    }
    plot.line(&places, Line::solid(Stroke::new(color, 2.0)))?;
    for place in places {
        plot.dot(place, 3.5, color)?;
    }
    for (n, value, error) in line.points.iter().filter(|point| point.2 > 0.0) {
        let ends = [value - 2.0 * error, value + 2.0 * error].map(|end| log(end).min(high));
        // No dot: a bound from above.
        let caps = match axis.is_known(*value, *error) {
            true => &[],
            false => &ends[1..],
        };
        plot.bar(n.log10(), ends, caps, Stroke::new(color, 1.4))?;
    }
    Ok(())
}

/// A line's name beside its end.
fn labels_of(chart: &ScalingChart) -> Vec<Label> {
    let label = |(index, line): (usize, &ScalingLine)| {
        let value = line.limit.or(line.points.last().map(|point| point.1))?;
        Some(Label {
            name: line.name.clone(),
            number: String::new(),
            value: chart.axis.place(value),
            color: color(index),
            strong: false,
        })
    };
    chart.lines.iter().enumerate().filter_map(label).collect()
}

#[cfg(test)]
#[path = "scaling_tests.rs"]
mod tests;
