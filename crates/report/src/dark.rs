//! Colors of figures where the page is dark.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::canvas::Color;
use crate::figures::WHITE;

/// What lies behind a figure on a dark page: `--card` of the style sheet.
pub(crate) const CARD: Color = Color(0x17, 0x1c, 0x23);

/// The most contrast with the card that is used: more of it dazzles.
const MOST: f64 = 16.6;

impl Color {
    /// What takes its place on a dark page: the same hue, with as much contrast with the
    /// dark card as it has with white. What is white becomes the card.
    pub(crate) fn dark(self) -> Self {
        if self == WHITE {
            return CARD;
        }
        let wanted = self.contrast(WHITE).min(MOST);
        let own = Oklab::of(self);
        // Contrast with the card grows with lightness.
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..40 {
            let middle = 0.5 * (low + high);
            let color = own.of_lightness(middle);
            let lighter = color.luminance() >= CARD.luminance();
            match lighter && color.contrast(CARD) >= wanted {
                true => high = middle,
                false => low = middle,
            }
        }
        own.of_lightness(high)
    }

    /// The ratio by which WCAG 2.2 judges whether two colors can be told apart, from 1 to
    /// 21: 4.5 for text, 3 for what else must be seen.
    pub(crate) fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance() + 0.05, other.luminance() + 0.05);
        one.max(other) / one.min(other)
    }

    /// Relative luminance (WCAG 2.2).
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.linear();
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// Without the gamma curve of sRGB, from 0 to 1.
    fn linear(self) -> [f64; 3] {
        [self.0, self.1, self.2].map(|part| match f64::from(part) / 255.0 {
            part if part <= 0.040_45 => part / 12.92,
            part => ((part + 0.055) / 1.055).powf(2.4),
        })
    }

    fn of_linear(linear: [f64; 3]) -> Self {
        let [red, green, blue] = linear.map(|part| {
            let part = match part.clamp(0.0, 1.0) {
                part if part <= 0.003_130_8 => 12.92 * part,
                part => 1.055 * part.powf(1.0 / 2.4) - 0.055,
            };
            (255.0 * part).round() as u8
        });
        Self(red, green, blue)
    }
}

/// Lightness and two differences of colors (Ottosson 2020, "A perceptual color space for
/// image processing").
struct Oklab {
    a: f64,
    b: f64,
}

impl Oklab {
    fn of(color: Color) -> Self {
        let [red, green, blue] = color.linear();
        let l = (0.412_221_470_8 * red + 0.536_332_536_3 * green + 0.051_445_992_9 * blue).cbrt();
        let m = (0.211_903_498_2 * red + 0.680_699_545_1 * green + 0.107_396_956_6 * blue).cbrt();
        let s = (0.088_302_461_9 * red + 0.281_718_837_6 * green + 0.629_978_700_5 * blue).cbrt();
        Self {
            a: 1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
            b: 0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
        }
    }

    /// Of another lightness, and no more vivid than a screen can show.
    fn of_lightness(&self, lightness: f64) -> Color {
        let shown = |part: f64| {
            let linear = self.linear(lightness, part);
            linear.iter().all(|own| (-1e-4..=1.0001).contains(own))
        };
        let mut vivid = (0..=20).rev().map(|twentieth| f64::from(twentieth) / 20.0);
        let part = vivid.find(|part| shown(*part)).unwrap_or(0.0);
        Color::of_linear(self.linear(lightness, part))
    }

    fn linear(&self, lightness: f64, part: f64) -> [f64; 3] {
        let (a, b) = (part * self.a, part * self.b);
        let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
        let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
        let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
        [
            4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
            -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
            -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
        ]
    }
}

/// The part of a style sheet that gives every color of the drawings in a page its dark
/// twin; empty where there is no drawing. The drawings themselves stay as their files are.
pub(crate) fn sheet(body: &str) -> String {
    let mut colors: BTreeMap<&str, Color> = BTreeMap::new();
    for attribute in ["fill=\"#", "stroke=\"#"] {
        for (at, _) in body.match_indices(attribute) {
            let after = &body[at + attribute.len()..];
            let Some(hex) = after
                .get(..6)
                .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
            else {
                continue;
            };
            let part = |from: usize| u8::from_str_radix(&hex[from..from + 2], 16).unwrap_or(0);
            colors.insert(hex, Color(part(0), part(2), part(4)));
        }
    }
    let mut sheet = String::new();
    for (hex, color) in &colors {
        let dark = color.dark().hex();
        for property in ["fill", "stroke"] {
            let _ = write!(sheet, ".card [{property}=\"#{hex}\"]{{{property}:{dark}}}");
        }
    }
    match sheet.is_empty() {
        true => sheet,
        false => format!("@media screen and (prefers-color-scheme:dark){{{sheet}}}"),
    }
}

#[cfg(test)]
#[path = "dark_tests.rs"]
mod tests;
