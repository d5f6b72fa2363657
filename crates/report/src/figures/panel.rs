//! Small charts side by side.

use super::chart::{Axes, Chart, Ticks, Told};
use super::frame::{Axis, Frame, TICK, text, titles};
use super::{INK, WIDTH};
use crate::Result;
use crate::canvas::{Canvas, Text};
use crate::font::Face;
use crate::layout::{Range, Scale};

/// As many as there are side by side.
const COLUMNS: usize = 3;

const HEIGHT: f64 = 118.0;
/// Above a panel: its name; below the last row: ticks and the axis's name.
const NAME_ROOM: f64 = 40.0;
const AXIS_ROOM: f64 = 58.0;

/// Left edge of the first one.
const EDGE: f64 = 14.0;

/// Where so many panels are.
pub(super) struct Panels {
    top: f64,
    count: usize,
}

/// Where one of them is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    left: f64,
    top: f64,
    /// With the room to the next one.
    width: f64,
}

impl Panels {
    /// Below a title and a subtitle.
    pub(super) fn below(title: &str, subtitle: &str, count: usize) -> Self {
        let mut header = Canvas::new(WIDTH, 1);
        let top = titles(&mut header, title, subtitle) + 2.0;
        Self { top, count }
    }

    /// How many are side by side.
    pub(super) fn columns(&self) -> usize {
        self.count.clamp(1, COLUMNS)
    }

    /// The height of the figure.
    pub(super) fn height(&self) -> u32 {
        let rows = self.count.div_ceil(self.columns()) as f64;
        (self.top + rows * (HEIGHT + NAME_ROOM) + AXIS_ROOM).ceil() as u32
    }

    /// Where a panel is: all of a row have the same width.
    pub(super) fn place(&self, index: usize) -> Place {
        let (column, row) = (index % self.columns(), index / self.columns());
        let width = (f64::from(WIDTH) - EDGE) / self.columns() as f64;
        Place {
            left: EDGE + column as f64 * width,
            top: self.top + row as f64 * (HEIGHT + NAME_ROOM),
            width,
        }
    }
}

/// Everything of a small chart but its data.
pub(super) struct Panel<'a> {
    pub(super) name: &'a str,
    pub(super) y: Range,
    /// Numbers at the y axis are values divided by this.
    pub(super) unit: f64,
    /// The largest value on the x axis, which begins at 0.
    pub(super) x_high: f64,
    /// `None` where a panel below has it.
    pub(super) x_axis: Option<Axis<'a>>,
}

impl Panel<'_> {
    /// Draws name and axes.
    pub(super) fn draw<'a>(
        &self,
        canvas: &'a mut Canvas,
        Place { left, top, width }: Place,
    ) -> Result<Chart<'a>> {
        let Range { low, high } = self.y;
        let y_axis = Axis {
            name: "",
            ticks: 3,
            unit: self.unit,
            whole: false,
        };
        let numbers = y_axis.tick_width(low, high).max(34.0);
        let frame = Frame {
            x: Scale {
                low: 0.0,
                high: self.x_high,
                pixels: (left + numbers + 12.0, left + width - 18.0),
            },
            y: Scale {
                low,
                high,
                pixels: (top + NAME_ROOM + HEIGHT, top + NAME_ROOM),
            },
        };
        let title = text((left, top + NAME_ROOM - 11.0), self.name, TICK, INK);
        canvas.text(Text {
            face: Face::SemiBold,
            ..title
        });
        let (x, x_name) = match &self.x_axis {
            None => (Ticks::new(), ""),
            Some(axis) => (axis.ticks(0.0, self.x_high), axis.name),
        };
        let named = Axis {
            name: self.name,
            ..y_axis
        };
        let told = Told {
            name: named.quantity(),
            x: self.x_axis.as_ref().map_or(String::new(), Axis::quantity),
            y: named.quantity(),
        };
        let y = named.ticks(low, high);
        let axes = Axes { x, x_name, y, told };
        Chart::new(canvas, frame, axes)
    }
}
