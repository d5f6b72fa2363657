//! Curves with a band around them, of shapes that a picture has.

use rl_core::{Ink, Picture, Shape, ticks};

/// A curve.
pub(crate) struct Band {
    /// What it is of; empty if it is the only one.
    pub(crate) name: String,
    /// x, y, and the standard error of y; 0 where there is none.
    pub(crate) points: Vec<(f64, f64, f64)>,
}

/// How the vertical axis is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    Linear,
    Logarithmic,
}

/// Curves on one pair of axes.
pub(crate) struct Plot {
    pub(crate) bands: Vec<Band>,
    /// What the horizontal axis is of.
    pub(crate) x: &'static str,
    pub(crate) scale: Scale,
}

/// Where the axes begin, how far they go, and where the picture ends.
const LEFT: f32 = 1.6;
const BOTTOM: f32 = 1.3;
const WIDTH: f32 = 12.0;
const HEIGHT: f32 = 6.0;
const WORDS: f32 = 0.28;
/// Standard errors that a band goes to either side.
pub(crate) const DEVIATIONS: f64 = 2.0;
/// What a logarithmic axis shows of 0 and below.
const LEAST: f64 = 1e-9;

impl Plot {
    /// All curves, in a picture; `None` if there is nothing to draw.
    pub(crate) fn picture(&self, title: &str, caption: &str) -> Option<Picture> {
        let points = || self.bands.iter().flat_map(|band| &band.points);
        let finite = |(x, y, error): &&(f64, f64, f64)| (x + y + error).is_finite();
        if points().count() < 2 || points().filter(finite).count() < points().count() {
            return None;
        }
        let span = |numbers: &mut dyn Iterator<Item = f64>| {
            let ends = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
                (low.min(x), high.max(x))
            });
            let room = if ends.1 > ends.0 { 0.0 } else { 0.5 };
            (ends.0 - room, ends.1 + room)
        };
        let across = span(&mut points().map(|(x, ..)| *x));
        let up = span(&mut points().flat_map(|(_, y, error)| self.ends(*y, *error)));
        let place = |(x, y): (f64, f64)| {
            let share =
                |(low, high): (f64, f64), x: f64| ((x - low) / (high - low)).clamp(0.0, 1.0);
            [
                LEFT + WIDTH * share(across, x) as f32,
                BOTTOM + HEIGHT * share(up, self.height(y)) as f32,
            ]
        };
        let mut shapes = self.axes(across, up);
        let inks = [Ink::Agent, Ink::Goal, Ink::Key];
        for (number, band) in self.bands.iter().enumerate() {
            let ink = inks[number % inks.len()];
            let line = |deviations: f64, ink: Ink| Shape::Path {
                points: band
                    .points
                    .iter()
                    .map(|(x, y, error)| place((*x, y + deviations * error)))
                    .collect(),
                ink,
                arrow: false,
            };
            if band.points.iter().any(|(.., error)| *error > 0.0) {
                shapes.push(line(DEVIATIONS, Ink::Faint));
                shapes.push(line(-DEVIATIONS, Ink::Faint));
            }
            shapes.push(line(0.0, ink));
            let place = LEFT + 1.5 + 4.0 * number as f32;
            if !band.name.is_empty() {
                let high = BOTTOM + HEIGHT + 0.4;
                let points = vec![[place - 1.4, high], [place - 0.9, high]];
                let arrow = false;
                shapes.push(Shape::Path { points, ink, arrow });
                label(&mut shapes, [place + 0.5, high], &band.name);
            }
        }
        Some(Picture {
            title: title.into(),
            width: LEFT + WIDTH + 0.4,
            height: BOTTOM + HEIGHT + 0.8,
            shapes,
            caption: caption.into(),
        })
    }

    /// Heights that a point's interval takes the axis to. A lower end of 0 or less has no
    /// place on a logarithmic axis: the interval runs to its foot there.
    fn ends(&self, y: f64, error: f64) -> [f64; 2] {
        let low = y - DEVIATIONS * error;
        let shown = self.scale == Scale::Linear || low > 0.0;
        let low = if shown { low } else { y };
        [low, y + DEVIATIONS * error].map(|y| self.height(y))
    }

    fn height(&self, y: f64) -> f64 {
        match self.scale {
            Scale::Linear => y,
            Scale::Logarithmic => y.max(LEAST).log10(),
        }
    }

    /// Round values of both axes, lines at those of the vertical one.
    fn axes(&self, across: (f64, f64), up: (f64, f64)) -> Vec<Shape> {
        let mut shapes = Vec::new();
        let share = |(low, high): (f64, f64), x: f64| ((x - low) / (high - low)) as f32;
        for (height, text) in self.heights(up) {
            let y = BOTTOM + HEIGHT * share(up, height);
            let points = vec![[LEFT, y], [LEFT + WIDTH, y]];
            let (ink, arrow) = (Ink::Faint, false);
            shapes.push(Shape::Path { points, ink, arrow });
            label(&mut shapes, [LEFT - 0.8, y], &text);
        }
        for (value, text) in round(across) {
            let x = LEFT + WIDTH * share(across, value);
            label(&mut shapes, [x, BOTTOM - 0.35], &text);
        }
        label(&mut shapes, [LEFT + WIDTH / 2.0, BOTTOM - 0.9], self.x);
        shapes
    }

    /// Where the vertical axis has numbers, and which.
    fn heights(&self, up: (f64, f64)) -> Vec<(f64, String)> {
        if self.scale == Scale::Linear {
            return round(up);
        }
        // Whole decades, or 1, 2 and 5 of each where there are few.
        let decades: Vec<i32> = (up.0.floor() as i32..=up.1.ceil() as i32).collect();
        let every = decades.len().div_ceil(6);
        let whole = (decades.iter().step_by(every)).map(|decade| 10_f64.powi(*decade));
        let finer = (decades.iter())
            .flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(*decade)));
        let within = |values: &mut dyn Iterator<Item = f64>| -> Vec<(f64, String)> {
            values
                .map(|value| (value.log10(), number(value)))
                .filter(|(height, _)| (up.0 - 1e-9..=up.1 + 1e-9).contains(height))
                .collect()
        };
        let whole = within(&mut whole.into_iter());
        let finer = match whole.len() {
            0..3 => within(&mut finer.into_iter()),
            _ => whole,
        };
        if finer.len() > 1 {
            return finer;
        }
        // Less than from one of these to the next.
        let values = round((10_f64.powf(up.0), 10_f64.powf(up.1)));
        let heights = values
            .into_iter()
            .map(|(value, text)| (value.log10(), text));
        heights.filter(|(height, _)| height.is_finite()).collect()
    }
}

