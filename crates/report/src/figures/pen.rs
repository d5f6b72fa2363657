//! A canvas as what plotters draws on.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use plotters::style::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

use crate::canvas::{Align, Canvas, Color, Part, Point, Stroke, Text};
use crate::font::Face;

/// Plotters counts in whole numbers, so it is given tenths of a pixel.
const TENTHS: f64 = 10.0;

/// A length as plotters counts it.
pub(super) fn tenths(pixels: f64) -> i32 {
    (TENTHS * pixels).round() as i32
}

fn pixels((x, y): BackendCoord) -> Point {
    (f64::from(x) / TENTHS, f64::from(y) / TENTHS)
}

fn color(of: BackendColor) -> Color {
    let (red, green, blue) = of.rgb;
    Color(red, green, blue)
}

/// Puts on a canvas what plotters draws.
pub(super) struct Pen<'a> {
    canvas: &'a mut Canvas,
    /// What is being drawn, as whoever gave the pen away says.
    part: Rc<RefCell<Option<Part>>>,
}

impl<'a> Pen<'a> {
    pub(super) fn new(canvas: &'a mut Canvas, part: Rc<RefCell<Option<Part>>>) -> Self {
        Self { canvas, part }
    }

    fn canvas(&mut self) -> &mut Canvas {
        self.canvas.belongs(self.part.borrow().clone());
        self.canvas
    }
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl DrawingBackend for Pen<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (
            TENTHS as u32 * self.canvas.width,
            TENTHS as u32 * self.canvas.height,
        )
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        let corners = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)];
        self.fill_polygon(corners, &color)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let stroke = Stroke {
            color: color(style.color()),
            alpha: style.color().alpha,
            width: f64::from(style.stroke_width()) / TENTHS,
        };
        self.canvas()
            .line(path.into_iter().map(pixels).collect(), stroke);
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        centre: BackendCoord,
        radius: u32,
        style: &S,
        _fill: bool,
    ) -> Drawn {
        let radius = f64::from(radius) / TENTHS;
        self.canvas()
            .dot(pixels(centre), radius, color(style.color()));
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Drawn {
        let corners = corners.into_iter().map(pixels).collect();
        let alpha = style.color().alpha;
        self.canvas().area(corners, color(style.color()), alpha);
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        place: BackendCoord,
    ) -> Drawn {
        let size = style.size() / TENTHS;
        let (x, y) = pixels(place);
        // From the anchor to the baseline: digits are 0.73 em high.
        let down = match style.anchor().v_pos {
            VPos::Top => 0.73,
            VPos::Center => 0.36,
            VPos::Bottom => 0.0,
        };
        self.canvas().text(Text {
            place: (x, y + down * size),
            text: text.to_string(),
            size,
            face: Face::Regular,
            color: color(style.color()),
            align: match style.anchor().h_pos {
                HPos::Left => Align::Left,
                HPos::Center => Align::Middle,
                HPos::Right => Align::Right,
            },
        });
        Ok(())
    }
}
