//! A drawing as SVG, and that SVG as PNG.

use std::sync::{Arc, LazyLock};

use maud::{Markup, Render, html};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::{Database, Language, Source};
use resvg::usvg::{Options, Tree};

use crate::canvas::{Align, Canvas, Item, Part, Point, Text};
use crate::font::{FAMILIES, FAMILY, Face};
use crate::{ReportError, Result};

impl Canvas {
    /// The drawing as an SVG file.
    pub(crate) fn svg(&self) -> String {
        self.markup(None).into_string() + "\n"
    }

    /// The drawing as a part of a page, with a name for screen readers.
    pub(crate) fn inline(&self, name: &str) -> Markup {
        self.markup(Some(name))
    }

    fn markup(&self, name: Option<&str>) -> Markup {
        // Only a file must say what its elements are.
        let namespace = name.is_none().then_some("http://www.w3.org/2000/svg");
        let (width, height) = (self.width, self.height);
        html! {
            svg width=(width) height=(height) viewBox={ "0 0 " (width) " " (height) }
                xmlns=[namespace] role=[name.map(|_| "img")] aria-label=[name]
                font-family=(FAMILIES) stroke-linecap="round" stroke-linejoin="round"
            {
                "\n" rect width=(width) height=(height) fill="#ffffff" {}
                @for (part, items) in self.parts() { (group(part, &items)) }
                "\n"
            }
        }
    }

    /// The items of each part of the drawing, in their order.
    fn parts(&self) -> Vec<(Option<&Part>, Vec<&Item>)> {
        let mut parts = vec![(None, Vec::new())];
        for item in &self.items {
            match (item, parts.last_mut()) {
                (Item::Part(part), _) => parts.push((part.as_ref(), Vec::new())),
                (item, Some((_, items))) => items.push(item),
                (_, None) => {}
            }
        }
        parts.retain(|(_, items)| !items.is_empty());
        parts
    }

    /// The drawing as a PNG file, `scale` pixels to a pixel of the drawing.
    pub(crate) fn png(&self, scale: u32) -> Result<Vec<u8>> {
        let options = Options {
            fontdb: Arc::clone(&FONTS),
            font_family: FAMILY.to_string(),
            ..Options::default()
        };
        let failed = |why: String| ReportError::Draw(why);
        let tree = Tree::from_str(&self.svg(), &options).map_err(|e| failed(e.to_string()))?;
        let (width, height) = (scale * self.width, scale * self.height);
        let mut pixels = Pixmap::new(width, height)
            .ok_or_else(|| failed(format!("{width} times {height} pixels are no image")))?;
        let transform = Transform::from_scale(scale as f32, scale as f32);
        resvg::render(&tree, transform, &mut pixels.as_mut());
        encoded(&pixels).map_err(|e| failed(e.to_string()))
    }
}

/// Opaque pixels as a PNG file. tiny-skia's own encoder looks for a filter for every row of
/// four channels, which takes half of the time of a short report.
fn encoded(pixels: &Pixmap) -> std::result::Result<Vec<u8>, png::EncodingError> {
    let colours = pixels.pixels().iter();
    let colours: Vec<u8> = colours
        .flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()])
        .collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, pixels.width(), pixels.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    // Drawings are even areas and few colours: unfiltered they compress best, and the
    // second of nine levels makes files that are smaller than tiny-skia's in a third of
    // the time.
    encoder.set_deflate_compression(png::DeflateCompression::Level(2));
    encoder.set_filter(png::Filter::NoFilter);
    encoder.write_header()?.write_image_data(&colours)?;
    Ok(file)
}

/// The embedded fonts, whatever else the machine has. The semi-bold face says of
/// itself that it is a family of its own.
static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    for face in [Face::Regular, Face::SemiBold] {
        for id in fonts.load_font_source(Source::Binary(Arc::new(face.bytes()))) {
            if let Some(mut info) = fonts.face(id).cloned() {
                fonts.remove_face(id);
                info.families = vec![(FAMILY.to_string(), Language::English_UnitedStates)];
                fonts.push_face_info(info);
            }
        }
    }
    Arc::new(fonts)
});

fn group(part: Option<&Part>, items: &[&Item]) -> Markup {
    let (mut series, mut step, mut ways) = (None, None, None);
    match part {
        None => return html! { @for item in items { "\n" (item) } },
        Some(Part::Series(name)) => series = Some(name),
        Some(Part::Step(number)) => step = Some(number),
        Some(Part::Ways) => ways = Some(""),
    }
    html! {
        "\n" g data-series=[series] data-step=[step] data-ways=[ways] {
            @for item in items { "\n" (item) }
            "\n"
        }
    }
}

