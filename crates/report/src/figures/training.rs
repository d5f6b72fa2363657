//! What the optimizer saw: small multiples of the training metrics.

use super::frame::{steps_axis, titles};
use super::panel::{Panel, Panels, Place};
use super::{AGENT, Figure, WIDTH};
use crate::Result;
use crate::canvas::{Canvas, Stroke};
use crate::curve::{Band, Curve, Sample, thin};
use crate::layout::{Range, quantile};
use crate::read::Run;
use crate::setting::Setting;
use crate::stats::Estimate;
use crate::text::thousands;

/// The metric of every training, and what it is called; an algorithm names the
/// others.
const MEAN_RETURN: (&str, &str) = ("mean_return", "Training return");
const PANELS: usize = 12;

/// More points than this are averaged.
const POINTS: u64 = 120;

/// `None` if no run has finished an update.
pub(super) fn figure(setting: &Setting<'_>) -> Result<Option<Figure>> {
    let ends = setting.runs.iter().filter_map(|run| run.metrics.last());
    let last = ends.map(|end| end.update).max().unwrap_or(0);
    let panels = panels(&setting.runs, last);
    let end = panels
        .iter()
        .map(|(_, curve)| curve.end())
        .fold(0.0, f64::max);
    let Some((_, Curve { band, .. })) = panels.first() else {
        return Ok(None);
    };

    let title = format!("{} in training: what its optimizer saw", setting.agent());
    let places = Panels::below(&title, &setting.subtitle(), panels.len());
    let mut canvas = Canvas::new(WIDTH, places.height());
    titles(&mut canvas, &title, &setting.subtitle());
    let mut cut = false;
    for (index, (name, curve)) in panels.iter().enumerate() {
        let below = index + places.columns() < panels.len();
        let place = places.place(index);
        cut |= draw_panel(
            &mut canvas,
            place,
            [&setting.agent(), name],
            (curve, end),
            below,
        )?;
    }

    let averaged = last.div_ceil(POINTS).max(1);
    let mut caption = format!(
        "Metrics of the training updates against environment steps, {} updates per seed",
        thousands(last)
    );
    caption.push_str(&match averaged {
        1 => ".".to_string(),
        n => format!(", averaged over {n} neighbouring ones."),
    });
    caption.push_str(match (band, setting.runs.len()) {
        (Band::Seeds(_), _) => {
            " Thick line: mean over seeds; band: its 95\u{a0}% interval (Student’s t over seeds); \
             thin lines: single seeds."
        }
        (_, 1) => "",
        _ => " Thick line: mean over seeds; thin lines: single seeds.",
    });
    if cut {
        caption.push_str(" Extreme values and wide bands are cut off.");
    }
    Ok(Some(Figure {
        name: "training".into(),
        title,
        caption,
        canvas,
    }))
}

/// The curves of the metrics that a run has, with their names.
fn panels(runs: &[&Run], last: u64) -> Vec<(String, Curve)> {
    let (key, name) = MEAN_RETURN;
    let own = runs
        .iter()
        .filter_map(|run| Some(&run.algorithm()?.metrics));
    let own = own
        .max_by_key(|metrics| metrics.len())
        .into_iter()
        .flatten();
    let named = own.map(|metric| match &metric.unit[..] {
        "" => (&metric.key[..], metric.title.clone()),
        unit => (&metric.key[..], format!("{} ({unit})", metric.title)),
    });
    std::iter::once((key, name.to_owned()))
        .chain(named)
        .filter_map(|(key, name)| Some((name, curve(runs, key, last)?)))
        .take(PANELS)
        .collect()
}

/// A metric's curve; `None` if no seed has it, or it never changes from zero.
fn curve(runs: &[&Run], key: &str, last: u64) -> Option<Curve> {
    let seeds: Vec<Vec<Sample>> = runs
        .iter()
        .map(|run| {
            let samples = run.metrics.of(key).map(|(at, number)| Sample {
                key: at.update,
                x: at.env_steps as f64,
                y: Estimate::exact(number),
            });
            thin(samples, POINTS, last)
        })
        .collect();
    let mut curve = Curve::of(&seeds)?;
    if curve.band == Band::Seeds(2) {
        // An interval from two seeds would fill the panel and say nothing.
        curve.band = Band::None;
    }
    let alive = curve.seeds.iter().flatten().any(|(_, y)| *y != 0.0);
    alive.then_some(curve)
}

/// The y axis of a panel, without what lies far from everything else.
fn range(curve: &Curve) -> Range {
    let band = curve.band_ends().filter(|_| curve.band != Band::None);
    let values = Range {
        low: quantile(curve.values(), 0.005).unwrap_or(0.0),
        high: quantile(curve.values(), 0.995).unwrap_or(1.0),
    }
    .reach_all(band, 0.15);
    let range = values.padded(0.06);
    // From zero, the curve must still fill a third of the panel.
    let squashed = values.high - values.low < values.high / 3.0;
    match values.low >= 0.0 && !squashed {
        true => Range { low: 0.0, ..range },
        false => range,
    }
}

/// Draws a metric; returns whether the panel's edges cut something off.
fn draw_panel(
    canvas: &mut Canvas,
    place: Place,
    [agent, name]: [&str; 2],
    (curve, end): (&Curve, f64),
    below: bool,
) -> Result<bool> {
    let panel = Panel {
        name,
        y: range(curve),
        unit: 1.0,
        x_high: end.max(1.0),
        x_axis: (!below).then(|| steps_axis(end, 3)),
    };
    let mut chart = panel.draw(canvas, place)?;
    chart.curve(agent, curve, Stroke::new(AGENT, 1.8))?;
    let band = curve.band_ends().filter(|_| curve.band != Band::None);
    let mut shown = curve.values().chain(band);
    let cut = shown.any(|value| !chart.holds(value));
    let numbers = chart.finish();
    canvas.keep(numbers);
    Ok(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(values: &[f64]) -> Curve {
        let samples = values.iter().enumerate().map(|(index, y)| Sample {
            key: index as u64,
            x: index as f64,
            y: Estimate::exact(*y),
        });
        Curve::of(&[samples.collect()]).unwrap()
    }

    #[test]
    fn a_panel_starts_at_zero_unless_that_squashes_it() {
        assert_eq!(range(&curve(&[1.0, 0.5])).low, 0.0);
        assert!(range(&curve(&[1.0, 0.9])).low > 0.8);
        assert!(range(&curve(&[1.0, -0.5])).low < -0.5);
    }

    #[test]
    fn a_panel_says_whether_it_cuts_something_off() {
        let draw = |curve: &Curve| {
            let mut canvas = Canvas::new(WIDTH, 300);
            draw_panel(
                &mut canvas,
                Panels::below("", "", 1).place(0),
                ["RL²", "Value loss"],
                (curve, 10.0),
                false,
            )
            .unwrap()
        };
        assert!(!draw(&curve(&[1.0, 0.5, 0.7])));
        let mut spiked = vec![1.0; 1000];
        spiked[500] = 50.0;
        assert!(draw(&curve(&spiked)));
    }
}
