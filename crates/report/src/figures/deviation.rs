//! The trained agent beside the Bayes-optimal policy, step by step of a trial.

use record::schema::{Comparison, Deviation, Deviations, OverTrials};
use rl_core::Exact;

use super::frame::{Axis, titles};
use super::panel::{Panel, Panels};
use super::{AGENT, Figure, Line, WIDTH};
use crate::Result;
use crate::canvas::{Canvas, Point, Stroke};
use crate::curve::{Band, Curve, Sample, thin};
use crate::layout::Range;
use crate::numbers::Value;
use crate::setting::Setting;
use crate::stats::Estimate;
use crate::text::{capitalized, decimals, fixed, percent};
use crate::words;

/// More steps than this are averaged.
const POINTS: u64 = 60;

/// What is shown of a step.
type Pick = fn(&Deviation) -> OverTrials;

const AGREEMENT: Pick = |step| step.agreement;
const DECIDED: Pick = |step| step.agreement_where_one_is_best;
const DISTANCE: Pick = |step| step.distance;
const COST: Pick = |step| step.cost;

/// `None` if no run was compared with the Bayes-optimal policy.
pub(super) fn figure(setting: &Setting<'_>) -> Result<Option<Figure>> {
    let runs = setting.runs.iter();
    let seeds: Vec<&Deviations> = runs.filter_map(|run| run.deviations.as_ref()).collect();
    let steps = seeds.iter().map(|seed| seed.steps.len()).max().unwrap_or(0);
    let curves = [AGREEMENT, DISTANCE, COST].map(|pick| curve(&seeds, pick, steps));
    let ([Some(agreement), Some(distance), Some(cost)], Some(title)) =
        (curves, title(&setting.agent(), &seeds))
    else {
        return Ok(None);
    };
    let decided = curve(&seeds, DECIDED, steps);
    let lowest = agreement
        .values()
        .chain(decided.iter().flat_map(Curve::values));
    let low = lowest.fold(0.99, f64::min);
    let y = [
        Range {
            low: (low - 0.1 * (1.0 - low)).max(0.0),
            high: 1.0,
        },
        from_zero(&distance),
        from_zero(&cost),
    ];
    let shown = [
        ("Agreement (%)", 0.01, agreement),
        ("Distance (nats)", 1.0, distance),
        ("Value lost a step", 1.0, cost),
    ];
    let places = Panels::below(&title, &setting.subtitle(), shown.len());
    let mut canvas = Canvas::new(WIDTH, places.height());
    titles(&mut canvas, &title, &setting.subtitle());
    for (index, ((name, unit, curve), y)) in shown.iter().zip(y).enumerate() {
        let panel = Panel {
            name,
            y,
            unit: *unit,
            x_high: steps as f64,
            x_axis: Some(Axis {
                name: "Steps into a trial",
                ticks: 3,
                unit: 1.0,
                whole: true,
            }),
        };
        let mut chart = panel.draw(&mut canvas, places.place(index))?;
        chart.curve(&setting.agent(), curve, Stroke::new(AGENT, 1.8))?;
        if let Some(decided) = decided.as_ref().filter(|_| index == 0) {
            let mean: Vec<Point> = decided.mean.iter().map(|m| (m.x, m.y.mean)).collect();
            let name = format!("{} where a single action is best", setting.agent());
            chart.series(&name, AGENT, Value::of_curve(decided));
            chart.line(&mean, Line::dashed(Stroke::new(AGENT, 1.4)))?;
        }
        let numbers = chart.finish();
        canvas.keep(numbers);
    }
    Ok(Some(Figure {
        name: "deviation".into(),
        title,
        caption: caption(setting, &seeds, (steps, &shown[0].2)),
        canvas,
    }))
}

/// A mean over the trials of a seed.
fn estimate(seed: &Deviations, it: OverTrials) -> Estimate {
    Estimate::sampled(it.mean, it.standard_error, seed.tasks as u64)
}

