//! What share of new tasks is learned after how many steps.

use super::chart::{Axes, Chart, Told};
use super::frame::{Frame, LABEL, text, titles};
use super::labels::{self, Label};
use super::scaling::{color, marks};
use super::{INK, Line, WIDTH};
use crate::canvas::{Canvas, Point, Stroke, Text};
use crate::font::Face;
use crate::layout::Scale;
use crate::picture::DrawnPicture;
use crate::{Arrival, PNG_SCALE, Result, median};

/// Shares of tasks learned by steps, a line for each way to begin.
#[derive(Clone, Debug, PartialEq)]
pub struct ArrivalCurves {
    /// What is shown, as a sentence.
    pub title: String,
    /// What was measured.
    pub subtitle: String,
    /// Steps after which a task was given up.
    pub budget: f64,
    /// The ways; those from scratch are dashed.
    pub lines: Vec<ArrivalLine>,
}

/// One way to begin.
#[derive(Clone, Debug, PartialEq)]
pub struct ArrivalLine {
    /// What it is called.
    pub name: String,
    /// Whether it is drawn dashed.
    pub dashed: bool,
    /// Steps until each task was learned, `None` where it was not. `[tasks]`
    pub arrivals: Vec<Option<f64>>,
}

const HEIGHT: f64 = 300.0;
const ABOVE: f64 = 40.0;
const BELOW: f64 = 58.0;

/// Draws them.
///
/// # Errors
/// If the drawing cannot be encoded.
pub fn draw_arrivals(curves: &ArrivalCurves) -> Result<DrawnPicture> {
    let canvas = canvas(curves)?;
    Ok(DrawnPicture {
        svg: canvas.svg(),
        png: canvas.png(PNG_SCALE)?,
    })
}

fn canvas(curves: &ArrivalCurves) -> Result<Canvas> {
    let mut canvas = Canvas::new(WIDTH, 0);
    let top = titles(&mut canvas, &curves.title, &curves.subtitle);
    canvas.height = (top + ABOVE + HEIGHT + BELOW).ceil() as u32;
    let labels: Vec<Label> = curves.lines.iter().enumerate().map(label).collect();
    let all = curves.lines.iter().flat_map(|line| &line.arrivals);
    let first = all.flatten().copied().fold(curves.budget, f64::min);
    let (low, high) = (first.max(1.0).log10() - 0.1, curves.budget.log10());
    let frame = Frame {
        x: Scale {
            low,
            high: high.max(low + 0.1),
            pixels: (58.0, f64::from(WIDTH) - labels::room(&labels)),
        },
        y: Scale {
            low: -2.0,
            high: 102.0,
            pixels: (top + ABOVE + HEIGHT, top + ABOVE),
        },
    };
    let name = text((14.0, frame.top() - 12.0), "Tasks learned, %", LABEL, INK);
    let face = Face::SemiBold;
    canvas.text(Text { face, ..name });
    let axes = Axes {
        x: marks(low, high)
            .into_iter()
            .map(|mark| (mark.log10(), format!("{mark:.0}")))
            .collect(),
        x_name: "Steps in the new task",
        y: (0..=4)
            .map(|quarter| (25.0 * f64::from(quarter), (25 * quarter).to_string()))
            .collect(),
        told: Told::default(),
    };
    let mut plot = Chart::new(&mut canvas, frame, axes)?;
    for (index, line) in curves.lines.iter().enumerate().rev() {
        let stroke = Stroke::new(color(index), 2.0);
        let drawn = match line.dashed {
            true => Line::dashed(stroke),
            false => Line::solid(stroke),
        };
        plot.line(&stairs(&line.arrivals, (low, high)), drawn)?;
    }
    let frame = plot.finish().frame;
    labels::draw(&mut canvas, &frame, &labels);
    Ok(canvas)
}

/// The share that is learned by then, in percent, as a line that goes up in steps.
fn stairs(arrivals: &[Option<f64>], (low, high): (f64, f64)) -> Vec<Point> {
    let mut known: Vec<f64> = arrivals
        .iter()
        .flatten()
        .map(|steps| steps.log10())
        .collect();
    known.sort_by(f64::total_cmp);
    let share = |learned: usize| 100.0 * learned as f64 / arrivals.len() as f64;
    let mut points = vec![(low, 0.0)];
    for (index, at) in known.iter().enumerate() {
        points.extend([(*at, share(index)), (*at, share(index + 1))]);
    }
    points.push((high, share(known.len())));
    points
}

/// A line's name beside its end, and its median: by that it is told from others of its color.
fn label((index, line): (usize, &ArrivalLine)) -> Label {
    let learned = line.arrivals.iter().flatten().count() as f64;
    let arrival = |steps: &Option<f64>| steps.map_or(Arrival::NotIn(0.0), Arrival::After);
    let arrivals: Vec<Arrival> = line.arrivals.iter().map(arrival).collect();
    Label {
        name: line.name.clone(),
        number: match median(&arrivals) {
            Arrival::After(steps) => format!("{steps:.0}"),
            Arrival::NotIn(_) => String::new(),
        },
        value: 100.0 * learned / line.arrivals.len().max(1) as f64,
        color: color(index),
        strong: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_up_where_tasks_are_learned_and_stays_where_they_are_not() {
        let found = stairs(&[Some(100.0), None, Some(10.0), None], (0.0, 3.0));
        let wanted = [
            (0.0, 0.0),
            (1.0, 0.0),
            (1.0, 25.0),
            (2.0, 25.0),
            (2.0, 50.0),
            (3.0, 50.0),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn every_way_has_its_name() {
        let line = |name: &str, arrivals: &[Option<f64>]| ArrivalLine {
            name: name.to_owned(),
            dashed: name == "scratch",
            arrivals: arrivals.to_vec(),
        };
        let curves = ArrivalCurves {
            title: "New tasks".to_owned(),
            subtitle: "of a few".to_owned(),
            budget: 1e5,
            lines: vec![
                line("scratch", &[None, Some(3e4)]),
                line("memory", &[Some(30.0), Some(46.0)]),
            ],
        };
        let canvas = canvas(&curves).unwrap();
        let texts: Vec<&str> = canvas.texts().map(|text| text.text.as_str()).collect();
        for expected in [
            "scratch",
            "memory",
            "38",
            "100",
            "10000",
            "Steps in the new task",
        ] {
            assert!(texts.contains(&expected), "{expected}: {texts:?}");
        }
        // Nothing learned at all is a figure too.
        let none = ArrivalCurves {
            lines: vec![line("scratch", &[None])],
            ..curves
        };
        assert!(draw_arrivals(&none).is_ok());
    }
}
