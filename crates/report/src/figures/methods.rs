//! Methods against each other: aggregates, performance profiles, sample efficiency.

use super::frame::{Axis, LABEL, Plate, TICK, steps_axis, text, titles};
use super::labels::{self, Label};
use super::{AGENT, AXIS, Figure, GRID, INK, MUTED, OTHERS, WIDTH};
use crate::Result;
use crate::canvas::{Align, Canvas, Color, Stroke, Text};
use crate::font::Face;
use crate::layout::{Range, Scale};
use crate::methods::ScoreOf;
use crate::numbers::Value;
use crate::scores::{Aggregate, Interval};

/// Height of a figure with axes.
const HEIGHT: u32 = 430;
/// Of the figure of aggregates: height of a method's row, of what is above and below the
/// rows, and between columns.
const ROW: f64 = 30.0;
const ABOVE: f64 = 30.0;
const BELOW: f64 = 34.0;
const BETWEEN: f64 = 22.0;
/// The widest name of a method there.
const NAME: f64 = 150.0;
const EDGE: f64 = 14.0;

/// A method with its aggregates.
pub(crate) struct Standing<'a> {
    pub(crate) name: &'a str,
    pub(crate) aggregates: &'a [(Aggregate, Interval)],
}

/// A method's line with its band.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, Interval)>,
}

fn color(index: usize) -> Color {
    match index % (OTHERS.len() + 1) {
        0 => AGENT,
        index => OTHERS[index - 1],
    }
}

/// Every aggregate in a column of its own, a row a method.
pub(crate) fn aggregates(standings: &[Standing<'_>], caption: &str) -> Result<Figure> {
    let title = "Over all seeds and environments";
    let mut canvas = Canvas::new(WIDTH, 0);
    let top = titles(&mut canvas, title, caption) + ABOVE;
    let bottom = top + standings.len() as f64 * ROW;
    canvas.height = (bottom + BELOW).ceil() as u32;
    let fitted: Vec<String> = (standings.iter())
        .map(|one| Face::Regular.fit(one.name, LABEL, NAME))
        .collect();
    let widths = fitted.iter().map(|name| Face::Regular.width(name, LABEL));
    let left = EDGE + widths.fold(0.0, f64::max) + BETWEEN;
    for (row, name) in fitted.into_iter().enumerate() {
        let place = (EDGE, middle(top, row) + 0.36 * LABEL);
        canvas.text(text(place, name, LABEL, color(row).mix(INK, 0.3)));
    }
    let columns = standings.first().map_or(&[][..], |one| one.aggregates);
    let width = (f64::from(WIDTH) - left - EDGE) / columns.len().max(1) as f64;
    for (column, (aggregate, _)) in columns.iter().enumerate() {
        let begin = left + column as f64 * width;
        let pixels = (begin, begin + width - BETWEEN);
        let own: Vec<Interval> = standings
            .iter()
            .map(|one| one.aggregates[column].1)
            .collect();
        draw_column(&mut canvas, aggregate.name(), &own, pixels, (top, bottom));
    }
    Ok(Figure {
        name: "aggregates".into(),
        title: title.to_owned(),
        caption: "Lines are the numbers of the table, boxes their intervals.".to_owned(),
        canvas,
    })
}

fn middle(top: f64, row: usize) -> f64 {
    top + (row as f64 + 0.5) * ROW
}

fn draw_column(
    canvas: &mut Canvas,
    name: &str,
    own: &[Interval],
    pixels: (f64, f64),
    (top, bottom): (f64, f64),
) {
    let Range { low, high } = Range::of(own.iter().flat_map(|of| of.ends)).padded(0.1);
    let scale = Scale { low, high, pixels };
    let title = text((pixels.0, top - 10.0), name, TICK, INK);
    canvas.text(Text {
        face: Face::SemiBold,
        ..title
    });
    let axis = Axis {
        name: "",
        ticks: 2,
        unit: 1.0,
        whole: false,
    };
    for (value, number) in axis.ticks(low, high) {
        let x = scale.at(value);
        canvas.line(vec![(x, top), (x, bottom)], Stroke::new(GRID, 1.0));
        canvas.text(Text {
            align: Align::Middle,
            ..text((x, bottom + 18.0), number, TICK, MUTED)
        });
    }
    canvas.line(
        vec![(pixels.0, bottom), (pixels.1, bottom)],
        Stroke::new(AXIS, 1.0),
    );
    for (row, of) in own.iter().enumerate() {
        let (y, half) = (middle(top, row), 0.3 * ROW);
        let [low, high] = of.ends.map(|end| scale.at(end));
        let corners = vec![
            (low, y - half),
            (high, y - half),
            (high, y + half),
            (low, y + half),
        ];
        canvas.area(corners, color(row), 0.35);
        let x = scale.at(of.value);
        canvas.line(
            vec![(x, y - half), (x, y + half)],
            Stroke::new(color(row), 2.6),
        );
    }
}

/// The share of runs above each score.
pub(crate) fn profile(lines: &[Line], score: ScoreOf) -> Result<Figure> {
    let thresholds = lines
        .iter()
        .flat_map(|line| &line.points)
        .map(|point| point.0);
    let x = Range::of(thresholds);
    let chart = Plot {
        name: "profile",
        title: "Which share of all runs is above a score",
        subtitle: "Bands are 95 % intervals by the stratified bootstrap over seeds.",
        x_axis: Axis {
            name: match score {
                ScoreOf::Gap => "Share of the gap that was closed",
                ScoreOf::Return => "Mean return",
            },
            ticks: 6,
            unit: 1.0,
            whole: false,
        },
        x,
        y_name: "Share of runs",
        y: Range {
            low: 0.0,
            high: 1.0,
        },
        // Every line ends at nothing; their names stand where they part.
        at: 0.5,
    };
    chart.draw(lines)
}

/// The interquartile mean while training.
pub(crate) fn efficiency(lines: &[Line], steps: Option<f64>, score: ScoreOf) -> Result<Figure> {
    let most = steps.unwrap_or(1.0);
    let scaled = |line: &Line| Line {
        name: line.name.clone(),
        points: line
            .points
            .iter()
            .map(|(share, of)| (share * most, *of))
            .collect(),
    };
    let lines: Vec<Line> = lines.iter().map(scaled).collect();
    let all = || lines.iter().flat_map(|line| &line.points);
    let unknown = all().any(|point| point.1.known().is_none());
    let shown = all().flat_map(|(_, of)| of.known().unwrap_or([of.value; 2]));
    let chart = Plot {
        name: "efficiency",
        title: "How soon methods learn",
        subtitle: match unknown {
            true => "Interquartile mean over seeds and environments, of one task: without bands.",
            false => "Interquartile mean over seeds and environments; bands are 95 % intervals.",
        },
        x_axis: match steps {
            Some(most) => steps_axis(most, 6),
            None => Axis {
                name: "Share of the steps of the longest training in each environment",
                ticks: 6,
                unit: 1.0,
                whole: false,
            },
        },
        x: Range {
            low: 0.0,
            high: most,
        },
        y_name: match score {
            ScoreOf::Gap => "Share of the gap that was closed",
            ScoreOf::Return => "Mean return",
        },
        y: Range::of(shown).padded(0.06),
        at: 1.0,
    };
    chart.draw(&lines)
}

/// Lines with bands over one axis.
struct Plot<'a> {
    name: &'static str,
    title: &'a str,
    subtitle: &'a str,
    x_axis: Axis<'a>,
    x: Range,
    y_name: &'a str,
    y: Range,
    /// Which of a line's points its name stands beside, as a share of them.
    at: f64,
}

