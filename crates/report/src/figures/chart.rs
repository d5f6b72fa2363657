//! Charts: plotters with axes of our own.

use std::cell::RefCell;
use std::iter::once;
use std::ops::Range;
use std::rc::Rc;

use plotters::chart::{ChartBuilder, ChartContext, LabelAreaPosition};
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{
    KeyPointHint, KeyPointWeight, NoDefaultFormatting, Ranged, ValueFormatter,
};
use plotters::drawing::DrawingArea;
use plotters::element::{Circle, EmptyElement, PathElement, Polygon};
use plotters::series::{DashedLineSeries, LineSeries};
use plotters::style::{RGBAColor, ShapeStyle};

use super::frame::{Frame, TICK};
use super::pen::{Pen, tenths};
use super::{AXIS, GRID, Line, MUTED};
use crate::canvas::{Canvas, Color, Part, Point, Stroke};
use crate::curve::{Band, Curve};
use crate::font::FAMILY;
use crate::layout::{self, Scale, clip};
use crate::numbers::{Plot, Series, Value};
use crate::stats::Estimate;
use crate::{ReportError, Result};

/// Room for the numbers beside the y axis, and below the x axis for its numbers
/// and name.
const Y_LABELS: f64 = 8.0;
const X_LABELS: f64 = 44.0;

/// Values of an axis and what is written at them.
pub(super) type Ticks = Vec<(f64, String)>;

/// What is written at the axes of a chart.
pub(super) struct Axes<'a> {
    pub(super) x: Ticks,
    /// The name of the x axis; that of the y axis is not plotters' to write,
    /// which would turn it by 90 degrees.
    pub(super) x_name: &'a str,
    pub(super) y: Ticks,
    pub(super) told: Told,
}

/// What a chart and the quantities of its axes are called where its numbers are told;
/// empty where they are not.
#[derive(Default)]
pub(super) struct Told {
    /// Empty where a figure has one chart alone.
    pub(super) name: String,
    pub(super) x: String,
    pub(super) y: String,
}

/// A chart on a canvas. Values outside its frame are cut off.
pub(super) struct Chart<'a> {
    plot: ChartContext<'a, Pen<'a>, Cartesian2d<Ticked, Ticked>>,
    frame: Frame,
    numbers: Plot,
    /// What the pen draws.
    part: Rc<RefCell<Option<Part>>>,
}

impl<'a> Chart<'a> {
    /// Draws the axes and the grid.
    pub(super) fn new(canvas: &'a mut Canvas, frame: Frame, axes: Axes<'_>) -> Result<Self> {
        let size = (f64::from(canvas.width), f64::from(canvas.height));
        let part = Rc::new(RefCell::new(None));
        let area = DrawingArea::from(Pen::new(canvas, Rc::clone(&part)));
        let axis = |(low, high), ticks| Ticked { low, high, ticks };
        let mut plot = ChartBuilder::on(&area)
            .margin_top(tenths(frame.top()))
            .margin_right(tenths(size.0 - frame.right()))
            .margin_bottom(tenths(size.1 - frame.bottom() - X_LABELS))
            .margin_left(tenths(frame.x.pixels.0 - Y_LABELS))
            .x_label_area_size(tenths(X_LABELS))
            .y_label_area_size(tenths(Y_LABELS))
            .build_cartesian_2d(
                axis((frame.x.low, frame.x.high), axes.x),
                axis((frame.y.low, frame.y.high), axes.y),
            )
            .map_err(failed)?;
        let (muted, mut mesh) = (rgba(MUTED, 1.0), plot.configure_mesh());
        mesh.disable_x_mesh()
            .bold_line_style(shape(Stroke::new(GRID, 1.0)))
            .axis_style(shape(Stroke::new(AXIS, 1.0)))
            .label_style((FAMILY, tenths(TICK), &muted))
            .set_tick_mark_size(LabelAreaPosition::Bottom, tenths(5.0))
            .set_tick_mark_size(LabelAreaPosition::Left, tenths(Y_LABELS / 2.0));
        if !axes.x_name.is_empty() {
            mesh.x_desc(axes.x_name);
        }
        mesh.draw().map_err(failed)?;
        let Told { name, x, y } = axes.told;
        Ok(Self {
            plot,
            frame,
            numbers: Plot::new(name, [x, y], frame),
            part,
        })
    }

    /// What is drawn from here on is of a series, whose values these are.
    pub(super) fn series(&mut self, name: &str, color: Color, values: Vec<Value>) {
        self.numbers.take(Series::new(name, color, values));
        self.draws(name);
    }

    fn draws(&self, name: &str) {
        *self.part.borrow_mut() = Some(Part::series(name));
    }

    /// The numbers of the chart and where it is: nothing more is drawn in it.
    pub(super) fn finish(self) -> Plot {
        self.numbers
    }

    /// The values that are within the frame.
    pub(super) fn values(&self) -> layout::Range {
        let Scale { low, high, .. } = self.frame.y;
        layout::Range { low, high }
    }

    /// Whether a value is within the frame.
    pub(super) fn holds(&self, value: f64) -> bool {
        self.frame.y.holds(value)
    }

    /// Draws a line through values.
    pub(super) fn line(&mut self, values: &[Point], line: Line) -> Result<()> {
        let style = shape(line.stroke);
        for part in clip(values, self.frame.y.low, self.frame.y.high) {
            let drawn = match line.dashed {
                false => self.plot.draw_series(LineSeries::new(part, style)),
                true => {
                    let [dash, gap] = [3.2, 2.4].map(|widths| tenths(widths * line.stroke.width));
                    let dashes = DashedLineSeries::new(part, dash, gap, style);
                    self.plot.draw_series(dashes)
                }
            };
            drawn.map_err(failed)?;
        }
        Ok(())
    }

