//! The trained agent's index of a bandit's arms beside the exact Gittins index.

use record::schema::{ArmIndices, Indices, IndicesAt};

use super::frame::titles;
use super::frame::{Axis, LABEL, text};
use super::panel::{Panel, Panels};
use super::{Figure, INK, MUTED, OTHERS, WIDTH, oracle_line};
use crate::Result;
use crate::canvas::{Canvas, Color, Part, Point, Stroke};
use crate::curve::{Band, Curve, Sample};
use crate::font::Face;
use crate::layout::Range;
use crate::numbers::Value;
use crate::setting::Setting;
use crate::stats::Estimate;
use crate::text::{count, fixed, listed};

/// Room for the names of the lines, below the panels.
const NAMES: u32 = 24;
const EDGE: f64 = 14.0;

/// The curves of one time: of each number of pulls the learned one and the exact one.
struct Drawn<'a> {
    at: &'a IndicesAt,
    learned: Vec<Curve>,
    exact: Vec<Vec<Point>>,
}

/// `None` if no run has an index, or runs tell of other arms.
pub(super) fn figure(setting: &Setting<'_>) -> Result<Option<Figure>> {
    let runs = setting.runs.iter();
    let seeds: Vec<&Indices> = runs.filter_map(|run| run.indices.as_ref()).collect();
    let Some(first) = seeds.first().filter(|first| {
        let told = first.times.iter().all(|at| !at.arms.is_empty());
        told && seeds.iter().all(|seed| alike(seed, first))
    }) else {
        return Ok(None);
    };
    let drawn: Option<Vec<Drawn<'_>>> =
        (0..first.times.len()).map(|at| drawn(&seeds, at)).collect();
    let (Some(drawn), Some(title)) = (drawn, title(&setting.agent(), &seeds)) else {
        return Ok(None);
    };
    let places = Panels::below(&title, &setting.subtitle(), drawn.len());
    let mut canvas = Canvas::new(WIDTH, places.height() + NAMES);
    titles(&mut canvas, &title, &setting.subtitle());
    let y = range(&drawn);
    for (index, time) in drawn.iter().enumerate() {
        let panel = Panel {
            name: &format!("Index − mean, {} left", count(time.at.left, "pull")),
            y,
            unit: 1.0,
            x_high: 1.0,
            x_axis: Some(Axis {
                name: "Posterior mean of the arm",
                ticks: 3,
                unit: 1.0,
                whole: false,
            }),
        };
        let mut chart = panel.draw(&mut canvas, places.place(index))?;
        let arms = || time.at.arms.iter().map(|arm| count(arm.pulls, "pull"));
        for ((curve, color), pulls) in time.learned.iter().zip(colors()).zip(arms()) {
            chart.curve(&pulls, curve, Stroke::new(color, 1.8))?;
        }
        for (exact, pulls) in time.exact.iter().zip(arms()) {
            let values = exact.iter().map(|(x, y)| Value::exact(*x, *y));
            let name = format!("Gittins index at {pulls}");
            chart.series(&name, oracle_line().color(), values.collect());
            chart.line(exact, oracle_line())?;
        }
        let numbers = chart.finish();
        canvas.keep(numbers);
    }
    names(&mut canvas, &first.times);
    Ok(Some(Figure {
        name: "indices".into(),
        title,
        caption: caption(&seeds, &drawn),
        canvas,
    }))
}

/// Whether two runs tell of the same arms.
fn alike(one: &Indices, other: &Indices) -> bool {
    let arms = |of: &Indices| -> Vec<(usize, usize, usize)> {
        let arm = |left, arm: &ArmIndices| {
            (
                left,
                arm.pulls,
                arm.learned.len().min(arm.exact.len()).min(arm.mean.len()),
            )
        };
        let times = of.times.iter();
        let arms = times.flat_map(|at| at.arms.iter().map(move |own| arm(at.left, own)));
        arms.collect()
    };
    one.steps_per_trial == other.steps_per_trial && arms(one) == arms(other)
}

fn colors() -> impl Iterator<Item = Color> {
    OTHERS.into_iter().cycle()
}

