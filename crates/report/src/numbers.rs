//! The numbers of a figure: for its table, its CSV file, and for the page to read out.

use maud::{Markup, PreEscaped, html};
use serde_json::json;

use crate::canvas::{Canvas, Color, series_name};
use crate::curve::{Band, Curve};
use crate::figures::frame::Frame;
use crate::markup::{csv_table, percent_encoded, scrolled};
use crate::stats::Estimate;
use crate::text::{count, fixed, thousands};

/// Digits of a number in a CSV file: more than a measurement has.
const DIGITS: usize = 9;

/// A number at a place, with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Value {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) ends: Option<[f64; 2]>,
}

impl Value {
    pub(crate) fn exact(x: f64, y: f64) -> Self {
        Self { x, y, ends: None }
    }

    pub(crate) fn of(x: f64, estimate: Estimate) -> Self {
        Self {
            x,
            y: estimate.mean,
            ends: estimate.interval().filter(|[low, high]| low < high),
        }
    }

    /// The mean of a curve, with what its band shows.
    pub(crate) fn of_curve(curve: &Curve) -> Vec<Self> {
        let value = |x, y: Estimate| match curve.band {
            Band::None => Self::exact(x, y.mean),
            Band::Seeds(_) | Band::Evaluation => Self::of(x, y),
        };
        curve.mean.iter().map(|m| value(m.x, m.y)).collect()
    }
}

/// A line of a chart, or a point of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    /// Words that a page shows and does not obey.
    pub(crate) name: String,
    pub(crate) color: Color,
    pub(crate) values: Vec<Value>,
    /// What it is shown and hidden with, where it is a single seed of several: those are
    /// in the CSV file, and their means in the table.
    group: Option<String>,
}

impl Series {
    pub(crate) fn new(name: &str, color: Color, values: Vec<Value>) -> Self {
        Self {
            name: series_name(name),
            color,
            values,
            group: None,
        }
    }

    pub(crate) fn of_group(self, group: &str) -> Self {
        let group = Some(series_name(group));
        Self { group, ..self }
    }

    /// Its one value, where it is a level line.
    fn level(&self) -> Option<f64> {
        match &self.values[..] {
            [from, to] if from.y == to.y && from.ends.is_none() => Some(from.y),
            _ => None,
        }
    }

    fn has_intervals(&self) -> bool {
        self.values.iter().any(|value| value.ends.is_some())
    }

    fn at(&self, x: f64) -> Option<&Value> {
        self.values.iter().find(|value| value.x == x)
    }
}

/// A chart in numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plot {
    /// Empty where its figure has no other.
    name: String,
    /// What is measured along either axis; x is empty where another chart of the figure
    /// says it.
    quantities: [String; 2],
    pub(crate) frame: Frame,
    pub(crate) series: Vec<Series>,
}

impl Plot {
    pub(crate) fn new(name: String, quantities: [String; 2], frame: Frame) -> Self {
        Self {
            name: series_name(&name),
            quantities: quantities.map(|name| series_name(&name)),
            frame,
            series: Vec::new(),
        }
    }

    /// Takes a series. More of one that is there already is joined to it.
    pub(crate) fn take(&mut self, series: Series) {
        match self.series.iter_mut().find(|own| own.name == series.name) {
            Some(own) => own.values.extend(series.values),
            None => self.series.push(series),
        }
    }

    /// What a column of one of its series is called.
    fn heading(&self, series: &Series) -> String {
        match self.name.is_empty() {
            true => series.name.clone(),
            false => format!("{}: {}", self.name, series.name),
        }
    }
}

/// What is measured along the x axis of all charts of a figure.
fn x_name(plots: &[Plot]) -> &str {
    let mut names = plots.iter().map(|plot| plot.quantities[0].as_str());
    names.find(|name| !name.is_empty()).unwrap_or("x")
}

fn all(plots: &[Plot]) -> impl Iterator<Item = (&Plot, &Series)> {
    plots
        .iter()
        .flat_map(|plot| plot.series.iter().map(move |series| (plot, series)))
}

/// Where some series have values, in order.
fn places<'a>(series: impl IntoIterator<Item = &'a Series>) -> Vec<f64> {
    let values = series.into_iter().flat_map(|series| &series.values);
    let mut places: Vec<f64> = values.map(|value| value.x).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    places
}

/// All numbers of some charts: a row for every place on the x axis, and a column for every
/// series, followed by those of the ends of its intervals.
pub(crate) fn csv(plots: &[Plot]) -> Vec<u8> {
    let mut header = vec![x_name(plots).to_string()];
    for (plot, series) in all(plots) {
        let heading = plot.heading(series);
        if series.has_intervals() {
            let [low, high] = ["low", "high"].map(|end| format!("{heading} ({end})"));
            header.extend([heading, low, high]);
        } else {
            header.push(heading);
        }
    }
    let row = |x: f64| -> Vec<String> {
        let mut row = vec![digits(x)];
        for (_, series) in all(plots) {
            let value = series.at(x);
            row.push(value.map_or(String::new(), |value| digits(value.y)));
            if series.has_intervals() {
                let ends = value.and_then(|value| value.ends);
                let ends = ends.map_or([const { String::new() }; 2], |ends| ends.map(digits));
                row.extend(ends);
            }
        }
        row
    };
    let rows = places(all(plots).map(|(_, series)| series));
    csv_table(&header, rows.into_iter().map(row))
}