impl Render for Item {
    fn render(&self) -> Markup {
        match self {
            Self::Line(points, stroke) => html! {
                polyline points=(places(points)) fill="none" stroke=(stroke.color.hex())
                    stroke-opacity=[part(stroke.alpha)] stroke-width=(short(stroke.width)) {}
            },
            Self::Area(points, color, alpha) => html! {
                polygon points=(places(points)) fill=(color.hex()) fill-opacity=[part(*alpha)] {}
            },
            Self::Dot((x, y), radius, color) => html! {
                circle cx=(short(*x)) cy=(short(*y)) r=(short(*radius)) fill=(color.hex()) {}
            },
            Self::Text(text) => text.render(),
            Self::Part(_) => Markup::default(),
        }
    }
}

impl Render for Text {
    fn render(&self) -> Markup {
        let weight = match self.face {
            Face::Regular => None,
            Face::SemiBold => Some("600"),
        };
        let anchor = match self.align {
            Align::Left => None,
            Align::Middle => Some("middle"),
            Align::Right => Some("end"),
        };
        let (x, y) = self.place;
        html! {
            text x=(short(x)) y=(short(y)) font-size=(short(self.size)) font-weight=[weight]
                text-anchor=[anchor] fill=(self.color.hex()) { (self.text) }
        }
    }
}

/// A hundredth of a pixel is fine enough.
fn short(value: f64) -> f64 {
    (100.0 * value).round() / 100.0
}

fn places(points: &[Point]) -> String {
    let places = points
        .iter()
        .map(|(x, y)| format!("{},{}", short(*x), short(*y)));
    places.collect::<Vec<_>>().join(" ")
}

/// An opacity, unless it is whole.
fn part(alpha: f64) -> Option<f64> {
    (alpha < 1.0).then_some(alpha)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::{Color, Stroke};

    const INK: Color = Color(0, 0, 0);

    fn text(words: &str, size: f64, face: Face) -> Item {
        Item::Text(Text {
            place: (1.0, 15.0),
            text: words.into(),
            size,
            face,
            color: INK,
            align: Align::Left,
        })
    }

    fn drawn(items: Vec<Item>) -> Pixmap {
        let mut canvas = Canvas::new(30, 20);
        canvas.items = items;
        Pixmap::decode_png(&canvas.png(2).unwrap()).unwrap()
    }

    /// How dark a drawing is, in black pixels.
    fn ink(pixels: &Pixmap) -> f64 {
        let dark = |p: &resvg::tiny_skia::PremultipliedColorU8| f64::from(255 - p.red()) / 255.0;
        pixels.pixels().iter().map(dark).sum()
    }

    #[test]
    fn a_drawing_has_its_size_in_pixels_and_its_text_escaped() {
        let mut canvas = Canvas::new(30, 20);
        canvas.items.push(text("a<b", 8.0, Face::SemiBold));
        let svg = canvas.svg();
        assert!(svg.starts_with("<svg width=\"30\" height=\"20\" "), "{svg}");
        assert!(svg.contains("viewBox=\"0 0 30 20\""), "{svg}");
        assert!(svg.contains("font-weight=\"600\"") && svg.contains(">a&lt;b</text>"));
        assert!(svg.ends_with("</svg>\n"), "{svg}");
        let page = canvas.inline("\"x\"").into_string();
        assert!(page.contains("aria-label=\"&quot;x&quot;\"") && !page.contains("xmlns"));
        let pixels = drawn(Vec::new());
        assert_eq!((pixels.width(), pixels.height()), (60, 40));
        assert_eq!(ink(&pixels), 0.0);
        assert!(pixels.pixels().iter().all(|pixel| pixel.alpha() == 255));
    }

    #[test]
    fn both_embedded_faces_are_drawn() {
        let dark =
            [Face::Regular, Face::SemiBold].map(|face| ink(&drawn(vec![text("m", 14.0, face)])));
        assert!(dark[0] > 20.0 && dark[1] > 1.2 * dark[0], "{dark:?}");
    }

    #[test]
    fn shapes_cover_what_they_should() {
        // From x = 5 to 10.5 and y = 2 to 4, in pixels of half the size.
        let corners = vec![(5.0, 2.0), (10.5, 2.0), (10.5, 4.0), (5.0, 4.0)];
        let area = ink(&drawn(vec![Item::Area(corners, INK, 1.0)]));
        assert!((area - 44.0).abs() < 0.5, "{area}");
        let dot = ink(&drawn(vec![Item::Dot((15.0, 10.0), 5.0, INK)]));
        assert!((dot - std::f64::consts::PI * 100.0).abs() < 3.0, "{dot}");
    }

    #[test]
    fn a_translucent_line_is_even_where_it_meets_itself() {
        let half = Stroke {
            alpha: 0.5,
            ..Stroke::new(INK, 4.0)
        };
        let path = [5.0, 25.0, 15.0].map(|x| (x, 10.0)).to_vec();
        let pixels = drawn(vec![Item::Line(path, half)]);
        for x in 10..50 {
            let pixel = pixels.pixel(x, 20).unwrap();
            assert!(pixel.red().abs_diff(127) <= 1, "{pixel:?}");
        }
    }
}
