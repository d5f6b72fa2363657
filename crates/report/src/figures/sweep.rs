//! What settings come to, key by key.

use super::chart::{Axes, Chart, Ticks, Told};
use super::frame::{Axis, Frame, TICK, text, titles};
use super::{AGENT, INK, RANDOM, WIDTH};
use crate::canvas::{Canvas, Color, Stroke, Text};
use crate::font::Face;
use crate::layout::{Range, Scale};
use crate::picture::DrawnPicture;
use crate::stats::Estimate;
use crate::text::fixed;
use crate::{PNG_SCALE, Result};

/// Settings by keys.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepFigure {
    /// What it shows, as a sentence.
    pub title: String,
    /// What was measured.
    pub subtitle: String,
    /// The name of what settings come to.
    pub value: String,
    /// The keys that they differ in.
    pub keys: Vec<SweepKey>,
    /// What each setting comes to.
    pub settings: Vec<Estimate>,
    /// Which of them is the best one, which stands out.
    pub best: Option<usize>,
}

/// A key with the value of each setting.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepKey {
    /// The dotted key.
    pub name: String,
    /// As it was set. `[settings]`
    pub values: Vec<String>,
    /// Whether numbers are spread by their logarithms.
    pub logarithmic: bool,
}

/// Charts in a row, and their sizes in pixels.
const COLUMNS: usize = 2;
const HEIGHT: f64 = 170.0;
const ABOVE: f64 = 40.0;
const BELOW: f64 = 40.0;
const EDGE: f64 = 14.0;

/// Draws what settings come to against each key: bars are 95 % intervals.
///
/// # Errors
/// If the drawing cannot be encoded.
pub fn draw_sweep(sweep: &SweepFigure) -> Result<DrawnPicture> {
    let mut canvas = Canvas::new(WIDTH, 0);
    let top = titles(&mut canvas, &sweep.title, &sweep.subtitle);
    let rows = sweep.keys.len().div_ceil(COLUMNS) as f64;
    canvas.height = (top + rows * (ABOVE + HEIGHT + BELOW)).ceil() as u32;
    let ends = |of: &Estimate| of.interval().unwrap_or([of.mean; 2]);
    let y = Range::of(sweep.settings.iter().flat_map(ends)).padded(0.06);
    for (index, key) in sweep.keys.iter().enumerate() {
        let (column, row) = (index % COLUMNS, index / COLUMNS);
        let place = (
            EDGE + column as f64 * (f64::from(WIDTH) - EDGE) / COLUMNS as f64,
            top + row as f64 * (ABOVE + HEIGHT + BELOW),
        );
        draw_key(&mut canvas, (sweep, key), place, y)?;
    }
    Ok(DrawnPicture {
        svg: canvas.svg(),
        png: canvas.png(PNG_SCALE)?,
    })
}

fn draw_key(
    canvas: &mut Canvas,
    (sweep, key): (&SweepFigure, &SweepKey),
    (left, top): (f64, f64),
    y: Range,
) -> Result<()> {
    let (places, ticks) = places(key);
    let x = Range::of(places.iter().copied());
    let beyond = match x.high > x.low {
        true => 0.08 * (x.high - x.low),
        false => 0.5,
    };
    let y_axis = Axis {
        name: "",
        ticks: 4,
        unit: 1.0,
        whole: false,
    };
    let numbers = y_axis.tick_width(y.low, y.high);
    let width = (f64::from(WIDTH) - EDGE) / COLUMNS as f64;
    let frame = Frame {
        x: Scale {
            low: x.low - beyond,
            high: x.high + beyond,
            pixels: (left + numbers + 12.0, left + width - 18.0),
        },
        y: Scale {
            low: y.low,
            high: y.high,
            pixels: (top + ABOVE + HEIGHT, top + ABOVE),
        },
    };
    let name = format!("{} by {}", sweep.value, key.name);
    let name = Face::SemiBold.fit(&name, TICK, width - 18.0);
    let title = text((left, top + ABOVE - 11.0), name, TICK, INK);
    canvas.text(Text {
        face: Face::SemiBold,
        ..title
    });
    let axes = Axes {
        x: ticks,
        x_name: "",
        y: y_axis.ticks(y.low, y.high),
        told: Told::default(),
    };
    let mut chart = Chart::new(canvas, frame, axes)?;
    let order = (0..sweep.settings.len()).filter(|index| Some(*index) != sweep.best);
    // The best one lies above the others.
    for index in order.chain(sweep.best) {
        let color: Color = match sweep.best == Some(index) {
            true => AGENT,
            false => RANDOM,
        };
        chart.measured(
            places[index],
            sweep.settings[index],
            Stroke::new(color, 1.4),
        )?;
    }
    Ok(())
}

