//! The embedded font, and how wide text is in it.

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef};

/// What the embedded font is called.
pub(crate) const FAMILY: &str = "Inter";

/// The families of text in figures. Where the embedded one is not at hand, as
/// in an SVG outside the report's page, its nearest relatives stand in.
pub(crate) const FAMILIES: &str = "Inter, Helvetica Neue, Helvetica, Arial, sans-serif";

/// A face of the embedded font.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    Regular,
    SemiBold,
}

impl Face {
    /// Its TrueType file.
    pub(crate) fn bytes(self) -> &'static [u8] {
        match self {
            Self::Regular => include_bytes!("../fonts/Inter-Regular.ttf"),
            Self::SemiBold => include_bytes!("../fonts/Inter-SemiBold.ttf"),
        }
    }

    fn font(self) -> &'static FontRef<'static> {
        static REGULAR: OnceLock<FontRef<'static>> = OnceLock::new();
        static SEMI_BOLD: OnceLock<FontRef<'static>> = OnceLock::new();
        let font = match self {
            Self::Regular => &REGULAR,
            Self::SemiBold => &SEMI_BOLD,
        };
        let read = || FontRef::try_from_slice(self.bytes()).expect("the embedded font is valid");
        font.get_or_init(read)
    }

    /// Pixels per font unit when an em is `size` pixels.
    fn scale(self, size: f64) -> f64 {
        size / f64::from(self.font().units_per_em().unwrap_or(1000.0))
    }

    /// How wide a line of text is, in pixels, when an em is `size` pixels.
    pub(crate) fn width(self, text: &str, size: f64) -> f64 {
        let font = self.font();
        let advance = |letter| f64::from(font.h_advance_unscaled(font.glyph_id(letter)));
        text.chars().map(advance).sum::<f64>() * self.scale(size)
    }

    /// The text, cut short with an ellipsis where it is wider than `width`.
    pub(crate) fn fit(self, text: &str, size: f64, width: f64) -> String {
        if self.width(text, size) <= width {
            return text.to_string();
        }
        let mut kept = text.to_string();
        while kept.pop().is_some() && self.width(&format!("{kept}…"), size) > width {}
        format!("{}…", kept.trim_end())
    }

    /// Breaks text into lines that are not wider than `width`.
    pub(crate) fn wrap(self, text: &str, size: f64, width: f64) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split(' ') {
            match lines.last_mut() {
                Some(line) if self.width(&format!("{line} {word}"), size) <= width => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.to_string()),
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_faces_know_the_signs_that_figures_use() {
        for face in [Face::Regular, Face::SemiBold] {
            for sign in "Az09²ε−±×·–≤↑↓%\u{202f}".chars() {
                assert_ne!(face.font().glyph_id(sign).0, 0, "{face:?} has no {sign:?}");
            }
        }
    }

    #[test]
    fn widths_grow_with_text_and_size() {
        let one = Face::Regular.width("RL²", 10.0);
        assert!(one > 10.0 && one < 20.0, "{one}");
        assert!((Face::Regular.width("RL²", 20.0) - 2.0 * one).abs() < 1e-9);
        assert!(Face::SemiBold.width("RL²", 10.0) > one);
    }

    #[test]
    fn long_names_are_cut_short() {
        assert_eq!(Face::Regular.fit("UCB1", 14.0, 100.0), "UCB1");
        let cut = Face::Regular.fit("An exceedingly long name", 14.0, 80.0);
        assert!(cut.starts_with("An ex") && cut.ends_with('…'), "{cut}");
        assert!(Face::Regular.width(&cut, 14.0) <= 80.0);
    }

    #[test]
    fn wrapped_lines_fit_and_keep_the_words() {
        let text = "RL² closes most of the gap between random and Bayes-optimal";
        let lines = Face::Regular.wrap(text, 14.0, 150.0);
        assert!(lines.len() > 2);
        assert!(
            lines
                .iter()
                .all(|line| Face::Regular.width(line, 14.0) <= 150.0)
        );
        assert_eq!(lines.join(" "), text);
    }
}