/// Round values within a range, as numbers and as text.
fn round(range: (f64, f64)) -> Vec<(f64, String)> {
    let (values, decimals) = ticks(range.0, range.1, 5);
    let step = values
        .windows(2)
        .next()
        .map_or(1.0, |pair| pair[1] - pair[0]);
    let text = |value: &f64| match value.abs() {
        size if size > step / 2.0 && !(1e-3..1e6).contains(&size) => {
            let digits = size.log10().floor() - step.log10().floor();
            let digits = digits.clamp(0.0, 6.0) as usize;
            format!("{value:.digits$e}").replace('-', "−")
        }
        _ => format!("{value:.decimals$}").replace('-', "−"),
    };
    values.iter().map(|value| (*value, text(value))).collect()
}

fn label(shapes: &mut Vec<Shape>, centre: [f32; 2], text: &str) {
    let (text, size) = (text.to_owned(), WORDS);
    shapes.push(Shape::Label { centre, text, size });
}

/// A round number in few characters, with a minus sign that is as wide as a digit.
fn number(value: f64) -> String {
    let text = match value.abs() {
        size if (1e-3..1e6).contains(&size) => format!("{value}"),
        _ => format!("{value:.1e}").replace(".0e", "e"),
    };
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_numbers() {
        let texts = |numbers: Vec<(f64, String)>| -> Vec<String> {
            numbers.into_iter().map(|(_, text)| text).collect()
        };
        assert_eq!(
            texts(round((-0.108, 0.103))),
            ["−0.10", "−0.05", "0.00", "0.05", "0.10"]
        );
        assert_eq!(
            texts(round((1.0e6, 1.2e6))),
            ["1.00e6", "1.05e6", "1.10e6", "1.15e6", "1.20e6"]
        );
        let bands = Vec::new();
        let plot = Plot {
            bands,
            x: "",
            scale: Scale::Logarithmic,
        };
        let heights = |low: f64, high: f64| texts(plot.heights((low.log10(), high.log10())));
        assert_eq!(heights(0.02, 30.0), ["0.1", "1", "10"]);
        assert_eq!(heights(0.04, 0.6), ["0.05", "0.1", "0.2", "0.5"]);
        assert_eq!(heights(2.1, 4.9), ["2.5", "3.0", "3.5", "4.0", "4.5"]);
        // Twelve decades: every third.
        assert_eq!(heights(1e-9, 1e3), ["1e−9", "1e−6", "0.001", "1", "1000"]);
    }

    /// Heights of the lower end, the upper end and the mean of two points.
    fn heights(scale: Scale, points: [(f64, f64, f64); 2]) -> Vec<[f32; 2]> {
        let bands = vec![Band {
            name: String::new(),
            points: points.to_vec(),
        }];
        let plot = Plot {
            bands,
            x: "gradients",
            scale,
        };
        let picture = plot.picture("", "").unwrap();
        let paths = picture.shapes.iter().filter_map(|shape| match shape {
            Shape::Path { points, .. } => Some([points[0][1], points[1][1]]),
            _ => None,
        });
        let all: Vec<[f32; 2]> = paths.collect();
        all[all.len() - 3..].to_vec() // The lines of the axes come first.
    }

    #[test]
    fn intervals_are_within_the_axes() {
        let points = [(0.0, 1.0, 0.5), (1.0, 3.0, 1.0)];
        let [high, low, mean] = heights(Scale::Linear, points)[..] else {
            panic!("three lines");
        };
        // From 1 − 2 · 0.5 to 3 + 2 · 1.
        let at = |y: f64| BOTTOM + HEIGHT * (y / 5.0) as f32;
        for (found, wanted) in [
            (high, [at(2.0), at(5.0)]),
            (low, [at(0.0), at(1.0)]),
            (mean, [at(1.0), at(3.0)]),
        ] {
            for (found, wanted) in found.iter().zip(wanted) {
                assert!((found - wanted).abs() < 1e-4, "{found} and not {wanted}");
            }
        }
    }

    /// What reaches 0 does not stretch a logarithmic axis to where it shows nothing.
    #[test]
    fn logarithmic_axes_end_at_what_they_can_show() {
        let points = [(0.0, 1.0, 1.0), (1.0, 100.0, 0.0)];
        let [_, low, mean] = heights(Scale::Logarithmic, points)[..] else {
            panic!("three lines");
        };
        assert_eq!((low[0], mean[0]), (BOTTOM, BOTTOM));
        assert_eq!(mean[1], BOTTOM + HEIGHT);
    }
}