/// As many digits as a measurement can have, and none that say nothing.
fn digits(value: f64) -> String {
    let rounded = format!("{value:.*e}", DIGITS - 1).parse::<f64>();
    match rounded {
        Ok(rounded) if rounded.is_finite() => (rounded + 0.0).to_string(),
        _ => String::new(),
    }
}

/// What the page's script reads of a figure: where its charts are, and which columns of
/// its CSV file their series have.
fn layout(canvas: &Canvas) -> String {
    let mut column = 1;
    let plots: Vec<serde_json::Value> = (canvas.plots.iter())
        .map(|plot| {
            let series: Vec<serde_json::Value> = (plot.series.iter())
                .map(|series| {
                    let own = column;
                    column += if series.has_intervals() { 3 } else { 1 };
                    json!({
                        "name": series.name, "group": series.group, "color": series.color.hex(),
                        "dark": series.color.dark().hex(), "column": own,
                        "ends": series.has_intervals(), "level": series.level().is_some(),
                    })
                })
                .collect();
            let Frame { x, y } = plot.frame;
            json!({
                "name": plot.name, "series": series,
                "x": [x.low, x.high, x.pixels.0, x.pixels.1],
                "y": [y.low, y.high, y.pixels.0, y.pixels.1],
            })
        })
        .collect();
    let motion = &canvas.motion;
    let ways: Vec<Vec<[f64; 2]>> = (motion.ways.iter())
        .map(|way| way.iter().map(|(x, y)| [tenth(*x), tenth(*y)]).collect())
        .collect();
    let layout = json!({
        "x": x_name(&canvas.plots), "plots": plots, "steps": motion.steps, "ways": ways,
    });
    // Within a script nothing is escaped, and it must not end here.
    layout.to_string().replace('<', "\\u003c")
}

fn tenth(pixels: f64) -> f64 {
    (10.0 * pixels).round() / 10.0
}

/// Whether there is anything to read out of a figure, or to see it move.
fn is_told(canvas: &Canvas) -> bool {
    !canvas.plots.is_empty() || canvas.motion.steps > 0
}

/// What a page's script reads; nothing for a figure that has no numbers.
pub(crate) fn script(canvas: &Canvas) -> Markup {
    html! {
        @if is_told(canvas) {
            script type="application/json" { (PreEscaped(layout(canvas))) }
        }
    }
}

/// The link that holds the CSV file of a figure; nothing for one without numbers.
pub(crate) fn link(canvas: &Canvas, stem: &str) -> Markup {
    let file = format!("{stem}.csv");
    html! {
        @if !canvas.plots.is_empty() {
            a .csv download=(file)
                href={ "data:text/csv;charset=utf-8," (percent_encoded(&csv(&canvas.plots))) }
                { (file) }
        }
    }
}

/// The numbers of a figure as a table that is closed at first; nothing for one without
/// numbers.
pub(crate) fn table(canvas: &Canvas, title: &str) -> Markup {
    let plots = &canvas.plots;
    let columns: Vec<(&Plot, &Series)> = all(plots)
        .filter(|(_, series)| series.group.is_none())
        .collect();
    let (level, rows): (Vec<&Series>, Vec<&Series>) = columns
        .iter()
        .map(|(_, series)| *series)
        .partition(|series| series.level().is_some());
    let name = format!("Values: {title}");
    let single = all(plots)
        .filter(|(_, series)| series.group.is_some())
        .count();
    html! {
        @if !columns.is_empty() {
            details .values {
                summary { "Values of the figure as a table" }
                @if single > 0 {
                    p .caption { "The " (count(single, "curve")) " of single seeds are in the CSV file." }
                }
                (scrolled(&name, &html! {
                    table .plain {
                        thead {
                            tr {
                                th .name scope="col" { (x_name(plots)) }
                                @for (plot, series) in &columns {
                                    th scope="col" { (plot.heading(series)) }
                                }
                            }
                        }
                        tbody {
                            @if !level.is_empty() {
                                tr {
                                    th .name scope="row" { "everywhere" }
                                    @for (_, series) in &columns {
                                        td { @if let Some(y) = series.level() { (fixed(y, places_of(series))) } }
                                    }
                                }
                            }
                            @for x in places(rows.iter().copied()) {
                                tr {
                                    th .name scope="row" { (place(x)) }
                                    @for (_, series) in &columns { td { (cell(series, x)) } }
                                }
                            }
                        }
                    }
                }))
            }
        }
    }
}

/// Decimals that tell the values of a series apart.
fn places_of(series: &Series) -> usize {
    let values = || {
        series
            .values
            .iter()
            .map(|value| value.y)
            .filter(|y| y.is_finite())
    };
    let span = values().fold(f64::NEG_INFINITY, f64::max) - values().fold(f64::INFINITY, f64::min);
    match span > 0.0 {
        true => (2.0 - span.log10().floor()).clamp(0.0, 9.0) as usize,
        false => 4,
    }
}

fn place(x: f64) -> String {
    match x.fract() == 0.0 && (0.0..1e15).contains(&x) {
        true => thousands(x as u64),
        false => fixed(x, 4),
    }
}

fn cell(series: &Series, x: f64) -> String {
    let Some(value) = series.at(x).filter(|_| series.level().is_none()) else {
        return String::new();
    };
    let decimals = places_of(series);
    let ends = value.ends.map(|ends| ends.map(|end| fixed(end, decimals)));
    match ends {
        Some([low, high]) => format!("{} [{low},\u{a0}{high}]", fixed(value.y, decimals)),
        None => fixed(value.y, decimals),
    }
}