/// The curve of a number over the steps; `None` if no seed has it.
fn curve(seeds: &[&Deviations], pick: Pick, steps: usize) -> Option<Curve> {
    let samples = |seed: &&Deviations| {
        let samples = seed.steps.iter().map(|step| Sample {
            key: step.last as u64,
            x: step.last as f64,
            y: estimate(seed, pick(step)),
        });
        let samples: Vec<Sample> = samples.collect();
        match steps as u64 > POINTS {
            true => thin(samples, POINTS, steps as u64),
            false => samples,
        }
    };
    let mut curve = Curve::of(&seeds.iter().map(samples).collect::<Vec<_>>())?;
    if curve.band == Band::Seeds(2) {
        // An interval from two seeds would fill the panel and say nothing.
        curve.band = Band::None;
    }
    Some(curve)
}

/// The y axis of what is never negative.
fn from_zero(curve: &Curve) -> Range {
    let most = curve.values().fold(0.0, f64::max);
    Range {
        low: 0.0,
        high: if most > 0.0 { 1.2 * most } else { 1.0 },
    }
}

/// "RL² agrees with the Bayes-optimal policy in 93.1 % of its steps and loses 0.013 a
/// trial to it".
fn title(agent: &str, seeds: &[&Deviations]) -> Option<String> {
    let mean = |pick: Pick| {
        let seeds = seeds.iter().map(|seed| estimate(seed, pick(&seed.whole)));
        Estimate::over_seeds(&seeds.collect::<Vec<_>>())
    };
    let (agreement, cost) = (mean(AGREEMENT)?, mean(COST)?);
    let lost = match cost.mean {
        0.0 => "nothing".to_string(),
        lost => format!("{} a trial", fixed(lost, decimals([cost.standard_error]))),
    };
    Some(format!(
        "{agent} agrees with the Bayes-optimal policy in {} of its steps and loses {lost} to it",
        percent(agreement.mean)
    ))
}

fn caption(
    setting: &Setting<'_>,
    seeds: &[&Deviations],
    (steps, curve): (usize, &Curve),
) -> String {
    let known =
        |comparison: &Comparison| matches!(comparison.exact.bayes_optimal, Exact::Known { .. });
    let exact = if setting.comparisons().all(known) {
        "exact "
    } else {
        ""
    };
    let tasks = seeds.iter().map(|seed| seed.tasks as u64);
    let tasks = (tasks.clone().min().unwrap_or(0), tasks.max().unwrap_or(0));
    let (actions, distinct) = seeds
        .first()
        .map_or(("", None), |seed| (&seed.actions, seed.distinct_tasks));
    let tasks = words::fresh_tasks(tasks, distinct);
    let mut parts = vec![format!(
        "The agent beside the {exact}Bayes-optimal policy at the histories that it lived itself, \
         one trial in each of {tasks} per seed; {actions} actions."
    )];
    parts.push(
        "Agreement: steps whose action was one of the best; dashed: of those with a single best \
         one alone. Distance: −ln of the probability that the agent’s distribution gives to the \
         best actions. Value lost: how much less the action’s Bayes-adaptive value is than the \
         best one’s; over a trial this adds up to what the agent earns less than the \
         Bayes-optimal policy."
            .to_string(),
    );
    if actions == "greedy" {
        parts.push("A greedy action is the likeliest one of the distribution.".to_string());
    }
    match (steps as u64).div_ceil(POINTS) {
        0 | 1 => {}
        n => parts.push(format!("Averaged over {n} neighbouring steps.")),
    }
    let bands = match curve.band {
        Band::Seeds(seeds) => format!("95\u{a0}% intervals over {seeds} seeds (Student’s t)"),
        Band::Evaluation => "95\u{a0}% intervals over tasks".to_string(),
        Band::None => String::new(),
    };
    if !bands.is_empty() {
        parts.push(capitalized(&format!("bands: {bands}.")));
    }
    parts.join(" ")
}