/// What is drawn of a time; `None` if nothing of it is a number.
fn drawn<'a>(seeds: &[&'a Indices], at: usize) -> Option<Drawn<'a>> {
    let first = &seeds[0].times[at];
    let of = |index: usize| -> (Option<Curve>, Vec<Point>) {
        let samples = |seed: &&Indices| {
            let arm = &seed.times[at].arms[index];
            let pairs = arm.mean.iter().zip(&arm.learned).enumerate();
            let samples = pairs.map(|(successes, (mean, learned))| Sample {
                key: successes as u64,
                x: *mean,
                y: Estimate::exact(learned - mean),
            });
            samples.collect()
        };
        let arm = &first.arms[index];
        let exact = arm.mean.iter().zip(&arm.exact);
        let exact = exact.map(|(mean, exact)| (*mean, exact - mean));
        let mut curve = Curve::of(&seeds.iter().map(samples).collect::<Vec<_>>());
        if let Some(curve) = curve.as_mut().filter(|curve| curve.band == Band::Seeds(2)) {
            // An interval from two seeds would fill the panel and say nothing.
            curve.band = Band::None;
        }
        (curve, exact.collect())
    };
    let (learned, exact): (Vec<_>, Vec<_>) = (0..first.arms.len()).map(of).unzip();
    Some(Drawn {
        at: first,
        learned: learned.into_iter().collect::<Option<_>>()?,
        exact,
    })
}

/// The y axis of all panels.
fn range(drawn: &[Drawn<'_>]) -> Range {
    let learned = drawn.iter().flat_map(|time| &time.learned);
    let exact = drawn.iter().flat_map(|time| time.exact.iter().flatten());
    let values = learned
        .flat_map(Curve::values)
        .chain(exact.map(|(_, y)| *y));
    Range::of(values.chain([0.0])).padded(0.06)
}

/// Which line is of how many pulls.
fn names(canvas: &mut Canvas, times: &[IndicesAt]) {
    let most = times.iter().max_by_key(|at| at.arms.len());
    let (mut x, y) = (EDGE, f64::from(canvas.height) - 10.0);
    for (arm, color) in most.iter().flat_map(|at| &at.arms).zip(colors()) {
        let name = count(arm.pulls, "pull");
        canvas.belongs(Some(Part::series(&name)));
        canvas.line(
            vec![(x, y - 5.0), (x + 18.0, y - 5.0)],
            Stroke::new(color, 2.6),
        );
        canvas.text(text((x + 24.0, y), &name, LABEL, INK));
        x += 24.0 + 1.04 * Face::Regular.width(&name, LABEL) + 20.0;
    }
    canvas.belongs(None);
    canvas.text(text(
        (x, y),
        "dashed: the exact Gittins index",
        LABEL,
        MUTED,
    ));
}

/// Mean of what is between both indices, over successes, numbers of pulls and times.
fn distance(seed: &Indices) -> f64 {
    let of_arm = |arm: &ArmIndices| {
        let pairs = arm.learned.iter().zip(&arm.exact);
        mean(pairs.map(|(learned, exact)| (learned - exact).abs()))
    };
    mean(seed.times.iter().map(|at| mean(at.arms.iter().map(of_arm))))
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

/// "Imitation’s index of an arm is 0.031 from the exact Gittins index on average".
fn title(agent: &str, seeds: &[&Indices]) -> Option<String> {
    let distances: Vec<Estimate> = seeds
        .iter()
        .map(|seed| Estimate::exact(distance(seed)))
        .collect();
    let distance = Estimate::over_seeds(&distances)?.mean;
    distance.is_finite().then(|| {
        format!(
            "{agent}’s index of an arm is {} from the exact Gittins index on average",
            fixed(distance, 3)
        )
    })
}

fn caption(seeds: &[&Indices], drawn: &[Drawn<'_>]) -> String {
    let lefts: Vec<String> = drawn.iter().map(|time| time.at.left.to_string()).collect();
    let shift = |index: usize| {
        let shift = mean(seeds.iter().map(|seed| seed.times[index].shift));
        fixed(shift, 3)
    };
    let shifts: Vec<String> = (0..drawn.len()).map(shift).collect();
    let over = match seeds.len() {
        1 => "",
        _ => ", means over seeds",
    };
    let mut parts = vec![format!(
        "By what index the agent prefers arms that pay 0 or 1, less the arm’s posterior mean, with \
         {} of {} pulls left; a line is of arms pulled so often, from no success to nothing else. \
         Dashed: the finite-horizon Gittins index for the pulls left. Preferences depend on \
         differences at one time alone: {} was added to all learned indices of these times{over}, \
         so that they are the exact ones on average over the arms drawn. Nothing else was fitted.",
        listed(&lefts),
        seeds[0].steps_per_trial,
        listed(&shifts),
    )];
    let band = drawn.first().and_then(|time| time.learned.first());
    if let Some(Band::Seeds(seeds)) = band.map(|curve| curve.band) {
        parts.push(format!(
            "Bands: 95\u{a0}% intervals over {seeds} seeds (Student’s t)."
        ));
    }
    parts.join(" ")
}
