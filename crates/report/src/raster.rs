//! Exact anti-aliasing for plotters' bitmaps.
//!
//! Plotters draws wide lines on whole pixels and places letters without their
//! side bearings. This backend computes how much of each pixel a shape covers,
//! and leaves the pixels themselves to plotters.

use ab_glyph::OutlineCurve;
use ab_glyph_rasterizer::{Rasterizer, point};
use plotters::backend::{BitMapBackend, DrawingBackend};
use plotters_backend::text_anchor::HPos;
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind, FontStyle,
};

use crate::canvas::Point;
use crate::font::Face;
use crate::render::lettering;

/// A bitmap whose coordinates are finer than its pixels.
pub(crate) struct Smooth<'a> {
    bitmap: BitMapBackend<'a>,
    size: (u32, u32),
    /// Pixels per coordinate.
    scale: f64,
}

type Drawn<B> = Result<(), DrawingErrorKind<<B as DrawingBackend>::ErrorType>>;

impl<'a> Smooth<'a> {
    /// Draws on a bitmap with coordinates up to `size`, each `scale` pixels.
    pub(crate) fn new(bitmap: BitMapBackend<'a>, size: (u32, u32), scale: f64) -> Self {
        Self {
            bitmap,
            size,
            scale,
        }
    }

    fn pixels(&self, (x, y): BackendCoord) -> Point {
        (self.scale * f64::from(x), self.scale * f64::from(y))
    }

    /// Blends a color into the pixels under a mask.
    fn blend(&mut self, mask: &Mask, color: BackendColor) -> Drawn<Self> {
        for (index, coverage) in mask.coverage.iter().enumerate() {
            if *coverage > 0.0 {
                let (x, y) = (index % mask.width, index / mask.width);
                let place = (mask.left + x as i32, mask.top + y as i32);
                let alpha = color.alpha * f64::from(coverage.min(1.0));
                self.bitmap
                    .draw_pixel(place, BackendColor { alpha, ..color })?;
            }
        }
        Ok(())
    }
}

impl DrawingBackend for Smooth<'_> {
    type ErrorType = <BitMapBackend<'static> as DrawingBackend>::ErrorType;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn<Self> {
        self.bitmap.ensure_prepared()
    }

    fn present(&mut self) -> Drawn<Self> {
        self.bitmap.present()
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn<Self> {
        let corners = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)];
        self.fill_polygon(corners, &color)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn<Self> {
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
        match fill {
            true => self.fill_polygon(corners, style),
            false => self.draw_path(corners.into_iter().chain([(left, top)]), style),
        }
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn<Self> {
        self.draw_path([from, to], style)
    }

    /// Round joins and caps. The mask is the largest coverage of any segment,
    /// so that a translucent line does not darken where it meets itself.
    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn<Self> {
        let points: Vec<Point> = path.into_iter().map(|place| self.pixels(place)).collect();
        let radius = 0.5 * self.scale * f64::from(style.stroke_width());
        let Some(mut mask) = Mask::around(&points, radius, self.bitmap.get_size()) else {
            return Ok(());
        };
        for segment in points.windows(2) {
            mask.join(&capsule(segment[0], segment[1], radius));
        }
        self.blend(&mask, style.color())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Drawn<Self> {
        let corners: Vec<Point> = corners
            .into_iter()
            .map(|place| self.pixels(place))
            .collect();
        let Some(mut mask) = Mask::around(&corners, 0.0, self.bitmap.get_size()) else {
            return Ok(());
        };
        mask.join(&corners);
        self.blend(&mask, style.color())
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        place: BackendCoord,
    ) -> Drawn<Self> {
        let face = match style.style() {
            FontStyle::Bold => Face::SemiBold,
            _ => Face::Regular,
        };
        let (em, (x, baseline)) = lettering(style.size(), place);
        let (em, x, baseline) = (self.scale * em, self.scale * x, self.scale * baseline);
        let width = face.width(text, em);
        let left = match style.anchor().h_pos {
            HPos::Left => x,
            HPos::Center => x - width / 2.0,
            HPos::Right => x - width,
        };
        // Ascenders and descenders stay within an em of the baseline.
        let corners = [(left, baseline - em), (left + width, baseline + em)];
        let Some(mut mask) = Mask::around(&corners, 0.5 * em, self.bitmap.get_size()) else {
            return Ok(());
        };
        let origin = (left - f64::from(mask.left), baseline - f64::from(mask.top));
        let mut letters = Rasterizer::new(mask.width, mask.height);
        face.outline(text, em, origin, |curve| match curve {
            OutlineCurve::Line(a, b) => letters.draw_line(a, b),
            OutlineCurve::Quad(a, b, c) => letters.draw_quad(a, b, c),
            OutlineCurve::Cubic(a, b, c, d) => letters.draw_cubic(a, b, c, d),
        });
        letters.for_each_pixel(|index, coverage| mask.coverage[index] = coverage);
        self.blend(&mask, style.color())
    }
}

/// How much of each pixel of a rectangle is covered.
struct Mask {
    left: i32,
    top: i32,
    width: usize,
    height: usize,
    coverage: Vec<f32>, // [height][width]
}

impl Mask {
    /// An empty mask around points, with room for `margin` on every side, cut
    /// to the bitmap. `None` if nothing of it is on the bitmap.
    fn around(points: &[Point], margin: f64, (width, height): (u32, u32)) -> Option<Self> {
        let range = |values: &mut dyn Iterator<Item = f64>, limit: u32| {
            let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
                (low.min(x), high.max(x))
            });
            // One more pixel on either side: the rasterizer wraps at edges.
            let low = (low - margin - 1.0).floor().max(0.0);
            let high = (high + margin + 2.0).ceil().min(f64::from(limit));
            (low < high).then_some((low as i32, (high - low) as usize))
        };
        let (left, width) = range(&mut points.iter().map(|point| point.0), width)?;
        let (top, height) = range(&mut points.iter().map(|point| point.1), height)?;
        let coverage = vec![0.0; width * height];
        Some(Self {
            left,
            top,
            width,
            height,
            coverage,
        })
    }

    /// Adds a polygon: a pixel keeps the larger coverage.
    fn join(&mut self, corners: &[Point]) {
        let (left, top) = (f64::from(self.left), f64::from(self.top));
        let size = (self.width as u32, self.height as u32);
        let local: Vec<Point> = corners.iter().map(|(x, y)| (x - left, y - top)).collect();
        let Some(part) = Self::around(&local, 0.0, size) else {
            return;
        };
        // Corners outside are moved to the edge: nothing that figures draw leaves
        // them by more than its width. The rasterizer gets one more column and
        // row, because what lies on an edge would count for the next row.
        let place = |(x, y): Point| {
            let x = (x - f64::from(part.left)).clamp(0.0, part.width as f64);
            let y = (y - f64::from(part.top)).clamp(0.0, part.height as f64);
            point(x as f32, y as f32)
        };
        let columns = part.width + 1;
        let mut shape = Rasterizer::new(columns, part.height + 1);
        for (index, corner) in local.iter().enumerate() {
            shape.draw_line(place(*corner), place(local[(index + 1) % local.len()]));
        }
        let offset = part.top as usize * self.width + part.left as usize;
        shape.for_each_pixel(|index, coverage| {
            let (x, y) = (index % columns, index / columns);
            if x < part.width && y < part.height {
                let pixel = &mut self.coverage[offset + y * self.width + x];
                *pixel = pixel.max(coverage);
            }
        });
    }
}