    /// Draws a dot; none outside the frame.
    pub(super) fn dot(&mut self, (x, y): Point, radius: f64, color: Color) -> Result<()> {
        let style = shape(Stroke::new(color, 0.0));
        let dot = self
            .holds(y)
            .then(|| Circle::new((x, y), tenths(radius), style));
        self.plot.draw_series(dot).map_err(failed)?;
        Ok(())
    }

    /// Fills what lies between the ends of intervals; values without one are
    /// left out.
    pub(super) fn band(&mut self, values: &[(f64, Estimate)], color: Color) -> Result<()> {
        let known = |(x, y): &(f64, Estimate)| Some((*x, y.interval()?));
        self.ribbon(values.iter().filter_map(known).collect(), color)
    }

    /// Fills what lies between two lines.
    pub(super) fn ribbon(&mut self, mut ends: Vec<(f64, [f64; 2])>, color: Color) -> Result<()> {
        let (low, high) = (self.frame.y.low, self.frame.y.high);
        for (_, ends) in &mut ends {
            *ends = ends.map(|end| end.clamp(low, high));
        }
        let lower = ends.iter().map(|(x, [low, _])| (*x, *low));
        let upper = ends.iter().rev().map(|(x, [_, high])| (*x, *high));
        let corners: Vec<Point> = lower.chain(upper).collect();
        let band = Polygon::new(corners, rgba(color, 0.18));
        self.plot.draw_series(once(band)).map_err(failed)?;
        Ok(())
    }

    /// Draws an interval as a bar, with caps at those ends that are within the
    /// frame and asked for.
    pub(super) fn bar(
        &mut self,
        x: f64,
        ends: [f64; 2],
        caps: &[f64],
        stroke: Stroke,
    ) -> Result<()> {
        let (low, high) = (self.frame.y.low, self.frame.y.high);
        let bar = ends.map(|end| (x, end.clamp(low, high))).to_vec();
        let bar = once(PathElement::new(bar, shape(stroke)));
        self.plot.draw_series(bar).map_err(failed)?;
        let half = tenths(4.0);
        let cap = |end: &f64| {
            let cap = PathElement::new(vec![(-half, 0), (half, 0)], shape(stroke));
            EmptyElement::at((x, *end)) + cap
        };
        let caps = caps.iter().filter(|end| self.frame.y.holds(**end)).map(cap);
        self.plot.draw_series(caps).map_err(failed)?;
        Ok(())
    }

    /// Draws a single measurement: a point with its interval.
    pub(super) fn measured(&mut self, x: f64, value: Estimate, stroke: Stroke) -> Result<()> {
        if let Some(ends) = value.interval() {
            self.bar(x, ends, &ends, stroke)?;
        }
        self.dot((x, value.mean), 4.0, stroke.color)
    }

    /// Draws a curve over training: band, single seeds, mean.
    pub(super) fn curve(&mut self, name: &str, curve: &Curve, stroke: Stroke) -> Result<()> {
        self.series(name, stroke.color, Value::of_curve(curve));
        if curve.band != Band::None {
            let band: Vec<_> = curve.mean.iter().map(|m| (m.x, m.y)).collect();
            self.band(&band, stroke.color)?;
        }
        if curve.seeds.len() > 1 {
            let thin = Stroke {
                alpha: 0.4,
                ..Stroke::new(stroke.color, 0.9)
            };
            let group = format!("{name}: single seeds");
            self.draws(&group);
            for (number, seed) in curve.seeds.iter().enumerate() {
                let values = seed.iter().map(|(x, y)| Value::exact(*x, *y)).collect();
                let own = Series::new(&format!("{name} run {}", number + 1), thin.color, values);
                self.numbers.take(own.of_group(&group));
                self.line(seed, Line::solid(thin))?;
            }
            self.draws(name);
        }
        let mean: Vec<Point> = curve.mean.iter().map(|m| (m.x, m.y.mean)).collect();
        match mean[..] {
            [only] => self.dot(only, 1.5 * stroke.width, stroke.color),
            _ => self.line(&mean, Line::solid(stroke)),
        }
    }
}

/// An axis as plotters asks for it. Its ticks are those of the figure, which are
/// round in the unit that it is read in.
struct Ticked {
    low: f64,
    high: f64,
    ticks: Ticks,
}

impl Ranged for Ticked {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let part = (value - self.low) / (self.high - self.low);
        from + (part * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        match hint.weight() {
            KeyPointWeight::Bold => self.ticks.iter().map(|(value, _)| *value).collect(),
            KeyPointWeight::Any => Vec::new(),
        }
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Ticked {
    fn format_ext(&self, value: &f64) -> String {
        let tick = self.ticks.iter().find(|(at, _)| at == value);
        tick.map_or(String::new(), |(_, name)| name.clone())
    }
}

fn rgba(Color(red, green, blue): Color, alpha: f64) -> RGBAColor {
    RGBAColor(red, green, blue, alpha)
}

fn shape(stroke: Stroke) -> ShapeStyle {
    ShapeStyle {
        color: rgba(stroke.color, stroke.alpha),
        filled: true,
        stroke_width: tenths(stroke.width).unsigned_abs(),
    }
}

fn failed(error: impl std::error::Error) -> ReportError {
    ReportError::Draw(error.to_string())
}
