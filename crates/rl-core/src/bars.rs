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
    /// Where the vertical axis ends; `None` ends it above the highest bar.
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
        let top = self.top();
        let mut shapes = axis(width, top);
        let mut left = LEFT + 0.5;
        for (name, bars) in &self.groups {
            let room = pitch * bars.len() as f32;
            for (index, bar) in bars.iter().enumerate() {
                let middle = left + pitch * (index as f32 + 0.5);
                draw(&mut shapes, middle, bar, top);
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

    fn top(&self) -> f64 {
        self.top.unwrap_or_else(|| {
            let bars = self.groups.iter().flat_map(|(_, bars)| bars);
            let ends = bars.filter_map(|bar| {
                let (value, error) = bar.value?;
                Some(value + error.unwrap_or(0.0))
            });
            round_up(ends.fold(0.0, f64::max))
        })
    }
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

/// Lines at every quarter, with their values.
fn axis(width: f32, top: f64) -> Vec<Shape> {
    let quarter = top / 4.0;
    let exact = |places: &i32| (quarter * 10_f64.powi(*places) + 1e-9).fract() < 1e-6;
    let places = (0..4).find(exact).unwrap_or(4) as usize;
    let mut shapes = Vec::new();
    for quarter in 0..=4_u8 {
        let share = f32::from(quarter) / 4.0;
        let y = BOTTOM + HEIGHT * share;
        let ink = if quarter == 0 { Ink::Wall } else { Ink::Faint };
        line(&mut shapes, [[LEFT, y], [width, y]], ink);
        let value = top * f64::from(share);
        label(&mut shapes, [LEFT - 0.6, y], &format!("{value:.places$}"));
    }
    shapes
}

fn draw(shapes: &mut Vec<Shape>, middle: f32, bar: &Bar, top: f64) {
    let Some((value, error)) = bar.value else {
        return label(shapes, [middle, BOTTOM + 0.3], "none");
    };
    let height = |value: f64| HEIGHT * (value / top).clamp(0.0, 1.0) as f32;
    shapes.push(Shape::Area {
        corner: [middle - BAR / 2.0, BOTTOM],
        size: [BAR, height(value)],
        ink: bar.ink,
    });
    let ends = [value - error.unwrap_or(0.0), value + error.unwrap_or(0.0)];
    let [low, high] = ends.map(|end| BOTTOM + height(end));
    if error.is_some() {
        line(shapes, [[middle, low], [middle, high]], Ink::Wall);
        for end in [low, high] {
            line(
                shapes,
                [[middle - 0.15, end], [middle + 0.15, end]],
                Ink::Wall,
            );
        }
    }
    let places = 1 + usize::from(top < 40.0) + usize::from(top < 4.0);
    label(shapes, [middle, high + 0.3], &format!("{value:.places$}"));
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