/// The outline of a line segment with round ends.
fn capsule((x0, y0): Point, (x1, y1): Point, radius: f64) -> Vec<Point> {
    let direction = (y1 - y0).atan2(x1 - x0);
    let arc = |(x, y): Point, start: f64| {
        (0..=8).map(move |step| {
            let (sine, cosine) = (start + std::f64::consts::PI * f64::from(step) / 8.0).sin_cos();
            (x + radius * cosine, y + radius * sine)
        })
    };
    let quarter = std::f64::consts::FRAC_PI_2;
    arc((x0, y0), direction + quarter)
        .chain(arc((x1, y1), direction - quarter))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(draw: impl FnOnce(&mut Smooth<'_>)) -> Vec<u8> {
        let mut pixels = vec![0; 3 * 20 * 10];
        let bitmap = BitMapBackend::with_buffer(&mut pixels, (20, 10));
        let mut smooth = Smooth::new(bitmap, (200, 100), 0.1);
        draw(&mut smooth);
        smooth.present().unwrap();
        drop(smooth);
        pixels.chunks(3).map(|pixel| pixel[0]).collect()
    }

    const WHITE: BackendColor = BackendColor {
        alpha: 1.0,
        rgb: (255, 255, 255),
    };

    #[test]
    fn a_polygon_covers_parts_of_pixels() {
        // From x = 5 to 10.5 and y = 2 to 4.
        let corners = [(50, 20), (105, 20), (105, 40), (50, 40)];
        let pixels = drawn(|smooth| smooth.fill_polygon(corners, &WHITE).unwrap());
        let at = |x: usize, y: usize| pixels[20 * y + x];
        assert_eq!([at(4, 2), at(5, 2), at(9, 3), at(11, 2)], [0, 255, 255, 0]);
        assert!(at(10, 2).abs_diff(127) <= 1, "{}", at(10, 2));
        assert_eq!([at(6, 1), at(6, 4)], [0, 0]);
    }

    #[test]
    fn what_lies_outside_is_cut_off() {
        let corners = [(-500, -500), (5000, -500), (5000, 5000), (-500, 5000)];
        let pixels = drawn(|smooth| smooth.fill_polygon(corners, &WHITE).unwrap());
        assert!(pixels.iter().all(|pixel| *pixel == 255), "{pixels:?}");
        let pixels = drawn(|smooth| {
            smooth
                .fill_polygon([(900, 0), (950, 0), (950, 9)], &WHITE)
                .unwrap()
        });
        assert!(pixels.iter().all(|pixel| *pixel == 0));
    }

    #[test]
    fn a_translucent_line_is_even_where_it_meets_itself() {
        struct Half;
        impl BackendStyle for Half {
            fn color(&self) -> BackendColor {
                BackendColor {
                    alpha: 0.5,
                    ..WHITE
                }
            }
            fn stroke_width(&self) -> u32 {
                40
            }
        }
        let path = [(20, 50), (100, 50), (180, 50), (100, 50)];
        let pixels = drawn(|smooth| smooth.draw_path(path, &Half).unwrap());
        for x in 3..17 {
            assert!(
                pixels[20 * 5 + x].abs_diff(127) <= 1,
                "{}",
                pixels[20 * 5 + x]
            );
        }
        assert_eq!(pixels[20 * 8 + 10], 0);
    }
}
