//! The learning curve: return in evaluations against environment steps.

use record::schema::EvalRow;

use super::frame::{Axis, Frame, Plate, steps_axis};
use super::labels::{self, Label};
use super::{AGENT, Figure, Line, RANDOM, WIDTH, line, oracle_line};
use crate::Result;
use crate::canvas::{Canvas, Stroke};
use crate::curve::{Band, Curve, Sample};
use crate::layout::Range;
use crate::measure::Measure;
use crate::numbers::Value;
use crate::setting::Setting;
use crate::standing::Standings;
use crate::stats::Estimate;
use crate::text::{count, decimals, display_name, fixed};
use crate::words;

/// How many of the best classical learners are drawn.
const CLASSICAL: usize = 3;

const HEIGHT: u32 = 430;

/// A horizontal line and its label.
struct Reference {
    label: Label,
    line: Line,
}

/// `None` if no run has been evaluated.
pub(super) fn figure(
    setting: &Setting<'_>,
    standings: Option<&Standings>,
) -> Result<Option<Figure>> {
    let compared = standings.and_then(|standings| compared(setting, standings));
    let Some((curve, evaluations)) = curve(setting) else {
        return Ok(None);
    };
    let compared_end = compared.map(|compared| (compared.steps, compared.value.mean()));
    let Some(end) = compared_end.or_else(|| curve.last()) else {
        return Ok(None);
    };
    let most = curve.end().max(end.0);
    let references = standings
        .map(|standings| references(standings, &evaluations))
        .unwrap_or_default();
    let agent = Label {
        name: setting.agent(),
        number: fixed(end.1, places(&evaluations)),
        value: end.1,
        color: AGENT,
        strong: true,
    };
    let others = references.iter().map(|reference| reference.label.clone());
    let labels: Vec<Label> = [agent].into_iter().chain(others).collect();

    let title = words::learning_title(setting, standings, end);
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    let plate = Plate {
        title: &title,
        subtitle: &setting.subtitle(),
        x_axis: steps_axis(most, 5),
        y_axis: Axis {
            name: "Return in evaluations (sum of rewards in a trial)",
            ticks: 6,
            unit: 1.0,
            whole: false,
        },
        x: Range {
            low: 0.0,
            high: most.max(1.0),
        },
        y: range(&curve, (end.1, compared), &references, standings),
        room: labels::room(&labels),
    };
    let mut chart = plate.draw(&mut canvas)?;
    for Reference { label, line } in &references {
        let ends = [0.0, plate.x.high].map(|x| Value::exact(x, label.value));
        chart.series(&label.name, line.color(), ends.to_vec());
        chart.line(&[(0.0, label.value), (plate.x.high, label.value)], *line)?;
    }
    chart.curve(&setting.agent(), &curve, Stroke::new(AGENT, 2.6))?;
    if let Some(Compared { steps, value }) = compared {
        let name = format!("{} after training", setting.agent());
        let known = vec![Value::of(steps, value.estimate())];
        chart.series(&name, AGENT, known);
        chart.measured(steps, value.estimate(), Stroke::new(AGENT, 1.6))?;
    }
    let numbers = chart.finish();
    let frame = numbers.frame;
    canvas.keep(numbers);
    labels::draw(&mut canvas, &frame, &labels);
    Ok(Some(Figure {
        name: "learning-curve".into(),
        caption: caption(&curve, &evaluations, standings, &frame),
        title,
        canvas,
    }))
}

/// The trained agent in the comparison after training.
#[derive(Clone, Copy)]
struct Compared {
    /// After how many environment steps, the mean over seeds.
    steps: f64,
    /// The mean return over all tasks.
    value: Measure,
}

/// `None` where its return is not a number.
fn compared(setting: &Setting<'_>, standings: &Standings) -> Option<Compared> {
    let value = standings.trained()?.mean_return;
    let steps: Vec<f64> = setting.comparisons().map(|c| c.env_steps as f64).collect();
    value.mean().is_finite().then(|| Compared {
        steps: steps.iter().sum::<f64>() / steps.len() as f64,
        value,
    })
}

/// Decimals of returns.
fn places(evaluations: &[EvalRow]) -> usize {
    decimals(evaluations.iter().map(|row| row.standard_error))
}

/// The evaluations of all seeds: those of the comparison's kind of actions, or
/// of the first row's where there is no comparison.
fn curve(setting: &Setting<'_>) -> Option<(Curve, Vec<EvalRow>)> {
    let mut rows = setting.runs.iter().flat_map(|run| &run.evaluations);
    let compared = setting.comparisons().map(|comparison| &comparison.actions);
    let found = |actions: &&String| {
        setting
            .runs
            .iter()
            .flat_map(|run| &run.evaluations)
            .any(|row| row.actions == **actions)
    };
    let actions = compared
        .take(1)
        .find(found)
        .cloned()
        .or_else(|| Some(rows.next()?.actions.clone()))?;
    let seeds: Vec<Vec<&EvalRow>> = setting
        .runs
        .iter()
        .map(|run| {
            run.evaluations
                .iter()
                .filter(|row| row.actions == actions)
                .collect()
        })
        .collect();
    let sample = |row: &&EvalRow| Sample {
        key: row.update,
        x: row.env_steps as f64,
        y: Estimate::from(*row),
    };
    let samples: Vec<Vec<Sample>> = seeds
        .iter()
        .map(|rows| rows.iter().map(sample).collect())
        .collect();
    let rows = seeds.into_iter().flatten().cloned().collect();
    Some((Curve::of(&samples)?, rows))
}

