//! The two outputs of a drawing, SVG and PNG, both through plotters' backends.

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters_backend::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{
    BackendColor, BackendStyle, BackendTextStyle, DrawingErrorKind, FontFamily, FontStyle,
};

use crate::canvas::{Align, Canvas, Color, Item, Point, Text};
use crate::font::{FAMILIES, Face};
use crate::raster::Smooth;
use crate::{ReportError, Result};

/// Backends take whole numbers, so they are given tenths of a pixel.
const TENTHS: f64 = 10.0;

/// Plotters' SVG divides the size of a font by this, and hangs text from the
/// top by this part of an em.
const SVG_FONT_SCALE: f64 = 1.24;
const SVG_HANG: f64 = 0.76;

impl Canvas {
    /// The drawing as an SVG file.
    pub(crate) fn svg(&self) -> Result<String> {
        let (width, height) = self.tenths();
        let mut svg = String::new();
        let mut backend = SVGBackend::with_string(&mut svg, (width, height));
        self.draw(&mut backend)?;
        drop(backend);
        // The tenths stay in the view box; the size on the page is in pixels.
        let tenths = format!("width=\"{width}\" height=\"{height}\"");
        let pixels = format!(
            "width=\"{}\" height=\"{}\" stroke-linejoin=\"round\" stroke-linecap=\"round\"",
            self.width, self.height
        );
        Ok(svg.replacen(&tenths, &pixels, 1))
    }

    /// The drawing as a PNG file, `scale` pixels to a pixel of the drawing.
    pub(crate) fn png(&self, scale: u32) -> Result<Vec<u8>> {
        let size = (self.width * scale, self.height * scale);
        let mut pixels = vec![255; 3 * size.0 as usize * size.1 as usize];
        let bitmap = BitMapBackend::with_buffer(&mut pixels, size);
        let mut backend = Smooth::new(bitmap, self.tenths(), f64::from(scale) / TENTHS);
        self.draw(&mut backend)?;
        drop(backend);
        let failed = |error: png::EncodingError| ReportError::Draw(error.to_string());
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, size.0, size.1);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        // Large even areas compress better without a filter.
        encoder.set_filter(png::FilterType::NoFilter);
        encoder.set_compression(png::Compression::Best);
        let mut writer = encoder.write_header().map_err(failed)?;
        writer.write_image_data(&pixels).map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok(file)
    }

    fn tenths(&self) -> (u32, u32) {
        (self.width * TENTHS as u32, self.height * TENTHS as u32)
    }

    fn draw<B: DrawingBackend>(&self, backend: &mut B) -> Result<()> {
        self.draw_items(backend)
            .map_err(|error| ReportError::Draw(error.to_string()))
    }

    fn draw_items<B: DrawingBackend>(
        &self,
        backend: &mut B,
    ) -> std::result::Result<(), DrawingErrorKind<B::ErrorType>> {
        backend.ensure_prepared()?;
        let whole = [(0.0, 0.0), (f64::from(self.width), f64::from(self.height))].map(tenths);
        let white = Ink::new(Color(255, 255, 255), 1.0, 0.0);
        backend.draw_rect(whole[0], whole[1], &white, true)?;
        for item in &self.items {
            match item {
                Item::Line(points, stroke) => {
                    let ink = Ink::new(stroke.color, stroke.alpha, stroke.width);
                    backend.draw_path(points.iter().copied().map(tenths), &ink)?;
                }
                Item::Area(points, color, alpha) => {
                    let ink = Ink::new(*color, *alpha, 0.0);
                    backend.fill_polygon(points.iter().copied().map(tenths), &ink)?;
                }
                Item::Text(text) => {
                    // Both backends hang text from its top by the same part of an em.
                    let (x, y) = text.place;
                    let top = tenths((x, y - SVG_HANG * text.size));
                    backend.draw_text(&text.text, &Lettering(text), top)?;
                }
            }
        }
        backend.present()
    }
}

fn tenths((x, y): Point) -> (i32, i32) {
    ((TENTHS * x).round() as i32, (TENTHS * y).round() as i32)
}

/// A color and a width as backends take them.
struct Ink {
    color: BackendColor,
    width: u32,
}

impl Ink {
    fn new(Color(red, green, blue): Color, alpha: f64, width: f64) -> Self {
        let rgb = (red, green, blue);
        Self {
            color: BackendColor { alpha, rgb },
            width: (TENTHS * width).round() as u32,
        }
    }
}

impl BackendStyle for Ink {
    fn color(&self) -> BackendColor {
        self.color
    }

    fn stroke_width(&self) -> u32 {
        self.width
    }
}

/// Text as backends take it. Backends get sizes, never glyphs: the SVG leaves
/// those to its viewer, and the bitmap draws outlines itself.
struct Lettering<'a>(&'a Text);

impl BackendTextStyle for Lettering<'_> {
    type FontError = std::convert::Infallible;

    fn color(&self) -> BackendColor {
        Ink::new(self.0.color, 1.0, 0.0).color
    }

    fn size(&self) -> f64 {
        TENTHS * self.0.size * SVG_FONT_SCALE
    }

    fn style(&self) -> FontStyle {
        match self.0.face {
            Face::Regular => FontStyle::Normal,
            Face::SemiBold => FontStyle::Bold,
        }
    }

    fn anchor(&self) -> Pos {
        let across = match self.0.align {
            Align::Left => HPos::Left,
            Align::Middle => HPos::Center,
            Align::Right => HPos::Right,
        };
        Pos::new(across, VPos::Top)
    }

    fn family(&self) -> FontFamily<'_> {
        FontFamily::Name(FAMILIES)
    }

    fn layout_box(
        &self,
        _text: &str,
    ) -> std::result::Result<((i32, i32), (i32, i32)), Self::FontError> {
        let (_, width) = self.0.extent();
        Ok(((0, 0), tenths((width, self.0.size))))
    }

    fn draw<E, D: FnMut(i32, i32, BackendColor) -> std::result::Result<(), E>>(
        &self,
        _text: &str,
        _place: (i32, i32),
        _draw: D,
    ) -> std::result::Result<std::result::Result<(), E>, Self::FontError> {
        Ok(Ok(()))
    }
}

/// The em size and the baseline of text that a backend was given.
pub(crate) fn lettering(size: f64, (x, top): (i32, i32)) -> (f64, Point) {
    let em = size / SVG_FONT_SCALE;
    (em, (f64::from(x), f64::from(top) + SVG_HANG * em))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_has_its_size_in_pixels_and_its_text_escaped() {
        let mut canvas = Canvas::new(30, 20);
        canvas.text(Text {
            place: (1.0, 10.0),
            text: "a<b".into(),
            size: 8.0,
            face: Face::SemiBold,
            color: Color(1, 2, 3),
            align: Align::Left,
        });
        let svg = canvas.svg().unwrap();
        assert!(svg.starts_with("<svg width=\"30\" height=\"20\" "), "{svg}");
        assert!(svg.contains("viewBox=\"0 0 300 200\""), "{svg}");
        assert!(
            svg.contains("a&lt;b") && svg.contains("font-size=\"80\""),
            "{svg}"
        );
        assert!(svg.trim_end().ends_with("</svg>"), "{svg}");
        let png = canvas.png(2).unwrap();
        let reader = png::Decoder::new(png.as_slice()).read_info().unwrap();
        assert_eq!(reader.info().size(), (60, 40));
    }
}
