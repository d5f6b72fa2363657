//! Numbers side by side, for analyses of behaviour.

use crate::picture::{Ink, Picture, Shape};
use crate::stats::Moments;

/// Where the axes begin, and how high the vertical one is.
const LEFT: f32 = 1.2;
const BOTTOM: f32 = 1.5;
const HEIGHT: f32 = 5.0;
/// Of a bar, of the least room that it has, and between groups.
const BAR: f32 = 1.4;
const PITCH: f32 = 1.8;
const APART: f32 = 0.8;
/// The least that a picture is wide: few bars stand apart.
const WIDTH: f32 = 10.0;
const WORDS: f32 = 0.28;

/// As many bars as a picture can take, and be read.
pub const MOST_BARS: usize = 20;

/// A bar: a number with its standard error.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// What it is of, in a word or two.
    pub label: String,
    /// Its height and, where it is known, its standard error; `None` where nothing was
    /// counted.
    pub value: Option<(f64, Option<f64>)>,
    /// Its colour.
    pub ink: Ink,
}

impl Bar {
    /// A mean with its standard error.
    pub fn of(label: impl Into<String>, moments: &Moments) -> Self {
        let value = (moments.count() > 0).then(|| {
            let error = Some(moments.standard_error()).filter(|error| error.is_finite());
            (moments.mean(), error)
        });
        Self {
            label: label.into(),
            value,
            ink: Ink::Agent,
        }
    }
}

/// Bars in groups, each group with its name below; a name may be empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bars {
    /// The bars of each group.
    pub groups: Vec<(String, Vec<Bar>)>,
    /// Where the vertical axis ends, from 0; `None` ends it behind the bars that reach
    /// farthest, above and below.
    pub top: Option<f64>,
}

impl Bars {
    /// One group without a name, on an axis of its own.
    pub fn of(bars: Vec<Bar>) -> Self {
        Self {
            groups: vec![(String::new(), bars)],
            top: None,
        }
    }

    /// All bars, in a picture.
    pub fn picture(&self, title: impl Into<String>, caption: impl Into<String>) -> Picture {
        let bars: usize = self.groups.iter().map(|(_, bars)| bars.len()).sum();
        let between = self.groups.len().saturating_sub(1) as f32;
        let apart = LEFT + 0.5 + APART * between + 0.1;
        let pitch = PITCH.max((WIDTH - apart) / bars.max(1) as f32);
        let width = apart + pitch * bars as f32;
        let axis = self.axis();
        let mut shapes = axis.lines(width);
        let mut left = LEFT + 0.5;
        for (name, bars) in &self.groups {
            let room = pitch * bars.len() as f32;
            for (index, bar) in bars.iter().enumerate() {
                let middle = left + pitch * (index as f32 + 0.5);
                axis.draw(&mut shapes, middle, bar);
                label(&mut shapes, [middle, BOTTOM - 0.4], &bar.label);
            }
            label(&mut shapes, [left + room / 2.0, BOTTOM - 0.95], name);
            left += room + APART;
        }
        Picture {
            title: title.into(),
            width,
            height: BOTTOM + HEIGHT + 0.6,
            shapes,
            caption: caption.into(),
        }
    }

    fn axis(&self) -> Axis {
        if let Some(high) = self.top {
            return Axis { low: 0.0, high };
        }
        let bars = self.groups.iter().flat_map(|(_, bars)| bars);
        let numbers = bars.filter_map(|bar| bar.value);
        let (mut above, mut below) = (0.0_f64, 0.0_f64);
        for (value, error) in numbers.filter(|(value, _)| value.is_finite()) {
            let error = error.unwrap_or(0.0);
            match value < 0.0 {
                true => below = below.max(error - value),
                false => above = above.max(value + error),
            }
        }
        let high = round_up(above.max(below));
        match (above > 0.0, below > 0.0) {
            (_, false) => Axis { low: 0.0, high },
            (false, true) => Axis {
                low: -high,
                high: 0.0,
            },
            (true, true) => Axis { low: -high, high },
        }
    }
}

/// The vertical axis.
#[derive(Clone, Copy)]
struct Axis {
    low: f64,
    high: f64,
}

/// The next number that has round quarters.
fn round_up(highest: f64) -> f64 {
    if highest <= 0.0 || !highest.is_finite() {
        return 1.0;
    }
    let power = 10_f64.powf(highest.log10().floor());
    let steps = [1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 6.0, 8.0, 10.0];
    let step = steps.into_iter().find(|step| step * power >= highest);
    step.unwrap_or(10.0) * power
}

fn label(shapes: &mut Vec<Shape>, centre: [f32; 2], text: &str) {
    if text.is_empty() {
        return;
    }
    let (text, size) = (text.to_owned(), WORDS);
    shapes.push(Shape::Label { centre, text, size });
}