/// What the curve is compared with, the most telling first.
fn references(standings: &Standings, evaluations: &[EvalRow]) -> Vec<Reference> {
    let known = &standings.references;
    let places = places(evaluations);
    let reference = |name: &str, value: Measure, line: Line| Reference {
        label: Label {
            name: name.to_string(),
            number: fixed(value.mean(), places),
            value: value.mean(),
            color: line.color(),
            strong: false,
        },
        line,
    };
    let thin = Stroke::new(RANDOM, 1.4);
    let exact = [
        ("Bayes-optimal", known.bayes_optimal, oracle_line()),
        ("Random", known.random, Line::solid(thin)),
        ("Known-task optimum", known.known_task, Line::dashed(thin)),
    ];
    let exact = exact
        .into_iter()
        .filter_map(|(name, value, line)| value.map(|value| reference(name, value, line)));
    let classical = standings.classical().take(CLASSICAL).map(|learner| {
        let mut line = line(learner, standings);
        line.stroke.width = 1.4;
        reference(&display_name(&learner.name), learner.mean_return, line)
    });
    let finite = |reference: &Reference| reference.label.value.is_finite();
    exact.chain(classical).filter(finite).collect()
}

/// The y axis. What is compared must be told apart, so the axis spans from
/// random to the best reachable value; the optimum of an agent that knows its
/// task can lie far above it and is drawn only where it costs little room. Far
/// excursions of the curve are cut off.
fn range(
    curve: &Curve,
    (end, compared): (f64, Option<Compared>),
    references: &[Reference],
    standings: Option<&Standings>,
) -> Range {
    let known_task = standings
        .and_then(|s| s.references.known_task)
        .map(Measure::mean);
    let has_bayes = standings.is_some_and(|s| s.references.bayes_optimal.is_some());
    let out_of_reach = |value: f64| has_bayes && Some(value) == known_task;
    let core: Vec<f64> = references
        .iter()
        .map(|reference| reference.label.value)
        .filter(|value| !out_of_reach(*value))
        .collect();
    let range = match core.len() {
        0 => Range::of(curve.values()),
        _ => Range::of(core.into_iter().chain([end])).reach_all(curve.values(), 0.6),
    };
    let ends = compared
        .into_iter()
        .flat_map(|compared| compared.value.ends());
    let range = range.reach_all(curve.band_ends().chain(ends), 0.25);
    let near = known_task.filter(|value| *value <= range.high + 0.35 * (range.high - range.low));
    match near {
        Some(value) => range.reach(value, 0.35).padded(0.05),
        None => range.padded(0.05),
    }
}

fn caption(
    curve: &Curve,
    evaluations: &[EvalRow],
    standings: Option<&Standings>,
    frame: &Frame,
) -> String {
    let tasks = Range::of(evaluations.iter().map(|row| row.tasks as f64));
    let tasks = (tasks.low as u64, tasks.high as u64);
    let tasks = match standings {
        Some(standings) => words::fresh_tasks(tasks, standings.distinct_tasks),
        // Before the comparison nobody has said how many there are.
        None => format!("{} tasks", words::between(tasks.0, tasks.1)),
    };
    let actions = evaluations.first().map_or("", |row| &row.actions);
    let mut parts = vec![format!(
        "Mean return of a trial on {tasks} per evaluation, {actions} actions."
    )];
    parts.push(match curve.band {
        Band::Seeds(seeds) => format!(
            "Thick line: mean of {}; band: its 95\u{a0}% interval (Student’s t over seeds, never \
             narrower than over tasks); thin lines: single seeds.",
            count(seeds, "seed")
        ),
        Band::Evaluation => {
            "One seed; band: 95\u{a0}% interval of its evaluation over tasks, not over seeds."
                .to_string()
        }
        Band::None => "One seed.".to_string(),
    });
    if curve.seeds.len() > 1 && curve.mean.last().is_none_or(|last| last.x < curve.end()) {
        parts.push("The mean is drawn where every seed has been evaluated.".to_string());
    }
    if let Some(standings) = standings {
        parts.push(words::reference_caption(standings));
        parts.extend(words::compared_caption(standings));
        let known = standings.references.known_task.map(Measure::mean);
        if known.is_some_and(|known| known > frame.y.high) {
            parts.push("The known-task optimum lies above the axis.".to_string());
        }
    }
    let compared = standings.and_then(Standings::trained);
    let ends = compared.into_iter().flat_map(|one| one.mean_return.ends());
    if curve.values().any(|value| !frame.y.holds(value)) {
        let all = Range::of(curve.values());
        parts.push(format!(
            "The axis is cut: values of single seeds lie between {} and {}.",
            fixed(all.low, 2),
            fixed(all.high, 2)
        ));
    } else if curve.band_ends().chain(ends).any(|end| !frame.y.holds(end)) {
        parts.push("Intervals are wider than the figure in places.".to_string());
    }
    parts.join(" ")
}