/// Where the values of a key lie, and what is written there: numbers by their size, or by
/// its logarithm, and words one beside the other in the order in which they come.
fn places(key: &SweepKey) -> (Vec<f64>, Ticks) {
    let numbers: Option<Vec<f64>> = key.values.iter().map(|value| value.parse().ok()).collect();
    match numbers {
        Some(numbers) if key.logarithmic && numbers.iter().all(|number| *number > 0.0) => {
            let places: Vec<f64> = numbers.iter().map(|number| number.log10()).collect();
            let Range { low, high } = Range::of(places.iter().copied());
            let mut ticks: Vec<f64> = (low.ceil() as i32..=high.floor() as i32)
                .map(f64::from)
                .collect();
            if ticks.len() < 2 {
                ticks = vec![low, high];
            }
            let ticks = ticks
                .into_iter()
                .map(|place| (place, number(10_f64.powf(place))));
            (places, ticks.collect())
        }
        Some(numbers) => {
            let Range { low, high } = Range::of(numbers.iter().copied());
            let (values, decimals) = rl_core::ticks(low, high, 4);
            let ticks = values
                .into_iter()
                .map(|value| (value, fixed(value, decimals)));
            (numbers, ticks.collect())
        }
        None => {
            let mut words: Vec<&String> = Vec::new();
            for value in &key.values {
                if !words.contains(&value) {
                    words.push(value);
                }
            }
            let place = |value: &String| words.iter().position(|word| *word == value);
            let places = key
                .values
                .iter()
                .filter_map(place)
                .map(|place| place as f64);
            let room = 300.0 / words.len() as f64;
            let ticks = words.iter().enumerate().map(|(place, word)| {
                let word = word.trim_matches('"');
                (place as f64, Face::Regular.fit(word, TICK, room))
            });
            (places.collect(), ticks.collect())
        }
    }
}

/// A number with two digits that count.
fn number(value: f64) -> String {
    let short: f64 = format!("{value:.1e}").parse().unwrap_or(value);
    format!("{short}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(values: &[&str], logarithmic: bool) -> SweepKey {
        SweepKey {
            name: "rl2.key".to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            logarithmic,
        }
    }

    #[test]
    fn values_lie_by_their_size_or_one_beside_the_other() {
        let (found, ticks) = places(&key(&["0.001", "0.1", "0.01"], true));
        assert_eq!(found, [-3.0, -1.0, -2.0]);
        let names: Vec<&str> = ticks.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["0.001", "0.01", "0.1"]);
        let (_, ticks) = places(&key(&["0.002", "0.008", "0.004"], true));
        let names: Vec<&str> = ticks.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["0.002", "0.008"], "within a decade");
        assert_eq!(places(&key(&["8", "16"], false)).0, [8.0, 16.0]);
        let (found, ticks) = places(&key(&["\"gru\"", "\"lstm\"", "\"gru\""], false));
        assert_eq!(found, [0.0, 1.0, 0.0]);
        assert_eq!(ticks, [(0.0, "gru".to_owned()), (1.0, "lstm".to_owned())]);
    }

    #[test]
    fn every_key_has_a_chart_and_the_best_setting_stands_out() {
        let settings = [1.0, 3.0, 2.0].map(|mean| Estimate::sampled(mean, 0.1, 100));
        let sweep = SweepFigure {
            title: "Settings".to_owned(),
            subtitle: String::new(),
            value: "Mean return".to_owned(),
            keys: vec![
                key(&["1", "2", "3"], false),
                key(&["\"a\"", "\"b\"", "\"a\""], false),
            ],
            settings: settings.to_vec(),
            best: Some(1),
        };
        let svg = draw_sweep(&sweep).unwrap().svg;
        assert_eq!(svg.matches("Mean return by rl2.key").count(), 2);
        assert!(svg.to_lowercase().contains(&AGENT.hex()), "the best one");
        assert!(svg.to_lowercase().contains(&RANDOM.hex()), "the others");
    }
}