fn line(shapes: &mut Vec<Shape>, points: [[f32; 2]; 2], ink: Ink) {
    let (points, arrow) = (points.to_vec(), false);
    shapes.push(Shape::Path { points, ink, arrow });
}

impl Axis {
    fn span(&self) -> f64 {
        self.high - self.low
    }

    /// How high a value is in the picture.
    fn y(&self, value: f64) -> f32 {
        BOTTOM + HEIGHT * ((value - self.low) / self.span()).clamp(0.0, 1.0) as f32
    }

    /// Lines at every quarter, with their values.
    fn lines(&self, width: f32) -> Vec<Shape> {
        let quarter = self.span() / 4.0;
        let exact = |places: &i32| (quarter * 10_f64.powi(*places) + 1e-9).fract() < 1e-6;
        let places = (0..4).find(exact).unwrap_or(4) as usize;
        let mut shapes = Vec::new();
        for index in 0..=4_u8 {
            let value = self.low + quarter * f64::from(index);
            let y = self.y(value);
            let zero = value.abs() < 1e-9 * self.span();
            let ink = if zero { Ink::Wall } else { Ink::Faint };
            line(&mut shapes, [[LEFT, y], [width, y]], ink);
            let words = number(if zero { 0.0 } else { value }, places);
            label(&mut shapes, [LEFT - 0.6, y], &words);
        }
        shapes
    }

    fn draw(&self, shapes: &mut Vec<Shape>, middle: f32, bar: &Bar) {
        let zero = self.y(0.0);
        let Some((value, error)) = bar.value else {
            return label(shapes, [middle, zero + 0.3], "none");
        };
        let end = self.y(value);
        shapes.push(Shape::Area {
            corner: [middle - BAR / 2.0, zero.min(end)],
            size: [BAR, (end - zero).abs()],
            ink: bar.ink,
        });
        let ends = [value - error.unwrap_or(0.0), value + error.unwrap_or(0.0)];
        let [low, high] = ends.map(|end| self.y(end));
        if error.is_some() {
            line(shapes, [[middle, low], [middle, high]], Ink::Wall);
            for end in [low, high] {
                let across = [[middle - 0.15, end], [middle + 0.15, end]];
                line(shapes, across, Ink::Wall);
            }
        }
        let span = self.span();
        let places = 1 + usize::from(span < 40.0) + usize::from(span < 4.0);
        let beyond = match value < 0.0 {
            true => low - 0.3,
            false => high + 0.3,
        };
        label(shapes, [middle, beyond], &number(value, places));
    }
}

/// With a minus sign that is as wide as a digit.
fn number(value: f64, places: usize) -> String {
    format!("{value:.places$}").replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(value: Option<(f64, Option<f64>)>) -> Bar {
        let (label, ink) = ("a".to_owned(), Ink::Agent);
        Bar { label, value, ink }
    }

    fn heights(picture: &Picture) -> Vec<f32> {
        let area = |shape: &Shape| match shape {
            Shape::Area { size, .. } => Some(size[1]),
            _ => None,
        };
        picture.shapes.iter().filter_map(area).collect()
    }

    #[test]
    fn heights_are_shares_of_the_axis() {
        let bars = [Some((0.25, None)), None, Some((1.0, Some(0.1)))].map(bar);
        let groups = vec![("g".into(), bars.to_vec()), (String::new(), vec![])];
        let top = Some(1.0);
        let picture = Bars { groups, top }.picture("t", "c");
        assert_eq!(heights(&picture), [1.25, 5.0]);
        // The axis of its own ends above the highest bar and its error.
        let own = Bars::of(vec![bar(Some((30.0, Some(4.0)))), bar(Some((20.0, None)))]);
        assert_eq!(heights(&own.picture("", "")), [3.75, 2.5]);
    }

    #[test]
    fn what_is_negative_hangs_from_the_line_of_zero() {
        let areas = |numbers: [f64; 2]| -> Vec<(f32, f32)> {
            let bars = numbers.map(|value| bar(Some((value, None))));
            let picture = Bars::of(bars.to_vec()).picture("", "");
            let area = |shape: &Shape| match shape {
                Shape::Area { corner, size, .. } => Some((corner[1] - BOTTOM, size[1])),
                _ => None,
            };
            picture.shapes.iter().filter_map(area).collect()
        };
        assert_eq!(areas([-20.0, -40.0]), [(2.5, 2.5), (0.0, 5.0)]);
        assert_eq!(areas([-20.0, 40.0]), [(1.25, 1.25), (2.5, 2.5)]);
    }

    #[test]
    fn axes_end_at_round_numbers() {
        for (highest, top) in [
            (0.0, 1.0),
            (0.93, 1.0),
            (1.7, 2.0),
            (4.1, 6.0),
            (37.2, 40.0),
        ] {
            assert!((round_up(highest) - top).abs() < 1e-12, "{highest}");
        }
    }
}