impl Plot<'_> {
    fn draw(self, lines: &[Line]) -> Result<Figure> {
        let labels: Vec<Label> = (lines.iter().enumerate())
            .filter_map(|(index, line)| self.label(index, line))
            .collect();
        let mut canvas = Canvas::new(WIDTH, HEIGHT);
        let plate = Plate {
            title: self.title,
            subtitle: self.subtitle,
            x_axis: self.x_axis,
            y_axis: Axis {
                name: self.y_name,
                ticks: 6,
                unit: 1.0,
                whole: false,
            },
            x: self.x,
            y: self.y,
            room: labels::room(&labels),
        };
        let mut chart = plate.draw(&mut canvas)?;
        for (index, line) in lines.iter().enumerate() {
            let values = line.points.iter().map(|(x, of)| Value {
                x: *x,
                y: of.value,
                ends: of.known(),
            });
            chart.series(&line.name, color(index), values.collect());
            let known = |(x, of): &(f64, Interval)| Some((*x, of.known()?));
            let ends = line.points.iter().filter_map(known);
            chart.ribbon(ends.collect(), color(index))?;
        }
        for (index, line) in lines.iter().enumerate().rev() {
            let points: Vec<_> = line.points.iter().map(|(x, of)| (*x, of.value)).collect();
            let stroke = Stroke::new(color(index), 2.2);
            chart.series(&line.name, stroke.color, Vec::new());
            chart.line(&points, super::Line::solid(stroke))?;
        }
        let numbers = chart.finish();
        let frame = numbers.frame;
        canvas.keep(numbers);
        labels::draw(&mut canvas, &frame, &labels);
        Ok(Figure {
            name: self.name.into(),
            title: self.title.to_owned(),
            caption: self.subtitle.to_owned(),
            canvas,
        })
    }

    fn label(&self, index: usize, line: &Line) -> Option<Label> {
        let last = line.points.len().checked_sub(1)?;
        let at = (self.at * last as f64) as usize;
        Some(Label {
            name: line.name.clone(),
            number: String::new(),
            value: line.points[at].1.value,
            color: color(index),
            strong: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::Item;

    /// How many areas are drawn of a line whose points reach so far to either side, and how
    /// many ends are told.
    fn bands(reach: f64) -> [usize; 2] {
        let point = |share: f64| {
            let ends = [share - reach, share + reach];
            (share, Interval { value: share, ends })
        };
        let line = Line {
            name: "a".to_owned(),
            points: [0.0, 0.5, 1.0].map(point).to_vec(),
        };
        let figure = efficiency(&[line], Some(100.0), ScoreOf::Return).unwrap();
        let said = figure.caption.contains("without bands");
        assert_eq!(said, reach.is_nan());
        let is_area = |item: &&Item| matches!(item, Item::Area(..));
        let areas = figure.canvas.items.iter().filter(is_area).count();
        let told = &figure.canvas.plots[0].series[0].values;
        assert!(told.iter().map(|value| value.y).eq([0.0, 0.5, 1.0]));
        let ends = told.iter().filter(|value| value.ends.is_some());
        [areas, ends.count()]
    }

    #[test]
    fn numbers_whose_error_is_not_known_have_no_band() {
        let ([areas, ends], [without, none]) = (bands(0.1), bands(f64::NAN));
        assert_eq!((areas, ends, none), (without + 1, 3, 0));
    }
}
